"""An experiment for tests of what runs experiments."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from experiments.running.records import Size
from experiments.running.session import Case, Experiment


def experiment(
    measure: Callable[[str, int], Mapping[str, Any]],
    data: str | None = None,
    settings: Sequence[str] = ("a", "b"),
    name: str = "trial",
    seeds: Mapping[str, int] = MappingProxyType({}),
    forget: Callable[[str, int], None] = lambda _, __: None,
) -> Experiment:
    """Return an experiment that measures each of its settings by `measure(setting, seed)`.

    `seeds` has the number of those that do not want the experiment's own, `forget(setting, seed)` is called
    once a record is kept.
    """

    def cases(size: Size) -> list[Case]:
        return [
            Case(setting, partial(measure, setting), data, seeds.get(setting), partial(forget, setting))
            for setting in settings
        ]

    return Experiment(
        name,
        "A trial",
        "It runs.",
        {Size.QUICK: 1, Size.REDUCED: 2, Size.FULL: 3},
        cases,
        lambda records: "",
    )
