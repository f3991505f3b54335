"""Idle rounds: what a round is about when no task waits."""

from dataclasses import astuple
from typing import Any

import pytest
from brownie import accounts, chain, web3
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    COMMITTEE,
    MINERS,
    STRANGER,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.encoding import seeds
from pole.protocol.idle.task import idle_task
from pole.protocol.parameters import ChainParameters, CommitteeParameters, Parameters, TaskListParameters
from pole.protocol.state import Phase, VoidReason

IDLE = {"idleTimeLimit": 60}
REWARD = CHAIN["blockReward"]
FEE = REWARD * CHAIN["verificationFeeBps"] // 10_000
BOND = CHAIN["challengeBond"]
FIRST, SECOND = list(MINERS)[:2]
LIE = {FIRST: stage.ok(10, 5)}
TRUTH = {FIRST: stage.ok(90, 45)}


@pytest.fixture(scope="module")
def idle_deployed(deployed: Pole) -> Pole:
    return stage.set_up(task_list=IDLE)


@pytest.fixture
def idle(idle_deployed: Pole, isolation: None) -> Pole:
    return idle_deployed


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def trained(pole: Pole, models: dict[int, Model]) -> int:
    """Open an idle round, commit the models and let the time run out."""
    round_id = stage.open_round(pole)
    for miner, model in models.items():
        stage.commit(pole, round_id, miner, model)
    stage.wait(IDLE["idleTimeLimit"])
    return round_id


def seed_test_set(pole: Pole, round_id: int) -> bytes:
    pole.chain.armTestSeed(round_id, {"from": accounts[STRANGER]})
    chain.mine(2)
    pole.chain.drawTestSeed(round_id, {"from": accounts[STRANGER]})
    return bytes(pole.chain.testSeedOf(round_id)[1])


def revealed(pole: Pole, models: dict[int, Model]) -> int:
    round_id = trained(pole, models)
    seed_test_set(pole, round_id)
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    return round_id


def test_a_deployment_without_idle_rounds_opens_none(pole: Pole) -> None:
    with refused("NoTask"):
        pole.chain.openRound.call(anybody())


def test_a_pool_that_holds_less_than_the_block_reward_opens_none(deployed: Pole) -> None:
    insufficient = stage.deploy_all(task_list=IDLE)
    insufficient.reservoir.deposit(insufficient.chain, stage.POOL, anybody() | {"value": REWARD - 1})
    with refused("PoolTooSmall", REWARD - 1, REWARD):
        insufficient.chain.openRound.call(anybody())
    insufficient.reservoir.deposit(insufficient.chain, stage.POOL, anybody() | {"value": 1})
    assert stage.open_round(insufficient) == 1
    assert stage.pool(insufficient) == 0


def test_a_real_task_has_precedence_and_waits_for_an_idle_round_at_most(idle: Pole) -> None:
    stage.post(idle)
    first = stage.open_round(idle)
    assert idle.chain.round(first).dict()["taskId"] == 1
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(idle, first)
    second = stage.open_round(idle)
    stage.post(idle)
    with refused("RoundOpen", second):
        idle.chain.openRound.call(anybody())
    stage.wait(IDLE["idleTimeLimit"])
    stage.finalise(idle, second)
    assert idle.chain.round(stage.open_round(idle)).dict()["taskId"] == 2


def test_an_idle_round_is_nobodys_and_trains_at_once_on_the_pools_money(
    idle: Pole, history_holds: HistoryCheck
) -> None:
    before = stage.pool(idle)
    round_id = stage.open_round(idle)
    opened = idle.chain.round(round_id).dict()
    expected = idle_task(
        Parameters(
            TaskListParameters(*idle.task_list.parameters()),
            CommitteeParameters(*idle.committee.parameters()),
            ChainParameters(*idle.chain.parameters()),
        )
    )
    task = opened["task"]
    assert tuple(task["terms"].values()) == astuple(expected.terms)
    assert (task["owner"], task["testDigest"]) == (expected.owner, stage.NOTHING)
    assert opened["taskId"] == expected.task_id
    assert opened["keysAt"] == opened["openedAt"] == chain[-1].timestamp
    assert idle.chain.phaseOf(round_id) == (Phase.TRAINING, chain[-1].timestamp + IDLE["idleTimeLimit"])
    assert stage.pool(idle) == before - REWARD
    assert idle.reservoir.balanceOf(idle.chain, round_id.to_bytes(32, "big")) == REWARD
    history_holds(idle)


