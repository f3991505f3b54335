"""A whole round of real roles on a world of plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.roles.conftest import (
    MINERS,
    OWNER,
    TRAIN,
    VERIFIERS,
    Stage,
    dataset,
    specification,
    terms,
)

from pole.protocol.mapping.layer import data_plan, inner_products_in_clear
from pole.protocol.models.work import judging_work
from pole.protocol.state import Phase, Verdict, VoidReason
from pole.roles.loop import Role
from pole.roles.publishing.preparation import TaskRequest, prepare_task
from pole.roles.receiving.task_data import DataFault


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


def test_miners_and_verifiers_agree_on_features_with_noise(stage: Stage) -> None:
    stage.specification = specification(noise=20)
    stage.post(min_solutions=2)
    workers: list[Role] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.VOTE_REVEAL, workers=workers)
    seen = [stage.miner(address).means.data for address in MINERS]
    opened = stage.world.rounds[1]
    first, second = (data.training_set(opened) for data in seen)
    assert np.array_equal(first.features, second.features)
    plain = inner_products_in_clear(
        data_plan(stage.specification, opened.seed), dataset().x_train.astype(np.uint8)
    )
    assert not set(first.features.ravel().tolist()) <= set((plain + 160).ravel().tolist())
    stage.play(Phase.FINAL, workers=workers)
    votes = [stage.world.votes[4, address] for address in VERIFIERS]
    assert votes[0][0].verdict is Verdict.OK
    assert all(vote == votes[0] for vote in votes)


def test_a_manifest_without_the_noise_that_the_task_promises_is_a_data_fault(stage: Stage) -> None:
    work = judging_work(specification(noise=3))
    request = TaskRequest(dataset(), specification(noise=3), terms(work=work))
    noisy = prepare_task(request, stage.workshop(1))
    plain = prepare_task(replace(request, specification=specification()), stage.workshop(2))
    files = replace(plain, spec_cid=noisy.spec_cid, spec_digest=noisy.spec_digest)
    stage.chain(OWNER).post_task(request.terms, files, intent="post/0")
    stage.open_round()
    with pytest.raises(
        DataFault, match=r"columns of noise.*\(\(4,\), 8, 0, 3, 12\).*says \(\(4,\), 8, 3, 3, 12\)"
    ):
        stage.miner().means.data.task(stage.world.rounds[1])


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
    stage.open_round()
    stage.play(Phase.FINAL)
    assert stage.world.height == 2


def test_keys_of_two_seeds_are_never_given_for_one_data_set(stage: Stage) -> None:
    stage.post(seed=1)
    stage.post(seed=1)
    stage.play(Phase.FINAL)
    stage.open_round()
    stage.play(Phase.FINAL, Phase.VOID)
    assert stage.world.rounds[2].void_reason is VoidReason.KEYS_MISSING


def test_without_a_data_node_the_round_is_void(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.miner()])
    assert stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING


def test_a_withheld_test_set_leaves_the_training_set_to_judge_by(stage: Stage) -> None:
    stage.post()
    workers: list[Role] = [stage.data_node(), stage.miner(), *map(stage.verifier, VERIFIERS)]
    stage.play(Phase.TEST_RELEASE, workers=workers)
    stage.play(Phase.FINAL, workers=workers[1:])
    assert stage.world.rounds[1].released is False
    assert stage.world.votes[4, VERIFIERS[0]][0].test_correct == 0
