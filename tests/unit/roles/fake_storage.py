"""A store and a journal in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pole.errors import IntegrityError, UnreachableError


@dataclass
class FakeStore:
    """Files by a CID made of their hash; `down` makes it unreachable, `lies` maps a CID to other bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    down: bool = False
    kept: dict[str, set[str]] = field(default_factory=dict)

    def add(self, path: Path) -> str:
        self._require_up()
        cid = self.cid_of(path)
        self.files[cid] = path.read_bytes()
        return cid

    def cid_of(self, path: Path) -> str:
        return "bafk" + sha256(path.read_bytes()).hexdigest()

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        self._require_up()
        if cid not in self.files or cid in self.missing:
            raise UnreachableError(f"{cid} is not to be had.")
        content = self.lies.get(cid, self.files[cid])
        if len(content) > max_bytes:
            raise IntegrityError(f"{cid} is too long.")
        path.write_bytes(content)

    def keep(self, cid: str, name: str) -> None:
        self._require_up()
        self.kept.setdefault(name, set()).add(cid)

    def forget(self, name: str) -> None:
        self._require_up()
        self.kept.pop(name, None)

    def _require_up(self) -> None:
        if self.down:
            raise UnreachableError("The IPFS daemon does not answer; start it.")


@dataclass
class MemoryJournal:
    """A journal that outlives the role that writes it, if the test keeps it."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def secret(self, key: str, make: Callable[[], bytes]) -> bytes:
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.kept[key] = value
