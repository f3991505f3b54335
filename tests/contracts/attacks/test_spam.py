"""Floods of calls at every entry point, a list at its cap, and arguments as long as they get."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.parties import FEE, LOT, PRIZE, sent
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    ETHER,
    PENALTY,
    SEAT,
    STRANGER,
    TASK_LIST,
    TEST_DIGEST,
    Model,
    Pole,
    ok,
    refused,
)

from pole.protocol.ballots import ballot_id
from pole.protocol.state import Vote

VICTIM, ATTACKER = 2, 3
MODELS = {VICTIM: Model()}
JUNK = Model(train=10, test=5)
OFTEN = 8
LONG = "b" * 10_000
DIGEST = b"\x05" * 32


def test_posting_and_cancelling_costs_a_fee_each_time(pole: Pole) -> None:
    ledger = books.opened(pole)
    for _ in range(OFTEN):
        pole.task_list.cancel(stage.post(pole, by=STRANGER), sent(STRANGER))
    assert ledger.gains(attacker=STRANGER) == {"attacker": -OFTEN * FEE, "pool": OFTEN * FEE}


def test_a_seat_taken_and_left_again_and_again_binds_one_stake_until_it_cannot_be_drawn(pole: Pole) -> None:
    for _ in range(OFTEN):
        pole.committee.stake(sent(STRANGER, SEAT - pole.committee.stakeOf(accounts[STRANGER])[0]))
        pole.committee.unstake(sent(STRANGER))
    with refused("StakeBound"):
        pole.committee.reclaim(sent(STRANGER))
    chain.mine(timestamp=chain.time() + 1)
    assert pole.committee.seatsAt(chain[-1].timestamp - 1) == len(stage.VERIFIERS)
    assert pole.committee.stakeOf(accounts[STRANGER])[0] == SEAT


def test_a_list_at_its_cap_still_gives_its_best_task_and_empties_in_order(pole: Pole) -> None:
    rewards = [3, 5, 1, 4, 2]
    assert len(rewards) == TASK_LIST["maxTasks"]
    for reward in rewards:
        stage.post(pole, by=STRANGER, reward=reward * ETHER)
    taken = []
    for _ in rewards:
        round_id = stage.open_round(pole)
        taken.append(stage.field(pole.chain.round(round_id), "taskId"))
        stage.draw(pole, round_id)
        stage.wait(CHAIN["keyWindow"])
        stage.finalise(pole, round_id)
    assert taken == [2, 4, 1, 5, 3]


def test_holding_the_whole_list_locks_every_reward_and_costs_every_fee(pole: Pole) -> None:
    ledger = books.opened(pole)
    tasks = [stage.post(pole, by=STRANGER) for _ in range(TASK_LIST["maxTasks"])]
    with refused("TaskListFull"):
        stage.post(pole)
    for task_id in tasks:
        pole.task_list.cancel(task_id, sent(STRANGER))
    fees = len(tasks) * FEE
    assert ledger.gains(attacker=STRANGER) == {"attacker": -fees, "pool": fees}


def flood(pole: Pole, round_id: int) -> None:
    """Make every call that a stranger may repeat while miners train."""
    for _ in range(OFTEN):
        task_id = stage.post(pole, by=STRANGER)
        pole.task_list.delegateKeys(task_id, accounts[STRANGER], "bafy", DIGEST, sent(STRANGER))
        pole.task_list.announcePartialKeys(task_id, "bafy", DIGEST, sent(STRANGER))
        pole.task_list.cancel(task_id, sent(STRANGER))
        pole.committee.stake(sent(STRANGER, SEAT - pole.committee.stakeOf(accounts[STRANGER])[0]))
        pole.committee.unstake(sent(STRANGER))
        stage.commit(pole, round_id, ATTACKER, JUNK, bond=0)
        pole.reservoir.deposit(accounts[STRANGER], DIGEST, sent(STRANGER, 2))
        pole.reservoir.transfer(DIGEST, pole.chain, DIGEST, 1, sent(STRANGER))
        pole.reservoir.credit(DIGEST, accounts[STRANGER], 1, sent(STRANGER))
        pole.reservoir.withdraw(accounts[STRANGER], sent(STRANGER))


def costs_of_a_round(pole: Pole, *, flooded: bool) -> dict[str, int]:
    """Return the gas of an honest round's last call of each kind."""
    round_id = stage.training(pole)
    stage.commit(pole, round_id, ATTACKER, JUNK)
    if flooded:
        flood(pole, round_id)
    models = MODELS | {ATTACKER: JUNK}
    stage.commit(pole, round_id, VICTIM, MODELS[VICTIM])
    used = {"commit": last_gas()}
    stage.close(pole, round_id)
    used["close"] = last_gas()
    stage.release(pole, round_id)
    used["release"] = last_gas()
    for miner in (ATTACKER, VICTIM):
        stage.reveal(pole, round_id, miner, models[miner])
    used["reveal"] = last_gas()
    stage.draw(pole, round_id)
    used["draw"] = last_gas()
    found = stage.ballot_of(pole, round_id, stage.as_claimed(models))
    votes = dict.fromkeys(pole.committee.members(stage.ballot(pole, round_id)), found)
    stage.commit_votes(pole, round_id, votes)
    used["commit vote"] = last_gas()
    stage.reveal_votes(pole, round_id, votes)
    used["reveal vote"] = last_gas()
    stage.finalise(pole, round_id)
    return used | {"finalise": last_gas()}


