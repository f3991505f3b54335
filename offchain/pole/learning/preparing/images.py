"""Images from files, made one size and grey or RGB; a value is a byte."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pole.errors import InputError
from pole.learning.data.preparation import ImageSource
from pole.learning.data.reading import read_as
from pole.learning.machine.kept_parts import name_of
from pole.protocol.models.specification import MAX_INPUTS

ENDINGS: Final = (".png", ".jpg", ".jpeg")
FORMATS: Final = ("PNG", "JPEG")
GREY: Final = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
MAX_FILE_BYTES: Final = 2**28
MAX_PIXELS: Final = 2**26
"""Pixels of one image before it is made smaller: 256 MiB while it is."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that is no file of its own: its name, and the bytes of a PNG or JPEG file."""

    name: str
    content: bytes


File = Path | Picture


def image_files(path: Path) -> tuple[Path, ...]:
    """Return the images in a folder, at any depth, in the order of their names; a file is one image.

    Raises InputError where there is none.
    """
    if path.is_file():
        return (path,)
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in ENDINGS)
    shown = tuple(each for each in found if not each.name.startswith(".") and each.is_file())
    if not shown:
        raise InputError(f"There are no images (PNG, JPEG) in {path}; name a folder with some.")
    return shown


def images_by_class(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the images in each folder of a folder, under the folders' names.

    Raises InputError where there are not two folders with images.
    """
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder}; name one with a folder of images for each class, two or more."
        )
    found = {each.name: image_files(each) for each in _folders(folder)}
    if len(found) < 2:
        raise InputError(
            f"{folder} has {len(found)} folders; PoLe takes a folder of images for each class, two or more."
        )
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def labelled_images(
    folder: Path, test: Path | None
) -> tuple[list[File], list[str], NDArray[np.bool_] | None]:
    """Return the images of a folder by class, the class of each, and which are to test.

    Those are in `test`, or in `test` beside `train` in the folder; None where neither is there. A folder
    `train` without folders in it is a class. Raises InputError where there are no images of two classes.
    """
    train, apart = folder / "train", folder / "test"
    if train.is_dir() and _folders(train):
        folder, test = train, test or (apart if apart.is_dir() else None)
    found = [(images_by_class(folder), False)]
    if test is not None:
        found.append((images_by_class(test), True))
    each = [
        (file, name, is_test)
        for by_class, is_test in found
        for name, files in by_class.items()
        for file in files
    ]
    files, classes, given = zip(*each, strict=True)
    return list(files), list(classes), None if test is None else np.array(given)


def source_of(files: Sequence[File], size: tuple[int, int] | None, channels: int | None) -> ImageSource:
    """Return how images are made alike: `size` (height, width), `channels` 1 or 3; None is as they are.

    Raises InputError where they differ in size and none is named, or are too large for a sample.
    """
    sizes, grey = set(), True
    for file in files:
        with opened(file) as image:
            sizes.add((image.height, image.width))
            grey = grey and image.mode in GREY
    if size is None and len(sizes) > 1:
        shown = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)[:3])
        raise InputError(
            f"The images have {len(sizes)} sizes ({shown}, …); name one by --size, such as 28x28."
        )
    height, width = size or sizes.pop()
    made = channels or (1 if grey else 3)
    if height * width * made > MAX_INPUTS:
        raise InputError(
            f"Images of {height}x{width} in {made} channels have more than {MAX_INPUTS:,} values; name a "
            "smaller --size, such as 28x28."
        )
    return ImageSource(height=height, width=width, channels=1 if made == 1 else 3)


def decoded(files: Sequence[File], source: ImageSource) -> Pixels:
    """Return images as (n, height, width), or (n, 3, height, width) where they have colours.

    Each is turned upright as its camera noted, laid on white where it is transparent, made grey (ITU-R 601)
    or RGB, and resized by Pillow's bilinear filter. Raises InputError, which names the file, for one that is
    damaged or has too many pixels.
    """
    found = np.empty((len(files), *source.shape), dtype=np.uint8)
    for number, file in enumerate(files):
        with opened(file) as image:
            found[number] = _pixels(_path_of(file), image, source)
    return found


def name_of_part(files: Sequence[File], source: ImageSource) -> bytes:
    """Return the name under which is kept what `decoded` makes of some files: a digest of their bytes."""
    how = f"Pillow {PIL.__version__} {source.model_dump_json()}"
    return name_of(how.encode(), *(name_of(_content_of(file)) for file in files))


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


def opened(file: File) -> Image.Image:
    """Return an image whose pixels are not read yet; raises InputError where it is none, or too large."""
    path = _path_of(file)
    with read_as("image", path, "save it again as PNG or JPEG, or remove it"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # In memory, since a stream of a file makes room for as many bytes as a damaged chunk claims to have.
        image = Image.open(io.BytesIO(_content_of(file)), formats=FORMATS)
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


def _content_of(file: File) -> bytes:
    if isinstance(file, Picture):
        return file.content
    if file.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{file} is larger than {MAX_FILE_BYTES:,} bytes; make it smaller.")
    return file.read_bytes()


def _path_of(file: File) -> Path:
    return file if isinstance(file, Path) else Path(file.name)


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
