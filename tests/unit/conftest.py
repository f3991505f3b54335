"""Settings of the tests that need no chain."""

import logging
import os
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

# How long an example takes, or the making of one, says something about the machine, nothing about the code.
settings.register_profile("pole", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pole")


# Commands in tests read no profile of whoever runs them.
os.environ["POLE_CONFIG"] = os.devnull


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command that starts the log of its process starts it for no other test."""
    loggers = {name: logging.getLogger(name) for name in ("root", "pole", "experiments")}
    before = {name: (each.level, list(each.handlers)) for name, each in loggers.items()}
    yield
    for name, logger in loggers.items():
        level, outputs = before[name]
        logger.setLevel(level)
        for output in set(logger.handlers) - set(outputs):
            logger.removeHandler(output)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    # Threads that wait for each other cost more than such small networks do.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
