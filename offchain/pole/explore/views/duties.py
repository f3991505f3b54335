"""What an account has to do now, and what it may lose in rounds that are open."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from pole.explore.index.rows.rounds import OPEN
from pole.explore.index.rows.tasks import task_of
from pole.explore.schema import acts, lanes, rounds, seats, solutions, tasks
from pole.explore.views.looking import Ether, Look, Time, head_of
from pole.protocol.ballots import ballot_id, round_and_attempt
from pole.protocol.rounds.seats import can_reclaim
from pole.protocol.state import Phase

BOND, STAKE, DATA_BOND = "bonds", "stake", "data bond"
"""What an account may lose in open rounds; bonds are those of its claims and challenges."""

MAX_ROUNDS: Final = 256
"""Open rounds that are looked at: there is one a lane, and networks have a few lanes."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What an account has to do in the phase of a round, or to have its credit or its stake.

    It is too late once both the time `until` and the Ethereum block `until_block` are reached; they are None
    where no clock ends it. `command` is what does it by hand or by a worker. `at_stake` is what it loses
    otherwise at least, and of credit or stake the amount that waits.
    """

    what: str
    round_id: int | None
    until: Time | None
    until_block: int | None
    at_stake: Ether
    command: str


@dataclass(frozen=True, slots=True)
class Risk:
    """What an account may lose in a round that is open: BOND, STAKE or DATA_BOND.

    `attempt` is that of the committee whose penalty it is, None of what is no stake.
    """

    round_id: int
    what: str
    attempt: int | None
    amount: Ether


@dataclass(frozen=True, slots=True)
class OpenPart:
    """An account's part in an open round.

    `standing` is the round's row with its lane's, `solution` and `sat` are its own rows, newest committee
    last, `task` is the round's task where the account owns it or issues its keys.
    """

    standing: Any
    solution: Any | None
    sat: tuple[Any, ...]
    task: Any | None


def open_parts(look: Look, address: str) -> tuple[OpenPart, ...]:
    """Return an account's parts in the rounds that are open, the oldest round first."""
    standing = look.rows(
        select(rounds, *_OF_LANE)
        .outerjoin(lanes, lanes.c.round_id == rounds.c.round_id)
        .where(rounds.c.state == OPEN)
        .order_by(rounds.c.round_id)
        .limit(MAX_ROUNDS)
    )
    ids, task_ids = [row.round_id for row in standing], {row.task_id for row in standing}
    own = look.rows(select(solutions).where(solutions.c.miner == address, solutions.c.round_id.in_(ids)))
    drawn = select(seats).where(seats.c.verifier == address, seats.c.round_id.in_(ids))
    sat = look.rows(drawn.order_by(seats.c.ballot_id))
    is_theirs = (tasks.c.owner == address) | (tasks.c.delegate == address)
    posted = look.rows(select(tasks).where(is_theirs, tasks.c.task_id.in_(task_ids)))
    parts = (
        OpenPart(
            row,
            next((each for each in own if each.round_id == row.round_id), None),
            tuple(each for each in sat if each.round_id == row.round_id),
            next((each for each in posted if each.task_id == row.task_id), None),
        )
        for row in standing
    )
    return tuple(part for part in parts if part.solution or part.sat or part.task)


def duties(
    look: Look, address: str, parts: tuple[OpenPart, ...], *, credit: int, stake: int
) -> tuple[Duty, ...]:
    """Return what an account has to do, the most urgent first, its stake and its credit last."""
    found = [duty for part in parts for duty in _of_part(look, address, part)]
    found.sort(key=lambda duty: (duty.until is None, duty.until or 0, duty.round_id))
    if stake > 0 and _is_free(look, address):
        found.append(Duty("reclaim the stake", None, None, None, Ether(stake), "pole verifier reclaim"))
    if credit > 0:
        found.append(Duty("withdraw the credit", None, None, None, Ether(credit), "pole withdraw"))
    return tuple(found)


