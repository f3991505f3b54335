"""Images from files, made one size and grey or RGB; a value is a byte."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pole.errors import InputError
from pole.learning.data.preparation import ImageSource
from pole.learning.data.reading import read_as

ENDINGS: Final = (".png", ".jpg", ".jpeg")
FORMATS: Final = ("PNG", "JPEG")
MAX_PIXELS: Final = 2**26
"""Pixels of one image before it is made smaller: 256 MiB while it is."""

Pixels = NDArray[np.uint8]


def decoded(files: Sequence[Path], source: ImageSource) -> Pixels:
    """Return images as (n, height, width), or (n, 3, height, width) where they have colours.

    Each is turned upright as its camera noted, laid on white where it is transparent, made grey (ITU-R 601)
    or RGB, and resized by Pillow's bilinear filter. Raises InputError, which names the file, for one that is
    damaged or has too many pixels.
    """
    found = np.empty((len(files), *source.shape), dtype=np.uint8)
    for number, path in enumerate(files):
        with opened(path) as image:
            found[number] = _pixels(path, image, source)
    return found


def from_arrays(rows: NDArray[Any], source: ImageSource) -> Pixels:
    """Return images of arrays (n, height, width), (n, height, width, 3) or (n, 3, height, width) of bytes.

    Raises InputError where they are none, or of another size.
    """
    if rows.dtype != np.uint8:
        raise InputError(f"Images are arrays of uint8, not {rows.dtype}; give bytes from 0 to 255.")
    if rows.ndim == 4 and rows.shape[1:] == (source.height, source.width, 3) and source.channels == 3:
        rows = rows.transpose(0, 3, 1, 2)
    if rows.shape[1:] != source.shape:
        raise InputError(
            f"The images have the shape {list(rows.shape[1:])}, but the model takes {list(source.shape)}; "
            "give them in that size."
        )
    return rows


def opened(path: Path) -> Image.Image:
    """Return an image whose pixels are not read yet; raises InputError where it is none, or too large."""
    with read_as("image", path, "save it again as PNG or JPEG, or remove it"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(path, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            image.close()
            raise InputError(
                f"{path} has {image.width} x {image.height} pixels; make it smaller than {MAX_PIXELS:,}."
            )
        return image


def _pixels(path: Path, image: Image.Image, source: ImageSource) -> Pixels:
    with read_as("image", path, "save it again as PNG or JPEG, or remove it"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        upright = _on_white(ImageOps.exif_transpose(image))
        plain = upright.convert("L" if source.channels == 1 else "RGB")
        sized = plain.resize((source.width, source.height), Image.Resampling.BILINEAR)
        array = np.asarray(sized, dtype=np.uint8)
        return array if source.channels == 1 else array.transpose(2, 0, 1)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a pixel: Pillow's own conversion would cut them off at 255.
        wide = np.asarray(image, dtype=np.int64)
        return Image.fromarray(np.clip(wide >> 8, 0, 255).astype(np.uint8))
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layered).convert("RGB")
