"""Committees that are smaller than their reward allows: a history that has one is named."""

from dataclasses import replace

import pytest
from tests.unit.protocol.example_rounds import CHAIN, PARAMETERS, TERMS
from tests.unit.protocol.ledger import HONEST, Ledger

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id

SEATED = tuple(f"0x{number:040x}" for number in range(1, 11))
MANY_SEATS = replace(PARAMETERS, chain=replace(CHAIN, max_committee=10))


def judged_by(members: int) -> None:
    """Let so many judge a reward that asks for ten seats, of which a miner and the data node may be two."""
    ledger = Ledger(MANY_SEATS)
    ledger.post(replace(TERMS, reward=5_000_000))
    ledger.run_to_reveal(miners=1)
    ledger.draw(1, SEATED[:members])
    ledger.cast(ballot_id(1, 0), dict.fromkeys(SEATED[:members], HONEST))
    ledger.finalise(1)


def test_as_many_seats_as_were_barred_may_be_missing() -> None:
    judged_by(8)


def test_fewer_seats_than_a_reward_asks_for_are_named() -> None:
    with pytest.raises(IntegrityError, match="drawn from 9 seats at most, where 10 are needed"):
        judged_by(7)


def test_less_than_a_quorum_of_the_seats_that_a_reward_asks_for_is_named() -> None:
    with pytest.raises(IntegrityError, match="a committee of 6 members sits, where 7 to 10 may"):
        judged_by(6)
