"""Whatever costs an account money or its seat comes with what would have saved it."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.protocol.example_rounds import MINERS
from tests.unit.protocol.ledger import CHALLENGER, HONEST, SEATS, Ledger
from tests.unit.protocol.replay import test_miner_rows as miners
from tests.unit.protocol.replay import test_verifier_rows as verifiers
from tests.unit.protocol.replay.test_books import ABSENCE, LIE, SETTLED

from pole.protocol.replay.earnings import remedies
from pole.protocol.replay.earnings.endings import Ending
from pole.protocol.replay.earnings.miner import Deposit, miner_rows
from pole.protocol.replay.earnings.remedies import miner_remedy, verifier_remedy
from pole.protocol.replay.earnings.verifier import VACATING, SeatEnding, VerifierRow
from pole.protocol.replay.history import replayed_rounds
from pole.protocol.state import Vote


def unrevealed() -> Ledger:
    """Return a round in which miner 1 revealed nothing."""
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in range(2):
        ledger.commit(round_id, n)
    ledger.reveal_all(round_id, 0)
    return ledger


def test_every_ending_that_costs_a_seat_or_pay_has_a_remedy() -> None:
    assert {*VACATING, SeatEnding.ABSTAINED} == remedies._SEATS.keys()


def test_every_ending_that_forfeits_a_bond_has_a_remedy() -> None:
    proven_bad = {Ending.UNAVAILABLE, Ending.MALFORMED, Ending.FALSE_CLAIM}
    assert {Ending.NOT_REVEALED, *proven_bad} == remedies._BONDS.keys()


def test_a_challenge_that_changed_nothing_is_told_how_to_spare_its_bond() -> None:
    (row,) = miner_rows(replayed_rounds(SETTLED.history()), CHALLENGER, SETTLED.parameters)
    lost = replace(row, challenges=Deposit(made=5, returned=0))
    assert "--no-challenge" in (miner_remedy(lost) or "")
    assert miner_remedy(replace(row, challenges=Deposit(made=5, returned=5))) is None


def test_an_open_round_has_cost_nothing_yet() -> None:
    ledger = unrevealed()
    (row,) = miner_rows(replayed_rounds(ledger.history()), MINERS[1], ledger.parameters)
    assert (miner_remedy(row), row.held > 0) == (None, True)


def test_who_lost_nothing_is_told_nothing() -> None:
    (row,) = miners.rows(miners.displaced())
    assert miner_remedy(row) is None


@pytest.mark.parametrize(
    ("vote", "remedy"),
    [
        (None, "a worker that runs through both windows"),
        (LIE, "evaluating every model"),
        (ABSENCE, "an IPFS daemon with peers enough"),
        (HONEST, None),
    ],
)
def test_a_verifier_is_told_what_would_have_saved_its_stake_or_its_pay(
    vote: Vote | None, remedy: str | None
) -> None:
    (row,) = verifiers.rows(verifiers.judged(vote), SEATS[3])
    found = verifier_remedy(row)
    assert found is None if remedy is None else (found or "").startswith(remedy)


def test_two_committees_missed_for_one_reason_are_told_of_once() -> None:
    (row,) = verifiers.rows(verifiers.judged(None), SEATS[3])
    twice = VerifierRow(row.place, row.seats * 2, 0)
    assert verifier_remedy(twice) == verifier_remedy(row)


def test_every_remedy_that_names_a_command_names_one_that_there_is() -> None:
    commands = Path("docs/commands.md").read_text()
    for remedy in (*remedies._BONDS.values(), *remedies._SEATS.values()):
        for command in remedy.split("`")[1::2]:
            assert f"## {command}" in commands
