import threading
from pathlib import Path

from pole.adapters.storage.file_lock import file_lock


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
