"""A data node keeps the model that won its round, whatever happens to it meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.deaths import Death, KilledError

from pole.protocol.encoding.headers import header_hash
from pole.protocol.formats.block_body import body_root
from pole.protocol.state import Phase, RecordKind
from pole.roles.loop import Role
from pole.roles.models.folder import open_model
from pole.roles.models.result import RoundResult, WonBlock


def until_kept(stage: Stage, seconds: int = 3) -> None:
    for _ in range(seconds):
        stage.data_node().step(stage.world.moment())
        stage.world.pass_time(1)


def test_a_void_round_is_told_in_a_sentence(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    with caplog.at_level("INFO", "pole.data-node"):
        until_kept(stage)
    told = [record for record in caplog.records if getattr(record, "event", "") == "round-void"]
    assert [record.getMessage() for record in told] == [
        "Round 1 on task 1 ended without a block (NO_COMMITMENT): there is no model, and what comes back is "
        "this wallet's credit."
    ]
    assert not (stage.home(OWNER) / "models").exists()


def test_the_winners_model_is_kept_and_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    with caplog.at_level("INFO", "pole.models"):
        until_kept(stage)
    folder = stage.home(OWNER) / "models" / "task-1"
    record = open_model(folder).record
    (told,) = [record for record in caplog.records if getattr(record, "event", "") == "model-kept"]
    assert f"{record.miner} won task 1 with 100.0 % of the training set" in told.getMessage()
    assert f"its model is in {folder}" in told.getMessage()


def test_a_model_that_is_not_to_be_had_is_asked_for_again_and_holds_nothing_up(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    model = stage.world.models[1][MINERS[0]].cid
    hidden = {each.cid for each in stage.world.models[1].values()}
    stage.store.missing |= hidden
    node = stage.data_node()
    assert node.step(stage.world.moment()) == "settled"
    assert [node.step(stage.world.moment()) for _ in range(3)] == [None] * 3
    stage.store.missing.clear()
    assert node.step(stage.world.moment()) is None
    stage.world.pass_time(60)
    assert node.step(stage.world.moment()) == "model kept"
    assert node.step(stage.world.moment()) is None
    assert model in stage.store.files


def with_other_hash(result: RoundResult, block: WonBlock) -> RoundResult:
    return replace(result, block=replace(block, hash=bytes(32)))


def without_reveals(result: RoundResult, block: WonBlock) -> RoundResult:
    told = tuple(each for each in block.records if each.kind != RecordKind.SOLUTION_REVEALED)
    header = replace(block.header, body_root=body_root(told))
    return replace(result, block=WonBlock(header, header_hash(header), told))


def with_another_seed(result: RoundResult, _: WonBlock) -> RoundResult:
    return replace(result, seed=b"")


@pytest.mark.parametrize("mistake", [with_other_hash, without_reveals, with_another_seed])
def test_a_node_that_disagrees_with_itself_for_a_while_is_asked_again(
    stage: Stage, mistake: Callable[[RoundResult, WonBlock], RoundResult], caplog: pytest.LogCaptureFixture
) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    node = stage.data_node()
    models, right = node.means.models, node.means.models.result_of
    result = right(1)
    assert result is not None
    assert result.block is not None
    wrong = mistake(result, result.block)
    models.result_of = lambda _: wrong
    assert node.step(stage.world.moment()) == "settled"
    assert [node.step(stage.world.moment()) for _ in range(3)] == [None] * 3
    assert caplog.text.count("Round 1: its model cannot be kept now") == 1
    models.result_of = right
    stage.world.pass_time(60)
    assert node.step(stage.world.moment()) == "model kept"


def test_a_folder_of_other_files_is_told_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    folder = stage.home(OWNER) / "models" / "task-1"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    for _ in range(3):
        until_kept(stage)
        stage.world.pass_time(60)
    assert caplog.text.count("holds other files than a model") == 1


def test_a_model_is_kept_while_the_next_round_runs(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    stage.post(seed=7)
    others: list[Role] = [stage.miner(MINERS[0]), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.KEYS, workers=others)
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    until_kept(stage)
    assert (stage.home(OWNER) / "models" / "task-1").is_dir()


@pytest.mark.parametrize("at", range(1, 10))
@pytest.mark.parametrize("after", [False, True])
def test_a_data_node_that_is_killed_on_the_way_goes_on(stage: Stage, at: int, after: bool) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    death = Death(at, after)
    ports = {"journal": stage.journal(OWNER), "store": stage.store}
    node = stage.data_node(**{name: death.guard(port) for name, port in ports.items()})
    with suppress(KilledError):
        node.step(stage.world.moment())
        node.step(stage.world.moment())
    assert death.calls == at
    until_kept(stage)
    assert open_model(stage.home(OWNER) / "models" / "task-1").record.task_id == 1
