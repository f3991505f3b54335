"""Data in: a table, images or arrays as their owner has them, made into a data set that can be posted."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pole.api.terms import read_specification
from pole.learning.data.datasets import DataSet, data_directory, load
from pole.learning.data.own import save_pole
from pole.learning.preparing.preparing import Prepared, Wanted, prepare_frame
from pole.learning.preparing.preparing import prepare as prepare_file
from pole.protocol.models.specification import ModelSpecification


@dataclass(frozen=True, slots=True, eq=False)
class Data(Prepared):
    """A prepared data set, as notebooks show and save it."""

    def save(self, path: str | Path) -> Path:
        """Write it to a .pole file, which holds the data in the clear; return its path.

        Raises InputError where the file cannot be written.
        """
        target = Path(path)
        save_pole(target, self.dataset.samples(), self.preparation)
        return target

    def _repr_html_(self) -> str:
        """Return the columns as a table, as notebooks show it."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(each.name)}</td><td>{escape(each.role)}</td><td>{each.width}</td></tr>"
            for each in self.columns
        )
        return f"<table><tr><th>column</th><th>becomes</th><th>inputs</th></tr>{rows}</table>"


def prepare(source: Any, *, target: str | None = None, test: Any = None, **options: Any) -> Data:
    """Return a data set of a file, a folder, or a data frame that speaks Arrow (pandas, polars), or a dict.

    `target` names the column to learn, `test` the rows to test on, of the same kind as `source`. `options`
    are those of `pole.learning.preparing.preparing.Wanted`: regression, unit, steps, dropped, categories,
    test_part, seed, size, channels, encoder. Raises InputError, one sentence with what to do.
    """
    if isinstance(source, str | Path):
        wanted = Wanted(target=target, test=None if test is None else Path(test), **options)
        return _of(prepare_file(Path(source), wanted))
    return _of(prepare_frame(source, Wanted(target=target, **options), test))


def data(name: str | Path) -> DataSet:
    """Return a data set by its name (iris, mnist, ...), or out of a .pole or .npz file.

    Raises InputError where it is unusable.
    """
    return load(str(name), data_directory(os.environ, Path.cwd()))


def specification(path: str | Path) -> ModelSpecification:
    """Return the model specification in a file; raises InputError where it is unusable."""
    return read_specification(Path(path))


def dataset_of(given: Data | DataSet | str | Path) -> DataSet:
    """Return the data set of what stands for one: prepared data, a name, or a file."""
    if isinstance(given, str | Path):
        return data(given)
    return given.dataset if isinstance(given, Data) else given


def _of(prepared: Prepared) -> Data:
    return Data(prepared.dataset, prepared.preparation, prepared.columns, prepared.notes)
