"""What a worker of a cluster does for experiments: it measures a seed."""

import json
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from experiments.results import EXPERIMENTS
from experiments.running.environment import commit
from experiments.running.progress import LOG
from experiments.running.records import Size
from experiments.running.session import provide, record_of
from pole.errors import InputError
from pole.learning.machine.threads import limit_threads


def measure(content: bytes) -> bytes:
    """Do a shard: measure a seed, by one thread.

    Raises InputError where another commit is checked out here, or the data are not on this machine.
    """
    asked: dict[str, Any] = json.loads(content)
    if asked["commit"] != commit():
        raise InputError(
            f"This worker runs commit {commit()}, but {asked['commit']} is asked for: check the same commit "
            "out here, and start the worker anew."
        )
    size = Size(asked["size"])
    experiment = next(each for each in EXPERIMENTS if each.name == asked["experiment"])
    case = next(each for each in experiment.cases(size) if each.setting == asked["setting"])
    if not provide(case.data, size, partial(LOG.info, "%s")):
        raise InputError(f"The data set {case.data} is not on this machine: see `pole data fetch`.")
    torch.set_num_threads(1)
    limit_threads(1)
    record = record_of(experiment, size, case, int(asked["seed"]))
    case.forget(record.seed)
    return json.dumps(asdict(record)).encode()
