"""A data node keeps the model that won its round, whatever happens to it meanwhile."""

from contextlib import suppress

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.deaths import Death, KilledError

from pole.protocol.state import Phase
from pole.roles.loop import Role
from pole.roles.models.folder import open_model


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
