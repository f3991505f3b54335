"""A connection to a cluster, for commands and scripts alike."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pole.adapters.machine.cluster import security

if TYPE_CHECKING:
    from pole.adapters.machine.cluster.attempt import Patience
    from pole.adapters.machine.cluster.client import Cluster


@contextmanager
def opened(address: str, certificates: Path, patience: "Patience | None" = None) -> "Iterator[Cluster]":
    """Connect to the cluster of a scheduler while the block runs.

    Raises InputError for an address without TLS, certificates that cannot be used, or a scheduler that
    computes otherwise, and UnreachableError where it does not answer.
    """
    security.require_tls(address)
    security.require_distributed()
    from pole.adapters.machine.cluster.attempt import PATIENT
    from pole.adapters.machine.cluster.client import Cluster
    from pole.adapters.machine.cluster.conditions import conditions

    proof = security.open_security(certificates, "client", datetime.now(UTC))
    with closing(Cluster(address, proof, conditions(), patience or PATIENT)) as cluster:
        cluster.workers()
        yield cluster
