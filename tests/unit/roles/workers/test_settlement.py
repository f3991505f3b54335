"""After a round: money and body, once, also when the round was void or the node is behind."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage

from pole.errors import InputError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.loop import Role
from pole.roles.memory import SettlementMemory
from pole.roles.workers.miner.miner import MinerSettings
from pole.roles.workers.settlement import Settlement


def settlement(stage: Stage, address: str, **changes: Any) -> Settlement:
    given: dict[str, Any] = {"body_of": lambda height: b"body", "withdraws": True} | changes
    memory = SettlementMemory(stage.journal(address))
    ports = (stage.chain(address), stage.store, memory, stage.home(address))
    return Settlement(*ports, **given)


def ended(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.FINAL)


def test_a_round_that_goes_on_is_left_alone(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL)
    assert settlement(stage, MINERS[0]).step(stage.world.moment()) is None


def test_a_node_that_does_not_show_the_block_yet_is_asked_again(stage: Stage) -> None:
    ended(stage)

    def behind(_: int) -> bytes:
        raise InputError("There is no block at this height.")

    with pytest.raises(UnreachableError):
        settlement(stage, MINERS[0], body_of=behind).step(stage.world.moment())
    assert settlement(stage, MINERS[0]).step(stage.world.moment()) == "settled"


def test_an_ommer_is_paid_by_the_block_of_a_round_that_it_took_no_part_in(stage: Stage) -> None:
    stage.post()
    picky = stage.miner(MINERS[1], settings=MinerSettings(minimum_reward=10**30))
    others: list[Role] = [stage.data_node(), stage.miner(), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.SETTLEMENT, workers=[*others, picky])
    assert [each.miner for each in stage.world.solutions[1]] == [MINERS[0]]
    stage.world.credits[MINERS[1]] = 25
    stage.play(Phase.FINAL, workers=[picky])
    assert picky.step(stage.world.moment()) == "settled"
    assert MINERS[1] not in stage.world.credits


def test_a_void_round_has_no_body_but_money(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    assert settlement(stage, OWNER).step(stage.world.moment()) == "settled"
    assert stage.chain(OWNER).balance > 10**20
    assert b"body" not in stage.store.files.values()


def test_a_data_node_that_issued_no_keys_gets_its_reward_back(stage: Stage) -> None:
    stage.post()
    data_node = stage.data_node()
    stage.store.down = True
    keeper = stage.keeper(OWNER)
    for _ in range(70):
        if stage.world.moment().phase is Phase.VOID:
            break
        with suppress(UnreachableError):
            data_node.step(stage.world.moment())
        keeper.step(stage.world.moment())
        stage.world.pass_time(1)
    assert data_node.step(stage.world.moment()) == "settled"
    assert stage.chain(OWNER).balance == 10**20 + 1000


def test_who_does_not_withdraw_by_itself_keeps_its_credit(stage: Stage) -> None:
    ended(stage)
    before = stage.world.credits[MINERS[0]]
    assert settlement(stage, MINERS[0], withdraws=False).step(stage.world.moment()) == "settled"
    assert stage.world.credits[MINERS[0]] == before


@pytest.mark.parametrize("module", ["workers.tables", "publishing.posting"])
def test_only_the_learner_loads_torch(module: str) -> None:
    program = f"import pole.roles.{module}, sys; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, check=False)
    assert done.returncode == 0
