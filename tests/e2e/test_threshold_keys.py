"""A round whose data node is offline: three of five holders make its keys, one lies, one is away.

Real processes: chain, IPFS daemon, and every command of the data node and of the holders.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from rich.console import Console
from scripts.demo.cast import Place, Worker, hand_out
from scripts.demo.fleet import Fleet
from scripts.demo.network import AT_ONCE, REPOSITORY, fund, make_wallets, pole
from scripts.demo.play import Stage, in_phase
from scripts.demo.story import Story
from tests.integration import deploying

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader
from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    start_ipfs,
    stop_devnet,
)
from pole.adapters.sending.chain import EthereumChain, open_ethereum_chain
from pole.adapters.storage.ipfs import IpfsStore
from pole.adapters.storage.journal import SqliteJournal
from pole.adapters.wallet.secret_store import SecretStore
from pole.cli.common.holder_secrets import open_share, save_share
from pole.ipfe.scalars import scalars_of
from pole.protocol.formats.key_sharing import read_share, write_share
from pole.protocol.state import Phase
from pole.roles.receiving.task_data import TaskReader

ETHER = 10**18
HOLDERS = tuple(f"holder-{number}" for number in range(1, 6))
LIAR, DELEGATE = "holder-1", "holder-2"
PRESENT = HOLDERS[:4]
TASK = 1
ROUND = 1
IRIS = REPOSITORY / "examples" / "iris-mlp.json"
IRIS_VALUES = 4


@dataclass(frozen=True)
class Scene:
    """The data node's and the holders' processes on a network of their own."""

    stage: Stage
    reader: ChainReader
    addresses: dict[str, str]
    folder: Path

    def worker(self, name: str) -> Worker:
        return next(each for each in self.stage.cast if each.name == name)

    def pole(self, name: str, *words: str) -> str:
        """Run a command of one participant's wallet to its end; return what it printed."""
        return pole([*words, "--wallet", name], self.worker(name).environment(self.stage.place))

    def card(self, name: str) -> Path:
        """Let a holder print its card into a file."""
        path = self.folder / f"{name}.card"
        path.write_text(self.pole(name, "key-holder", "new"))
        return path

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        self.stage.wait_for(what, condition, patience=60)

    def chain_of_miner(self) -> EthereumChain:
        """Return the chain as a wallet sees it that miners could have."""
        account = Account.create()
        fund([account.address], self.stage.place, ETHER)
        journal = SqliteJournal(self.folder / "miner.sqlite")
        return open_ethereum_chain(self.reader, account, journal, locks=self.folder / "locks")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("threshold")
    settings = DevnetSettings(folder / "devnet", programs_folder(), free_port(), free_port(), free_port())
    place = Place(settings.rpc, settings.ipfs, folder / "deployment.json")
    with ExitStack() as at_end:
        at_end.callback(stop_devnet, settings.folder)
        start_chain(settings)
        start_ipfs(settings)
        deploying.deploy(connect(settings.rpc), place.deployment)
        cast = tuple(_member(folder, name) for name in ("data-1", *HOLDERS))
        hand_out(place.deployment, cast)
        addresses = make_wallets(cast, place)
        fund(addresses.values(), place, 3 * ETHER)
        story = Story(Console(width=140))
        fleet = at_end.enter_context(Fleet(folder / "logs", story.hear))
        reader = open_chain_reader(place.rpc, place.deployment)
        yield Scene(Stage(place, fleet, story, cast), reader, addresses, folder)


def _member(folder: Path, name: str) -> Worker:
    role = "data-node" if name == "data-1" else "key-holder"
    member = Worker(name, role, folder / name)
    member.home.mkdir(mode=0o700)
    member.password_file.write_text(secrets.token_urlsafe(16) + "\n")
    return member


@pytest.fixture(scope="module")
def shared(scene: Scene) -> Scene:
    """A task posted and shared; its secret is gone from the data node, which does not run."""
    terms = ("--reward", "1", "--time-limit", "600", "--train-accuracy", "90", "--allow-disclosure")

    with ThreadPoolExecutor(AT_ONCE) as side_by_side:
        posted = side_by_side.submit(
            scene.pole, "data-1", "task", "post", "--spec", str(IRIS), "--data", "iris", *terms
        )
        cards = list(side_by_side.map(scene.card, HOLDERS))
        posted.result()
        files = _share(scene, cards)
        list(side_by_side.map(lambda name: scene.pole(name, "key-holder", "accept", files[name]), PRESENT))
    scene.pole("data-1", "data-node", "drop-secret", str(TASK), "--yes")
    return scene


