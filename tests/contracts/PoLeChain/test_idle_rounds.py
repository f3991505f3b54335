"""Idle rounds: what a round is about when no task waits."""

from dataclasses import astuple
from typing import Any

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    COMMITTEE,
    LANES,
    MINERS,
    STRANGER,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.encoding import seeds
from pole.protocol.encoding.ethereum_headers import mix_of
from pole.protocol.idle.task import idle_task
from pole.protocol.state import Phase, RecordKind, Step, VoidReason

IDLE = {"idleTimeLimit": 60}
REWARD = CHAIN["blockReward"]
FEE = REWARD * CHAIN["verificationFeeBps"] // 10_000
NEEDED = REWARD + LANES * -(-REWARD * 65 // 32)
"""What the pool must hold before an idle round opens: its reward, and what every lane's block may draw."""
FIRST, SECOND = [*MINERS][:2]
LOCKED = REWARD * CHAIN["readyBondBps"] // 10_000
"""What a miner of an idle round deposits."""
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


def opened(pole: Pole, lane: int = 0) -> int:
    round_id = stage.open_round(pole, lane)
    stage.draw(pole, round_id)
    return round_id


def trained(pole: Pole, models: dict[int, Model]) -> int:
    """Open an idle round, commit the models and let the time run out."""
    round_id = opened(pole)
    for miner, model in models.items():
        stage.commit(pole, round_id, miner, model)
    stage.wait(IDLE["idleTimeLimit"])
    return round_id


def closed(pole: Pole, models: dict[int, Model]) -> int:
    round_id = trained(pole, models)
    pole.chain.closeSubmissions(round_id, {"from": accounts[STRANGER]})
    return round_id


def revealed(pole: Pole, models: dict[int, Model]) -> int:
    round_id = closed(pole, models)
    stage.draw(pole, round_id)
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    return round_id


def test_a_deployment_without_idle_rounds_opens_none(pole: Pole) -> None:
    with refused("NoTask"):
        pole.chain.openRound.call(0, anybody())


def test_a_pool_that_the_blocks_of_all_lanes_could_need_opens_none(deployed: Pole) -> None:
    insufficient = stage.deploy_all(task_list=IDLE)
    insufficient.reservoir.deposit(insufficient.chain, stage.POOL, anybody() | {"value": NEEDED - 1})
    with refused("PoolTooSmall", NEEDED - 1, NEEDED):
        insufficient.chain.openRound.call(0, anybody())
    insufficient.reservoir.deposit(insufficient.chain, stage.POOL, anybody() | {"value": 1})
    stage.open_round(insufficient)
    assert stage.pool(insufficient) == NEEDED - REWARD


def test_one_idle_round_is_open_at_a_time_whatever_the_lane(idle: Pole) -> None:
    first = stage.open_round(idle, 1)
    with refused("IdleRoundOpen", first):
        idle.chain.openRound.call(0, anybody())
    stage.draw(idle, first)
    stage.wait(CHAIN["graceWindow"])
    stage.finalise(idle, first)
    stage.open_round(idle)


def test_a_real_task_has_precedence_and_takes_the_next_lane(idle: Pole) -> None:
    stage.post(idle)
    first = stage.open_round(idle)
    assert idle.chain.round(first).dict()["taskId"] == 1
    second = stage.open_round(idle, 1)
    assert idle.chain.round(second).dict()["taskId"] == 0
    stage.post(idle)
    stage.draw(idle, first)
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(idle, first)
    assert idle.chain.round(stage.open_round(idle)).dict()["taskId"] == 2


def test_an_idle_round_is_nobodys_and_trains_from_its_seed_on_the_pools_money(
    idle: Pole, history_holds: HistoryCheck
) -> None:
    before = stage.pool(idle)
    round_id = stage.open_round(idle)
    assert idle.chain.phaseOf(round_id) == (Phase.SEED, 0, 0)
    stage.draw(idle, round_id)
    standing = idle.chain.round(round_id).dict()
    expected, task = idle_task(idle.rules), standing["task"]
    assert tuple(task["terms"].values()) == astuple(expected.terms)
    assert (task["owner"], task["testDigest"]) == (expected.owner, stage.NOTHING)
    assert task["judgingTime"] == stage.JUDGING_TIME
    assert (standing["taskId"], standing["step"]) == (expected.task_id, Step.KEYED)
    assert stage.phase(idle, round_id) is Phase.TRAINING
    stage.commit(idle, round_id, FIRST, Model())
    assert stage.deadline_of(idle, round_id) == standing["since"] + IDLE["idleTimeLimit"]
    assert stage.pool(idle) == before - REWARD
    assert idle.reservoir.balanceOf(idle.chain, round_id.to_bytes(32, "big")) == REWARD + LOCKED
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


def test_nobody_closes_its_submissions_early_and_anybody_after_the_time_limit(idle: Pole) -> None:
    round_id = opened(idle)
    stage.commit(idle, round_id, FIRST, Model())
    with refused("NotDataNode", round_id, accounts[ANYBODY]):
        idle.chain.closeSubmissions.call(round_id, anybody())
    stage.wait(IDLE["idleTimeLimit"])
    told = idle.chain.closeSubmissions(round_id, {"from": accounts[STRANGER]})
    kinds = [event["kind"] for event in told.events["Recorded"]]
    assert kinds == [RecordKind.SUBMISSIONS_CLOSED, RecordKind.DRAW_ARMED]
    assert stage.field(idle.chain.round(round_id), "drawBlock") == told.block_number + CHAIN["drawDelay"]


def test_the_test_seed_cannot_be_named_while_solutions_are_accepted(idle: Pole) -> None:
    round_id = opened(idle)
    stage.commit(idle, round_id, FIRST, Model())
    with refused("NothingToDraw", round_id, Phase.TRAINING):
        idle.chain.arm.call(round_id, anybody())
    with refused("NothingToDraw", round_id, Phase.TRAINING):
        idle.chain.draw.call(round_id, b"", anybody())
    stage.wait(IDLE["idleTimeLimit"])
    with refused("NothingToDraw", round_id, Phase.TEST_RELEASE):
        idle.chain.arm.call(round_id, anybody())


def test_a_data_nodes_round_has_no_test_seed(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, FIRST, Model())
    stage.close(pole, round_id)
    with refused("NothingToDraw", round_id, Phase.TEST_RELEASE):
        pole.chain.arm.call(round_id, anybody())
    with refused("NothingToDraw", round_id, Phase.TEST_RELEASE):
        pole.chain.draw.call(round_id, b"", anybody())


def test_the_test_seed_is_the_one_that_python_makes_and_counts_as_the_release(idle: Pole) -> None:
    round_id = closed(idle, {FIRST: Model()})
    header = stage.mine_named(idle, round_id)
    told = idle.chain.draw(round_id, header, {"from": accounts[STRANGER]})
    mix = mix_of(header)
    data = round_id.to_bytes(32, "big") + mix + seeds.test_seed(round_id, mix)
    assert (told.events["Recorded"]["kind"], bytes(told.events["Recorded"]["data"])) == (
        RecordKind.TEST_SEED_DRAWN,
        data,
    )
    assert idle.chain.round(round_id).dict()["since"] == chain[-1].timestamp
    assert stage.phase(idle, round_id) is Phase.REVEAL
    with refused("NothingToDraw", round_id, Phase.REVEAL):
        idle.chain.arm.call(round_id, anybody())


def test_a_test_seed_whose_hash_is_lost_is_named_again(history_holds: HistoryCheck) -> None:
    pole = stage.set_up(task_list=IDLE, chain={"testWindow": 1000})
    round_id = closed(pole, {FIRST: Model()})
    lost = stage.field(pole.chain.round(round_id), "drawBlock")
    chain.mine(259)
    with refused("HashLost", lost):
        pole.chain.draw.call(round_id, stage.header_of(lost), anybody())
    stage.arm(pole, round_id)
    stage.draw(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.REVEAL
    history_holds(pole)


def test_the_committee_is_not_drawn_by_the_block_of_the_test_seed(idle: Pole) -> None:
    round_id = closed(idle, {FIRST: Model()})
    seeding = stage.field(idle.chain.round(round_id), "drawBlock")
    stage.draw(idle, round_id)
    assert idle.chain.round(round_id).dict()["drawBlock"] == 0
    stage.reveal(idle, round_id, FIRST, Model())
    assert idle.chain.round(round_id).dict()["drawBlock"] > seeding


def test_the_winner_gets_the_reward_less_the_fee_and_nothing_more_from_the_pool(
    idle: Pole, history_holds: HistoryCheck
) -> None:
    models = {FIRST: Model(test=45), SECOND: Model(test=40)}
    before = stage.pool(idle)
    round_id = revealed(idle, models)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.phase(idle, round_id) is Phase.FINAL
    assert stage.credit(idle, FIRST) == REWARD - FEE + LOCKED
    assert stage.credit(idle, SECOND) == LOCKED
    assert stage.pool(idle) == before - REWARD
    assert stage.ommers(idle) == {}
    assert idle.ledger.height() == 1
    history_holds(idle)


def test_without_a_test_seed_the_training_accuracy_decides(idle: Pole, history_holds: HistoryCheck) -> None:
    models = {FIRST: Model(train=90, test=0), SECOND: Model(train=95, test=0)}
    round_id = closed(idle, models)
    stage.end_test_release(idle, round_id)
    for miner, model in models.items():
        stage.reveal(idle, round_id, miner, model)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.credit(idle, SECOND) == REWARD - FEE + LOCKED
    history_holds(idle)


def test_a_lone_model_below_the_threshold_wins_nothing(idle: Pole, history_holds: HistoryCheck) -> None:
    models = {FIRST: Model(train=79)}
    before = stage.pool(idle)
    round_id = revealed(idle, models)
    stage.vote(idle, round_id, stage.as_claimed(models))
    stage.finalise(idle, round_id)
    assert stage.void_reason(idle, round_id) is VoidReason.THRESHOLD_MISSED
    # The claim of 79 of 100 is below the training threshold.
    locked = max(CHAIN["minerBond"], REWARD * CHAIN["minerBondBps"] // 10_000)
    assert stage.credit(idle, FIRST) == locked
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
    if models:
        round_id = closed(idle, models)
        stage.end_test_release(idle, round_id)
        stage.wait(CHAIN["revealWindow"])
    else:
        round_id = trained(idle, models)
    stage.finalise(idle, round_id)
    assert stage.void_reason(idle, round_id) is reason
    assert stage.pool(idle) == before + len(models) * LOCKED
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


def test_challenging_an_idle_rounds_tally_costs_what_the_larger_committee_is_paid(
    growing_idle: Pole,
) -> None:
    round_id = revealed(growing_idle, {FIRST: Model()})
    stage.vote(growing_idle, round_id, LIE)
    due = FEE * 7 // 3
    for sent in (0, due - 1, due + 1):
        with refused("WrongBond", sent, due):
            growing_idle.chain.challenge.call(round_id, anybody() | {"value": sent})


def test_a_larger_committee_overturns_a_lie_in_an_idle_round_at_the_liars_cost(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    account = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    liars = stage.vote(growing_idle, round_id, LIE)
    stage.challenge(growing_idle, round_id, by=FIRST)
    members = stage.vote(growing_idle, round_id, TRUTH)
    assert (len(liars), len(members)) == (3, 7)
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing_idle, round_id)
    lost = len(liars) * COMMITTEE["penalty"]
    paid = (FEE + lost) // 10 * len(members)
    assert account.gains(winner=FIRST) == {
        "winner": REWARD - FEE,
        "verifiers": paid - lost,
        "pool": lost + FEE - paid - REWARD,
    }
    history_holds(growing_idle)


def test_an_unfounded_challenge_in_an_idle_round_pays_both_committees(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    account = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    seats = len(stage.vote(growing_idle, round_id, TRUTH))
    bond = stage.challenge_bond(growing_idle, round_id)
    stage.challenge(growing_idle, round_id)
    seats += len(stage.vote(growing_idle, round_id, TRUTH))
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing_idle, round_id)
    paid = (FEE + bond) // seats * seats
    assert account.gains(winner=FIRST, challenger=STRANGER) == {
        "winner": REWARD - FEE,
        "challenger": -bond,
        "verifiers": paid,
        "pool": FEE + bond - paid - REWARD,
    }
    history_holds(growing_idle)


def test_an_idle_round_without_a_quorum_gives_the_pool_its_reward_back(
    growing_idle: Pole, history_holds: HistoryCheck
) -> None:
    account = books.opened(growing_idle)
    round_id = revealed(growing_idle, {FIRST: Model()})
    members = stage.draw(growing_idle, round_id)
    votes = {member: [stage.ok(90, 45, mark)] for mark, member in enumerate(members)}
    stage.commit_votes(growing_idle, round_id, votes)
    stage.reveal_votes(growing_idle, round_id, votes)
    stage.wait(CHAIN["challengeWindow"])
    stage.finalise(growing_idle, round_id)
    assert stage.void_reason(growing_idle, round_id) is VoidReason.NO_QUORUM
    assert account.gains() == {}
    history_holds(growing_idle)
