"""The target of a table: classes with names, or numbers on a grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget, NumberTarget
from pole.learning.data.ranges import robust_range
from pole.learning.preparing import cells
from pole.learning.preparing.applying import NO_LABEL, Labels, labels_of
from pole.quoting import listed, quoted

Target = ClassTarget | NumberTarget
Mask = NDArray[np.bool_]

MAX_WHOLE_CLASSES: Final = 20
"""Different whole numbers up to which a target is one of classes, unless something else is asked for."""
MAX_NAMES: Final = 1000
MAX_UNIT: Final = 64
STEPS: Final = 100
EXACT_STEPS: Final = 256
"""Whole numbers up to which a target of them is on a grid of whole numbers."""


@dataclass(frozen=True, slots=True)
class WantedTarget:
    """What was asked for: the column, whether it is a number (None: as it looks), its unit, its steps."""

    column: str
    regression: bool | None = None
    unit: str = ""
    steps: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The target, the label of every row (-1: none), which rows train and which test, what to say."""

    target: Target
    labels: Labels
    train: Mask
    test: Mask
    notes: tuple[str, ...]


def split_rows(column: Any, given: Mask | None, wanted: WantedTarget, part: float, seed: int) -> Split:
    """Return rows labelled by their target's column and parted into those to train and those to test.

    `given` says which are to test; otherwise a share `part` of each class (of all, in a regression) is drawn
    by `seed`. Rows without a target are neither, and so are test rows of a class that no training row has.
    Raises InputError where nothing is left on either side, the target cannot be learned, or the seed is less
    than 0.
    """
    if seed < 0:
        raise InputError(f"The seed is {seed}; name one of 0 or more.")
    regression = is_regression(wanted, column)
    cell = cells.numbers(column).missing if regression else cells.texts(column).codes < 0
    there = ~cell
    groups = np.zeros(len(there), dtype=np.int64) if regression else cells.texts(column).codes
    test = _drawn(groups, there, part, np.random.default_rng(seed)) if given is None else given & there
    train = there & ~test
    _require_both(train, test)
    rows = column.filter(pa.array(train))
    target = grid_of(wanted, rows) if regression else classes_of(wanted, rows)
    labels = labels_of(target, column)
    unknown = test & (labels == NO_LABEL)
    test = test & ~unknown
    _require_both(train, test)
    return Split(target, labels, train, test, tuple(_told(target, column, (cell, unknown), train)))


def _drawn(groups: Labels, there: Mask, part: float, random: np.random.Generator) -> Mask:
    test = np.zeros(len(there), dtype=bool)
    for group in np.unique(groups[there]):
        members = random.permutation(np.flatnonzero(there & (groups == group)))
        test[members[: min(round(part * len(members)), len(members) - 1)]] = True
    return test


def _require_both(train: Mask, test: Mask) -> None:
    for what, rows in (("training", train), ("test", test)):
        if not rows.any():
            raise InputError(
                f"There are no {what} rows with a target; take more rows, or another --test-part."
            )


def _told(target: Target, column: Any, gone: tuple[Mask, Mask], train: Mask) -> Iterator[str]:
    """Yield what is worth knowing of a target."""
    missing, unknown = (int(np.count_nonzero(each)) for each in gone)
    if missing:
        yield f"Rows without {quoted(target.column)} that are left out: {missing:,}."
    if unknown:
        yield f"Test rows of a class that no training row has, which are left out: {unknown:,}."
    if isinstance(target, NumberTarget):
        values = cells.numbers(column).values[train]
        last = target.low + (target.steps - 1) * target.step
        beyond = int(np.count_nonzero((values < target.low) | (values > last)))
        if beyond:
            yield (
                f"Targets beyond {target.low:g} to {last:g}, the range of nearly all, which count as its "
                f"ends: {beyond:,}."
            )


def is_regression(wanted: WantedTarget, column: Any) -> bool:
    """Return whether a target is numbers rather than classes; raises InputError where it can be neither."""
    if not cells.is_flat(column.type):
        raise InputError(
            f"The target {quoted(wanted.column)} holds {column.type}; name a column of texts or numbers."
        )
    told = cells.texts(column)
    found = cells.numbers(column)
    if wanted.regression:
        if found.wrong.any():
            first = cells.shown(column, int(np.argmax(found.wrong)))
            raise InputError(
                f"The target {quoted(wanted.column)} holds {first}, which is no number; correct it, "
                "or leave --regression out."
            )
        return True
    if wanted.regression is None and not found.wrong.any() and not cells.is_truth(column.type):
        there = found.values[~found.missing]
        whole = bool(np.all(there == np.rint(there)))
        if not whole or len(told.names) > MAX_WHOLE_CLASSES:
            return True
    if len(told.names) > MAX_NAMES:
        raise InputError(
            f"The target {quoted(wanted.column)} has {len(told.names):,} different values "
            f"({listed(told.names[:3])}), and PoLe prepares {MAX_NAMES} classes at most; name another "
            "column, or --regression for numbers."
        )
    return False


def classes_of(wanted: WantedTarget, column: Any) -> ClassTarget:
    """Return the classes of the training rows in the order of their names, numbers in theirs.

    Raises InputError where there are fewer than two.
    """
    names = cells.texts(column).names
    if len(names) < 2:
        raise InputError(
            f"The target {quoted(wanted.column)} has {len(names)} classes in the training rows "
            f"({listed(names)}); it needs two or more."
        )
    return ClassTarget(column=wanted.column, names=tuple(sorted(names, key=_order)))


def grid_of(wanted: WantedTarget, column: Any) -> NumberTarget:
    """Return the grid of a target of numbers in the training rows; outliers lie beyond its ends.

    Whole numbers that lie close together have a grid of their own; otherwise a step is 1, 2 or 5 times a
    power of ten, so that there are some hundred steps, or as many as were asked for.
    """
    if len(wanted.unit) > MAX_UNIT:
        raise InputError(f"The unit {quoted(wanted.unit)} is longer than {MAX_UNIT} characters; shorten it.")
    found = cells.numbers(column)
    there = found.values[~found.missing]
    low, high = robust_range(there) if len(there) else (0.0, 0.0)
    if not 0 < high - low < np.inf:
        raise InputError(
            f"The target {quoted(wanted.column)} has one value in all training rows; name another."
        )
    step = _step(there, low, high, wanted.steps)
    first = floor(low / step)
    steps = max(2, ceil(high / step) - first + 1)
    return NumberTarget(column=wanted.column, low=first * step, step=step, steps=steps, unit=wanted.unit)


def _step(there: NDArray[np.float64], low: float, high: float, steps: int | None) -> float:
    whole = bool(np.all(there == np.rint(there)))
    if steps is None and whole and high - low < EXACT_STEPS:
        return 1.0
    smallest = (high - low) / ((steps or STEPS) - 1)
    power = 10.0 ** floor(log10(smallest))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= smallest * (1 - 1e-12))
    return max(step, 1.0) if whole and steps is None else step


def _order(name: str) -> tuple[int, float, str]:
    """Return what sorts numbers by their value, before all other names."""
    return (0, float(name), name) if cells.NUMBER.fullmatch(name) and "," not in name else (1, 0.0, name)