def _share(scene: Scene, cards: list[Path]) -> dict[str, str]:
    """Share the task's secret, 3 of 5; return each holder's file."""
    named = [word for card in cards for word in ("--holder", str(card))]
    out = str(scene.folder / "shares")
    options = ("--threshold", "3", "--delegate", scene.addresses[DELEGATE], "--out", out, "--json")
    answer = json.loads(scene.pole("data-1", "data-node", "share", str(TASK), *named, *options))
    return {name: answer["files"][scene.addresses[name]] for name in HOLDERS}


@pytest.fixture(scope="module")
def keyed(shared: Scene) -> Scene:
    """The round in training, its keys made by the holders."""
    _spoil(shared, LIAR)
    # The delegate combines what it has once it is enough: the lie must be there first to be found out.
    shared.stage.start(shared.worker(LIAR))
    shared.wait_for("the lie", lambda: shared.addresses[LIAR] in shared.reader.partial_keys(TASK))
    for name in PRESENT:
        if name != LIAR:
            shared.stage.start(shared.worker(name))
    shared.wait_for("the keys", lambda: in_phase(shared.reader, ROUND, Phase.TRAINING))
    return shared


def _spoil(scene: Scene, name: str) -> None:
    """Put another scalar into the share that a holder accepted: from now on its partial keys are wrong."""
    worker, address = scene.worker(name), scene.addresses[name]
    kept = SecretStore(worker.home / "secrets", worker.password_file.read_text().strip())
    delegation = scene.reader.delegation(TASK)
    assert delegation is not None
    digest = delegation.sharing.digest
    content = open_share(kept, address, digest)
    assert content is not None
    index = HOLDERS.index(name) + 1
    scalars = read_share(content, sharing_digest=digest, index=index, dimension=IRIS_VALUES).copy()
    scalars[0] = scalars_of([1])[0]
    save_share(kept, address, digest, write_share(scalars, sharing_digest=digest, index=index))


def test_no_secret_is_left_with_the_data_node(shared: Scene) -> None:
    folder = shared.worker("data-1").home / "secrets"
    assert [path.name for path in folder.iterdir() if path.name.startswith("master-secret")] == []


def test_the_keys_are_made_without_the_data_node(keyed: Scene, tmp_path: Path) -> None:
    """What the delegate posted passes what miners check: file, digest, every key against the public key."""
    store = IpfsStore(keyed.stage.place.ipfs)
    opened = keyed.reader.round(ROUND)
    task = TaskReader(keyed.reader, store, tmp_path, os.urandom).task(opened)  # type: ignore[arg-type]
    assert task.keys.eta.shape == (1, 8, 32)
    assert opened.data_node == keyed.addresses["data-1"]


def test_the_holder_that_lied_is_named_and_the_absent_one_not_missed(keyed: Scene) -> None:
    heard = keyed.stage.story.heard
    # The chain shows the keys before the delegate's own line about them has been read.
    keyed.wait_for(
        "the delegate's word", lambda: heard(DELEGATE, "keys-combined", round=ROUND, holders="2, 3, 4")
    )
    assert heard(DELEGATE, "partial-keys-refused", round=ROUND, holder=keyed.addresses[LIAR], index=1)
    announced = set(keyed.reader.partial_keys(TASK))
    assert announced == {keyed.addresses[name] for name in PRESENT}


def test_the_data_node_comes_back_and_the_round_goes_on(keyed: Scene) -> None:
    keyed.chain_of_miner().commit(ROUND, b"\x01" * 32, 135, intent="commit")
    keyed.stage.start(keyed.worker("data-1"))
    keyed.wait_for("the test set", lambda: keyed.stage.story.heard("data-1", "test-released", round=ROUND))
    assert in_phase(keyed.reader, ROUND, Phase.REVEAL)