def _is_free(look: Look, address: str) -> bool:
    """Return whether an account has left its seat, and no round can draw that any more."""
    moves = select(acts).where(acts.c.who == address, acts.c.kind.in_(("Staked", "SeatLeft")))
    newest = look.row(moves.order_by(acts.c.block.desc(), acts.c.log_index.desc()))
    if newest is None or newest.kind != "SeatLeft":
        return False
    now = head_of(look).time
    oldest = look.value(select(func.min(rounds.c.opened_at)).where(rounds.c.state == OPEN))
    return can_reclaim(
        newest.time,
        seat_age=look.parameters.committee.seat_age,
        now=now,
        oldest_opening=now if oldest is None else oldest,
    )


def risks(look: Look, address: str, parts: tuple[OpenPart, ...]) -> tuple[Risk, ...]:
    """Return what an account may lose in open rounds."""
    return tuple(risk for part in parts for risk in _risks_of(look, address, part) if risk.amount)


def _risks_of(look: Look, address: str, part: OpenPart) -> Iterator[Risk]:
    round_id = part.standing.round_id
    if part.solution is not None:
        yield Risk(round_id, BOND, None, Ether(part.solution.held))
    for seat in part.sat:
        yield Risk(round_id, STAKE, round_and_attempt(seat.ballot_id)[1], _penalty(look))
    if part.task is not None and part.task.owner == address:
        yield Risk(round_id, DATA_BOND, None, _data_bond(part.task))


def _of_part(look: Look, address: str, part: OpenPart) -> Iterator[Duty]:
    due = _DUE.get(part.standing.phase)
    found = None if due is None else due(look, address, part)
    if found is not None:
        what, at_stake, command = found
        yield Duty(
            what=what,
            round_id=part.standing.round_id,
            until=Time(part.standing.deadline) if part.standing.deadline else None,
            until_block=part.standing.deadline_block or None,
            at_stake=at_stake,
            command=command,
        )


Due = tuple[str, Ether, str]
"""What is to be done, what is lost otherwise, and the command."""


def _keys_due(_: Look, address: str, part: OpenPart) -> Due | None:
    if part.task is None:
        return None
    bond = _data_bond(part.task) if part.task.owner == address else Ether(0)
    return (
        "post the keys",
        bond,
        "pole data-node run" if part.task.owner == address else "pole key-holder run",
    )


def _test_set_due(_: Look, address: str, part: OpenPart) -> Due | None:
    if part.task is None or part.task.owner != address or part.standing.released:
        return None
    return "release the test set", _data_bond(part.task), "pole data-node run"


def _reveal_due(_: Look, __: str, part: OpenPart) -> Due | None:
    own = part.solution
    if own is None or own.place is None or own.model_digest is not None:
        return None
    return "reveal the model", Ether(own.held), "pole miner run"


def _vote_due(look: Look, _: str, part: OpenPart) -> Due | None:
    return _seat_due(look, part, "drawn", "commit to a vote")


def _vote_reveal_due(look: Look, _: str, part: OpenPart) -> Due | None:
    return _seat_due(look, part, "committed", "reveal the vote")


def _seat_due(look: Look, part: OpenPart, stage: str, what: str) -> Due | None:
    ballot = ballot_id(part.standing.round_id, part.standing.attempt)
    seat = next((each for each in part.sat if each.ballot_id == ballot), None)
    if seat is None or seat.stage != stage:
        return None
    return what, _penalty(look), "pole verifier run"


def _penalty(look: Look) -> Ether:
    return Ether(look.parameters.committee.penalty)


def _data_bond(task: Any) -> Ether:
    return Ether(task_of(task).terms.data_bond)


_OF_LANE: Final = (lanes.c.phase, lanes.c.deadline, lanes.c.deadline_block, lanes.c.attempt)
_DUE: Final[Mapping[str, Callable[[Look, str, OpenPart], Due | None]]] = {
    Phase.KEYS.name: _keys_due,
    Phase.TEST_RELEASE.name: _test_set_due,
    Phase.REVEAL.name: _reveal_due,
    Phase.VOTE_COMMIT.name: _vote_due,
    Phase.VOTE_REVEAL.name: _vote_reveal_due,
}
"""Who has something to do in each phase; in the others anybody may act, and nobody has to."""
