"""What the `run` commands of data node, miner and verifier share: options, log lines, signals, the loop."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from pole.cli.common.context import (
    Session,
    Settings,
    open_session,
    read_password,
)
from pole.cli.common.log import start_log
from pole.cli.common.parameters import GAS_PRICE, Duration
from pole.cli.shell.signals import Asked, heed_signals
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.adapters.machine.monitoring.monitoring import Monitoring
    from pole.protocol.parameters import Parameters
    from pole.roles.loop import Role
    from pole.roles.ports import Moment, Shards
    from pole.roles.receiving.round_data import RoundData
    from pole.roles.support.draining import Participant
    from pole.roles.support.waiting import PatientStore
    from pole.roles.workers.settlement import Settlement

MEBIBYTE = 2**20
FRESH = 0.5
"""Seconds for which what a look at the chain showed answers the questions of the steps that follow it."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker runs: seconds between looks at the chain, when it ends, and how it speaks.

    `metrics` is the port of loopback that Prometheus reads it on, None for no such port. `fee_ceiling` is the
    most wei that it offers for a unit of gas, None for what all commands do.
    """

    poll: float
    rounds: int | None
    until_height: int | None
    withdraws: bool
    json_log: bool
    metrics: int | None = None
    fee_ceiling: int | None = None


_OPTIONS = (
    click.option(
        "--poll",
        type=Duration(0.05),
        default=1.0,
        show_default=True,
        help="Longest time between two looks at the chain while a block is awaited.",
    ),
    click.option("--rounds", type=click.IntRange(min=1), help="Stop after so many rounds have ended."),
    click.option("--until-height", type=click.IntRange(min=1), help="Stop at this height of the PoLe chain."),
    click.option("--withdraw", "withdraws", is_flag=True, help="Fetch what was earned after each round."),
    click.option("--json-log", is_flag=True, help="Log one JSON object a line."),
    click.option(
        "--metrics",
        type=click.IntRange(1, 65_535),
        metavar="PORT",
        help="Port of 127.0.0.1 on which Prometheus reads how the worker fares.  [default: none]",
    ),
    click.option(
        "--fee-ceiling",
        type=GAS_PRICE,
        metavar="PRICE",
        envvar="POLE_FEE_CEILING",
        help="Highest price of gas to offer, such as 900gwei: above it a reveal or vote waits, which costs "
        "its bond where it comes too late.  [env: POLE_FEE_CEILING] [default: 500gwei]",
    ),
)


def worker_options(command: Callable[Concatenate[WorkerOptions, P], R]) -> Callable[..., R]:
    """Give a command the options of WorkerOptions and pass them to it as its first argument."""
    names = [field.name for field in fields(WorkerOptions)]

    @wraps(command)
    def with_options(*arguments: P.args, **options: P.kwargs) -> R:
        worker = WorkerOptions(**{name: options.pop(name) for name in names})  # type: ignore[arg-type]
        return command(worker, *arguments, **options)

    decorated: Callable[..., R] = with_options
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


threads_option = click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads to use."
)

processes_option = click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes to train one model with, each on a GPU of its own or its part of --threads.",
)


confirmations_option = click.option(
    "--confirmations",
    type=click.IntRange(min=0),
    metavar="BLOCKS",
    help="Ethereum blocks to wait before a secret is given away, if more than the deployment's: keys after "
    "the seed, the test set after the close, the model after the test set, votes after the last commitment.",
)


def confirmations_of(parameters: "Parameters", given: int | None) -> int:
    """Return how many blocks secrets wait for: what the deployment asks for, or more where that was given.

    Raises InputError for more than the deployment's windows leave time for.
    """
    limits = parameters.chain
    maximum = (limits.window_blocks - 1) // 2
    if given is not None and given > maximum:
        raise InputError(
            f"--confirmations is {given}, but a window of this deployment may last {limits.window_blocks} "
            f"blocks only: give {maximum} at most."
        )
    return max(limits.confirmations, given or 0)


def settlement_of(
    session: Session, options: WorkerOptions, report_result: Callable[[int], None] | None = None
) -> "Settlement":
    """Return what a worker does after a round; it reports by `report_result` what the round paid it."""
    from pole.adapters.ethereum.history_source import block_body
    from pole.roles.memory import SettlementMemory
    from pole.roles.workers.settlement import Settlement, report_nothing

    return Settlement(
        chain=session.chain,
        store=session.store,
        memory=SettlementMemory(session.journal),
        home=session.home,
        body_of=lambda height: block_body(session.chain, height),
        withdraws=options.withdraws,
        report_result=report_result or report_nothing,
    )


point_cache_option = click.option(
    "--point-cache",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="MIB",
    help="Disk for decoded ciphertexts, shared by all workers under --home: who decrypts a set again then "
    "takes half the time. Needs twice the bytes of the set.",
)


def patient_store_of(session: Session) -> "PatientStore":
    """Return the session's store for one worker: its fetches end in time for the phase."""
    from pole.roles.support.waiting import PatientStore

    return PatientStore(session.store, time.monotonic)


