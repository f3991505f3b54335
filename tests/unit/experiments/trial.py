"""An experiment for tests of what runs experiments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.records import Size
from experiments.session import Case, Experiment


def experiment(
    measure: Callable[[str, int], Mapping[str, Any]],
    data: str | None = None,
    settings: Sequence[str] = ("a", "b"),
    name: str = "trial",
) -> Experiment:
    """Return an experiment that measures each of its settings by `measure(setting, seed)`."""
    return Experiment(
        name,
        "A trial",
        "It runs.",
        {Size.QUICK: 1, Size.REDUCED: 2, Size.FULL: 3},
        lambda size: [Case(name, lambda seed, name=name: measure(name, seed), data) for name in settings],
        lambda records: "",
    )
