import os
import resource
import threading
from pathlib import Path

import pytest

from pole.adapters.storage.file_lock import file_lock, sole_holder
from pole.errors import DiskError, InputError


def test_only_one_holds_the_lock_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []
    held = threading.Event()

    def second() -> None:
        held.wait()
        with file_lock(tmp_path / "locks" / "wallet.lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with file_lock(tmp_path / "locks" / "wallet.lock"):
        held.set()
        thread.join(timeout=0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_second_worker_does_not_start_and_is_told_which_process_works(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "miner.lock"
    told = f"A miner of the wallet alice works in here already, process {os.getpid()}: stop that one"
    with sole_holder(lock, "A miner"):
        for _ in range(2):
            with (
                pytest.raises(InputError, match=told),
                sole_holder(lock, "A miner of the wallet alice works in here"),
            ):
                pytest.fail("two at once")
    with sole_holder(lock, "A miner"):
        assert lock.read_text() == str(os.getpid())


def test_a_lock_in_a_folder_that_cannot_be_written_is_a_disk_error(tmp_path: Path) -> None:
    # A file where the lock should be made in a folder: also root cannot write below it.
    (tmp_path / "wallet.lock").mkdir()
    with pytest.raises(DiskError, match="cannot be written or read"), file_lock(tmp_path / "wallet.lock"):
        pytest.fail("no lock")


def test_a_lock_that_cannot_be_written_to_is_a_disk_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(DiskError, match="cannot be written"), sole_holder(tmp_path / "lock", "A miner"):
            pytest.fail("no lock")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
