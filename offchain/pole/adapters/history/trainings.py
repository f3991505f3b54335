"""The trainings of miners in data folders of this machine, from the files that the miners keep.

Folders are found by listing, and files by fixed names in them: nobody who asks names a path. A link below a
worker's folder is not followed, and what is no history of a miner says why.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from pole.adapters.wallet.keystore import find_wallet
from pole.errors import IntegrityError, PoleError
from pole.roles.training.history.file import NAME, read_kept
from pole.roles.training.history.trainings import Training, read_history

FOLDER: Final = "training"
MAX_WORKERS: Final = 50
"""Workers that are looked at, of all data folders together."""

MAX_WALLETS: Final = 500

_WORKER: Final = re.compile(r"([0-9]{1,19})-([0-9a-f]{8})-([0-9a-f]{8})", re.ASCII)
_IN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class MinerTrainings:
    """A miner's trainings, that which went on last at the end; `fault` says why they cannot be read.

    `name` is unique among the miners that are read. `contract` and `address` are the first eight digits of
    PoLeChain's address and of the wallet's. `wallet` is the name of the wallet, "" where its file is gone.
    """

    name: str
    chain_id: int
    contract: str
    address: str
    wallet: str
    trainings: tuple[Training, ...]
    fault: str = ""


Mark = tuple[int, int, int]
"""Of a file: its number, its bytes, and when it was written, in nanoseconds."""

History = tuple[Mark | None, tuple[Training, ...], str]
"""The mark of a worker's file, None where it is not read, its trainings, and what is wrong with it."""


@dataclass(slots=True)
class TrainingFiles:
    """The histories below data folders, each read again when its file has changed."""

    homes: Sequence[Path]
    _read: dict[Path, History] = field(default_factory=dict, init=False)
    _wallets: dict[Path, tuple[int, Mapping[str, str]]] = field(default_factory=dict, init=False)

    def miners(self) -> tuple[MinerTrainings, ...]:
        """Return the miners that have a history, in the order of the data folders and of their names."""
        found: list[MinerTrainings] = []
        seen: dict[Path, History] = {}
        for home, parts in islice(_workers(self.homes), MAX_WORKERS):
            folder = home / "work" / parts[0]
            mark, trainings, fault = seen[folder] = self._of(folder)
            if mark is not None or fault:
                chain_id, contract, address = parts.groups()
                wallet = self._wallet(home, address)
                found.append(
                    MinerTrainings(parts[0], int(chain_id), contract, address, wallet, trainings, fault)
                )
        self._read = seen
        return _named_apart(found)

    def _of(self, folder: Path) -> History:
        known = self._read.get(folder)
        try:
            with _inside(folder) as inside:
                mark = _mark(inside)
                if known is not None and known[0] == mark:
                    return known
                return mark, read_history(read_kept(NAME, inside)), ""
        except FileNotFoundError:
            return None, (), ""
        except OSError as error:
            return None, (), error.strerror or str(error)
        except IntegrityError as error:
            return None, (), str(error)

    def _wallet(self, home: Path, address: str) -> str:
        """Return the name of the wallet whose address begins with these digits, "" where there is none."""
        folder = home / "wallets"
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            return ""
        if home not in self._wallets or self._wallets[home][0] != changed:
            self._wallets[home] = changed, _wallets(home)
        return self._wallets[home][1].get(address, "")


def _wallets(home: Path) -> Mapping[str, str]:
    """Return the names of wallets by the first digits of their addresses."""
    names: dict[str, str] = {}
    for file in sorted((home / "wallets").glob("*.json"))[:MAX_WALLETS]:
        # One file may be broken, or gone meanwhile.
        with suppress(PoleError, OSError):
            names.setdefault(find_wallet(home, file.stem).address[2:10].lower(), file.stem)
    return names


def _workers(homes: Sequence[Path]) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield each worker's data folder and the parts of its own folder's name."""
    for home in dict.fromkeys(homes):
        with suppress(OSError), os.scandir(home / "work") as entries:
            names = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
            for name in names:
                parts = _WORKER.fullmatch(name)
                if parts is not None:
                    yield home, parts


@contextmanager
def _inside(folder: Path) -> Iterator[int]:
    """Open a worker's folder of trainings; raises OSError where it, or the one above, is a link."""
    above = os.open(folder, _IN_FOLDER)
    try:
        inside = os.open(FOLDER, _IN_FOLDER, dir_fd=above)
    finally:
        os.close(above)
    try:
        yield inside
    finally:
        os.close(inside)


def _mark(inside: int) -> Mark:
    found = os.stat(NAME, dir_fd=inside, follow_symlinks=False)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _named_apart(miners: Sequence[MinerTrainings]) -> tuple[MinerTrainings, ...]:
    """Return the miners with names of their own: a wallet may be in two data folders."""
    counts: dict[str, int] = {}
    named: list[MinerTrainings] = []
    for miner in miners:
        counts[miner.name] = count = counts.get(miner.name, 0) + 1
        named.append(miner if count == 1 else replace(miner, name=f"{miner.name}-{count}"))
    return tuple(named)
