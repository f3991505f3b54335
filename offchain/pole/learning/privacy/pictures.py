"""Samples side by side as a PNG picture (ISO/IEC 15948)."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pole.errors import InputError
from pole.protocol.mapping.kinds import Shape

CELL: Final = 84
GAP: Final = 6
WHITE: Final = 255

Picture = NDArray[np.uint8]


def contact_sheet(rows: Sequence[NDArray[np.float64]], shape: Shape) -> Picture:
    """Return a picture (height, width, 3): a row for each array (n, D) of values 0..1, a column a sample.

    `shape` is that of a sample: (D,) is drawn as a strip, one channel in grey, three as red, green and blue.
    Raises InputError for another number of channels.
    """
    channels, height, width = (1, 1, *shape)[-3:]
    if channels not in (1, 3):
        raise InputError(f"Samples of {channels} channels cannot be drawn: only of one or three.")
    factor = max(1, CELL // max(height, width))
    high, wide = height * factor + GAP, width * factor + GAP
    sheet = np.full((len(rows) * high + GAP, len(rows[0]) * wide + GAP, 3), WHITE, dtype=np.uint8)
    for row, samples in enumerate(rows):
        for column, sample in enumerate(samples):
            image = np.rint(sample.reshape(channels, height, width) * WHITE).astype(np.uint8)
            tile = np.moveaxis(np.broadcast_to(image, (3, height, width)), 0, -1)
            tile = tile.repeat(factor, axis=0).repeat(factor, axis=1)
            top, left = GAP + row * high, GAP + column * wide
            sheet[top : top + height * factor, left : left + width * factor] = tile
    return sheet


def png(picture: Picture) -> bytes:
    """Return a picture (height, width, 3) as the bytes of a PNG file."""
    content = BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()
