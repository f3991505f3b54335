from typing import Any

import torch
from torch import Tensor

from pole.learning.training.augmentation import augmented
from pole.learning.training.recipe import TrainingSettings


def one_dot(side: int = 5, count: int = 300) -> Tensor:
    images = torch.zeros(count, 2, side, side)
    images[:, :, 2, 2] = 1.0
    return images


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


def test_about_half_of_the_images_are_mirrored() -> None:
    torch.manual_seed(2)
    images = torch.zeros(1000, 1, 2, 2)
    images[:, :, :, 0] = 1.0
    mirrored = int(augmented(images, settings(flip=True))[:, 0, 0, 1].sum())
    assert 400 < mirrored < 600
