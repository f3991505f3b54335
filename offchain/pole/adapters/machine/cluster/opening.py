"""A connection to a cluster, for commands and scripts alike."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pole.adapters.machine.cluster import security
from pole.errors import UnreachableError

if TYPE_CHECKING:
    from pole.adapters.machine.cluster.attempt import Patience
    from pole.adapters.machine.cluster.client import Cluster

LOG: Final = logging.getLogger("pole.cluster")


@contextmanager
def opened(address: str, certificates: Path, patience: "Patience | None" = None) -> "Iterator[Cluster]":
    """Connect to the cluster of a scheduler while the block runs.

    Raises InputError for an address without TLS, certificates that cannot be used, or a scheduler that
    computes otherwise, and UnreachableError where it does not answer.
    """
    with _cluster(address, certificates, patience) as cluster:
        cluster.workers()
        yield cluster


@contextmanager
def standing_by(address: str, certificates: Path, patience: "Patience | None" = None) -> "Iterator[Cluster]":
    """Connect as `opened` does, for who works alone as well: that a scheduler is away is a warning."""
    with _cluster(address, certificates, patience) as cluster:
        try:
            cluster.workers()
        except UnreachableError as error:
            LOG.warning("%s This machine does the work itself meanwhile.", error)
        yield cluster


def _cluster(address: str, certificates: Path, patience: "Patience | None") -> "closing[Cluster]":
    security.require_tls(address)
    security.require_distributed()
    from pole.adapters.machine.cluster.attempt import PATIENT
    from pole.adapters.machine.cluster.client import Cluster
    from pole.adapters.machine.cluster.conditions import conditions

    proof = security.open_security(certificates, "client", datetime.now(UTC))
    return closing(Cluster(address, proof, conditions(), patience or PATIENT))
