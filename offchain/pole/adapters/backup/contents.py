"""What of a data folder is in a backup, and the list of files that a backup begins with.

The plaintext of a backup is the length of the list in 4 bytes (big-endian), the list, then the content of
each file in its order. The list is canonical JSON (docs/formats.md).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.canonical_json import read_document, write_document

KIND: Final = "pole.backup"
VERSION: Final = 1
JOURNAL: Final = "journal.sqlite"
LENGTH: Final = struct.Struct(">I")
MAX_LIST_BYTES: Final = 2**24
MAX_FILE_BYTES: Final = 2**40
MAX_DEPTH: Final = 16

PATTERNS: Final = (
    "wallets/*",
    "secrets/*",
    "key-budget/*",
    "served-seeds/*",
    "models/**",
    f"work/*/{JOURNAL}",
    "work/*/tasks/**",
    "work/*/rounds/*/models/**",
)
"""Which files are backed up, and which ones alone may be restored: `**` stands for any depth.

All else is fetched or made again (docs/wallets.md).
"""
_FIELDS: Final = ("made", "files")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@=,() -]{0,254}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup: its path below the data folder, with slashes, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a backup in their order, and when it was made, in seconds since 1970."""

    made: int
    files: tuple[Entry, ...]


def files_of(home: Path) -> Iterator[Path]:
    """Yield the files of a data folder that a backup has, by path.

    Files that are being written (their names begin with a dot) are left out. Raises InputError for a link or
    another special file, and for a name that no pole writes.
    """
    for path in sorted(_all_files(home)):
        relative = path.relative_to(home).as_posix()
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path} is a link or no file: put there what it stands for, or move it away.")
        if not _is_ours(relative):
            raise InputError(f"{path} has a name that pole gives to no file: move it away.")
        yield path


def _all_files(home: Path) -> Iterator[Path]:
    for pattern in PATTERNS:
        deep = pattern.removesuffix("/**")
        tops = home.glob(pattern if deep == pattern else deep)
        for top in (each for each in tops if not each.name.startswith(".")):
            # A link to a folder is not followed, and told as what it is.
            is_folder = top.is_dir() and not top.is_symlink()
            yield from (_below(top) if is_folder and deep != pattern else [top])


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        else:
            yield path


def write_list(contents: Contents) -> bytes:
    """Return the list that a backup begins with."""
    files = [[entry.path, entry.size] for entry in contents.files]
    return write_document({"format": KIND, "version": VERSION, "made": contents.made, "files": files})


def read_list(data: bytes) -> Contents:
    """Return what a list says; raises IntegrityError where it is none, or names a file that no backup has.

    No path leaves the data folder, is there twice, or is below another one.
    """
    document = read_document(data, kind=KIND, version=VERSION, fields=_FIELDS, max_bytes=MAX_LIST_BYTES)
    made, files = document["made"], document["files"]
    if type(made) is not int or made < 0 or not isinstance(files, list):
        raise IntegrityError("The list of the backup's files is malformed: use another copy.")
    entries = tuple(_entry(each) for each in files)
    _require_apart([entry.path for entry in entries])
    return Contents(made, entries)


def _entry(given: Any) -> Entry:
    if not isinstance(given, list) or len(given) != 2:
        raise IntegrityError("The list of the backup's files is malformed: use another copy.")
    path, size = given
    if not isinstance(path, str) or not _is_ours(path):
        raise IntegrityError("The backup names a file that no pole backs up: whoever made it means harm.")
    if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
        raise IntegrityError("The backup says a size that no file has: use another copy.")
    return Entry(path, size)


def _is_ours(path: str) -> bool:
    segments = path.split("/")
    if len(segments) > MAX_DEPTH or not all(map(_SEGMENT.fullmatch, segments)):
        return False
    return any(_matches(segments, pattern.split("/")) for pattern in PATTERNS)


def _matches(segments: list[str], pattern: list[str]) -> bool:
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        if len(segments) <= len(pattern):
            return False
        segments = segments[: len(pattern)]
    if len(segments) != len(pattern):
        return False
    return all(wanted in ("*", segment) for segment, wanted in zip(segments, pattern, strict=True))


def _require_apart(paths: list[str]) -> None:
    # Some file systems know no case.
    folded = [path.casefold() for path in paths]
    folders = {str(parent) for path in folded for parent in PurePosixPath(path).parents}
    if len(set(folded)) != len(folded) or folders & set(folded):
        raise IntegrityError("The backup names a file twice: use another copy.")
