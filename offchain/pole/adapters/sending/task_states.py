"""What became of each task, and where a new one would stand."""

from collections.abc import Sequence

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import member
from pole.errors import RefusedError
from pole.protocol.amounts import ether
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.value_heap import WaitingTask, least_valuable, reward_above, waiting_task
from pole.protocol.state import Phase, TaskTerms

WAITING, CANCELLED = "waiting", "cancelled"


def task_states(reader: ChainReader) -> dict[int, str]:
    """Return for each task id: waiting, cancelled, what replaced it, or its round and that one's phase."""
    states = {task.task_id: WAITING for task in reader.tasks()}
    for event in reader.index.events("TaskCancelled"):
        states[event.arguments["taskId"]] = CANCELLED
    for replaced, by in reader.replaced_tasks().items():
        states[replaced] = f"replaced by task {by}"
    for event in reader.index.events("TaskTaken"):
        round_id = event.arguments["roundId"]
        phase, _, _ = reader.view("PoLeChain", "phaseOf", round_id)
        states[event.arguments["taskId"]] = f"round {round_id}: {member(Phase, phase).name.lower()}"
    return states


def task_to_replace(
    waiting: Sequence[WaitingTask], terms: TaskTerms, limits: TaskListParameters
) -> WaitingTask | None:
    """Return the least valuable waiting task, whose place a new one must take; None where the list has room.

    Raises RefusedError where the list is full of tasks that are worth as much, and says what reward would do.
    """
    last = least_valuable(waiting)
    if last is None or len(waiting) < limits.max_tasks:
        return None
    new = waiting_task(0, terms, limits)
    if new.value > last.value:
        return last
    needed = reward_above(last, new.duration)
    raise RefusedError(
        f"The task list is full, and the least valuable of its {len(waiting)} tasks, task {last.task_id}, is "
        f"worth as much as this one: offer a reward of {ether(needed)} at least, or post again when a round "
        "has taken one."
    )
