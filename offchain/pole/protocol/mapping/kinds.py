"""The kinds of secure mapping layer and their geometry: how windows lie and what features come out.

A window is a set of input positions that every query vector is multiplied with; W windows and L query
vectors give W * L features.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from pole.errors import InputError

MAX_QUERIES: Final = 1024
MAX_FEATURES: Final = 2**20
MAX_POSITIONS: Final = 2**24
MAX_NOISE: Final = 2**16
NOISE_REACH: Final = 8
"""Noise is cut off at so many standard deviations, and shifted by as many so that it is not negative."""

Shape = tuple[int, ...]


class _Mapping(BaseModel):
    """What all kinds have: `noise` is the standard deviation of each feature's noise, 0 for none."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    bits: Annotated[int, Field(ge=1, le=16)]
    queries: Annotated[int, Field(ge=1, le=MAX_QUERIES)]
    noise: Annotated[int, Field(ge=0, le=MAX_NOISE, exclude_if=lambda deviation: deviation == 0)] = 0


class LinearMapping(_Mapping):
    """L query vectors of k bits a weight over all D inputs: one window, L features."""

    kind: Literal["linear"] = "linear"


class BlocksMapping(_Mapping):
    """The image is cut into equal tiles (height, width), all multiplied with the same L query vectors."""

    kind: Literal["blocks"] = "blocks"
    tile: tuple[PositiveInt, PositiveInt]


class ConvMapping(_Mapping):
    """The query vectors are filters (height, width) slid over each channel on its own with stride 1.

    `same` pads with zeros so that height and width stay (the kernel must be odd), `valid` does not pad.
    """

    kind: Literal["conv"] = "conv"
    kernel: tuple[PositiveInt, PositiveInt]
    padding: Literal["same", "valid"] = "same"


Mapping = Annotated[LinearMapping | BlocksMapping | ConvMapping, Field(discriminator="kind")]


def window_size(mapping: Mapping, input_shape: Shape) -> int:
    """Return d, the number of positions in a window and so the length of a query vector."""
    match mapping:
        case BlocksMapping():
            return prod(mapping.tile)
        case ConvMapping():
            return prod(mapping.kernel)
    return prod(input_shape)


def window_count(mapping: Mapping, input_shape: Shape) -> int:
    """Return W, the number of windows over one sample."""
    return prod(feature_shape(mapping, input_shape)) // mapping.queries


