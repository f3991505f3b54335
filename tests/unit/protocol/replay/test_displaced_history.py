"""Histories in which a higher claim takes the lowest place: what does not follow from the rules is named."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import MINERS
from tests.unit.protocol.ledger import HONEST, VERIFIERS, Ledger
from tests.unit.protocol.replay.test_history import index_of, rewritten

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import Payouts, RecordData, SolutionCommitted, SolutionDisplaced
from pole.protocol.replay.audits.solutions import solutions
from pole.protocol.replay.history import verify_history
from pole.protocol.replay.round_trace import trace
from pole.protocol.state import PayoutReason, RecordKind

EXTRA = tuple("0x" + f"{n:02x}" * 20 for n in (0x11, 0x22))


def displace(ledger: Ledger, n: int) -> None:
    ledger.add(SolutionDisplaced(1, MINERS[n]))


def stranger(ledger: Ledger, claim: int, address: str = EXTRA[0]) -> None:
    ledger.add(SolutionCommitted(1, address, b"\x0e" * 32, claim))


def full(claims: tuple[int, int, int, int] = (90, 95, 95, 95)) -> Ledger:
    """Return a round in training, all of whose four places are taken."""
    ledger = Ledger()
    ledger.post()
    ledger.run_to_training()
    for n, claim in enumerate(claims):
        ledger.commit(1, n, claim)
    return ledger


def displaced() -> Ledger:
    """Return a round that ended after miner 0 had lost its place to somebody who never revealed."""
    ledger = full()
    displace(ledger, 0)
    stranger(ledger, 96)
    ledger.reveal_all(1, 1, 2, 3)
    ledger.vote(ballot_id(1, 0), (HONEST,) * ledger.draw(1))
    ledger.finalise(1)
    return ledger


def miners(ledger: Ledger) -> list[str]:
    return [each.miner for each in solutions(trace(ledger.round_records), maximum=4)]


def require_breach(ledger: Ledger, message: str) -> None:
    with pytest.raises(IntegrityError, match=f"in round 1 .*{message}"):
        verify_history(ledger.history())


def test_a_fifth_of_four_solutions_is_refused() -> None:
    ledger = full()
    stranger(ledger, 100)
    require_breach(ledger, f"{EXTRA[0]} committed although all 4 places were taken")


def test_nobody_is_displaced_while_places_are_free() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run_to_training()
    ledger.commit(1, 0)
    displace(ledger, 0)
    require_breach(ledger, "displaced although places were free")


@pytest.mark.parametrize("n", [1, 2])
def test_only_the_lowest_claim_and_among_equals_the_latest_is_displaced(n: int) -> None:
    ledger = full((95, 90, 91, 90))
    displace(ledger, n)
    stranger(ledger, 100)
    require_breach(ledger, f"miner {MINERS[n]} was displaced, whose claim is not the lowest")


@pytest.mark.parametrize("claim", [0, 90])
def test_a_claim_that_is_not_higher_displaces_nobody(claim: int) -> None:
    ledger = full()
    displace(ledger, 0)
    stranger(ledger, claim)
    require_breach(ledger, f"displaced miner {MINERS[0]} without a higher claim")


def test_a_miner_with_a_place_displaces_nobody() -> None:
    ledger = full()
    displace(ledger, 0)
    ledger.commit(1, 1, 100)
    require_breach(ledger, "without a higher claim")


def test_a_displaced_miner_does_not_take_its_own_place_back() -> None:
    ledger = full()
    displace(ledger, 0)
    ledger.commit(1, 0, 100)
    require_breach(ledger, "without a higher claim")


def test_a_place_is_taken_by_the_record_that_follows() -> None:
    ledger = full()
    displace(ledger, 0)
    require_breach(ledger, "displaced by nobody")


def test_a_displaced_miner_reveals_nothing() -> None:
    ledger = full()
    displace(ledger, 0)
    stranger(ledger, 96)
    ledger.reveal_all(1, 0, train=90)
    require_breach(ledger, f"{MINERS[0]} revealed without a commitment")


@pytest.mark.parametrize(
    ("kind", "nth", "change", "message"),
    [
        (RecordKind.SOLUTION_DISPLACED, 0, lambda _: SolutionDisplaced(1, MINERS[1]), "is not the lowest"),
        (RecordKind.SOLUTION_DISPLACED, 0, lambda _: SolutionDisplaced(2, MINERS[0]), "round 2 is not open"),
        (RecordKind.SOLUTION_COMMITTED, 4, lambda _: SolutionDisplaced(1, MINERS[0]), "displaced by nobody"),
        (RecordKind.SOLUTION_COMMITTED, 0, lambda r: SolutionDisplaced(1, r.miner), "places were free"),
        (RecordKind.TEST_SET_RELEASED, 0, lambda _: SolutionDisplaced(1, MINERS[0]), "comes after a Subm"),
    ],
)
def test_a_displacement_against_the_rules_is_named(
    kind: RecordKind, nth: int, change: Callable[[Any], RecordData], message: str
) -> None:
    history = displaced().history()
    with pytest.raises(IntegrityError, match=f"Height 1.*{message}"):
        verify_history(rewritten(history, index_of(history, kind, nth), change))


def test_the_newcomer_has_the_place_of_the_displaced() -> None:
    ledger = displaced()
    assert miners(ledger) == [EXTRA[0], *MINERS[1:]]
    paid = next(each for each in ledger.round_records if isinstance(each, Payouts)).payouts
    bonds = [payout.payee for payout in paid if payout.reason is PayoutReason.MINER_BOND]
    assert bonds == list(MINERS[1:])
    assert verify_history(ledger.history()).height == 1


def test_a_displaced_miner_may_come_back_with_a_higher_claim() -> None:
    ledger = full((90, 91, 95, 95))
    displace(ledger, 0)
    stranger(ledger, 96)
    displace(ledger, 1)
    ledger.commit(1, 0, 92)
    assert miners(ledger) == [EXTRA[0], MINERS[0], *MINERS[2:]]
    ledger.reveal_all(1, 0, train=92)
    verify_history(ledger.history())


def test_replacing_in_a_full_round_displaces_nobody() -> None:
    ledger = full()
    ledger.commit(1, 2, 99)
    assert miners(ledger) == list(MINERS)
    verify_history(ledger.history())


def test_a_replacement_that_claims_less_is_named() -> None:
    ledger = full()
    ledger.commit(1, 2, 80)
    with pytest.raises(IntegrityError, match=f"miner {MINERS[2]} lowered its claim to 80"):
        verify_history(ledger.history())


def test_a_displaced_miner_may_sit_on_the_committee() -> None:
    ledger = full()
    displace(ledger, 0)
    stranger(ledger, 96)
    ledger.reveal_all(1, 1, 2, 3)
    ledger.draw(1, (MINERS[0], *EXTRA[1:], VERIFIERS[0]))
    verify_history(ledger.history())