def test_nobody_is_its_data_node(idle: Pole) -> None:
    round_id = trained(idle, {})
    for caller in (ANYBODY, STRANGER):
        with refused("WrongPhase"):
            idle.chain.postFunctionalKeys.call(round_id, "bafy", "0x" + "04" * 32, {"from": accounts[caller]})
    stage.finalise(idle, round_id)
    round_id = trained(idle, {FIRST: Model()})
    with refused("NotDataNode", round_id, accounts[ANYBODY]):
        idle.chain.releaseTestSet.call(round_id, "bafy-test", stage.NOTHING, anybody())


def test_nobody_closes_its_submissions_early(idle: Pole) -> None:
    round_id = stage.open_round(idle)
    stage.commit(idle, round_id, FIRST, Model())
    with refused("NotDataNode", round_id, accounts[ANYBODY]):
        idle.chain.closeSubmissions.call(round_id, anybody())


def test_the_test_seed_cannot_be_named_while_solutions_are_accepted(idle: Pole) -> None:
    round_id = stage.open_round(idle)
    stage.commit(idle, round_id, FIRST, Model())
    for step in (idle.chain.armTestSeed, idle.chain.drawTestSeed):
        with refused("WrongPhase", round_id, int(Phase.TRAINING), int(Phase.TEST_RELEASE)):
            step.call(round_id, anybody())


def test_a_data_nodes_round_has_no_test_seed(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, FIRST, Model())
    stage.close(pole, round_id)
    with refused("NotIdle", round_id):
        pole.chain.armTestSeed.call(round_id, anybody())
    with refused("DrawNotReady", round_id, 0):
        pole.chain.drawTestSeed.call(round_id, anybody())


def test_a_named_block_seeds_the_test_set_and_no_other_can_be_named_until_it_is_lost(idle: Pole) -> None:
    round_id = trained(idle, {FIRST: Model()})
    with refused("DrawNotReady", round_id, 0):
        idle.chain.drawTestSeed.call(round_id, anybody())
    idle.chain.armTestSeed(round_id, anybody())
    named = chain.height + 2
    assert idle.chain.testSeedOf(round_id) == (named, stage.NOTHING)
    with refused("DrawNotReady", round_id, named):
        idle.chain.drawTestSeed.call(round_id, anybody())
    with refused("DrawPending", round_id, named):
        idle.chain.armTestSeed.call(round_id, anybody())
    chain.mine(3)
    with refused("DrawPending", round_id, named):
        idle.chain.armTestSeed.call(round_id, anybody())


def test_the_test_seed_is_the_one_that_python_makes_and_counts_as_the_release(idle: Pole) -> None:
    round_id = trained(idle, {FIRST: Model()})
    seed = seed_test_set(idle, round_id)
    named = idle.chain.testSeedOf(round_id)[0]
    assert seed == seeds.test_seed(round_id, bytes(web3.eth.get_block(named)["hash"]))
    assert idle.chain.round(round_id).dict()["releasedAt"] == chain[-1].timestamp
    assert stage.phase(idle, round_id) is Phase.REVEAL
    with refused("WrongPhase"):
        idle.chain.armTestSeed.call(round_id, anybody())


def test_the_committee_is_not_drawn_by_the_block_of_the_test_seed(idle: Pole) -> None:
    round_id = revealed(idle, {FIRST: Model()})
    assert idle.chain.round(round_id).dict()["drawBlock"] == 0
    with refused("DrawNotReady", round_id, 0):
        idle.chain.drawCommittee.call(round_id, anybody())


def test_the_winner_gets_the_reward_less_the_fee_and_nothing_more_from_the_pool(
    idle: Pole, history_holds: HistoryCheck
) -> None:
    models = {FIRST: Model(test=45), SECOND: Model(test=40)}
    before = stage.pool(idle)
    round_id = revealed(idle, models)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.phase(idle, round_id) is Phase.FINAL
    assert stage.credit(idle, FIRST) == REWARD - FEE + READY_BOND
    assert stage.credit(idle, SECOND) == READY_BOND
    assert stage.pool(idle) == before - REWARD
    assert idle.chain.ommerAt(1).dict()["count"] == 0
    assert idle.ledger.height() == 1
    history_holds(idle)


def test_without_a_test_seed_the_training_accuracy_decides(idle: Pole, history_holds: HistoryCheck) -> None:
    models = {FIRST: Model(train=90, test=0), SECOND: Model(train=95, test=0)}
    round_id = trained(idle, models)
    stage.wait(CHAIN["testWindow"])
    for miner, model in models.items():
        stage.reveal(idle, round_id, miner, model)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.credit(idle, SECOND) == REWARD - FEE + READY_BOND
    history_holds(idle)


