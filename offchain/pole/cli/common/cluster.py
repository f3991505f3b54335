"""The options of commands that have shards done by a cluster, and the connection to it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pole.api.settings import Settings

if TYPE_CHECKING:
    from pole.adapters.machine.cluster.client import Cluster

R = TypeVar("R")

cluster_certificates_option = click.option(
    "--cluster-certificates",
    metavar="FOLDER",
    envvar="POLE_CLUSTER_CERTIFICATES",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder `client` of `pole cluster certificates`.  [env: POLE_CLUSTER_CERTIFICATES] "
    "[default: cluster/client in the data folder]",
)


def cluster_options(callback: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of a cluster that works beside it, or does not."""
    address = click.option(
        "--cluster",
        metavar="ADDRESS",
        envvar="POLE_CLUSTER",
        help="Scheduler of `pole cluster` whose workers help, such as tls://head:8786: they see what is "
        "worked on, and no secret.  [env: POLE_CLUSTER] [default: this machine alone]",
    )
    return address(cluster_certificates_option(callback))


def opened_cluster(
    settings: Settings, address: str | None, certificates: Path | None
) -> "AbstractContextManager[Cluster | None]":
    """Connect to a cluster while the block runs, as `connected_to` does; None where no address was given."""
    return nullcontext() if address is None else connected_to(settings, address, certificates)


def cluster_beside(
    settings: Settings, address: str | None, certificates: Path | None
) -> "AbstractContextManager[Cluster | None]":
    """Connect a worker to a cluster while the block runs; raises what `standing_by` raises.

    A round does not wait until a cluster is back. Gives None where no address was given.
    """
    if address is None:
        return nullcontext()
    from pole.adapters.machine.cluster.opening import standing_by

    return standing_by(address, certificates or _own_certificates(settings))


def connected_to(
    settings: Settings, address: str, certificates: Path | None
) -> "AbstractContextManager[Cluster]":
    """Connect to the cluster of a scheduler while the block runs; raises what `opened` raises."""
    from pole.adapters.machine.cluster.opening import opened

    return opened(address, certificates or _own_certificates(settings))


def _own_certificates(settings: Settings) -> Path:
    return settings.home / "cluster" / "client"
