"""A command that has nothing without a cluster ends where it is away; a worker goes on alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pole.adapters.machine.cluster import client
from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.opening import opened, standing_by
from pole.errors import InputError, UnreachableError
from pole.roles.support.slots import Slots

ADDRESS = "tls://127.0.0.1:1"
IMPATIENT = Patience(connecting=0.0, look=0.0)


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def away(*_: object) -> None:
        raise OSError("Nobody listens there.")

    monkeypatch.setattr(client, "ShardClient", away)
    make_certificates(tmp_path, datetime.now(UTC), days=1)
    return tmp_path / "client"


def test_a_cluster_that_is_away_is_an_error(certificates: Path) -> None:
    with pytest.raises(UnreachableError, match="does not answer"), opened(ADDRESS, certificates, IMPATIENT):
        pytest.fail("it was opened")


def test_a_worker_does_not_wait_until_its_cluster_is_back(
    certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with standing_by(ADDRESS, certificates, IMPATIENT) as shards:
        assert Slots(2, shards).run(lambda: "here", lambda _: "there") == "here"
    assert "This machine does the work itself meanwhile" in caplog.text


def test_a_cluster_that_computes_otherwise_is_an_error_for_all(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Cluster) -> None:
        raise InputError("Install the same.")

    monkeypatch.setattr(Cluster, "workers", refused)
    for way in (opened, standing_by):
        with pytest.raises(InputError, match="Install"), way(ADDRESS, certificates, IMPATIENT):
            pytest.fail("it was opened")
