"""Histories of miners are found by listing and read by fixed names, whatever lies in their place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.explore.training.miners import WORKER, Kept, a_training, keep_wallet

from pole.adapters.history.trainings import MAX_WORKERS, TrainingFiles
from pole.roles.training.history.trainings import MAX_BYTES


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "home")


def test_a_miner_has_its_trainings_its_network_and_its_wallet(tmp_path: Path) -> None:
    digits = keep_wallet(tmp_path, "miner-1")
    Kept(tmp_path, f"1337-abcdef01-{digits}").train(6, 7)
    (found,) = TrainingFiles([tmp_path]).miners()
    assert found.trainings == (a_training(6), a_training(7))
    assert (found.chain_id, found.contract, found.address) == (1337, "abcdef01", digits)
    assert (found.wallet, found.fault) == ("miner-1", "")


def test_workers_without_a_history_are_none(kept: Kept) -> None:
    assert TrainingFiles([kept.home]).miners() == ()
    kept.file.parent.mkdir(parents=True)
    (kept.home / "work" / "1337-abcdef01-00000000").mkdir()
    assert TrainingFiles([kept.home]).miners() == ()


def test_a_wallet_in_two_networks_is_two_miners(tmp_path: Path) -> None:
    digits = keep_wallet(tmp_path, "miner-1")
    for network in ("1337-abcdef01", "1337-abcdef02", "11155111-abcdef01"):
        Kept(tmp_path, f"{network}-{digits}").train(7)
    found = TrainingFiles([tmp_path]).miners()
    assert [each.wallet for each in found] == ["miner-1"] * 3
    assert len({each.name for each in found}) == len({(each.chain_id, each.contract) for each in found}) == 3


def test_a_wallet_in_two_data_folders_is_two_miners(tmp_path: Path) -> None:
    for number in (1, 2):
        Kept(tmp_path / str(number)).train(number)
    homes = [tmp_path / "1", tmp_path / "2", tmp_path / "1"]
    found = TrainingFiles(homes).miners()
    assert [each.name for each in found] == [WORKER, f"{WORKER}-2"]
    assert [each.trainings[0].start.round_id for each in found] == [1, 2]


@pytest.mark.parametrize(
    "name", ["x", "<b>", "1337-abcdef01-1563915E", "..", f"{WORKER}-1", "٣-abcdef01-1563915e"]
)
def test_folders_of_other_names_are_no_workers(tmp_path: Path, name: str) -> None:
    Kept(tmp_path, name).train(7)
    assert TrainingFiles([tmp_path]).miners() == ()


def test_a_broken_wallet_costs_no_name_of_another(tmp_path: Path) -> None:
    digits = keep_wallet(tmp_path, "miner-1")
    (tmp_path / "wallets" / "a.json").write_bytes(b"\xff" * 100)
    (tmp_path / "wallets" / "b.json").mkdir()
    Kept(tmp_path, f"1337-abcdef01-{digits}").train(7)
    assert TrainingFiles([tmp_path]).miners()[0].wallet == "miner-1"


def test_the_number_of_workers_is_bounded(tmp_path: Path) -> None:
    for number in range(MAX_WORKERS + 5):
        Kept(tmp_path, f"{number}-abcdef01-1563915e").train(7)
    assert len(TrainingFiles([tmp_path]).miners()) == MAX_WORKERS


def test_what_is_new_is_read_and_what_is_not_is_kept(kept: Kept) -> None:
    files = TrainingFiles([kept.train(6).home])
    first = files.miners()
    assert files.miners()[0].trainings is first[0].trainings
    with kept.file.open("ab") as file:
        file.write(b'{"round": 7, "task": 3, "lane": 0, "event": "began"')
    assert files.miners()[0].trainings == first[0].trainings
    kept.train(6, 7)
    assert len(files.miners()[0].trainings) == 2
    kept.file.unlink()
    assert files.miners() == ()


def oversize(kept: Kept) -> None:
    with kept.file.open("wb") as file:
        file.truncate(10 * 2**30)


def slightly_oversize(kept: Kept) -> None:
    kept.file.write_bytes(b"\n" * (MAX_BYTES + 1))


def folder(kept: Kept) -> None:
    kept.file.unlink()
    kept.file.mkdir()


def pipe(kept: Kept) -> None:
    kept.file.unlink()
    os.mkfifo(kept.file)


def link(kept: Kept) -> None:
    other = kept.home / "other"
    kept.file.rename(other)
    kept.file.symlink_to(other)


def linked_folder(kept: Kept) -> None:
    other = kept.home / "other"
    kept.file.parent.rename(other)
    kept.file.parent.symlink_to(other)


def device(kept: Kept) -> None:
    kept.file.unlink()
    kept.file.symlink_to("/dev/zero")


def file_for_folder(kept: Kept) -> None:
    kept.file.unlink()
    kept.file.parent.rmdir()
    kept.file.parent.write_bytes(b"")


@pytest.mark.parametrize(
    "obstruct",
    [oversize, slightly_oversize, folder, pipe, link, linked_folder, device, file_for_folder],
)
def test_what_is_no_history_is_said_and_not_shown(kept: Kept, obstruct: Callable[[Kept], None]) -> None:
    kept.train(7)
    obstruct(kept)
    Kept(kept.home, "1-abcdef01-1563915e").train(8)
    other, found = TrainingFiles([kept.home]).miners()
    assert other.trainings
    assert found.trainings == ()
    assert found.fault


def test_a_worker_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    Kept(tmp_path / "elsewhere").train(7)
    (tmp_path / "home" / "work").mkdir(parents=True)
    (tmp_path / "home" / "work" / WORKER).symlink_to(tmp_path / "elsewhere" / "work" / WORKER)
    assert TrainingFiles([tmp_path / "home"]).miners() == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_that_nobody_may_read_is_said(kept: Kept) -> None:
    kept.train(7).file.chmod(0)
    assert "Permission denied" in TrainingFiles([kept.home]).miners()[0].fault


def test_a_data_folder_that_is_not_there_has_no_miners(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert TrainingFiles([tmp_path / "nowhere", tmp_path / "file"]).miners() == ()
