"""Chains that stand still or are rolled back, seats and seeds of the last second, by the devnet's rules."""

from collections.abc import Callable

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks import devnet as at
from tests.contracts.stage import STRANGER, Model, Pole, ok, refused

from pole.protocol.state import Phase

VICTIM, ATTACKER = 2, 3
MODEL = Model()
GAP = 78 * 60


def gap() -> None:
    """Let 78 minutes pass without a block of Ethereum but the one that ends them."""
    chain.sleep(GAP)
    chain.mine()


def test_a_gap_of_78_minutes_before_every_step_of_data_node_and_miner_costs_nobody_anything(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.opened(devnet, **at.TASK)
    gap()
    stage.post_keys(devnet, round_id)
    # Longer than the grace and the time limit, whose blocks have not passed.
    gap()
    stage.commit(devnet, round_id, VICTIM, MODEL)
    chain.mine(at.RULES.chain.window_blocks)
    devnet.chain.closeSubmissions(round_id, at.sent(STRANGER))
    gap()
    stage.release(devnet, round_id)
    gap()
    stage.reveal(devnet, round_id, VICTIM, MODEL)
    gap()
    stage.vote(devnet, round_id, {VICTIM: ok(90, 45)})
    used = at.end(devnet, round_id)
    assert ledger.gains(victim=VICTIM, verifiers=at.SEATS) == at.lot(used) | {"victim": at.PRIZE}


def test_every_window_ends_by_its_blocks_as_well_as_by_its_seconds(devnet: Pole) -> None:
    round_id = stage.opened(devnet, **at.TASK)
    gap()
    assert stage.phase(devnet, round_id) is Phase.KEYS
    chain.mine(at.RULES.chain.window_blocks)
    assert stage.phase(devnet, round_id) is Phase.SETTLEMENT


def test_votes_after_a_gap_of_78_minutes_count_and_pay(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, {VICTIM: MODEL}, **at.TASK)
    members = stage.draw(devnet, round_id)
    gap()
    votes = {member: [ok(90, 45)] for member in members[:2]}
    stage.commit_votes(devnet, round_id, votes)
    # Who has not committed when somebody ends the window is absent; who has can reveal after another gap.
    stage.end_votes(devnet, round_id)
    gap()
    stage.reveal_votes(devnet, round_id, votes)
    used = at.end(devnet, round_id)
    gains = ledger.gains(honest=members[:2], absent=members[2:], verifiers=at.SEATS)
    assert "honest" not in gains
    assert gains["absent"] == -3 * at.PENALTY
    assert gains["data_node"] == -at.FEE - used


def test_after_a_reorganisation_that_undoes_the_release_a_copy_counts_as_its_original_alone(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    model = Model(digest=b"\x0d" * 32)
    round_id = stage.training(devnet, **at.TASK)
    stage.commit(devnet, round_id, VICTIM, model)
    stage.close(devnet, round_id)
    stage.release(devnet, round_id)
    stage.reveal(devnet, round_id, VICTIM, model)
    # That no better model comes of it is up to workers, who give nothing away that is not confirmed.
    chain.undo(3)
    stage.commit(devnet, round_id, ATTACKER, model)
    stage.close(devnet, round_id)
    stage.release(devnet, round_id)
    for miner in (ATTACKER, VICTIM):
        stage.reveal(devnet, round_id, miner, model)
    stage.vote(devnet, round_id, {VICTIM: ok(90, 45)})
    used = at.end(devnet, round_id)
    gains = ledger.gains(victim=VICTIM, attacker=ATTACKER, verifiers=at.SEATS)
    assert gains == at.lot(used) | {"victim": at.PRIZE}


def test_votes_shown_before_a_reorganisation_that_undoes_the_end_of_commitments_cost_two_penalties(
    devnet: Pole,
) -> None:
    ledger = books.opened(devnet)
    round_id = stage.revealed(devnet, {VICTIM: MODEL}, **at.TASK)
    hasty, *others = members = stage.draw(devnet, round_id)
    votes = {member: [ok(90, 45)] for member in members}
    stage.commit_votes(devnet, round_id, votes)
    stage.reveal_votes(devnet, round_id, {hasty: votes[hasty]})
    # No worker shows its votes before the end of the commitments is confirmed.
    chain.undo(2)
    shown = stage.as_tuples(votes[hasty]), b"\x77" * 32
    devnet.committee.leak(stage.ballot(devnet, round_id), 0, *shown, at.sent(ATTACKER))
    stage.commit_votes(devnet, round_id, {others[-1]: votes[others[-1]]})
    stage.reveal_votes(devnet, round_id, {member: votes[member] for member in others})
    stage.end_votes(devnet, round_id)
    at.end(devnet, round_id)
    gains = ledger.gains(hasty=hasty, informer=ATTACKER, victim=VICTIM, verifiers=at.SEATS)
    assert gains["hasty"] == -2 * at.PENALTY
    assert gains["informer"] == at.PENALTY // 2


def test_every_window_outlasts_twice_the_confirmations_that_secrets_wait_for() -> None:
    assert at.RULES.chain.window_blocks > 2 * at.RULES.chain.confirmations


def test_seats_staked_in_the_second_that_opens_a_round_judge_nothing_of_it(
    devnet: Pole, crowd: list[int]
) -> None:
    ledger = books.opened(devnet)
    stage.post(devnet, **at.TASK | {"reward": 10 * stage.ETHER})
    latecomers = crowd[:6]
    for wallet in latecomers:
        stage.take_seat(devnet, wallet)
    round_id = stage.open_round(devnet)
    stage.draw(devnet, round_id)
    stage.post_keys(devnet, round_id)
    stage.commit(devnet, round_id, VICTIM, MODEL)
    stage.close(devnet, round_id)
    stage.release(devnet, round_id)
    stage.reveal(devnet, round_id, VICTIM, MODEL)
    members = stage.draw(devnet, round_id)
    # Ten ether are decided by ten ether of stake, all of it older than the round.
    assert len(members) == 10
    assert not {accounts[wallet] for wallet in latecomers} & set(members)
    stage.commit_votes(devnet, round_id, {member: [ok(90, 45)] for member in members})
    stage.reveal_votes(devnet, round_id, {member: [ok(90, 45)] for member in members})
    at.end(devnet, round_id)
    assert "attacker" not in ledger.gains(attacker=crowd, victim=VICTIM, verifiers=at.SEATS)


def test_where_too_few_seats_are_old_enough_for_a_reward_nobody_judges_it(
    devnet: Pole, crowd: list[int]
) -> None:
    ledger = books.opened(devnet)
    for wallet in crowd[:6]:
        stage.take_seat(devnet, wallet)
    large = at.TASK | {"reward": 21 * stage.ETHER, "fee": stage.ETHER}
    round_id = stage.revealed(devnet, {VICTIM: MODEL}, **large)
    assert stage.draw(devnet, round_id) == []
    stage.finalise(devnet, round_id)
    used = at.used_rent(devnet, round_id, **large)
    gains = ledger.gains(attacker=crowd, victim=VICTIM, verifiers=at.SEATS)
    assert gains == {"data_node": -large["fee"] - used, "pool": large["fee"] + used}


def test_who_opens_a_round_can_try_no_seeds_for_its_block_is_not_mined_yet(devnet: Pole) -> None:
    ledger = books.opened(devnet)
    stage.post(devnet, **at.TASK)
    minimum = at.cheapest(at.HOUR)
    for task in (2, 3):
        stage.post(devnet, by=ATTACKER, **minimum)
        devnet.task_list.cancel(task, at.sent(ATTACKER))
    round_id = stage.open_round(devnet)
    named = stage.field(devnet.chain.round(round_id), "drawBlock")
    assert named >= chain.height + 2
    with refused("RoundOpen", round_id):
        devnet.chain.openRound(0, at.sent(ATTACKER))
    with refused("DrawPending", round_id, named):
        devnet.chain.arm(round_id, at.sent(ATTACKER))
    stage.draw(devnet, round_id)
    stage.wait(at.RULES.chain.key_window)
    stage.finalise(devnet, round_id)
    gains = ledger.gains(attacker=ATTACKER, verifiers=at.SEATS)
    assert gains["attacker"] == -2 * minimum["fee"]


def last_reveal(pole: Pole) -> int:
    return stage.revealed(pole, {VICTIM: MODEL}, **at.TASK)


def last_vote_and_challenge(pole: Pole) -> int:
    round_id = last_reveal(pole)
    stage.vote(pole, round_id, {VICTIM: ok(90, 45)})
    stage.challenge(pole, round_id, by=ATTACKER)
    return round_id


@pytest.mark.parametrize("play", [last_reveal, last_vote_and_challenge])
def test_who_bundles_the_last_step_with_arming_chooses_no_block(
    devnet: Pole, play: Callable[[Pole], int]
) -> None:
    round_id = play(devnet)
    named = stage.field(devnet.chain.round(round_id), "drawBlock")
    # The step itself named it, a fixed number of blocks ahead, and nothing renames it.
    assert named == chain.height + at.RULES.chain.draw_delay
    with refused("DrawPending", round_id, named):
        devnet.chain.arm(round_id, at.sent(ATTACKER))
    chain.mine(20)
    with refused("DrawPending", round_id, named):
        devnet.chain.arm(round_id, at.sent(ATTACKER))
    with refused("WrongHeader", named):
        devnet.chain.draw(round_id, stage.header_of(named + 1), at.sent(ATTACKER))
    stage.draw(devnet, round_id)
