"""Rounds: what happened in each, who acted when, and who was paid what."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from pole.explore.index.rows.tasks import task_of
from pole.explore.schema import acts, ballots, lanes, payouts, rounds, seats, solutions, tasks
from pole.explore.views.looking import (
    ROWS,
    Act,
    Ether,
    Look,
    NotThereError,
    Time,
    act_of,
    paged,
)
from pole.explore.views.rounds.money import RoundMoney, round_money
from pole.explore.views.rounds.timeline import Course, Timeline, round_timeline
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.state import Phase, PostedTask

STATES: Final = ("open", "block", "void")
MAX_ACTS: Final = 500
"""Lines of a timeline: a round has fewer, unless somebody commits anew all the time."""


@dataclass(frozen=True, slots=True)
class RoundLine:
    """A round in a list; `ended_at` is None while it is open, `height` where it has no block."""

    round_id: int
    lane: int
    task_id: int
    state: str
    opened_at: Time
    ended_at: Time | None
    height: int | None
    winner: str | None
    void_reason: str | None
    reward: Ether
    places: int
    revealed: int
    committees: int
    challenges: int


@dataclass(frozen=True, slots=True)
class RoundList:
    """Rounds, the newest first; `before` continues the list, None at its end."""

    state: str
    lines: tuple[RoundLine, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class SolutionLine:
    """A miner's part in a round: claims, what was found, its rank, and why it was paid or lost so much."""

    miner: str
    place: int | None
    choice: int
    claimed_train: int
    claimed_test: int | None
    model_cid: str | None
    model_digest: bytes | None
    verdict: str | None
    found_train: int | None
    found_test: int | None
    rank: int | None
    ending: str
    reason: str
    paid: Ether
    lost: Ether
    held: Ether


@dataclass(frozen=True, slots=True)
class Cast:
    """What a member found of one model; `colour` is the same for the same predictions, 0 for none."""

    verdict: str
    train: int
    test: int
    predictions: str
    colour: int


@dataclass(frozen=True, slots=True)
class SeatLine:
    """A member of a committee, and its vote on each model, in the order of the choices."""

    verifier: str
    stage: str
    ending: str
    votes: tuple[Cast, ...]
    fee: Ether
    lost: Ether
    strike: int


