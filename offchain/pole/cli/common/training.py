"""The miner's learner, threads, and places to evaluate at, from options; imported where torch is needed."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pole.errors import InputError
from pole.learning.evaluation.arrays import PROCESSOR, Place, place_of
from pole.learning.evaluation.fixed_point import require_exact
from pole.learning.machine.threads import limit_threads
from pole.learning.parallel.meeting import listen, parse_endpoint
from pole.learning.training.recipe import TrainingSettings, read_recipe
from pole.learning.training.training import pick_device
from pole.quoting import reason
from pole.roles.ports import Shards
from pole.roles.training.own_learner import OwnLearner
from pole.roles.training.parallel.machines import Machines
from pole.roles.training.parallel.parallel_learner import ParallelLearner
from pole.roles.training.parallel.rank import prepare_processes
from pole.roles.training.torch_learner import TorchLearner


def settings_of(file: Path | None, options: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings of a recipe file, those that options give instead; None is not given.

    Raises InputError for a file that cannot be read, or is no recipe.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    return replace(_recipe(file), **chosen)


def _recipe(file: Path | None) -> TrainingSettings:
    if file is None:
        return TrainingSettings()
    try:
        return read_recipe(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise InputError(f"The recipe {file} cannot be read: {reason(error)}.") from error
    except InputError as error:
        raise InputError(f"The recipe {file} is refused: {error}") from error


def open_learner(
    device: str | None,
    threads: int,
    folder: Path,
    search: float,
    settings: TrainingSettings,
    processes: int,
    *,
    meet: str | None = None,
    shards: Shards | None = None,
) -> TorchLearner | ParallelLearner:
    """Return a learner that keeps checkpoints in `folder`, and trains with so many processes.

    It searches for settings beside the machines of `shards`, and others join it at the address `meet`. Raises
    InputError where there is no such device, or not one for each process, where processes on it cannot learn
    together, and where this machine cannot listen there.
    """
    use_threads(threads)
    is_alone = processes == 1 and meet is None
    devices = devices_of(device, 1) if is_alone else devices_of_ranks(device, processes)
    alone = TorchLearner(
        settings, devices[0], folder, time.monotonic, lambda: secrets.randbits(63), search, shards
    )
    if is_alone:
        return alone
    # Its server takes seconds to load torch, which the first round need not wait for.
    prepare_processes()
    return ParallelLearner(alone, devices, threads, machines=None if meet is None else _machines(meet))


def _machines(meet: str) -> Machines:
    endpoint = parse_endpoint(meet)
    return Machines(listen(endpoint), endpoint)


def devices_of_ranks(name: str | None, processes: int) -> tuple[torch.device, ...]:
    """Return the device of each process that trains with others, here or on other machines.

    Raises InputError as `devices_of` does, and for a device whose processes cannot add up what they learn.
    """
    devices = devices_of(name, processes)
    if devices[0].type not in ("cpu", "cuda"):
        raise InputError(
            f"A process on the device {str(devices[0])!r} learns alone, and not with others: use --device "
            "cuda or --device cpu."
        )
    return devices


def devices_of(name: str | None, processes: int) -> tuple[torch.device, ...]:
    """Return the device of each process: a GPU of its own, or the processor for all.

    Raises InputError where there is no such device, or there are fewer GPUs than processes.
    """
    device = _device(name)
    if processes == 1 or device.type == "cpu":
        return (device,) * processes
    if device.type != "cuda" or device.index is not None:
        raise InputError(
            f"--device {device} names one device, and --processes is {processes}: use --device cuda, with "
            "CUDA_VISIBLE_DEVICES for some of the GPUs, or --device cpu."
        )
    if torch.cuda.device_count() < processes:
        raise InputError(
            f"--processes is {processes}, but torch has {torch.cuda.device_count()} GPUs here: give at most "
            "one process to each, or use --device cpu."
        )
    return tuple(torch.device("cuda", number) for number in range(processes))


def open_own_learner(source: str, device: str | None, threads: int, folder: Path) -> OwnLearner:
    """Return the user's own learner, tried whether it can be made.

    Raises InputError where it cannot, or where there is no such device.
    """
    use_threads(threads)
    learner = OwnLearner(
        source, _device(device), threads, folder, time.monotonic, lambda: secrets.randbits(63)
    )
    learner.check()
    return learner


def use_threads(threads: int) -> None:
    """Let torch and NumPy compute with so many threads of the processor."""
    torch.set_num_threads(threads)
    limit_threads(threads)


def open_place(device: str) -> Place:
    """Return where a verifier evaluates: at a CUDA device, or the processor.

    Raises InputError where there is no such device, or its float64 is not that of IEEE 754.
    """
    found = _device(device)
    if found.type not in ("cpu", "cuda"):
        raise InputError(
            f"The device {device!r} cannot evaluate models, which takes float64: use a CUDA device, or leave "
            "--device out."
        )
    return exact_place(found)


def exact_place(device: torch.device) -> Place:
    """Return where to evaluate for a network on `device`; raises InputError for one that is not exact."""
    place = place_of(device)
    if place is not PROCESSOR:
        require_exact(place, str(device))
    return place


def _device(name: str | None) -> torch.device:
    if name is None:
        return pick_device()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"torch has no device {name!r} here: use --device cpu, or leave it out.") from error
    return device
