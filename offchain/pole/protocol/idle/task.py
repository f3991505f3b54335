"""The idle task: what a round is about when no task waits (protocol.md, section 10).

It belongs to nobody and has no files: its specification is published with this package, and everybody makes
its samples alone (pole.protocol.idle.puzzle).
"""

from functools import cache
from importlib.resources import files
from typing import Final

from pole.protocol.encoding.abi import ZERO_ADDRESS, ZERO_HASH
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.parameters import Parameters
from pole.protocol.state import PostedTask, TaskFiles, TaskTerms

IDLE_TASK_ID: Final = 0

_NO_FILES: Final = TaskFiles("", ZERO_HASH, "", ZERO_HASH, ZERO_HASH, ZERO_HASH)


def idle_task(parameters: Parameters) -> PostedTask:
    """Return the task that idle rounds of a deployment take: twin of TaskList's idle task, its reward R_w."""
    tasks = parameters.task_list
    terms = TaskTerms(
        reward=parameters.chain.block_reward,
        data_bond=0,
        time_limit=tasks.idle_time_limit,
        min_training_time=0,
        fee=0,
        min_solutions=1,
        required_train_accuracy=tasks.idle_train_accuracy,
        required_test_accuracy=tasks.idle_test_accuracy,
        train_count=tasks.idle_train_count,
        test_count=tasks.idle_test_count,
        work=tasks.idle_work,
    )
    return PostedTask(IDLE_TASK_ID, ZERO_ADDRESS, terms, _NO_FILES)


@cache
def idle_specification() -> ModelSpecification:
    """Return the model specification of every idle task."""
    return parse_specification(files("pole.protocol.idle").joinpath("task.json").read_bytes())