@dataclass(frozen=True, slots=True)
class Committee:
    """A committee of a round, by attempt: its members and how many models they judge."""

    attempt: int
    choices: int
    seats: tuple[SeatLine, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Return what each model is called, in the order of the votes."""
        return tuple(f"Model {choice}" for choice in range(1, self.choices + 1))


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A credit that was made when a round ended."""

    payee: str
    reason: str
    amount: Ether


@dataclass(frozen=True, slots=True)
class RoundPage:
    """A round. `phase` and `deadline` are those of the newest look, None where it is not a lane's newest.

    `fault` is what its records break a rule by, None where they break none. `acts` are the newest, oldest
    first; `has_older_acts` says whether there are any before them.
    """

    line: RoundLine
    phase: str | None
    deadline: Time | None
    seed: bytes | None
    keys_cid: str | None
    test_cid: str | None
    closed_early: bool | None
    released: bool
    train_count: int
    test_count: int
    fault: str | None
    acts: tuple[Act, ...]
    has_older_acts: bool
    solutions: tuple[SolutionLine, ...]
    committees: tuple[Committee, ...]
    payouts: tuple[PayoutLine, ...]
    money: RoundMoney
    timeline: Timeline


def round_list(look: Look, state: str, before: int | None) -> RoundList:
    """Return rounds of a state, of any where it is ""; those older than `before`."""
    asked = select(rounds).order_by(rounds.c.round_id.desc()).limit(ROWS + 1)
    if state:
        asked = asked.where(rounds.c.state == state)
    if before is not None:
        asked = asked.where(rounds.c.round_id < before)
    lines, more = paged([round_line(row) for row in look.rows(asked)])
    return RoundList(state, lines, lines[-1].round_id if more else None)


def round_line(row: Any) -> RoundLine:
    """Return the line of a row of `rounds`."""
    return RoundLine(
        round_id=row.round_id,
        lane=row.lane,
        task_id=row.task_id,
        state=row.state,
        opened_at=Time(row.opened_at),
        ended_at=None if row.ended_at is None else Time(row.ended_at),
        height=row.height,
        winner=row.winner,
        void_reason=row.void_reason,
        reward=Ether(row.reward),
        places=row.places,
        revealed=row.revealed,
        committees=row.committees,
        challenges=row.challenges,
    )


def round_page(look: Look, round_id: int) -> RoundPage:
    """Return a round; raises NotThereError without one."""
    row = look.row(select(rounds).where(rounds.c.round_id == round_id))
    if row is None:
        raise NotThereError(f"There is no round {round_id}.")
    lane = look.row(select(lanes).where(lanes.c.round_id == round_id))
    task = _task(look, row.task_id)
    done, has_older = _acts(look, round_id)
    paid = select(payouts).where(payouts.c.round_id == round_id).order_by(payouts.c.place)
    return RoundPage(
        line=round_line(row),
        phase=lane.phase if lane else None,
        deadline=Time(lane.deadline) if lane and lane.deadline else None,
        seed=row.seed,
        keys_cid=row.keys_cid,
        test_cid=row.test_cid,
        closed_early=row.closed_early,
        released=row.released,
        train_count=task.terms.train_count,
        test_count=task.terms.test_count,
        fault=row.fault,
        acts=done,
        has_older_acts=has_older,
        solutions=_solutions(look, round_id),
        committees=_committees(look, round_id),
        payouts=tuple(PayoutLine(each.payee, each.reason, Ether(each.amount)) for each in look.rows(paid)),
        money=round_money(look, round_id, task),
        timeline=round_timeline(look, round_id, _course(look, row, task, lane)),
    )


def _acts(look: Look, round_id: int) -> tuple[tuple[Act, ...], bool]:
    """Return the newest acts of a round, oldest first, and whether there are older ones."""
    newest_first = (acts.c.block.desc(), acts.c.log_index.desc())
    done = select(acts).where(acts.c.round_id == round_id).order_by(*newest_first)
    rows = look.rows(done.limit(MAX_ACTS + 1))
    return tuple(act_of(row) for row in reversed(rows[:MAX_ACTS])), len(rows) > MAX_ACTS


def _course(look: Look, row: Any, task: PostedTask, lane: Any | None) -> Course:
    drawn = select(ballots.c.members).where(ballots.c.round_id == row.round_id).order_by(ballots.c.attempt)
    judged = select(func.max(solutions.c.choice)).where(solutions.c.round_id == row.round_id)
    return Course(
        opened=row.opened_at,
        ended=row.ended_at,
        task=task,
        places=row.places,
        choices=look.value(judged) or 0,
        members=tuple(each.members for each in look.rows(drawn)),
        phase=Phase[lane.phase] if lane else None,
        deadline=lane.deadline or None if lane else None,
    )


def _task(look: Look, task_id: int) -> PostedTask:
    """Return the task of a round: a round has a row only where its task has."""
    if task_id == IDLE_TASK_ID:
        return idle_task(look.parameters)
    return task_of(look.row(select(tasks).where(tasks.c.task_id == task_id)))


def _solutions(look: Look, round_id: int) -> tuple[SolutionLine, ...]:
    """Return a round's solutions: ranked ones first, then by claim."""
    found = look.rows(select(solutions).where(solutions.c.round_id == round_id))
    found.sort(key=lambda row: (row.rank is None, row.rank or 0, -row.claimed_train, row.miner))
    return tuple(solution_line(row) for row in found)


def solution_line(row: Any) -> SolutionLine:
    """Return the line of a row of `solutions`."""
    return SolutionLine(
        miner=row.miner,
        place=row.place,
        choice=row.choice,
        claimed_train=row.claimed_train,
        claimed_test=row.claimed_test,
        model_cid=row.model_cid,
        model_digest=row.model_digest,
        verdict=row.verdict,
        found_train=row.found_train,
        found_test=row.found_test,
        rank=row.rank,
        ending=row.ending,
        reason=row.reason,
        paid=Ether(row.paid),
        lost=Ether(row.lost),
        held=Ether(row.held),
    )


def _committees(look: Look, round_id: int) -> tuple[Committee, ...]:
    drawn = look.rows(select(ballots).where(ballots.c.round_id == round_id).order_by(ballots.c.attempt))
    members = look.rows(select(seats).where(seats.c.round_id == round_id).order_by(seats.c.seat))
    colours: dict[str, int] = {}
    found = []
    for ballot in drawn:
        lines = tuple(_seat(row, colours) for row in members if row.ballot_id == ballot.ballot_id)
        choices = max((len(line.votes) for line in lines), default=0)
        found.append(Committee(ballot.attempt, choices, lines))
    return tuple(found)


def _seat(row: Any, colours: dict[str, int]) -> SeatLine:
    return SeatLine(
        verifier=row.verifier,
        stage=row.stage,
        ending=row.ending,
        votes=tuple(_cast(vote, colours) for vote in json.loads(row.votes)),
        fee=Ether(row.fee),
        lost=Ether(row.lost),
        strike=row.strike,
    )


def _cast(vote: dict[str, Any], colours: dict[str, int]) -> Cast:
    predictions = vote["predictions"]
    known = vote["verdict"] == "OK"
    colour = colours.setdefault(predictions, len(colours) + 1) if known else 0
    return Cast(vote["verdict"], vote["train"], vote["test"], predictions, colour)
