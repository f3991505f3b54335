import numpy as np
import pytest

from pole.errors import IntegrityError
from pole.protocol.formats.keys import (
    read_functional_keys,
    read_master_public_key,
    write_functional_keys,
    write_master_public_key,
)

POINTS = np.arange(96, dtype=np.uint8).reshape(3, 32)
ETA = np.arange(192, dtype=np.uint8).reshape(2, 3, 32)
SEED = bytes(range(32))
KEYS = write_functional_keys(ETA, round_id=7, seed=SEED)


def test_a_key_of_another_dimension_is_refused() -> None:
    with pytest.raises(IntegrityError, match="has shape"):
        read_master_public_key(write_master_public_key(POINTS), dimension=4)


def test_functional_keys_are_no_master_key() -> None:
    with pytest.raises(IntegrityError, match="carries"):
        read_master_public_key(KEYS, dimension=3)


@pytest.mark.parametrize(
    "change",
    [{"round_id": 8}, {"seed": bytes(32)}, {"windows": 3}, {"queries": 2}],
    ids=str,
)
def test_keys_of_another_round_seed_or_plan_are_refused(change: dict[str, object]) -> None:
    expected: dict[str, object] = {"round_id": 7, "seed": SEED, "windows": 2, "queries": 3}
    with pytest.raises(IntegrityError):
        read_functional_keys(KEYS, **{**expected, **change})  # type: ignore[arg-type]


def test_keys_survive_their_encoding() -> None:
    assert np.array_equal(read_master_public_key(write_master_public_key(POINTS), dimension=3), POINTS)
    assert np.array_equal(read_functional_keys(KEYS, round_id=7, seed=SEED, windows=2, queries=3), ETA)