def feature_shape(mapping: Mapping, input_shape: Shape) -> Shape:
    """Return the shape of one sample's features.

    (L,) for `linear`; (W * L,) for `blocks`, tile by tile; (channels * L, height, width) for `conv`,
    feature map c * L + l being query vector l over channel c.
    """
    match mapping:
        case BlocksMapping():
            channels, height, width = as_image(input_shape)
            tiles = channels * (height // mapping.tile[0]) * (width // mapping.tile[1])
            return (tiles * mapping.queries,)
        case ConvMapping():
            channels, _, _ = as_image(input_shape)
            return (channels * mapping.queries, *_conv_positions(mapping, input_shape))
    return (mapping.queries,)


def noise_columns(mapping: Mapping, input_shape: Shape) -> int:
    """Return how many columns of noise a sample has beside its values: one for each feature, 0 without."""
    return prod(feature_shape(mapping, input_shape)) if mapping.noise else 0


def largest_noise(mapping: Mapping) -> int:
    """Return the largest value of a column of noise, which is twice the shift that features have by it."""
    return 2 * NOISE_REACH * mapping.noise


def as_image(input_shape: Shape) -> tuple[int, int, int]:
    """Return an image's shape as (channels, height, width); raises InputError where the input is no image."""
    if len(input_shape) == 1:
        raise InputError(
            "The mapping layer kinds 'blocks' and 'conv' need an image as input, but the input shape is "
            f"{list(input_shape)}; use the kind 'linear' or give the shape as [height, width] or "
            "[channels, height, width]."
        )
    channels, height, width = (1, *input_shape)[-3:]
    return channels, height, width


def check_geometry(mapping: Mapping, input_shape: Shape) -> None:
    """Raise InputError where the layer does not fit the input or repeats its query vectors."""
    match mapping:
        case BlocksMapping():
            _, height, width = as_image(input_shape)
            if height % mapping.tile[0] or width % mapping.tile[1]:
                raise InputError(
                    f"Tiles of {mapping.tile[0]}x{mapping.tile[1]} do not cut a {height}x{width} image "
                    "into equal parts; "
                    "choose a tile whose sides divide the image's."
                )
        case ConvMapping():
            _check_kernel(mapping, input_shape)
    weights = window_size(mapping, input_shape)
    if mapping.queries > mapping.bits * weights:
        raise InputError(
            f"Query vectors of {weights} weights with {mapping.bits} bits repeat from number "
            f"{mapping.bits * weights} on, "
            f"but the mapping layer asks for {mapping.queries}; ask for fewer queries or more bits."
        )
    if prod(feature_shape(mapping, input_shape)) > MAX_FEATURES:
        raise InputError(
            f"The mapping layer makes {prod(feature_shape(mapping, input_shape))} features of a sample, "
            "more than the "
            f"{MAX_FEATURES} allowed; ask for fewer queries."
        )
    positions = window_count(mapping, input_shape) * weights + noise_columns(mapping, input_shape)
    if positions > MAX_POSITIONS:
        raise InputError(
            f"The mapping layer's windows have {positions} positions in all, more than the {MAX_POSITIONS} "
            "allowed; choose a smaller kernel."
        )


def windows(mapping: Mapping, input_shape: Shape) -> Iterator[list[int]]:
    """Yield each window as input positions in the order of the weights, -1 standing for zero padding.

    Positions count row-major over the input shape. Windows come channel by channel, then row by row.
    """
    match mapping:
        case BlocksMapping():
            yield from _image_windows(input_shape, size=mapping.tile, step=mapping.tile, pad=(0, 0))
        case ConvMapping():
            kernel_height, kernel_width = mapping.kernel
            pad = ((kernel_height - 1) // 2, (kernel_width - 1) // 2) if mapping.padding == "same" else (0, 0)
            yield from _image_windows(input_shape, size=mapping.kernel, step=(1, 1), pad=pad)
        case LinearMapping():
            yield list(range(prod(input_shape)))


def _image_windows(
    input_shape: Shape, *, size: tuple[int, int], step: tuple[int, int], pad: tuple[int, int]
) -> Iterator[list[int]]:
    channels, height, width = as_image(input_shape)
    tops = range(-pad[0], height + pad[0] - size[0] + 1, step[0])
    lefts = range(-pad[1], width + pad[1] - size[1] + 1, step[1])
    for channel, top, left in product(range(channels), tops, lefts):
        yield [
            (channel * height + row) * width + column if 0 <= row < height and 0 <= column < width else -1
            for row in range(top, top + size[0])
            for column in range(left, left + size[1])
        ]


def _conv_positions(mapping: ConvMapping, input_shape: Shape) -> tuple[int, int]:
    _, height, width = as_image(input_shape)
    if mapping.padding == "same":
        return height, width
    return height - mapping.kernel[0] + 1, width - mapping.kernel[1] + 1


def _check_kernel(mapping: ConvMapping, input_shape: Shape) -> None:
    if mapping.padding == "same" and not all(side % 2 for side in mapping.kernel):
        raise InputError(
            f"A kernel of {mapping.kernel[0]}x{mapping.kernel[1]} cannot be padded evenly; use odd sides "
            "or the padding 'valid'."
        )
    if min(_conv_positions(mapping, input_shape)) < 1:
        raise InputError(
            f"A kernel of {mapping.kernel[0]}x{mapping.kernel[1]} does not fit into the input "
            f"{list(input_shape)}; "
            "choose a smaller kernel."
        )
