from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pole.errors import InputError
from pole.learning.privacy.pictures import CELL, GAP, contact_sheet, png


def test_a_png_holds_the_pixels() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    content = png(picture)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(BytesIO(content)) as read:
        assert read.mode == "RGB"
        assert np.array_equal(np.asarray(read), picture)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((28, 28), (84, 84)), ((3, 4, 4), (84, 84)), ((4,), (21, 84)), ((1, 100, 50), (100, 50))],
)
def test_samples_are_enlarged_and_set_apart(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    rows = [np.zeros((5, int(np.prod(shape)))), np.ones((5, int(np.prod(shape))))]
    sheet = contact_sheet(rows, shape)
    assert sheet.shape == (2 * (size[0] + GAP) + GAP, 5 * (size[1] + GAP) + GAP, 3)
    assert np.all(sheet[GAP, GAP] == 0)
    assert np.all(sheet[: GAP - 1] == 255)


def test_colours_are_channels() -> None:
    sheet = contact_sheet([np.array([[1.0, 0.0, 0.5]])], (3, 1, 1))
    assert CELL == 84
    assert sheet[GAP, GAP].tolist() == [255, 0, 128]


def test_samples_of_two_channels_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="2 channels"):
        contact_sheet([np.zeros((1, 8))], (2, 2, 2))
