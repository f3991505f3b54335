"""`pole cluster`: certificates, the processes of a cluster, and what its workers do."""

import asyncio
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pole.cli.common.cluster import cluster_certificates_option, connected_to
from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.log import start_log
from pole.cli.common.output import print_done, print_json, print_table
from pole.cli.common.worker import threads_option
from pole.errors import UnreachableError

if TYPE_CHECKING:
    from distributed.security import Security

DAYS: Final = 365
LISTENING: Final = "tls://0.0.0.0:8786"
MEBIBYTE: Final = 2**20

certificates_option = click.option(
    "--certificates",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of this role, made by `pole cluster certificates`.",
)
json_log_option = click.option("--json-log", is_flag=True, help="Log one JSON object a line.")


@command(epilog="Example: pole cluster certificates cluster")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--days", type=click.IntRange(1, 3650), default=DAYS, show_default=True, help="Days they last.")
@json_option
@common_options
def certificates(settings: Settings, /, *, folder: Path, days: int, as_json: bool) -> None:
    """Make the certificates of a cluster: a folder each for scheduler, workers and callers.

    Copy each to the machines of its role. Whoever has one of them can run code on every machine of the
    cluster. The folder `authority` signs others: keep it on none of them. Called again, the command makes new
    certificates by the same authority, before the old ones expire.
    """
    from pole.adapters.machine.cluster.certificates import make_certificates

    folders = make_certificates(folder, datetime.now(UTC), days=days)
    *roles, authority = map(str, folders)
    told = (
        f"Made {', '.join(roles)}: copy each to the machines of its role.\n"
        f"Keep {authority} on none of them: it signs others."
    )
    print_done(told, {"roles": roles, "authority": authority}, as_json=as_json)


@command(epilog="Example: pole cluster scheduler --certificates cluster/scheduler")
@click.option("--listen", default=LISTENING, show_default=True, metavar="ADDRESS", help="Where to listen.")
@certificates_option
@json_log_option
@common_options
def scheduler(settings: Settings, /, *, listen: str, certificates: Path, json_log: bool) -> None:
    """Run the scheduler of a cluster: it hands shards to workers, and their results back.

    It takes TLS connections with certificates of the cluster alone, and workers that compute the same bytes.
    """
    security = _prepared(listen, certificates, "scheduler", json_log=json_log)
    from pole.adapters.machine.cluster.conditions import conditions
    from pole.adapters.machine.cluster.scheduler import serve_shards

    _run(lambda stopping: serve_shards(listen, security, conditions(), stopping))


@command(epilog="Example: pole cluster worker tls://head:8786 --certificates cluster/worker --threads 8")
@click.argument("address", metavar="ADDRESS")
@certificates_option
@threads_option
@click.option(
    "--memory-limit",
    type=click.IntRange(min=128),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="Memory of the process that works; at 95 % of it the process is killed and started again.",
)
@click.option(
    "--name",
    help="Name that errors and the status call it by; no two workers may have the same.  "
    "[default: this machine's, and the number of the process]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Address that the others reach this machine by.  [default: the one that leads to the scheduler]",
)
@click.option(
    "--works",
    metavar="MODULE",
    help="Python module of further works, found from this folder, such as experiments.works.",
)
@json_log_option
@common_options
def worker(
    settings: Settings,
    /,
    *,
    address: str,
    certificates: Path,
    threads: int,
    memory_limit: int,
    name: str | None,
    host: str | None,
    works: str | None,
    json_log: bool,
) -> None:
    """Work on the shards of a cluster; join again whenever its scheduler comes back.

    The worker is refused where it computes otherwise than the scheduler's machine: another PoLe, a kernel or
    a float64 that gives other bytes. It sees the rows that it encrypts and the keys that it decrypts with.
    """
    security = _prepared(address, certificates, "worker", json_log=json_log)
    from pole.adapters.machine.cluster.conditions import conditions
    from pole.adapters.machine.cluster.running import works_of
    from pole.adapters.machine.cluster.worker import WorkerPlace, work

    if works is not None:
        # As with `python -m`; the process that works inherits it.
        sys.path.insert(0, str(Path.cwd()))
    works_of(works)
    place = WorkerPlace(address, threads, memory_limit * MEBIBYTE, name or own_name(), host, works)
    _run(lambda stopping: work(place, security, conditions(), stopping))


@command(epilog="Example: pole cluster status tls://head:8786 --cluster-certificates cluster/client")
@click.argument("address", metavar="ADDRESS", envvar="POLE_CLUSTER")
@cluster_certificates_option
@json_option
@common_options
def status(settings: Settings, /, *, address: str, cluster_certificates: Path | None, as_json: bool) -> None:
    """Show the workers of a cluster, and what each has to do.

    Exits with 3 where the scheduler does not answer, or has no workers.
    """
    with connected_to(settings, address, cluster_certificates) as cluster:
        workers, running = cluster.workers(), cluster.running()
        rows = [_row(where, found, len(running.get(where, ()))) for where, found in sorted(workers.items())]
    if as_json:
        print_json({"scheduler": address, "workers": rows})
    else:
        columns = ("worker", "address", "threads", "MiB of", "at most", "shards", "code path")
        print_table(columns, [_shown(row) for row in rows], empty="No worker is there.")
    if not rows:
        raise UnreachableError(f"The scheduler {address} has no workers: start `pole cluster worker`.")


def own_name() -> str:
    """Return a name that no other worker has, also not of this machine."""
    return f"{platform.node()}-{os.getpid()}"


def _prepared(address: str, certificates: Path, role: str, *, json_log: bool) -> "Security":
    """Begin the log, which Dask's joins then, and return what this process proves itself with."""
    start_log(as_json=json_log)
    from pole.adapters.machine.cluster import security

    security.require_distributed()
    security.require_tls(address)
    return security.open_security(certificates, role, datetime.now(UTC))


def _run(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until SIGTERM or SIGINT."""

    async def until_asked() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await serve(stopping)

    asyncio.run(until_asked())


def _row(address: str, found: dict[str, Any], shards: int) -> dict[str, Any]:
    return {
        "name": str(found.get("name")),
        "address": address,
        "threads": found.get("nthreads"),
        "memory": found.get("metrics", {}).get("memory", 0),
        "memoryLimit": found.get("memory_limit", 0),
        "pid": int(found.get("pole", {}).get("pid", 0)),
        "shards": shards,
        "codePath": found.get("pole", {}).get("path"),
    }


def _shown(row: dict[str, Any]) -> tuple[object, ...]:
    used, limit = (row[name] // MEBIBYTE for name in ("memory", "memoryLimit"))
    return (row["name"], row["address"], row["threads"], used, limit, row["shards"], row["codePath"])
