"""Processes that end while they are given what they need."""

import os

import numpy as np
import pytest

from pole.roles.training.learner import LearnerError
from pole.roles.training.processes import started


class Deadly:
    """What ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_a_process_that_ends_before_it_has_its_arguments_is_an_error_in_a_sentence() -> None:
    more_than_a_pipe_holds = np.zeros(10**7, np.uint8)
    with pytest.raises(LearnerError, match=r"^The process of rank 0 ended before it had all that it needs"):
        started("rank 0", print, (Deadly(), more_than_a_pipe_holds))
