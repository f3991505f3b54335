"""A whole round of real roles on a world of plain Python."""

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, TRAIN, VERIFIERS, Stage

from pole.protocol.state import Phase, Verdict, VoidReason
from pole.roles.loop import Role


def test_a_round_ends_in_a_block(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.FINAL, Phase.VOID)
    assert stage.world.moment().phase is Phase.FINAL
    assert stage.world.rounds[1].height == 1
    assert [solution.miner for solution in stage.world.solutions[1]] == list(MINERS)
    votes = [stage.world.votes[4, address] for address in VERIFIERS]
    assert all(vote == votes[0] for vote in votes)
    assert votes[0][0].verdict is Verdict.OK
    assert votes[0][0].train_correct == TRAIN


def test_everybody_fetches_the_money_and_pins_the_body_once(stage: Stage) -> None:
    stage.post(min_solutions=2)
    workers: list[Role] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.FINAL, workers=workers)
    for _ in range(3):
        for worker in workers:
            worker.step(stage.world.moment())
    assert not stage.world.credits
    assert stage.sent(MINERS[0]) == ["commit/1", "reveal/1", "withdraw/1"]
    assert stage.sent(OWNER)[-1] == "withdraw/1"
    assert b"body 1" in stage.store.files.values()


def test_rounds_follow_each_other(stage: Stage) -> None:
    stage.post(seed=1)
    stage.post(seed=2)
    stage.play(Phase.FINAL)
    stage.keeper().step(stage.world.moment())
    stage.play(Phase.FINAL)
    assert stage.world.height == 2


def test_keys_of_two_seeds_are_never_given_for_one_data_set(stage: Stage) -> None:
    stage.post(seed=1)
    stage.post(seed=1)
    stage.play(Phase.FINAL)
    stage.keeper().step(stage.world.moment())
    stage.play(Phase.FINAL, Phase.VOID)
    assert stage.world.rounds[2].void_reason is VoidReason.KEYS_MISSING


@pytest.mark.parametrize("audit_count", [0, 5])
def test_verifiers_judge_the_audit_sample_where_the_task_asks_for_one(stage: Stage, audit_count: int) -> None:
    stage.post(audit_count=audit_count)
    stage.play(Phase.FINAL)
    judged = stage.world.votes[4, VERIFIERS[0]][0].train_correct
    assert judged == (audit_count or TRAIN)


def test_without_a_data_node_the_round_is_void(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.miner()])
    assert stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING


def test_a_withheld_test_set_leaves_the_training_set_to_judge_by(stage: Stage) -> None:
    stage.post()
    workers: list[Role] = [stage.data_node(), stage.miner(), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.TEST_RELEASE, workers=workers)
    stage.play(Phase.FINAL, workers=workers[1:])
    assert stage.world.rounds[1].released_at == 0
    assert stage.world.votes[4, VERIFIERS[0]][0].test_correct == 0
