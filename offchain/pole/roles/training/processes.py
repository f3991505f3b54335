"""Processes that train: forked from a server of their own, and given what they need through a pipe."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from pole.quoting import reason
from pole.roles.training.learner import LearnerError

# A fork of the worker would have its keys.
PROCESSES: Final = get_context("forkserver")


def started(
    name: str, work: Callable[..., None], arguments: tuple[object, ...]
) -> tuple[BaseProcess, Connection]:
    """Start a process that does `work` with a connection and the arguments; return it, and the other end.

    Raises LearnerError, with its `name`, where it ends before it has them all, as for want of memory.
    """
    ours, theirs = PROCESSES.Pipe()
    process: Any = PROCESSES.Process(target=work, args=(theirs, *arguments), name=name)
    try:
        process.start()
    except (OSError, EOFError) as error:
        ours.close()
        raise LearnerError(
            f"The process of {name} ended before it had all that it needs ({reason(error)}): see whether "
            "this machine has the memory."
        ) from error
    finally:
        theirs.close()
    return process, ours
