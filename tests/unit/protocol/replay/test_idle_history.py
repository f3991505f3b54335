"""Idle rounds in a chain's history: opened with an empty list only, seeded, paid and judged by the rules."""

from dataclasses import replace

import pytest
from tests.unit.protocol.example_rounds import MINERS, PARAMETERS
from tests.unit.protocol.ledger import HONEST, VERIFIERS, Ledger

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    KeysPosted,
    Payouts,
    SubmissionsClosed,
    decode_record,
)
from pole.protocol.encoding.records import TestSeedDrawn as DrawnTestSeed
from pole.protocol.encoding.records import TestSetReleased as ReleasedTestSet
from pole.protocol.encoding.seeds import draw_entropy
from pole.protocol.parameters import Parameters
from pole.protocol.replay.history import verify_history
from pole.protocol.state import PayoutReason, RecordKind, Vote

IDLE: Parameters = replace(
    PARAMETERS,
    task_list=replace(
        PARAMETERS.task_list,
        idle_time_limit=60,
        idle_train_count=100,
        idle_test_count=10,
        idle_train_accuracy=9_000,
        idle_work=5,
    ),
)


def idle_round(ledger: Ledger, *, miners: int = 2, seeded: bool = True, vote: Vote = HONEST) -> None:
    round_id = ledger.open()
    ledger.seed(round_id)
    for n in range(miners):
        ledger.commit(round_id, n)
    ledger.add(SubmissionsClosed(round_id))
    if seeded:
        ledger.draw_test_seed(round_id)
    for n in range(miners):
        ledger.reveal(round_id, n, test=9 if seeded else 0)
    ledger.vote(ballot_id(round_id, 0), (vote,) * ledger.draw(round_id))
    ledger.finalise(round_id)


def payouts_of(ledger: Ledger) -> dict[PayoutReason, int]:
    record = next(each for each in ledger.records if each.kind is RecordKind.PAYOUTS)
    data = decode_record(record)
    assert isinstance(data, Payouts)
    return {payout.reason: payout.amount for payout in data.payouts if payout.payee == MINERS[0]}


def test_idle_rounds_make_a_chain_that_verifies() -> None:
    ledger = Ledger(IDLE)
    idle_round(ledger)
    idle_round(ledger, miners=1, seeded=False, vote=replace(HONEST, test_correct=0))
    ledger.post()
    ledger.run()
    assert verify_history(ledger.history()).height == 3


def test_the_winner_gets_the_block_reward_less_the_fee_and_no_other() -> None:
    ledger = Ledger(IDLE)
    idle_round(ledger)
    reward = IDLE.chain.block_reward
    fee = reward * IDLE.chain.verification_fee_bps // 10_000
    assert payouts_of(ledger) == {
        PayoutReason.TASK_REWARD: reward - fee,
        PayoutReason.MINER_BOND: IDLE.chain.miner_bond,
    }


def test_models_below_the_threshold_win_nothing_and_nobody_gets_a_refund() -> None:
    ledger = Ledger(IDLE)
    idle_round(ledger, vote=Vote(HONEST.verdict, 89, 9, HONEST.predictions))
    report = verify_history(ledger.history())
    assert (report.height, report.void_rounds) == (0, 1)
    assert payouts_of(ledger) == {}


def test_an_idle_round_beside_a_waiting_task_is_refused() -> None:
    ledger = Ledger(IDLE)
    ledger.post()
    ledger.waiting.clear()
    idle_round(ledger)
    with pytest.raises(IntegrityError, match="task 0, which is not the most valuable"):
        verify_history(ledger.history())


def test_an_idle_round_of_a_deployment_without_any_is_refused() -> None:
    ledger = Ledger()
    ledger.open()
    with pytest.raises(IntegrityError, match="this deployment has no idle rounds"):
        verify_history(ledger.history())


@pytest.mark.parametrize(
    "odd",
    [KeysPosted(1, "bafykeys", b"\x21" * 32), ReleasedTestSet(1, "bafy", bytes(32))],
)
def test_what_a_data_node_does_has_no_place_in_an_idle_round(
    odd: KeysPosted | ReleasedTestSet,
) -> None:
    ledger = Ledger(IDLE)
    ledger.seed(ledger.open())
    ledger.add(odd)
    with pytest.raises(IntegrityError, match="an idle round has records of a data node"):
        verify_history(ledger.history())


def test_a_test_seed_has_no_place_in_a_data_nodes_round() -> None:
    ledger = Ledger(IDLE)
    ledger.post()
    round_id = ledger.run_to_training()
    ledger.commit(round_id, 0)
    ledger.add(SubmissionsClosed(round_id))
    ledger.draw_test_seed(round_id)
    with pytest.raises(IntegrityError, match="waited for no draw"):
        verify_history(ledger.history())


def test_a_block_named_for_a_test_seed_does_not_draw_the_committee() -> None:
    ledger = Ledger(IDLE)
    round_id = ledger.open()
    ledger.seed(round_id)
    ledger.commit(round_id, 0)
    ledger.add(SubmissionsClosed(round_id))
    mix = ledger.arm(round_id)
    ledger.reveal(round_id, 0, test=0)
    ledger.add(CommitteeDrawn(round_id, mix, draw_entropy(round_id, 0, mix), VERIFIERS))
    with pytest.raises(IntegrityError, match="comes before a block was named for it"):
        verify_history(ledger.history())


def test_a_false_test_seed_is_refused() -> None:
    ledger = Ledger(IDLE)
    round_id = ledger.open()
    ledger.seed(round_id)
    ledger.commit(round_id, 0)
    ledger.add(SubmissionsClosed(round_id))
    ledger.add(DrawnTestSeed(round_id, ledger.arm(round_id), b"\x3d" * 32))
    with pytest.raises(IntegrityError, match="a TestSeedDrawn record gives does not follow"):
        verify_history(ledger.history())


def test_a_second_idle_round_beside_an_open_one_is_refused() -> None:
    lanes = replace(IDLE, committee=replace(IDLE.committee, lanes=2))
    ledger = Ledger(lanes)
    ledger.open(0)
    ledger.open(1)
    with pytest.raises(IntegrityError, match="round 3 is idle, but idle round 2 is open"):
        verify_history(ledger.history())


def test_an_idle_round_may_run_beside_a_task_s() -> None:
    lanes = replace(IDLE, committee=replace(IDLE.committee, lanes=2))
    ledger = Ledger(lanes)
    ledger.post()
    ledger.run_to_training(lane=1)
    idle_round(ledger)
    assert verify_history(ledger.history()).height == 1
