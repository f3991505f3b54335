"""`pole verifier run`."""

from typing import TYPE_CHECKING

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.common.worker import (
    WorkerOptions,
    patient_store_of,
    point_cache_option,
    round_data_of,
    run_worker,
    settlement_of,
    start_log,
    stop_on_signals,
    threads_option,
    worker_options,
)

if TYPE_CHECKING:
    from pole.learning.evaluation.arrays import Place


@command(epilog="Example: pole verifier run --wallet verifier-1 --withdraw")
@wallet_option
@click.option("--device", help="CUDA device of torch to evaluate models on.  [default: the processor]")
@threads_option
@point_cache_option
@click.option(
    "--time-margin",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Time before the end of a vote from which missing files are voted to be missing.",
)
@worker_options
@common_options
def run(
    settings: Settings,
    options: WorkerOptions,
    /,
    wallet: str,
    device: str | None,
    threads: int,
    point_cache: int,
    time_margin: float,
) -> None:
    """Vote whenever the wallet is drawn into a committee; take a seat first, by `pole verifier stake`."""
    import os
    import time

    from pole.learning.evaluation.arrays import PROCESSOR
    from pole.learning.threads import limit_threads
    from pole.roles.memory import VerifierMemory
    from pole.roles.workers import tables
    from pole.roles.workers.verifier.verifier import Verifier

    limit_threads(threads)
    place = PROCESSOR if device is None else _place(device)
    with open_session(settings, wallet, read_password(settings)) as session, stop_on_signals() as stopping:
        start_log(options)
        store = patient_store_of(session)
        role = Verifier(
            chain=session.chain,
            store=store,
            memory=VerifierMemory(session.journal, os.urandom),
            data=round_data_of(session, settings, store, threads=threads, point_cache=point_cache),
            settlement=settlement_of(session, options),
            time_margin=time_margin,
            clock=time.monotonic,
            stopping=stopping.is_set,
            place=place,
        )
        run_worker(session, tables.verifier(role), options, stopping)


def _place(device: str) -> "Place":
    from pole.cli.common.training import open_place

    return open_place(device)