def last_gas() -> int:
    return chain.get_transaction(chain[-1]["transactions"][-1].hex()).gas_used


def test_no_flood_makes_an_honest_call_dearer_than_by_a_few_hashes(pole: Pole) -> None:
    # Who earns for the first time pays for a new slot of storage: here everybody has earned before.
    pole.reservoir.deposit(accounts[STRANGER], DIGEST, sent(STRANGER, len(accounts)))
    for account in accounts:
        pole.reservoir.credit(DIGEST, account, 1, sent(STRANGER))
    stage.won(pole, MODELS | {ATTACKER: JUNK})
    calm = costs_of_a_round(pole, flooded=False)
    flooded = costs_of_a_round(pole, flooded=True)
    dearer = {call: flooded[call] - used for call, used in calm.items()}
    # A body with more records than any before takes a new slot of storage, once for each power of two.
    assert {call: more for call, more in dearer.items() if more > 30_000} == {}


def test_a_flood_changes_no_ones_money_but_the_flooders(pole: Pole) -> None:
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    stage.commit(pole, round_id, ATTACKER, JUNK)
    flood(pole, round_id)
    stage.commit(pole, round_id, VICTIM, MODELS[VICTIM])
    models = MODELS | {ATTACKER: JUNK}
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    parties.judged_fairly(pole, round_id, models)
    gains = ledger.gains(victim=VICTIM, attacker=[ATTACKER, STRANGER])
    fees = OFTEN * FEE
    # A wei a time was given to an account that nobody opens, and one was taken home.
    assert gains.pop("nobody") == OFTEN
    assert gains.pop("attacker") == -fees - OFTEN
    assert gains == LOT | {"victim": PRIZE, "pool": LOT["pool"] + fees}


def test_no_call_takes_a_cid_of_ten_thousand_bytes(pole: Pole) -> None:
    for name in ("specCid", "trainCid"):
        with refused("FileMissing", name):
            stage.post(pole, **{name: LONG})
    task_id = stage.post(pole)
    with refused("FileMissing", "sharingCid"):
        pole.task_list.delegateKeys(task_id, accounts[4], LONG, DIGEST, sent(DATA_NODE))
    with refused("FileMissing", "keysCid"):
        pole.task_list.announcePartialKeys(task_id, LONG, DIGEST, sent(STRANGER))
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    with refused("EmptyField", "keysCid"):
        pole.chain.postFunctionalKeys(round_id, LONG, DIGEST, sent(DATA_NODE))
    stage.post_keys(pole, round_id)
    stage.commit(pole, round_id, VICTIM, MODELS[VICTIM])
    stage.close(pole, round_id)
    chain.mine()
    with refused("EmptyField", "testCid"):
        pole.chain.releaseTestSet(round_id, LONG, TEST_DIGEST, sent(DATA_NODE))
    stage.release(pole, round_id)
    with refused("EmptyField", "modelCid"):
        model = MODELS[VICTIM]
        pole.chain.reveal(
            round_id, LONG, stage.digest_of(VICTIM, model), model.test, model.salt, sent(VICTIM)
        )


@pytest.mark.parametrize("votes", [[], [ok(90, 45)] * 2, [ok(90, 45)] * 300], ids=["none", "two", "300"])
def test_more_or_fewer_votes_than_choices_cost_the_penalty_and_are_kept_nowhere(
    pole: Pole, votes: list[Vote]
) -> None:
    ledger = books.opened(pole)
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    everybody = {member: [ok(90, 45)] for member in members}
    stage.commit_votes(pole, round_id, everybody | {members[0]: votes})
    with refused("MalformedVotes", ballot_id(round_id, 0)):
        pole.committee.revealVote.call(
            ballot_id(round_id, 0), 0, stage.as_tuples(votes), b"\x77" * 32, {"from": members[0]}
        )
    stage.reveal_votes(pole, round_id, {member: everybody[member] for member in members[1:]})
    stage.end_votes(pole, round_id)
    stage.finalise(pole, round_id)
    assert ledger.gains(attacker=members[0])["attacker"] == -PENALTY


def test_counts_at_the_end_of_their_type_overflow_nothing(pole: Pole) -> None:
    maximum = 2**32 - 1
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    with refused("CountTooLarge", maximum, 100):
        stage.commit(pole, round_id, VICTIM, Model(train=maximum))
    stage.commit(pole, round_id, VICTIM, MODELS[VICTIM])
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODELS[VICTIM])
    members = stage.vote(pole, round_id, {VICTIM: ok(90, 45)}, m0={VICTIM: ok(maximum, maximum)})
    stage.finalise(pole, round_id)
    assert ledger.gains(attacker=members[0])["attacker"] == -PENALTY
