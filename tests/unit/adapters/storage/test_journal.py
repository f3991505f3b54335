import os
import signal
import subprocess
import sys
import threading
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from pole.adapters.storage.journal import SendState, SignedSend, SqliteJournal
from pole.errors import InputError, JournalError


def journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder / "journal.sqlite")


def signed(intent: str, nonce: int, *, name: str = "", state: SendState = SendState.PENDING) -> SignedSend:
    return SignedSend(intent, nonce, name or f"{intent}-{nonce}", b"raw", 2, 1, state)


def test_a_file_that_is_no_journal_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="cannot be used"):
        journal(tmp_path)


def test_a_journal_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept._connection.execute("PRAGMA user_version = 99")
    kept.close()
    with pytest.raises(InputError, match="newer pole"):
        journal(tmp_path)


def test_a_secret_whose_making_fails_is_not_kept(tmp_path: Path) -> None:
    kept = journal(tmp_path)

    def fail() -> bytes:
        raise ValueError("no randomness")

    with pytest.raises(ValueError, match="no randomness"):
        kept.secret("salt", fail)
    assert kept.get("salt") is None
    assert kept.secret("salt", lambda: b"second") == b"second"


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    assert journal(tmp_path).secret("salt", lambda: b"first") == b"first"
    assert journal(tmp_path).secret("salt", lambda: b"second") == b"first"


def test_threads_that_race_for_a_secret_get_the_same(tmp_path: Path) -> None:
    journals = [journal(tmp_path) for _ in range(4)]
    found: list[bytes] = []

    def ask(number: int) -> None:
        found.append(journals[number % 4].secret("salt", lambda: bytes([number])))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


def make_journals(together: Barrier, folder: Path) -> None:
    for number in range(100):
        together.wait()
        SqliteJournal(folder / f"{number}.sqlite").close()


def test_processes_that_make_the_same_journal_at_once_all_have_it(tmp_path: Path) -> None:
    processes = get_context("spawn")
    together = processes.Barrier(2, timeout=60)
    makers = [processes.Process(target=make_journals, args=(together, tmp_path)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [maker.exitcode for maker in makers] == [0, 0]


def test_what_is_put_replaces_what_was_there(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    assert kept.get("state") is None
    kept.put("state", b"one")
    kept.put("state", b"two")
    assert journal(tmp_path).get("state") == b"two"


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_the_files_are_readable_by_their_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        kept = journal(tmp_path / "work" / "1337")
        kept.put("state", b"one")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in kept.path.parent.iterdir()}
    names = ("journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal", "journal.sqlite.lock")
    assert modes == dict.fromkeys(names, 0o600)
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700
    assert kept.path.parents[1].stat().st_mode & 0o777 == 0o700


def test_a_restored_copy_that_others_can_read_is_mended(tmp_path: Path) -> None:
    journal(tmp_path).close()
    (tmp_path / "journal.sqlite").chmod(0o644)
    assert journal(tmp_path).path.stat().st_mode & 0o777 == 0o600


def test_sends_are_found_by_intent_and_by_what_became_of_them(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    for send in (signed("b", 1), signed("a", 0), signed("a", 0, name="replacement")):
        kept.add_send(send)
    kept.mark_send("b-1", SendState.DONE)
    assert [send.hash for send in kept.sends_of("a")] == ["a-0", "replacement"]
    assert [send.hash for send in kept.pending_sends()] == ["a-0", "replacement"]
    assert kept.sends_of("b") == (signed("b", 1, state=SendState.DONE),)


def test_doing_something_again_is_a_new_intent_only_when_it_was_done(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    first = kept.next_intent("stake")
    kept.add_send(signed(first, 0, name="first"))
    kept.add_send(signed(first.replace("stake", "staked"), 9, state=SendState.DONE))
    assert kept.next_intent("stake") == first
    kept.mark_send("first", SendState.DONE)
    assert kept.next_intent("stake") != first


@pytest.mark.parametrize("settled", [1, 2, 3])
def test_what_a_worker_did_for_its_rounds_is_never_taken_for_what_is_asked_now(
    tmp_path: Path, settled: int
) -> None:
    kept = journal(tmp_path)
    done = [f"withdraw/{round_id}" for round_id in range(settled)]
    for nonce, intent in enumerate(done):
        kept.add_send(signed(intent, nonce, state=SendState.DONE))
    assert kept.next_intent("withdraw") not in {*done, f"withdraw/{settled}"}


WRITER = """
import sys
from pathlib import Path
from pole.adapters.storage.journal import SqliteJournal
kept = SqliteJournal(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10_000):
    salt = kept.secret(f"salt/{number}", lambda: number.to_bytes(32, "big"))
    print(number, salt.hex(), flush=True)
"""


def test_a_process_killed_at_any_moment_never_loses_a_secret_it_was_told_of(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    told: dict[int, str] = {}
    for kill_after in (1, 2, 5, 9, 14):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(len(told))], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(kill_after):
            number, salt = writer.stdout.readline().split()
            told[int(number)] = salt
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                number, salt = line.split()
                told[int(number)] = salt
        writer.wait()
        writer.stdout.close()
    kept = SqliteJournal(path)
    assert len(told) >= 31
    for place, salt in told.items():
        assert kept.get(f"salt/{place}") == bytes.fromhex(salt)


def test_a_journal_whose_mode_cannot_be_set_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(JournalError, match="Operation not permitted"):
        SqliteJournal(tmp_path / "journal.sqlite")
