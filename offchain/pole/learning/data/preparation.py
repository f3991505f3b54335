"""The preparation: how rows as their owner has them become the numbers that are encrypted, and labels names.

A JSON document (docs/formats.md) that stays with the data node; prediction applies it to new rows. Reading
one runs no code. `pole.learning.preparing` makes one of a table or of images, and applies it.
"""

import json
from collections.abc import Iterator
from math import prod
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pole.errors import InputError
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.documents import parse_json, sentence
from pole.protocol.models.specification import MAX_CLASSES, MAX_INPUTS
from pole.quoting import reason

MAX_DOCUMENT_BYTES: Final = 2**24
MAX_CATEGORIES: Final = 1024
PAGE: Final = "docs/formats.md"

Name = Annotated[str, Field(min_length=1, max_length=1024)]
Real = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Ranged(_Part):
    """A range of values, which becomes 0 to 1: (x - low) / (high - low), limited to 0 .. 1, in float64."""

    low: Real
    high: Real

    @model_validator(mode="after")
    def _require_range(self) -> "_Ranged":
        if not self.low < self.high or self.high - self.low == float("inf"):
            raise ValueError(f"low is {self.low} and high {self.high}, which is no range")
        return self


class _Measured(_Part):
    """A column that makes one value a row, and where `indicator` is set a second: 1 for what is missing."""

    name: Name
    indicator: bool = False

    @property
    def width(self) -> int:
        """Return how many values of a sample the column makes."""
        return 1 + self.indicator


class NumberColumn(_Measured, _Ranged):
    """A column of numbers; a missing one is `fill`."""

    kind: Literal["number"] = "number"
    fill: Real


class TimeColumn(_Measured, _Ranged):
    """A column of dates or times, in seconds since 1970 (UTC), which is then as a column of numbers."""

    kind: Literal["time"] = "time"
    fill: Real


class TruthColumn(_Measured):
    """A column of yes and no: 1 and 0; what is missing is `fill`."""

    kind: Literal["truth"] = "truth"
    fill: bool


class CategoryColumn(_Part):
    """A column of names: a value for each of `values`, 1 for the row's own. Others, and none, are all 0."""

    kind: Literal["category"] = "category"
    name: Name
    values: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_CATEGORIES)]

    @model_validator(mode="after")
    def _require_distinct(self) -> "CategoryColumn":
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value stands twice")
        return self

    @property
    def width(self) -> int:
        """Return how many values of a sample the column makes."""
        return len(self.values)


Column = Annotated[NumberColumn | TimeColumn | TruthColumn | CategoryColumn, Field(discriminator="kind")]


class TableSource(_Part):
    """Rows of a table: the columns that count, in the order of a sample, and those that were left out."""

    kind: Literal["table"] = "table"
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MAX_INPUTS)]
    ignored: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _require_distinct(self) -> "TableSource":
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError("a column stands twice")
        return self

    @property
    def shape(self) -> Shape:
        """Return the shape of one sample."""
        return (sum(column.width for column in self.columns),)


class ImageSource(_Part):
    """Images, made `height` x `width`, grey (1 channel) or RGB (3): a value is a byte / 255."""

    kind: Literal["images"] = "images"
    height: Annotated[int, Field(ge=1, le=MAX_INPUTS)]
    width: Annotated[int, Field(ge=1, le=MAX_INPUTS)]
    channels: Literal[1, 3]

    @property
    def shape(self) -> Shape:
        """Return the shape of one sample: [height, width], or [3, height, width]."""
        return (self.height, self.width) if self.channels == 1 else (3, self.height, self.width)


class ArraySource(_Part):
    """Arrays of numbers: `low` and `high` of all values of a sample, or of each (see NumberColumn)."""

    kind: Literal["array"] = "array"
    shape: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=3)]
    low: Annotated[tuple[Real, ...], Field(min_length=1, max_length=MAX_INPUTS)]
    high: Annotated[tuple[Real, ...], Field(min_length=1, max_length=MAX_INPUTS)]

    @model_validator(mode="after")
    def _require_ranges(self) -> "ArraySource":
        if len(self.low) != len(self.high) or len(self.low) not in (1, prod(self.shape)):
            raise ValueError("low and high must have one entry, or one for each value of a sample")
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("low must be less than high")
        return self