def round_data_of(
    session: Session,
    settings: Settings,
    store: "PatientStore",
    *,
    threads: int,
    point_cache: int,
    shards: "Shards | None" = None,
) -> "RoundData":
    """Return the data of rounds as this worker fetches, checks and decrypts it, `shards` beside it."""
    import os

    from pole.roles.receiving.decryption import Means
    from pole.roles.receiving.point_cache import PointCache
    from pole.roles.receiving.round_data import RoundData
    from pole.roles.support.slots import Others

    points = PointCache(settings.home / "points", point_cache * MEBIBYTE)
    others = None if shards is None else Others(shards, os.urandom)
    means = Means(store, time.monotonic, threads, points, others)
    lanes = session.chain.parameters.committee.lanes
    return RoundData(session.chain, session.home, means, os.urandom, lanes=lanes, served_as=session.home.name)


def serve(
    settings: Settings,
    options: WorkerOptions,
    wallet: str,
    make_role: Callable[[Session, Asked], "Participant"],
    *,
    idle_after: float | None = None,
) -> None:
    """Run the role that is made of a wallet's session and of what signals ask of it.

    Asked to stop while it starts, it ends as one that ran. Raises what `open_session` and `run_worker` raise,
    and InputError where the wallet has such a worker, or its metrics' port is taken.
    """
    from pole.adapters.machine.memory import give_back_freed_memory

    give_back_freed_memory()
    password = read_password(settings)
    with (
        _monitored(options.metrics) as monitoring,
        heed_signals() as asked,
        open_session(settings, wallet, password, options.fee_ceiling) as session,
        _only_one(settings, session, wallet),
    ):
        start_log(as_json=options.json_log)
        role = make_role(session, asked)
        if not asked.stopping.is_set():
            run_worker(session, role, options, asked, idle_after=idle_after, monitoring=monitoring)


def _only_one(settings: Settings, session: Session, wallet: str) -> AbstractContextManager[None]:
    """Keep a second worker of this kind out of the wallet's work folder: both would commit under one salt."""
    from pole.adapters.storage.file_lock import sole_holder

    worker = _role_name()
    lock = settings.home / "locks" / f"{session.home.name}-{worker}.lock"
    return sole_holder(lock, f"A {worker} of the wallet {wallet} works in {session.home}")


def _role_name() -> str:
    context = click.get_current_context()
    return str(context.parent.info_name if context.parent is not None else context.info_name)


def _monitored(port: int | None) -> "AbstractContextManager[Monitoring | None]":
    """Serve the metrics of this process on a port of loopback, if one is given."""
    if port is None:
        return nullcontext()
    from pole.adapters.machine.monitoring.monitoring import monitored

    return monitored(_role_name(), port)


def run_worker(
    session: Session,
    role: "Participant",
    options: WorkerOptions,
    asked: Asked,
    *,
    idle_after: float | None = None,
    monitoring: "Monitoring | None" = None,
) -> None:
    """Drive a role, and the steps that anybody may take, until it is told to stop or its end has come.

    Asked to drain, or to end for another start, it ends once that costs nothing (`Draining`). An idle round
    is such a step once no task has waited for `idle_after` seconds. Raises InputError before anything is
    done where the back end that POLE_IPFE_BACKEND names does not run here.
    """
    from pole.adapters.machine.memory import TrimmedRole
    from pole.adapters.machine.notices import notify
    from pole.ipfe import backend
    from pole.roles.loop import Pace, after_rounds, at_height, either, never, run
    from pole.roles.support.draining import Draining
    from pole.roles.support.refusals import Heeding
    from pole.roles.workers import tables
    from pole.roles.workers.keeper import Keeper

    backend.choose()
    finished: Callable[[Sequence[Moment]], bool] = never
    if options.rounds is not None:
        finished = after_rounds(options.rounds)
    elif options.until_height is not None:
        finished = at_height(session.chain, options.until_height)
    keeper = tables.keeper(Keeper(session.chain, time.monotonic, idle_after))
    session.chain.remember(FRESH)
    ready = f"Ready as {session.account.address}."
    logging.getLogger("pole").info(ready)
    notify(READY="1", STATUS=ready)
    draining = Draining(
        role, asked.draining.is_set, asked.renewing.is_set, lambda sentence: notify(STATUS=sentence)
    )
    ended = either(finished, draining.is_over)
    # What anybody may do moves the round on; what is a worker's alone is settled after it.
    roles: list[Role] = [draining, keeper, TrimmedRole(Heeding(role))]
    if monitoring is not None:
        # Before what may take long.
        roles.insert(0, monitoring.watching(role, session.chain))
        logging.getLogger("pole").info("Metrics are at %s.", monitoring.url)
    run(session.chain, roles, wait=asked.stopping.wait, finished=ended, pace=Pace(options.poll))
    notify(STOPPING="1")
    logging.getLogger("pole").info("Stopped.")
