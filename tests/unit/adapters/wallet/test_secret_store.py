from pathlib import Path

import pytest

from pole.adapters.wallet.secret_box import ScryptCost
from pole.adapters.wallet.secret_store import SecretStore
from pole.errors import DiskError, InputError, IntegrityError

CHEAP = ScryptCost(2, 8, 1)


def store(folder: Path) -> SecretStore:
    return SecretStore(folder, "password", CHEAP)


def test_a_missing_secret_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        store(tmp_path).load("msk-1")


def test_a_secret_that_the_disk_does_not_give_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "msk-1.box").mkdir()
    with pytest.raises(DiskError, match=r"msk-1\.box cannot be written or read"):
        store(tmp_path).load("msk-1")


@pytest.mark.parametrize("name", ["", "../wallet", "a/b", ".hidden", "x" * 129])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a secret"):
        store(tmp_path).save(name, b"")


def test_another_password_does_not_open_a_secret(tmp_path: Path) -> None:
    store(tmp_path).save("msk-1", b"secret")
    with pytest.raises(IntegrityError):
        SecretStore(tmp_path, "other", CHEAP).load("msk-1")


def test_secrets_that_were_swapped_on_disk_do_not_open(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.save("msk-1", b"one")
    kept.save("msk-2", b"two")
    (tmp_path / "msk-1.box").replace(tmp_path / "msk-2.box")
    with pytest.raises(IntegrityError):
        kept.load("msk-2")


def test_a_removed_secret_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    kept = store(tmp_path / "secrets")
    kept.remove("msk-1")
    kept.save("msk-1", b"secret")
    for _ in range(2):
        kept.remove("msk-1")
    with pytest.raises(InputError, match="no secret msk-1"):
        kept.load("msk-1")


def test_a_secret_is_kept_and_not_shown(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.save("msk-1", b"secret")
    assert kept.load("msk-1") == b"secret"
    assert "password" not in repr(kept).replace("password=", "")
    assert (tmp_path / "msk-1.box").stat().st_mode & 0o777 == 0o600
