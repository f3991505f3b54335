"""A round whose data node is offline: three of five holders make its keys, one lies, one is away.

Real processes: chain, IPFS daemon, and every command of the data node and of the holders.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from scripts.demo.network import REPOSITORY
from scripts.demo.play import in_phase
from tests.e2e.holders import Scene, holders_on_a_network

from pole.adapters.storage.ipfs import IpfsStore
from pole.adapters.wallet.secret_store import SecretStore
from pole.api.key_secrets import open_share, save_share
from pole.ipfe.scalars import scalars_of
from pole.protocol.formats.key_sharing import read_share, write_share
from pole.protocol.state import Phase
from pole.roles.keys.sharing import TaskSharing, read_task_sharing
from pole.roles.receiving.task_data import TaskReader

HOLDERS = tuple(f"holder-{number}" for number in range(1, 6))
LIAR, DELEGATE = "holder-1", "holder-2"
PRESENT = HOLDERS[:4]
TASK = 1
ROUND = 1
IRIS = REPOSITORY / "examples" / "iris-mlp.json"
IRIS_VALUES = 4


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with holders_on_a_network(tmp_path_factory.mktemp("threshold"), HOLDERS) as scene:
        yield scene


@pytest.fixture(scope="module")
def shared(scene: Scene) -> Scene:
    """A task posted and shared; its secret is gone from the data node, which does not run."""
    terms = ("--reward", "1", "--time-limit", "600", "--train-accuracy", "90", "--allow-disclosure", "rank")

    with ThreadPoolExecutor(1) as side_by_side:
        posted = side_by_side.submit(
            scene.pole, "data-1", "task", "post", "--yes", "--spec", str(IRIS), "--data", "iris", *terms
        )
        cards = scene.cards(HOLDERS)
        posted.result()
    files = scene.share(TASK, cards, threshold=3, delegate=DELEGATE)
    said = scene.drop_secret(TASK, scene.accept(PRESENT, files))
    assert "as long as at most 1 of these 4 are away" in said
    return scene


def _announced(scene: Scene) -> set[str]:
    """Return the addresses of those who announced partial keys."""
    return set(scene.reader.partial_keys(TASK, scene.addresses.values()))


@pytest.fixture(scope="module")
def keyed(shared: Scene) -> Scene:
    """The round in training, its keys made by the holders."""
    _spoil(shared, LIAR)
    # The delegate combines what it has once it is enough: the lie must be there first to be found out.
    shared.stage.start(shared.worker(LIAR))
    shared.wait_for("the lie", lambda: shared.addresses[LIAR] in _announced(shared))
    for name in PRESENT:
        if name != LIAR:
            shared.stage.start(shared.worker(name))
    shared.wait_for("the keys", lambda: in_phase(shared.reader, ROUND, Phase.TRAINING))
    return shared


def _spoil(scene: Scene, name: str) -> None:
    """Put another scalar into the share that a holder accepted: from now on its partial keys are wrong."""
    worker, address = scene.worker(name), scene.addresses[name]
    kept = SecretStore(worker.home / "secrets", worker.password_file.read_text().strip())
    found = read_task_sharing(
        scene.chain_of("observer"), IpfsStore(scene.stage.place.ipfs), scene.folder, TASK
    )
    assert isinstance(found, TaskSharing)
    content = open_share(kept, address, found.digest)
    assert content is not None
    task, index = found.sharing.task, HOLDERS.index(name) + 1
    scalars = read_share(
        content, task=task, sharing_digest=found.digest, index=index, dimension=IRIS_VALUES
    ).copy()
    scalars[0] = scalars_of([1])[0]
    spoilt = write_share(scalars, task=task, sharing_digest=found.digest, index=index)
    save_share(kept, address, found.digest, spoilt)


def test_no_secret_is_left_with_the_data_node(shared: Scene) -> None:
    folder = shared.worker("data-1").home / "secrets"
    assert [path.name for path in folder.iterdir() if path.name.startswith("master-secret")] == []


def test_the_keys_are_made_without_the_data_node(keyed: Scene, tmp_path: Path) -> None:
    """What the delegate posted passes what miners check: file, digest, every key against the public key."""
    store = IpfsStore(keyed.stage.place.ipfs)
    opened = keyed.reader.round(ROUND)
    task = TaskReader(keyed.reader, store, tmp_path, os.urandom).task(opened)
    assert task.keys.eta.shape == (1, 8, 32)
    assert opened.data_node == keyed.addresses["data-1"]


def test_the_holder_that_lied_is_named_and_the_absent_one_not_missed(keyed: Scene) -> None:
    heard = keyed.stage.story.heard
    # The chain shows the keys before the delegate's own line about them has been read.
    keyed.wait_for(
        "the delegate's word", lambda: heard(DELEGATE, "keys-combined", round=ROUND, holders="2, 3, 4")
    )
    assert heard(DELEGATE, "partial-keys-refused", round=ROUND, holder=keyed.addresses[LIAR], index=1)
    assert _announced(keyed) == {keyed.addresses[name] for name in PRESENT}


def test_the_data_node_comes_back_and_the_round_goes_on(keyed: Scene) -> None:
    keyed.chain_of("miner").commit(ROUND, b"\x01" * 32, 135, intent="commit")
    keyed.stage.start(keyed.worker("data-1"))
    keyed.wait_for("the test set", lambda: keyed.stage.story.heard("data-1", "test-released", round=ROUND))
    assert in_phase(keyed.reader, ROUND, Phase.REVEAL)
