"""What the log says of a round that has ended."""

import logging
from functools import partial

import pytest
from tests.unit.protocol.example_rounds import CHAIN, DATA_NODE, MINERS, TERMS
from tests.unit.protocol.ledger import HONEST, SEATS, VERIFIERS, Ledger
from tests.unit.protocol.replay.test_books import SETTLED
from tests.unit.roles.conftest import MINERS as STAGED
from tests.unit.roles.conftest import Stage
from tests.unit.roles.workers.test_settlement import ended, settlement

from pole.errors import IntegrityError, UnreachableError
from pole.protocol.amounts import ether
from pole.protocol.ballots import ballot_id
from pole.protocol.replay.earnings.data_node import DataNodeRow, data_node_row
from pole.protocol.replay.earnings.miner import MinerRow, miner_row
from pole.protocol.replay.earnings.verifier import VerifierRow, verifier_row
from pole.protocol.replay.history import replayed_rounds
from pole.quoting import short_address
from pole.roles.workers.results import report_judged, report_mined, report_served


def played() -> Ledger:
    """Return a round that miner 0 won, in which miner 1 revealed nothing."""
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in range(2):
        ledger.commit(round_id, n)
    ledger.reveal_all(round_id, 0)
    ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (HONEST,))
    ledger.finalise(round_id)
    return ledger


def mined(miner: str, round_id: int) -> MinerRow | None:
    ledger = played()
    return miner_row(replayed_rounds(ledger.history())[round_id - 1], miner, ledger.parameters)


def judged(verifier: str, round_id: int) -> VerifierRow | None:
    round_played = replayed_rounds(SETTLED.history())[round_id - 1]
    return verifier_row(round_played, verifier, SETTLED.parameters, SETTLED.books)


def test_records_that_break_a_rule_are_told_and_keep_nothing_from_going_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: int) -> MinerRow:
        raise IntegrityError("there are 2 Payouts records")

    report_mined(3, broken)
    assert caplog.messages == ["Round 3: cannot say what it paid: there are 2 Payouts records"]


def test_a_winner_is_told_what_it_was_paid(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    report_mined(1, partial(mined, MINERS[0]))
    paid = TERMS.reward - TERMS.reward // 10 + CHAIN.block_reward
    (record,) = caplog.records
    assert record.getMessage() == f"Round 1: won. Paid {ether(paid)}."
    details = {"round": 1, "paid": str(paid), "lost": "0", "ending": "won", "rank": 1}
    assert (record.__dict__["event"], record.__dict__["details"]) == ("result", details)


def test_who_loses_its_bond_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    report_mined(1, partial(mined, MINERS[1]))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    lost = ether(CHAIN.miner_bond)
    assert record.getMessage() == (
        f"Round 1: its model was not revealed in time. Lost {lost}. Saved by a worker "
        "that runs until the round ends, with its journal and ether for gas."
    )


def test_who_took_no_part_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    report_mined(1, partial(mined, MINERS[2]))
    report_judged(1, partial(judged, MINERS[0]))
    assert not caplog.records


def test_a_verifier_is_told_what_it_was_paid_or_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    report_judged(1, partial(judged, SEATS[4]))
    report_judged(1, partial(judged, SEATS[6]))
    report_judged(1, partial(judged, VERIFIERS[2]))
    paid, absent, leaked = caplog.records
    assert paid.getMessage().startswith("Round 1: cast what was found. Paid ")
    assert absent.getMessage() == (
        "Round 1: absent: committed no votes in time; lost its seat. Lost 0.0000000000000005 ETH. "
        "Saved by a worker that runs through both windows of the vote, with ether for gas."
    )
    assert absent.levelno == leaked.levelno == logging.WARNING
    assert leaked.__dict__["details"]["ending"] == "leaked, right"


def test_a_round_is_told_once_when_it_has_ended(stage: Stage) -> None:
    ended(stage)
    told: list[int] = []
    means = settlement(stage, STAGED[0], report_result=told.append)
    for _ in range(3):
        means.step(stage.world.moment())
    assert told == [1]


def test_a_round_whose_end_the_node_does_not_show_yet_is_told_later(stage: Stage) -> None:
    ended(stage)
    told: list[int] = []

    def behind(_: int) -> None:
        raise UnreachableError("The Ethereum node does not show the end of round 1.")

    with pytest.raises(UnreachableError):
        settlement(stage, STAGED[0], report_result=behind).step(stage.world.moment())
    settlement(stage, STAGED[0], report_result=told.append).step(stage.world.moment())
    assert told == [1]


def test_a_data_node_is_told_whose_model_it_bought(caplog: pytest.LogCaptureFixture) -> None:
    def served(owner: str, round_id: int) -> DataNodeRow | None:
        ledger = played()
        return data_node_row(replayed_rounds(ledger.history())[round_id - 1], owner, ledger.parameters)

    caplog.set_level("INFO")
    report_served(1, partial(served, DATA_NODE))
    report_served(1, partial(served, MINERS[0]))
    (record,) = caplog.records
    assert record.getMessage() == f"Round 1: bought the model of {short_address(MINERS[0])}."
    assert record.__dict__["details"]["ending"] == "bought"
