"""What rounds that have ended add to the leaderboards: counts and wei, by day and account."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pole.explore.index.money import DAY
from pole.explore.index.summing import Terms
from pole.protocol.replay.earnings.endings import Ending
from pole.protocol.replay.earnings.verifier import SeatEnding
from pole.protocol.state import Verdict

_REFUTED: Final = frozenset({Ending.FALSE_CLAIM.value, Ending.UNAVAILABLE.value, Ending.MALFORMED.value})
_DIFFERED: Final = frozenset(
    {
        SeatEnding.FALSE.value,
        SeatEnding.ALONE.value,
        SeatEnding.OVERRULED.value,
        SeatEnding.ABSTAINED.value,
    }
)
_ABSENT: Final = frozenset({SeatEnding.ABSENT.value, SeatEnding.NOT_REVEALED.value})


def ended_days(rounds: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """Return the day since the epoch, UTC, on which each round ended, by its id; open ones have none."""
    return {each["round_id"]: each["ended_at"] // DAY for each in rounds if each.get("ended_at") is not None}


def miner_terms(solutions: Iterable[Mapping[str, Any]], days: Mapping[int, int]) -> Terms:
    """Return what solutions of ended rounds add to the rows of `miner_days`, by day and miner."""
    return _summed(
        ((days[each["round_id"]], each["miner"]), _mined(each))
        for each in solutions
        if each["round_id"] in days
    )


def verifier_terms(seats: Iterable[Mapping[str, Any]], days: Mapping[int, int]) -> Terms:
    """Return what seats of ended rounds add to the rows of `verifier_days`, by day and verifier."""
    return _summed(
        ((days[each["round_id"]], each["verifier"]), _sat(each)) for each in seats if each["round_id"] in days
    )


def _mined(row: Mapping[str, Any]) -> tuple[int, ...]:
    ending = row["ending"]
    refuted = ending in _REFUTED
    return (
        1,
        int(ending == Ending.WON.value),
        int(row["verdict"] == Verdict.OK.name and not refuted),
        int(refuted),
        int(ending == Ending.NOT_REVEALED.value),
        row["paid"],
        row["lost"],
    )


def _sat(row: Mapping[str, Any]) -> tuple[int, ...]:
    ending = row["ending"]
    return (
        1,
        int(ending == SeatEnding.RIGHT.value),
        int(ending in _DIFFERED),
        int(ending in _ABSENT),
        int(ending == SeatEnding.LEAKED.value),
        row["fee"],
        row["lost"],
    )


def _summed(terms: Iterable[tuple[tuple[int, str], tuple[int, ...]]]) -> Terms:
    found: dict[tuple[int, str], tuple[int, ...]] = {}
    for key, term in terms:
        before = found.get(key, (0,) * len(term))
        found[key] = tuple(map(sum, zip(before, term, strict=True)))
    return found
