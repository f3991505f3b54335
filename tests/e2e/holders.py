"""A data node and key holders as processes, on a network of their own."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from rich.console import Console
from scripts.demo.cast import Place, Worker, hand_out
from scripts.demo.fleet import Fleet
from scripts.demo.network import AT_ONCE, fund, make_wallets, pole
from scripts.demo.play import Stage
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
from pole.adapters.storage.journal import SqliteJournal

ETHER = 10**18
DATA_NODE = "data-1"
ONE_LANE = deploying.PARAMETERS | {"committee": deploying.PARAMETERS["committee"] | {"lanes": 1}}
"""One round at a time, so that a task waits for the round before it."""


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

    def cards(self, names: Sequence[str]) -> list[Path]:
        """Let holders print their cards into files."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._card, names))

    def _card(self, name: str) -> Path:
        path = self.folder / f"{name}.card"
        path.write_text(self.pole(name, "key-holder", "new"))
        return path

    def share(self, task: int, cards: Sequence[Path], *, threshold: int, delegate: str) -> dict[str, str]:
        """Share a task's secret among the owners of cards; return the file of each address."""
        named = [word for card in cards for word in ("--holder", str(card))]
        options = ("--threshold", str(threshold), "--delegate", self.addresses[delegate])
        out = ("--out", str(self.folder / "shares"), "--json")
        answer = self.pole(DATA_NODE, "data-node", "share", str(task), *named, *options, *out)
        files: dict[str, str] = json.loads(answer)["files"]
        return files

    def accept(self, names: Sequence[str], files: Mapping[str, str]) -> list[Path]:
        """Let holders take in their shares; return the files of their receipts."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda name: self._accept(name, files[self.addresses[name]]), names))

    def _accept(self, name: str, file: str) -> Path:
        path = self.folder / f"{name}.receipt"
        path.write_text(self.pole(name, "key-holder", "accept", file))
        return path

    def drop_secret(self, task: int, receipts: Sequence[Path]) -> str:
        """Remove the secret from the data node; return what it says."""
        named = [word for receipt in receipts for word in ("--receipt", str(receipt))]
        return self.pole(DATA_NODE, "data-node", "drop-secret", str(task), *named, "--yes")

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        self.stage.wait_for(what, condition, patience=60)

    def chain_of(self, name: str, reader: ChainReader | None = None) -> EthereumChain:
        """Return the chain as a new wallet with some ether sees it."""
        account = Account.create()
        fund([account.address], self.stage.place, 20 * ETHER)
        journal = SqliteJournal(self.folder / f"{name}.sqlite")
        return open_ethereum_chain(reader or self.reader, account, journal, locks=self.folder / "locks")


@contextmanager
def holders_on_a_network(folder: Path, names: Sequence[str]) -> Iterator[Scene]:
    """Start chain and IPFS, deploy, make funded wallets for a data node and these key holders."""
    settings = DevnetSettings(folder / "devnet", programs_folder(), free_port(), free_port(), free_port())
    place = Place(settings.rpc, settings.ipfs, folder / "deployment.json")
    with ExitStack() as at_end:
        at_end.callback(stop_devnet, settings.folder)
        start_chain(settings)
        start_ipfs(settings)
        deploying.deploy(connect(settings.rpc), place.deployment, ONE_LANE)
        cast = tuple(_member(folder, name) for name in (DATA_NODE, *names))
        hand_out(place.deployment, cast)
        addresses = make_wallets(cast, place)
        fund(addresses.values(), place, 3 * ETHER)
        story = Story(Console(width=140))
        fleet = at_end.enter_context(Fleet(folder / "logs", story.hear))
        reader = open_chain_reader(place.rpc, place.deployment)
        yield Scene(Stage(place, fleet, story, cast), reader, addresses, folder)


def _member(folder: Path, name: str) -> Worker:
    role = "data-node" if name == DATA_NODE else "key-holder"
    member = Worker(name, role, folder / name)
    member.home.mkdir(mode=0o700)
    member.password_file.write_text(secrets.token_urlsafe(16) + "\n")
    return member
