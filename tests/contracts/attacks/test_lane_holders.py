"""Holding lanes that others wait for: what every second of it costs."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks import devnet as at
from tests.contracts.stage import DATA_NODE, ETHER, STRANGER, Model, Pole, refused

from pole.protocol.state import VoidReason

OWNER, MINER = 3, 4
LONG = 60_000
"""Seconds: fifteen seats may judge what the least task of so many pays."""


MINIMUM = at.cheapest(LONG)
LARGE = {"reward": 21 * ETHER, "fee": ETHER, "dataBond": ETHER, "timeLimit": LONG}
DIGEST = b"\x04" * 32


def keyed(pole: Pole, lane: int, **terms: int) -> int:
    """Post a task of the attacker's, open its round, and post keys that are worth nothing."""
    stage.post(pole, by=OWNER, **terms)
    round_id = stage.open_round(pole, lane)
    stage.draw(pole, round_id)
    pole.chain.postFunctionalKeys(round_id, "bafy-garbage", DIGEST, at.sent(OWNER))
    return round_id


def test_a_lane_whose_keys_nobody_accepts_is_free_again_after_the_grace(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = keyed(devnet, 0, **MINIMUM)
    waiting = stage.post(devnet, **LARGE)
    keys = chain[-1].timestamp
    stage.wait(at.RULES.chain.grace_window)
    stage.finalise(devnet, round_id)
    assert stage.void_reason(devnet, round_id) is VoidReason.NO_COMMITMENT
    assert chain[-1].timestamp - keys < at.RULES.chain.grace_window + 10
    used = at.used_rent(devnet, round_id, **MINIMUM)
    # The task that waits can take the lane at once; it is taken back for the books alone.
    opened = stage.open_round(devnet)
    assert stage.field(devnet.chain.round(opened), "taskId") == waiting
    chain.undo()
    devnet.task_list.cancel(waiting, at.sent(DATA_NODE))
    assert ledger.gains(attacker=OWNER, verifiers=at.SEATS) == {
        "attacker": -MINIMUM["fee"] - used,
        "data_node": -LARGE["fee"],
        "pool": MINIMUM["fee"] + LARGE["fee"] + used,
    }


def test_three_lanes_that_are_held_keep_no_task_from_the_fourth(devnet: Pole) -> None:
    for lane in (0, 1, 2):
        keyed(devnet, lane, **MINIMUM)
    waiting = stage.post(devnet, **LARGE)
    opened = stage.open_round(devnet, 3)
    assert stage.field(devnet.chain.round(opened), "taskId") == waiting


def test_who_mines_its_own_tasks_to_hold_all_lanes_for_long_pays_fee_rent_and_committee_of_each(
    devnet: Pole,
) -> None:
    with refused("TermOutOfRange", "reward", MINIMUM["reward"] - 1, MINIMUM["reward"], 21 * ETHER):
        cheaper = MINIMUM | {"reward": MINIMUM["reward"] - 1}
        devnet.task_list.post.call(*stage.post_call(devnet, by=OWNER, **cheaper))
    ledger = books.opened(devnet)
    junk = Model(train=1, test=0)
    lanes = range(at.RULES.committee.lanes)
    rounds = [keyed(devnet, lane, **MINIMUM) for lane in lanes]
    for round_id in rounds:
        stage.commit(devnet, round_id, MINER, junk)
    stage.wait(LONG)
    used = paid = 0
    judging = MINIMUM["reward"] * at.RULES.chain.verification_fee_bps // 10_000
    for round_id in rounds:
        devnet.chain.releaseTestSet(round_id, "bafy", stage.TEST_DIGEST, at.sent(OWNER))
        stage.reveal(devnet, round_id, MINER, junk)
        seats = len(stage.vote(devnet, round_id, stage.as_claimed({MINER: junk})))
        paid += judging // seats * seats
        used += at.end(devnet, round_id, **MINIMUM)
    fees = len(lanes) * MINIMUM["fee"]
    # The fee covers a block: what that draws comes back from the pool.
    lost = fees + used + len(lanes) * (judging - at.BLOCK_REWARD)
    # A long task asks for what it would if each second cost as many times as it has windows in it.
    shares = at.RULES.task_list.fee_bps + at.RULES.task_list.rent_bps + at.RULES.chain.verification_fee_bps
    windows = LONG // at.RULES.task_list.round_windows
    each = windows * LONG * at.RULES.task_list.reward_per_second
    assert lost > len(lanes) * each * shares // 10_000
    assert lost > 7 * ETHER
    assert ledger.gains(attacker=[OWNER, MINER], verifiers=at.SEATS) == {
        "attacker": -lost,
        "verifiers": paid,
        "pool": lost - paid,
    }


def test_who_outbids_a_task_to_keep_it_waiting_pays_fee_bond_and_the_rent_of_its_offer(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    waiting = stage.post(devnet, **at.TASK)
    judging = at.RULES.task_list.max_solutions
    windows = at.RULES.task_list.round_windows + judging
    even = at.REWARD * (1 + windows) // (at.HOUR + windows)
    brief = {"timeLimit": 1, "minTrainingTime": 0, "dataBond": MINIMUM["dataBond"], "reward": even + 1}
    brief["fee"] = brief["reward"] * at.RULES.task_list.fee_bps // 10_000
    stage.post(devnet, by=OWNER, **brief | {"reward": even})
    assert devnet.task_list.best() == waiting
    devnet.task_list.cancel(2, at.sent(OWNER))
    stage.post(devnet, by=OWNER, **brief)
    round_id = stage.open_round(devnet)
    assert stage.field(devnet.chain.round(round_id), "taskId") == 3
    stage.draw(devnet, round_id)
    stage.wait(at.RULES.chain.key_window)
    stage.finalise(devnet, round_id)
    used = at.used_rent(devnet, round_id, **brief)
    # A fiftieth of what waits, for ten minutes in one of four lanes.
    lost = 2 * brief["fee"] + brief["dataBond"] + used
    devnet.task_list.cancel(waiting, at.sent(DATA_NODE))
    assert lost > at.REWARD // 100
    assert ledger.gains(attacker=OWNER, verifiers=at.SEATS) == {
        "attacker": -lost,
        "data_node": -at.FEE,
        "pool": lost + at.FEE,
    }


def test_a_commitment_of_somebody_else_does_not_shorten_what_the_owner_pays_for(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    hour = at.cheapest(at.HOUR)
    round_id = keyed(devnet, 0, **hour)
    stage.commit(devnet, round_id, STRANGER, Model(train=1))
    with refused("WrongPhase"):
        devnet.chain.finalise.call(round_id, {"from": accounts[0]})
    stage.wait(at.HOUR)
    devnet.chain.releaseTestSet(round_id, "bafy", stage.TEST_DIGEST, at.sent(OWNER))
    stage.wait(at.RULES.chain.reveal_window)
    stage.finalise(devnet, round_id)
    used = at.used_rent(devnet, round_id, **hour)
    bond = at.RULES.chain.miner_bond
    seats = [n for n in at.SEATS if n != STRANGER]
    assert ledger.gains(attacker=OWNER, stranger=STRANGER, verifiers=seats) == {
        "attacker": -hour["fee"] - used,
        "stranger": -bond,
        "pool": hour["fee"] + used + bond,
    }
