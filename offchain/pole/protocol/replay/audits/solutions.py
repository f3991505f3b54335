"""Who holds a round's places and with which solution (twin of contracts/libraries/rounds/Solutions.sol).

Every function raises IntegrityError with half a sentence, as those of `pole.protocol.replay.audits.rounds`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.encoding.records import SolutionCommitted, SolutionDisplaced, SolutionRevealed
from pole.protocol.replay.round_trace import RoundTrace
from pole.protocol.rounds.judgement import choose
from pole.protocol.state import Solution


@dataclass(frozen=True, slots=True)
class Placed:
    """What a place holds: the newest commitment of its miner, and its position among all of the round's."""

    commitment: SolutionCommitted
    order: int

    @property
    def miner(self) -> str:
        """Return whose place it is."""
        return self.commitment.miner

    @property
    def claim(self) -> int:
        """Return the correct predictions on the training set that the miner claims."""
        return self.commitment.claimed_train_correct


def lowest(places: Sequence[Placed]) -> int:
    """Return the index of the place that a higher claim takes: the lowest claim, among equals the latest."""
    return min(range(len(places)), key=lambda place: (places[place].claim, -places[place].order))


def placed(
    submissions: Sequence[SolutionCommitted | SolutionDisplaced], *, maximum: int
) -> tuple[Placed, ...]:
    """Return what the places hold in the end, in the order in which they were first taken.

    Raises IntegrityError when a round took more than `at_most` solutions, or displaced another than the
    lowest claim, or for a claim that is not higher or was lowered.
    """
    places: list[Placed] = []
    displaced: SolutionDisplaced | None = None
    order = 0
    for record in submissions:
        if isinstance(record, SolutionDisplaced):
            _check_displaced(record, places, maximum)
            displaced = record
            continue
        _put(places, Placed(record, order), displaced, maximum)
        displaced, order = None, order + 1
    if displaced is not None:
        raise IntegrityError(f"miner {displaced.miner} was displaced by nobody")
    return tuple(places)


def solutions(traced: RoundTrace, *, maximum: int) -> tuple[Solution, ...]:
    """Return the round's solutions by place, with their choices.

    Raises IntegrityError when a miner revealed without a commitment, twice, or another train count than it
    had committed to, and as `placed`.
    """
    places = placed(traced.submissions, maximum=maximum)
    claims = {place.miner: place.claim for place in places}
    reveals = {each.miner: each for each in traced.reveals}
    if len(reveals) != len(traced.reveals):
        raise IntegrityError("a miner revealed twice")
    for miner, reveal in reveals.items():
        if miner not in claims:
            raise IntegrityError(f"miner {miner} revealed without a commitment")
        if claims[miner] != reveal.claimed_train_correct:
            raise IntegrityError(f"miner {miner} revealed another train count than it committed to")
    return choose([_solution(place, reveals.get(place.miner)) for place in places])


def _check_displaced(record: SolutionDisplaced, places: Sequence[Placed], maximum: int) -> None:
    if len(places) < maximum:
        raise IntegrityError(f"miner {record.miner} was displaced although places were free")
    if places[lowest(places)].miner != record.miner:
        raise IntegrityError(f"miner {record.miner} was displaced, whose claim is not the lowest")


def _put(places: list[Placed], own: Placed, displaced: SolutionDisplaced | None, maximum: int) -> None:
    """Put a commitment into its miner's place, else into the one made free, else into the next."""
    held = [index for index, place in enumerate(places) if place.miner == own.miner]
    if displaced is not None:
        place = lowest(places)
        if held or own.claim <= places[place].claim:
            raise IntegrityError(
                f"miner {own.miner} displaced miner {displaced.miner} without a higher claim"
            )
        places[place] = own
    elif held:
        if own.claim < places[held[0]].claim:
            raise IntegrityError(f"miner {own.miner} lowered its claim to {own.claim}")
        places[held[0]] = own
    elif len(places) == maximum:
        raise IntegrityError(f"miner {own.miner} committed although all {maximum} places were taken")
    else:
        places.append(own)


def _solution(place: Placed, reveal: SolutionRevealed | None) -> Solution:
    return Solution(
        miner=place.miner,
        commitment=place.commitment.commitment,
        model_digest=reveal.model_digest if reveal else bytes(32),
        claimed_train_correct=place.claim,
        claimed_test_correct=reveal.claimed_test_correct if reveal else 0,
        order=place.order,
        choice=0,
        revealed=reveal is not None,
    )
