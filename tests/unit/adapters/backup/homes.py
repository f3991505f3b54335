"""Data folders as workers leave them."""

from pathlib import Path

from pole.adapters.storage.journal import SqliteJournal
from pole.adapters.wallet.secret_box import ScryptCost

CHEAP = ScryptCost(2, 8, 1)
WORK = "work/1337-0123abcd-89abcdef"
KEPT = {
    "wallets/alice.json": b"{}",
    "secrets/master-secret-00.box": b"sealed" * 50,
    "key-budget/00.json": b"counted",
    "served-seeds/00.json": b"",
    "models/task-1/model.safetensors": b"m" * 200_000,
    f"{WORK}/tasks/00/test-00000.safetensors": b"t" * 65_536,
    f"{WORK}/rounds/7/models/mine.safetensors": b"r",
}
MADE_AGAIN = {
    "locks/1337-x.lock": b"1",
    "points/00": b"p",
    f"{WORK}/files/00": b"f",
    f"{WORK}/rounds/7/shards/0": b"s",
    f"{WORK}/keys/7.safetensors": b"k",
    "wallets/.alice.json.abc": b"half",
}


def make_home(home: Path) -> SqliteJournal:
    """Make a data folder; return its journal, open, so that what it keeps is in the file beside it."""
    for name, content in (KEPT | MADE_AGAIN).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    journal = SqliteJournal(home / WORK / "journal.sqlite")
    journal.put("salt/7", b"a salt")
    return journal


def files_in(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()
    }
