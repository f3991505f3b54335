"""A model that was bought, at work on new rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.api.settings import settings_of
from pole.errors import InputError
from pole.learning.preparing.applying import rows_of
from pole.quoting import quoted
from pole.roles.models.exporting import TARGETS, Exported
from pole.roles.models.exporting import export as export_model
from pole.roles.models.folder import KeptModel, find_model, open_model
from pole.roles.models.predicting import Given, Predictions, encoder_of, predict_rows, read_given
from pole.roles.models.reporting import Report, report_on


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A kept model, checked against its proof when it was opened (see `load`).

    Rows are a data frame that speaks Arrow, a dict of columns, an array, a list of image files, or the path
    of a file like the one that the data were prepared of.
    """

    kept: KeptModel
    encoder: str | None = None

    @property
    def folder(self) -> Path:
        """Return the folder that the model is in."""
        return self.kept.folder

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return a label for each row, by the name that its owner gave it; in a regression a number."""
        parts = list(self._predicted(rows))
        trained = self.kept.trained
        labels = np.concatenate([part.labels for part in parts]) if parts else np.zeros(0, dtype=np.int64)
        return trained.values(labels) if trained.is_regression else np.array(trained.names())[labels]

    def probabilities(self, rows: Any) -> dict[str, NDArray[np.float64]]:
        """Return the probability of each class, by its name; raises InputError for a regression."""
        trained = self.kept.trained
        shares = [trained.probabilities(part.logits) for part in self._predicted(rows)]
        if not shares:
            return {name: np.zeros(0) for name in trained.names()}
        return dict(zip(trained.names(), np.concatenate(shares).T, strict=True))

    def report(self, rows: Any) -> Report:
        """Return how good the model is on rows that have the target; raises InputError where they lack it."""
        return report_of(self.kept, list(self._predicted(rows)))

    def export(self, path: str | Path, *, to: str = "onnx") -> Exported:
        """Write the model for another program: "onnx", "torch" or "python"; see `pole model export`."""
        if to not in TARGETS:
            raise InputError(f"There is no export to {quoted(to)}: choose one of {', '.join(TARGETS)}.")
        return export_model(self.kept, TARGETS[to], Path(path), None)

    def _predicted(self, rows: Any) -> Iterator[Predictions]:
        if isinstance(rows, str | Path):
            given = read_given(self.kept, Path(rows), self.encoder)
        else:
            preparation = self.kept.require_preparation()
            given = Given(rows_of(rows, preparation), encoder_of(self.kept, self.encoder))
        return predict_rows(self.kept, given, lambda _: None)


def load(model: str | Path | int, *, home: str | Path | None = None, encoder: str | None = None) -> Model:
    """Return the model in a folder, such as "models/task-4", or the one of a task by its number.

    A folder is looked for from the working directory, then in the data folder. Its files are checked against
    the block's hash that was proven when it was fetched. Raises InputError where there is none,
    IntegrityError where a file is not the one that was kept.
    """
    where = settings_of(home=home).home
    if isinstance(model, int):
        return Model(find_model(where, str(model)), encoder)
    here = Path(model)
    inside = where / here
    return Model(open_model(inside if not here.exists() and inside.exists() else here), encoder)


def report_of(kept: KeptModel, parts: list[Predictions]) -> Report:
    """Return how good predictions are whose rows have the target; raises InputError where they lack it."""
    truths = [np.full(len(part.labels), -1) if part.truth is None else part.truth for part in parts]
    if all(part.truth is None for part in parts):
        column = kept.require_preparation().target.column
        raise InputError(
            f"The rows have no column {quoted(column)}, which tells what is right: give rows with it, or "
            "leave --rows out."
        )
    return report_on(kept.trained, np.concatenate([part.logits for part in parts]), np.concatenate(truths))