class TextSource(_Part):
    """Texts, a column of a table, which an encoder makes numbers of."""

    kind: Literal["text"] = "text"
    column: Name

    @property
    def shape(self) -> Shape:
        """Return the shape of one sample without an encoder: none."""
        return ()


Source = TableSource | ImageSource | ArraySource | TextSource


class Encoder(_Part):
    """A frozen function of what the source makes of a row to `width` numbers, ranged as an array is.

    `name` is `module.py:Class` or the name of an ONNX file, `digest` the SHA-256 of that file, in hex.
    """

    name: Name
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    width: Annotated[int, Field(ge=1, le=MAX_INPUTS)]
    low: Annotated[tuple[Real, ...], Field(min_length=1, max_length=MAX_INPUTS)]
    high: Annotated[tuple[Real, ...], Field(min_length=1, max_length=MAX_INPUTS)]

    @property
    def shape(self) -> Shape:
        """Return the shape of one sample."""
        return (self.width,)

    @model_validator(mode="after")
    def _require_ranges(self) -> "Encoder":
        if not len(self.low) == len(self.high) == self.width:
            raise ValueError("low and high must have one entry for each of the encoder's numbers")
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("low must be less than high")
        return self


class ClassTarget(_Part):
    """A target of classes: label k is `names[k]`."""

    kind: Literal["class"] = "class"
    column: Name
    names: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)]

    @model_validator(mode="after")
    def _require_distinct(self) -> "ClassTarget":
        if len(set(self.names)) < len(self.names):
            raise ValueError("a class stands twice")
        return self

    @property
    def classes(self) -> int:
        """Return how many labels there are."""
        return len(self.names)


class NumberTarget(_Part):
    """A target of numbers, on a grid: label k is low + k * step, in `unit` (empty where none was named)."""

    kind: Literal["number"] = "number"
    column: Name
    low: Real
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    steps: Annotated[int, Field(ge=2, le=MAX_CLASSES)]
    unit: Annotated[str, Field(max_length=64)] = ""

    @property
    def classes(self) -> int:
        """Return how many labels there are: the steps of the grid."""
        return self.steps


class Preparation(_Part):
    """How rows become samples, and labels the owner's own words; `parse_preparation` reads one."""

    format: Literal["pole.preparation"] = "pole.preparation"
    version: Literal[1] = 1
    source: Annotated[Source, Field(discriminator="kind")]
    encoder: Encoder | None = None
    target: Annotated[ClassTarget | NumberTarget, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _require_encoder_of_texts(self) -> "Preparation":
        if isinstance(self.source, TextSource) and self.encoder is None:
            raise ValueError("texts need an encoder")
        return self

    @property
    def input_shape(self) -> Shape:
        """Return the shape of one sample, as a specification's input names it."""
        return (self.encoder or self.source).shape

    def canonical_bytes(self) -> bytes:
        """Return the one byte string of this preparation: JSON in ASCII, sorted keys, defaults written."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()


def parse_preparation(document: bytes | str) -> Preparation:
    """Return the preparation that a JSON document holds; raises InputError, one sentence with the remedy."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise InputError(
            f"The preparation is longer than {MAX_DOCUMENT_BYTES} bytes; prepare the data again."
        )
    try:
        parse_json(document)
        return Preparation.model_validate_json(document)
    except ValidationError as error:
        raise InputError(sentence("The preparation", error, PAGE)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The preparation is not valid JSON ({reason(error)}); prepare the data again."
        ) from error


def value_names(source: TableSource) -> Iterator[str]:
    """Yield a name for each value of a sample: the column's, with what it tells where it makes several."""
    for column in source.columns:
        if isinstance(column, CategoryColumn):
            yield from (f"{column.name}={value}" for value in column.values)
            continue
        yield column.name
        if column.indicator:
            yield f"{column.name} is missing"
