"""One seed for one master secret, from one data folder, whoever asks."""

from contextlib import nullcontext
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.storage.file_lock import file_lock
from pole.errors import DiskError, IntegrityError
from pole.roles.keys.seeds import SecondSeedError, ServedSeeds, write_served_seed

MPK, OTHER_MPK = b"\x01" * 32, b"\x02" * 32
SEED, OTHER = b"\x0a" * 32, b"\x0b" * 32


@pytest.fixture
def seeds(tmp_path: Path) -> ServedSeeds:
    return ServedSeeds(tmp_path / "served-seeds", nullcontext)


def test_a_second_seed_is_refused_for_ever(seeds: ServedSeeds) -> None:
    seeds.enter(MPK, SEED)
    for again in (seeds, ServedSeeds(seeds.folder, nullcontext)):
        with pytest.raises(SecondSeedError, match="under a fresh master key"):
            again.enter(MPK, OTHER)
        again.enter(MPK, SEED)


def test_the_seed_that_an_earlier_version_noted_counts_from_now_on_for_everybody(seeds: ServedSeeds) -> None:
    with pytest.raises(SecondSeedError):
        seeds.enter(MPK, OTHER, before=SEED)
    with pytest.raises(SecondSeedError):
        seeds.enter(MPK, OTHER)
    seeds.enter(MPK, SEED, before=SEED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        write_served_seed(OTHER_MPK, SEED),
        write_served_seed(MPK, SEED)[:-1],
        write_served_seed(MPK, SEED[:-1]),
        write_served_seed(MPK, SEED).replace(b'"version":1', b'"version":2'),
    ],
    ids=range(6),
)
def test_a_damaged_record_gives_no_keys(seeds: ServedSeeds, content: bytes) -> None:
    seeds.folder.mkdir()
    (seeds.folder / f"{MPK.hex()}.json").write_bytes(content)
    with pytest.raises(IntegrityError, match="restore it"):
        seeds.enter(MPK, SEED)


def test_a_disk_that_cannot_be_written_gives_no_keys(seeds: ServedSeeds) -> None:
    seeds.folder.write_text("a file where the folder should be")
    with pytest.raises(DiskError, match="make room"):
        seeds.enter(MPK, SEED)


def test_of_many_that_ask_at_once_one_seed_is_served(tmp_path: Path) -> None:
    lock, barrier, served = tmp_path / "lock", Barrier(8), []

    def ask(seed: bytes) -> None:
        barrier.wait()
        try:
            ServedSeeds(tmp_path / "served-seeds", lambda: file_lock(lock)).enter(MPK, seed)
        except SecondSeedError:
            return
        served.append(seed)

    asking = [Thread(target=ask, args=(bytes([number]) * 32,)) for number in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert len(served) == 1


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_each_master_secret_has_a_seed_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, first: bytes, second: bytes
) -> None:
    seeds = ServedSeeds(tmp_path_factory.mktemp("seeds"), nullcontext)
    seeds.enter(MPK, first)
    seeds.enter(OTHER_MPK, second)
    seeds.enter(MPK, first)
    seeds.enter(OTHER_MPK, second)