def test_a_lone_model_below_the_threshold_wins_nothing(idle: Pole, history_holds: HistoryCheck) -> None:
    models = {FIRST: Model(train=79)}
    before = stage.pool(idle)
    round_id = revealed(idle, models)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.void_reason(idle, round_id) is VoidReason.THRESHOLD_MISSED
    assert stage.credit(idle, FIRST) == READY_BOND
    assert stage.pool(idle) == before - FEE
    history_holds(idle)


@pytest.mark.parametrize(
    ("models", "reason"),
    [({}, VoidReason.NO_COMMITMENT), ({FIRST: Model()}, VoidReason.NOTHING_REVEALED)],
)
def test_what_a_void_round_leaves_goes_back_to_the_pool(
    idle: Pole, history_holds: HistoryCheck, models: dict[int, Model], reason: VoidReason
) -> None:
    before = stage.pool(idle)
    round_id = trained(idle, models)
    if models:
        stage.wait(CHAIN["testWindow"] + CHAIN["revealWindow"])
    stage.finalise(idle, round_id)
    assert stage.void_reason(idle, round_id) is reason
    assert stage.pool(idle) == before + len(models) * READY_BOND
    assert idle.reservoir.creditOf(stage.ZERO) == 0
    history_holds(idle)


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\x01" * 64 + b"\x1b"])
def test_nobody_has_signed_for_a_data_node_that_is_nobody(idle: Pole, signature: bytes) -> None:
    round_id = trained(idle, {FIRST: Model()})
    with refused("NotSignedByDataNode", round_id, stage.ZERO):
        idle.chain.releaseTestSetFor.call(
            round_id, "bafy-test", stage.NOTHING, chain.time(), signature, anybody()
        )
    assert stage.phase(idle, round_id) is Phase.TEST_RELEASE


@pytest.fixture(scope="module")
def growing_idle_deployed(deployed: Pole) -> Pole:
    sizes = {"committeeSize": 3, "minCommittee": 3, "maxCommittee": len(stage.VERIFIERS)}
    return stage.set_up(task_list=IDLE, chain=sizes)


@pytest.fixture
def growing_idle(growing_idle_deployed: Pole, isolation: None) -> Pole:
    return growing_idle_deployed


def test_challenging_what_a_quorum_decided_in_an_idle_round_costs_the_bond_exactly(
    growing_idle: Pole,
) -> None:
    round_id = revealed(growing_idle, {FIRST: Model()})
    stage.vote(growing_idle, round_id, LIE)
    for sent in (0, BOND - 1, BOND + 1):
        with refused("WrongBond", sent, BOND):
            stage.challenge(growing_idle, round_id, bond=sent)


def test_a_larger_committee_overturns_a_lie_in_an_idle_round_at_the_liars_cost(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    ledger = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    liars = stage.vote(growing_idle, round_id, LIE)
    stage.challenge(growing_idle, round_id, by=FIRST)
    members = stage.vote(growing_idle, round_id, TRUTH)
    assert (len(liars), len(members)) == (3, 7)
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing_idle, round_id)
    lost, fee = len(liars) * COMMITTEE["penalty"], FEE // len(members) * len(members)
    assert ledger.gains(winner=FIRST) == {
        "winner": REWARD - FEE + lost // 2,
        "verifiers": fee - lost,
        "pool": lost - lost // 2 - REWARD + FEE - fee,
    }
    history_holds(growing_idle)


def test_an_unfounded_challenge_in_an_idle_round_pays_both_committees(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    ledger = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    seats = len(stage.vote(growing_idle, round_id, TRUTH))
    stage.challenge(growing_idle, round_id)
    seats += len(stage.vote(growing_idle, round_id, TRUTH))
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing_idle, round_id)
    paid = (FEE + BOND) // seats * seats
    assert ledger.gains(winner=FIRST, challenger=STRANGER) == {
        "winner": REWARD - FEE,
        "challenger": -BOND,
        "verifiers": paid,
        "pool": FEE + BOND - paid - REWARD,
    }
    history_holds(growing_idle)


def test_an_idle_round_without_a_quorum_grows_for_free_and_gives_the_pool_its_reward_back(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    ledger = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    for sizes in (3, 7, len(stage.VERIFIERS)):
        members = stage.draw(growing_idle, round_id)
        assert len(members) == sizes
        votes = {member: [stage.ok(90, 45, mark)] for mark, member in enumerate(members)}
        stage.commit_votes(growing_idle, round_id, votes)
        stage.reveal_votes(growing_idle, round_id, votes)
        if sizes < len(stage.VERIFIERS):
            stage.challenge(growing_idle, round_id)
    stage.finalise(growing_idle, round_id)
    assert stage.void_reason(growing_idle, round_id) is VoidReason.NO_QUORUM
    assert ledger.gains() == {}
    history_holds(growing_idle)
