"""`pole verifier run`."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.cluster import cluster_beside, cluster_options
from pole.cli.common.context import Session, Settings, command, common_options, wallet_option
from pole.cli.common.parameters import Duration
from pole.cli.common.worker import (
    WorkerOptions,
    confirmations_of,
    confirmations_option,
    patient_store_of,
    point_cache_option,
    round_data_of,
    serve,
    settlement_of,
    threads_option,
    worker_options,
)
from pole.cli.shell.signals import Asked

if TYPE_CHECKING:
    from pole.learning.evaluation.arrays import Place
    from pole.roles.support.draining import Participant


@command(epilog="Example: pole verifier run --wallet verifier-1 --withdraw")
@wallet_option
@click.option("--device", help="CUDA device of torch to evaluate models on.  [default: the processor]")
@threads_option
@cluster_options
@point_cache_option
@click.option(
    "--time-margin",
    type=Duration(),
    default=10.0,
    show_default=True,
    help="Time before the end of a vote from which missing files are voted to be missing.",
)
@click.option("--eager", is_flag=True, help="Evaluate models when they are revealed, not when drawn.")
@confirmations_option
@worker_options
@common_options
def run(
    settings: Settings,
    options: WorkerOptions,
    /,
    *,
    wallet: str,
    device: str | None,
    threads: int,
    cluster: str | None,
    cluster_certificates: Path | None,
    point_cache: int,
    time_margin: float,
    eager: bool,
    confirmations: int | None,
) -> None:
    """Vote whenever the wallet is drawn into a committee; take a seat first, by `pole verifier stake`.

    Workers of a --cluster can make its votes false, which costs the stake: have none but your own.
    """
    import os
    import time

    from pole.learning.evaluation.arrays import PROCESSOR
    from pole.learning.machine.threads import limit_threads
    from pole.roles.memory import VerifierMemory
    from pole.roles.workers import tables
    from pole.roles.workers.verifier.verifier import Verifier

    limit_threads(threads)
    place = PROCESSOR if device is None else _place(device)

    helping = ExitStack()

    def verifier(session: Session, asked: Asked) -> "Participant":
        shards = helping.enter_context(cluster_beside(settings, cluster, cluster_certificates))
        store = patient_store_of(session)
        role = Verifier(
            chain=session.chain,
            store=store,
            memory=VerifierMemory(session.journal, os.urandom),
            data=round_data_of(
                session, settings, store, threads=threads, point_cache=point_cache, shards=shards
            ),
            settlement=settlement_of(session, options, _result_reporter(session)),
            time_margin=time_margin,
            clock=time.monotonic,
            stopping=asked.stopping.is_set,
            next_intent=session.journal.next_intent,
            draining=asked.draining.is_set,
            place=place,
            eager=eager,
            confirmations=confirmations_of(session.chain.parameters, confirmations),
        )
        return tables.verifier(role)

    with helping:
        serve(settings, options, wallet, verifier)


def _place(device: str) -> "Place":
    from pole.cli.common.training import open_place

    return open_place(device)


def _result_reporter(session: Session) -> Callable[[int], None]:
    """Return what logs how a round ended for this verifier."""
    from pole.adapters.history.rounds import read_round
    from pole.protocol.replay.earnings.verifier import VerifierRow, verifier_row
    from pole.roles.workers.results import report_judged

    chain, address = session.chain, session.account.address

    def row_of(round_id: int) -> VerifierRow | None:
        ended = read_round(chain, round_id)
        return verifier_row(ended.played, address, chain.parameters, ended.books)

    return partial(report_judged, row_of=row_of)
