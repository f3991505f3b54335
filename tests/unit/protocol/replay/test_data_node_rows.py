"""What a round cost the data node of its task, why, and what would have saved it."""

import pytest
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, TERMS
from tests.unit.protocol.ledger import HONEST, Ledger

from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import SubmissionsClosed
from pole.protocol.replay.earnings.data_node import DataNodeRow, data_node_row
from pole.protocol.replay.earnings.remedies import data_node_remedy
from pole.protocol.replay.earnings.wording import data_node_reason
from pole.protocol.replay.history import replayed_rounds
from pole.protocol.state import PayoutReason, Verdict, Vote
from pole.quoting import short_address


def row_of(ledger: Ledger, owner: str = DATA_NODE) -> DataNodeRow | None:
    return data_node_row(replayed_rounds(ledger.history())[-1], owner, ledger.parameters)


def owned(ledger: Ledger) -> DataNodeRow:
    row = row_of(ledger)
    assert row is not None
    return row


def posted() -> Ledger:
    ledger = Ledger()
    ledger.post()
    return ledger


def run(vote: Vote = HONEST, *, train: int = 95) -> Ledger:
    ledger = posted()
    ledger.run(miners=2, vote=vote, train=train)
    return ledger


def without_keys() -> Ledger:
    ledger = posted()
    round_id = ledger.open()
    ledger.seed(round_id)
    ledger.finalise(round_id)
    return ledger


def without_test_set() -> Ledger:
    ledger = posted()
    round_id = ledger.run_to_training()
    ledger.commit(round_id, 0)
    ledger.add(SubmissionsClosed(round_id))
    ledger.reveal(round_id, 0, test=0)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (Vote(Verdict.OK, 95, 0, b"\x77" * 32),))
    ledger.finalise(round_id)
    return ledger


def test_a_round_of_another_s_task_is_none_of_its_own() -> None:
    assert row_of(run(), MINERS[0]) is None


def test_an_open_round_holds_reward_and_bond() -> None:
    ledger = posted()
    ledger.run_to_training()
    row = owned(ledger)
    assert (row.held, row.lost) == (TERMS.reward + TERMS.data_bond, 0)
    assert (data_node_reason(row), data_node_remedy(row)) == ("the round goes on", None)


def test_a_model_that_was_bought_is_no_loss() -> None:
    row = owned(run())
    assert (row.lost, row.held, data_node_remedy(row)) == (0, 0, None)
    assert data_node_reason(row) == f"bought the model of {short_address(MINERS[0])}"


@pytest.mark.parametrize(
    ("ledger", "reason", "remedy"),
    [
        (without_keys(), "the round is void: no keys were posted", "a worker that runs with its master"),
        (
            run(Vote(Verdict.DATA_FAULT, 0, 0, bytes(32))),
            "the round is void: its data is faulty",
            "serving what `pole task post` prepared",
        ),
        (
            run(Vote(Verdict.DATA_UNAVAILABLE, 0, 0, bytes(32))),
            "the round is void: its data could not be had",
            "an IPFS daemon that serves",
        ),
        (
            without_test_set(),
            f"bought the model of {short_address(MINERS[0])}; its test set was not released in time",
            "a worker that runs with the task's folder",
        ),
    ],
)
def test_who_loses_its_bond_is_told_why_and_how_to_keep_it(ledger: Ledger, reason: str, remedy: str) -> None:
    row = owned(ledger)
    assert row.bond.missing == TERMS.data_bond
    assert row.lost >= TERMS.data_bond
    assert data_node_reason(row) == reason
    assert (data_node_remedy(row) or "").startswith(remedy)


def test_what_is_lost_and_what_comes_back_is_all_that_was_paid_in() -> None:
    for ledger in (without_keys(), run(Vote(Verdict.DATA_FAULT, 0, 0, bytes(32)))):
        row, traced = owned(ledger), replayed_rounds(ledger.history())[-1].traced
        assert traced.payouts is not None
        back = sum(
            each.amount
            for each in traced.payouts.payouts
            if each.payee == DATA_NODE and each.reason is not PayoutReason.RENT_REFUND
        )
        assert row.lost + back == TERMS.reward + TERMS.data_bond
