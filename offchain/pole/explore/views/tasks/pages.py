"""Tasks: those that wait, and what became of the others."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, case, select

from pole.errors import InputError
from pole.explore.index.rows.tasks import task_of
from pole.explore.schema import pole_blocks, rounds, solutions, tasks
from pole.explore.views.looking import ROWS, Ether, Look, NotThereError, Time, paged
from pole.explore.views.tasks.specification import SpecificationView, read_view
from pole.protocol.rounds.rent import duration, judging_time
from pole.protocol.state import PostedTask, TaskFiles, TaskTerms

STATES: Final = ("waiting", "open", "block", "void", "cancelled", "replaced")
"""States of a task; once a round takes it they are those of its round."""

_STATE: Final = case((tasks.c.state == "taken", rounds.c.state), else_=tasks.c.state)
TASKS: Final[Select[Any]] = select(tasks, _STATE.label("standing")).outerjoin(
    rounds, rounds.c.round_id == tasks.c.round_id
)
"""Rows of `tasks` for `task_line`, each with its state among STATES as `standing`."""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task in a list; `per_second` is what its order goes by, rounded down."""

    task_id: int
    owner: str
    state: str
    reward: Ether
    per_second: Ether
    posted_at: Time
    round_id: int | None


@dataclass(frozen=True, slots=True)
class TaskList:
    """Tasks, the newest first; those that wait by value. `before` continues the list, None at its end."""

    state: str
    lines: tuple[TaskLine, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class WinningModel:
    """The model that a task's round ended with: where its miner put it, and what the committee found."""

    miner: str
    model_cid: str
    model_digest: bytes
    found_train: int
    found_test: int


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A task: what it pays and demands, its files, and what became of it.

    `seconds` is what its round may take, `judging_seconds` what judging one model may. `height` is that of
    its block, None without one; `replaced_by` the task that took its place in the list. `specification` is
    None where this machine does not have it, or where it is unusable, which `specification_fault` then says.
    `model` is None where nobody's model won.
    """

    line: TaskLine
    terms: TaskTerms
    files: TaskFiles
    seconds: int
    judging_seconds: int
    posted_block: int
    transaction: bytes
    delegate: str | None
    replaced_by: int | None
    height: int | None
    winner: str | None
    specification: SpecificationView | None
    specification_fault: str | None
    model: WinningModel | None


def task_list(look: Look, state: str, before: int | None) -> TaskList:
    """Return tasks of a state, of any where it is ""; those older than `before`."""
    asked = TASKS.limit(ROWS + 1)
    if state:
        asked = asked.where(_STATE.in_([state]))
    if before is not None:
        asked = asked.where(tasks.c.task_id < before)
    lines, more = paged([task_line(look, row) for row in look.rows(asked.order_by(tasks.c.task_id.desc()))])
    return TaskList(state, lines, lines[-1].task_id if more else None)


def most_valuable(look: Look, count: int) -> tuple[TaskLine, ...]:
    """Return the waiting tasks that rounds take next, in that order."""
    waiting = TASKS.where(tasks.c.state == "waiting")
    asked = waiting.order_by(tasks.c.value_order.desc(), tasks.c.task_id).limit(count)
    return tuple(task_line(look, row) for row in look.rows(asked))


def task_page(look: Look, task_id: int) -> TaskPage:
    """Return a task; raises NotThereError without one."""
    row = look.row(TASKS.where(tasks.c.task_id == task_id))
    if row is None:
        raise NotThereError(f"There is no task {task_id}.")
    task, limits = task_of(row), look.parameters.task_list
    block = look.row(select(pole_blocks).where(pole_blocks.c.round_id == row.round_id))
    specification, fault = _specification(look, task, row.round_id)
    return TaskPage(
        line=task_line(look, row),
        terms=task.terms,
        files=task.files,
        seconds=duration(task.terms, limits),
        judging_seconds=judging_time(task.terms, limits),
        posted_block=row.posted_block,
        transaction=row.transaction,
        delegate=row.delegate,
        replaced_by=row.replaced_by,
        height=block.height if block else None,
        winner=block.winner if block else None,
        specification=specification,
        specification_fault=fault,
        model=None if block is None else _model(look, block),
    )


def _specification(
    look: Look, task: PostedTask, round_id: int | None
) -> tuple[SpecificationView | None, str | None]:
    document = look.find_specification(task, round_id)
    if document is None:
        return None, None
    try:
        return read_view(document), None
    except InputError as error:
        return None, str(error)


def _model(look: Look, block: Any) -> WinningModel | None:
    """Return the model of a block, None where its round's records break a rule and so say nothing."""
    table = solutions
    won = look.row(select(table).where(table.c.round_id == block.round_id, table.c.miner == block.winner))
    if won is None:
        return None
    return WinningModel(won.miner, won.model_cid, won.model_digest, block.train_correct, block.test_correct)


def task_line(look: Look, row: Any) -> TaskLine:
    """Return the line of a row of TASKS."""
    seconds = duration(task_of(row).terms, look.parameters.task_list)
    return TaskLine(
        task_id=row.task_id,
        owner=row.owner,
        state=row.standing,
        reward=Ether(row.reward),
        per_second=Ether(row.reward // seconds),
        posted_at=Time(row.posted_at),
        round_id=row.round_id,
    )
