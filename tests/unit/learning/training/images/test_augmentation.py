from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pole.learning.training.images import augmentation
from pole.learning.training.images.augmentation import is_mirrored
from pole.learning.training.recipe import TrainingSettings


def one_dot(side: int = 5, count: int = 300) -> Tensor:
    images = torch.zeros(count, 2, side, side)
    images[:, :, 2, 2] = 1.0
    return images


def augmented(inputs: Tensor, chosen: TrainingSettings, epoch: int = 0) -> Tensor:
    return augmentation.augmented(inputs, chosen, rows=torch.arange(len(inputs)), epoch=epoch)


def settings(**chosen: Any) -> TrainingSettings:
    return TrainingSettings(**{"noise": 0.0, "shift": 0, "flip": False, **chosen})


def test_without_settings_nothing_is_changed() -> None:
    torch.manual_seed(0)
    assert torch.equal(augmented(one_dot(), settings()), one_dot())
    assert torch.equal(augmented(torch.ones(4, 3), settings()), torch.ones(4, 3))


def test_noise_is_added_to_vectors_alone() -> None:
    torch.manual_seed(0)
    assert not torch.equal(augmented(torch.ones(4, 3), settings(noise=0.1)), torch.ones(4, 3))
    assert torch.equal(augmented(one_dot(), settings(noise=0.1)), one_dot())


def test_each_image_is_moved_by_up_to_the_shift_each_way() -> None:
    torch.manual_seed(1)
    moved = augmented(one_dot(), settings(shift=1))
    places = moved.argmax(dim=3).amax(dim=2)
    rows = moved.amax(dim=3).argmax(dim=2)
    assert {tuple(place) for place in zip(rows[:, 0].tolist(), places[:, 0].tolist(), strict=True)} == {
        (row, column) for row in (1, 2, 3) for column in (1, 2, 3)
    }
    assert torch.equal(rows[:, 0], rows[:, 1])
    assert moved.shape == (300, 2, 5, 5)


def test_a_shift_larger_than_the_image_is_limited_to_it() -> None:
    torch.manual_seed(1)
    assert augmented(torch.rand(3, 1, 2, 2), settings(shift=8)).shape == (3, 1, 2, 2)


def test_half_of_the_images_are_mirrored_and_the_others_in_the_next_epoch() -> None:
    images = torch.zeros(1000, 1, 2, 2)
    images[:, :, :, 0] = 1.0
    first, second, third = (augmented(images, settings(flip=True), epoch)[:, 0, 0, 1] for epoch in range(3))
    assert 490 <= int(first.sum()) <= 510
    assert torch.equal(second, 1 - first)
    assert torch.equal(third, first)


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_of_samples_in_any_order_half_are_mirrored(begin: int, epoch: int) -> None:
    """Also where samples of a class follow each other, every second one or all of them."""
    for apart in (1, 2, 10):
        rows = begin + apart * torch.arange(1000)
        assert 400 <= int(is_mirrored(rows, epoch).sum()) <= 600


def test_a_square_of_each_image_is_hidden_in_all_channels() -> None:
    torch.manual_seed(3)
    hidden = augmented(torch.ones(400, 2, 8, 8), settings(cutout=3)) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    rows, columns = hidden[:, 0].any(dim=2).sum(dim=1), hidden[:, 0].any(dim=1).sum(dim=1)
    assert torch.equal(hidden[:, 0].sum(dim=(1, 2)), rows * columns)
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3}
    assert bool(hidden[:, 0].any(dim=0).all())


@pytest.mark.parametrize("side", [1, 2, 4])
def test_a_square_has_the_side_that_is_asked_for(side: int) -> None:
    torch.manual_seed(4)
    hidden = augmented(torch.ones(50, 1, 9, 9), settings(cutout=side)) == 0
    assert int(hidden.sum(dim=(1, 2, 3)).max()) == side * side


def test_a_square_larger_than_the_image_hides_all_of_it() -> None:
    assert int(augmented(torch.ones(3, 1, 4, 4), settings(cutout=100)).count_nonzero()) == 0
