"""Keys wait for a round's opening to be buried: what a reorganisation does before and after."""

import pytest
from tests.unit.roles.conftest import OWNER, Stage
from tests.unit.roles.keys.shared_secret import DELEGATE, HOLDERS, shared_task

from pole.cli.common.worker import confirmations_of
from pole.protocol.state import Phase
from pole.roles.ports import Opening

WINDOW = 60
OTHER = b"\x0f" * 32


@pytest.fixture
def waiting(stage: Stage) -> Stage:
    """Return a stage whose round waits for keys that wait for three blocks."""
    stage.confirmations = 3
    stage.post()
    stage.keeper().step(stage.world.moment())
    assert stage.world.moment().phase is Phase.KEYS
    return stage


def blocks(stage: Stage, count: int, *, seconds: int = 0) -> None:
    stage.world.block += count
    stage.world.now += seconds


def reorganise(stage: Stage) -> None:
    """Open the round anew one block later, as a chain that was reorganised does: with another seed."""
    stage.world.change(1, seed=OTHER)
    stage.world.openings[1] = Opening(stage.world.block, OTHER)


def test_keys_do_not_come_before_the_opening_has_its_confirmations(waiting: Stage) -> None:
    node = waiting.data_node()
    for _ in range(3):
        assert node.step(waiting.world.moment()) is None
        assert not waiting.seeds(OWNER).folder.exists()
        blocks(waiting, 1)
    assert node.step(waiting.world.moment()) == "keys issued"


def test_a_seed_that_changes_meanwhile_costs_nothing(waiting: Stage) -> None:
    node = waiting.data_node()
    blocks(waiting, 2)
    assert node.step(waiting.world.moment()) is None
    reorganise(waiting)
    blocks(waiting, 2)
    assert node.step(waiting.world.moment()) is None
    blocks(waiting, 1)
    assert node.step(waiting.world.moment()) == "keys issued"
    entry = waiting.budget.ledger.read(waiting.world.tasks[1].files.mpk_digest)
    assert entry is not None
    assert entry.given is not None
    assert entry.given.seed == OTHER


def test_a_seed_that_changes_after_the_keys_is_refused_as_ever(
    waiting: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    node = waiting.data_node()
    blocks(waiting, 3)
    assert node.step(waiting.world.moment()) == "keys issued"
    waiting.world.change(1, keys_at=0)
    reorganise(waiting)
    blocks(waiting, 3)
    assert waiting.data_node().step(waiting.world.moment()) is None
    assert "Keys of another seed were already given" in caplog.text


def test_a_node_that_says_two_things_about_the_seed_is_not_served(waiting: Stage) -> None:
    waiting.world.openings[1] = Opening(1, OTHER)
    blocks(waiting, 100, seconds=WINDOW - 1)
    assert waiting.world.moment().phase is Phase.KEYS
    assert waiting.data_node().step(waiting.world.moment()) is None


@pytest.mark.parametrize(("seconds", "issued"), [(WINDOW // 2 - 1, None), (WINDOW // 2, "keys issued")])
def test_the_wait_leaves_half_of_the_key_window(waiting: Stage, seconds: int, issued: str | None) -> None:
    assert waiting.world.parameters.key_window == WINDOW
    blocks(waiting, 0, seconds=seconds)
    assert waiting.data_node().step(waiting.world.moment()) == issued


def test_without_confirmations_keys_come_at_once_and_no_opening_is_looked_for(stage: Stage) -> None:
    stage.post()
    stage.keeper().step(stage.world.moment())
    stage.world.openings.clear()
    assert stage.data_node().step(stage.world.moment()) == "keys issued"


def test_the_wait_is_told_once_for_a_seed(waiting: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    node = waiting.data_node()
    for _ in range(2):
        node.step(waiting.world.moment())
    assert caplog.text.count("its keys wait for 3 blocks") == 1
    reorganise(waiting)
    node.step(waiting.world.moment())
    assert caplog.text.count("its keys wait for 3 blocks") == 2


def test_key_holders_and_their_delegate_wait_too(stage: Stage) -> None:
    shared = shared_task(stage)
    shared.stage.confirmations = 3
    shared.open_round()
    holders = [shared.holder(index) for index in (1, 2, 3)]
    delegate = shared.worker(DELEGATE)
    blocks(shared.stage, 2)
    shared.let_act(*holders, delegate)
    assert shared.stage.world.partial_keys == {}
    reorganise(shared.stage)
    blocks(shared.stage, 3)
    shared.let_act(*holders, delegate)
    assert len(shared.stage.world.partial_keys[1]) == len(holders)
    assert shared.stage.world.moment().phase is Phase.TRAINING
    assert len(HOLDERS) > len(holders)


@pytest.mark.parametrize(
    ("chain_id", "given", "blocks"),
    [(1337, None, 0), (31337, None, 0), (1, None, 2), (1337, 5, 5), (1, 0, 0)],
)
def test_a_development_chain_is_not_waited_for_unless_asked(
    chain_id: int, given: int | None, blocks: int
) -> None:
    assert confirmations_of(chain_id, given) == blocks
