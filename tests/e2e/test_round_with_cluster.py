"""A round on a real chain whose data node, a miner and a verifier have a cluster beside them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from scripts.demo.network import REPOSITORY, pole
from scripts.demo.setting import Setting
from tests.e2e.rounds import lone, wait_for_end, worker
from tests.faults.cluster_processes import ClusterProcesses, joined, running

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.machine.cluster.client import Cluster
from pole.errors import UnreachableError
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp

COLUMNS, TRAIN, TEST = 200, 3200, 100
HELPED = ("miner-1", "verifier-1")
OWNER = "data-1"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcesses]:
    with running(tmp_path_factory.mktemp("cluster"), ["worker-a"]) as processes, joined(processes):
        yield processes


@pytest.fixture
def helped(setting: Setting, processes: ClusterProcesses) -> Iterator[dict[str, str]]:
    """Start a miner and a verifier anew beside the cluster, and give the settings that lead to it."""
    where = {
        "POLE_CLUSTER": processes.address,
        "POLE_CLUSTER_CERTIFICATES": str(processes.folder / "client"),
    }
    restart(setting, where)
    yield where
    restart(setting, {})


def restart(setting: Setting, where: dict[str, str]) -> None:
    for name in HELPED:
        role = worker(setting, name)
        setting.stage.kill(role)
        environment = role.environment(setting.ground.place) | where
        setting.stage.fleet.start(name, role.run_command("--poll", "0.5"), environment, REPOSITORY)


class Watch:
    """Notes which works the cluster has, and of how many callers each shard is, until it ends."""

    def __init__(self, cluster: Cluster) -> None:
        self.shards: set[str] = set()
        self._cluster, self._ends = cluster, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> set[str]:
        self._ends.set()
        self._thread.join()
        return self.shards

    def _look(self) -> None:
        while not self._ends.wait(0.05):
            try:
                running = self._cluster.running()
            except UnreachableError:
                continue
            self.shards |= {name for shards in running.values() for name in shards}


def data_of(folder: Path) -> tuple[Path, Path]:
    """Write samples of two kinds, of three shards, and a specification for them."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, TRAIN + TEST)
    x = (random.integers(0, 200, (TRAIN + TEST, COLUMNS)) + 55 * y[:, None]).astype(np.uint8)
    data, spec = folder / "two.npz", folder / "two.json"
    np.savez(data, x_train=x[:TRAIN], y_train=y[:TRAIN], x_test=x[TRAIN:], y_test=y[TRAIN:])
    layer = LinearMapping(bits=3, queries=8)
    network = mlp(input_shape=(COLUMNS,), input_bits=8, mapping=layer, hidden=(8,), classes=2)
    spec.write_bytes(network.canonical_bytes())
    return data, spec


def test_a_cluster_encrypts_and_decrypts_for_a_round_that_ends_in_a_block(
    setting: Setting, processes: ClusterProcesses, helped: dict[str, str], tmp_path: Path
) -> None:
    data, spec = data_of(tmp_path)
    owner, round_id = worker(setting, OWNER), lone(setting).next_round
    words = ["task", "post", "--wallet", OWNER, "--data", str(data), "--spec", str(spec), "--reward", "1"]
    terms = ["--fee", "0.12", "--time-limit", "60", "--train-accuracy", "60", "--allow-disclosure", "rank"]
    with closing(processes.caller()) as caller:
        watch = Watch(caller)
        try:
            posted = pole(
                [*words, *terms, "--yes", "--json"], owner.environment(setting.ground.place) | helped
            )
            wait_for_end(setting, round_id)
        finally:
            shards = watch.end()
    assert json.loads(posted)["taskId"]
    block = read_chain_log(setting.reader).blocks[-1]
    assert block.header.round_id == round_id
    assert {name.partition("-")[0] for name in shards} == {"encryption", "decryption"}
