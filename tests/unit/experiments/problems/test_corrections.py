import numpy as np
import pytest
from experiments.problems.corrections import least_squares


def test_an_affine_change_of_vectors_is_undone_exactly() -> None:
    random = np.random.default_rng(0)
    old = random.integers(-1000, 1000, (200, 6))
    new = 3 * old @ (np.eye(6, dtype=np.int64) + np.eye(6, k=1, dtype=np.int64)) + 17
    assert np.array_equal(least_squares(new[:100], old[:100])(new), old)


def test_a_change_of_channels_is_undone_exactly() -> None:
    random = np.random.default_rng(1)
    old = random.integers(-1000, 1000, (20, 2, 6, 5))
    new = np.stack([old[:, 0] + 2 * old[:, 1], old[:, 0] - old[:, 1]], axis=1)
    assert np.array_equal(least_squares(new[:10], old[:10])(new), old)


def test_another_filter_over_the_same_images_is_undone_nearly() -> None:
    random = np.random.default_rng(2)
    images = random.integers(0, 50, (60, 1, 12, 12))
    images = np.cumsum(np.cumsum(images, axis=2), axis=3)
    blurred = images.copy()
    blurred[:, :, 1:] += images[:, :, :-1]
    found = least_squares(blurred[:40], images[:40])(blurred[40:])
    inside = (slice(None), slice(None), slice(4, None), slice(4, None))
    off = np.abs(found - images[40:])[inside]
    assert off.mean() < 0.05 * images[40:][inside].std()


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_samples_than_features_still_give_a_map(count: int) -> None:
    random = np.random.default_rng(3)
    new, old = random.integers(0, 100, (2, 50, 8))
    assert least_squares(new[:count], old[:count])(new).shape == old.shape
