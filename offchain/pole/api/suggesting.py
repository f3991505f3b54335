"""A specification that suits data and budget, and what it would reach."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pole.api.budget import open_budget
from pole.api.data import Data, dataset_of
from pole.api.settings import Settings, settings_of
from pole.api.terms import consent_of
from pole.errors import InputError
from pole.learning.data.datasets import DataSet
from pole.learning.data.digest import data_set_digest
from pole.learning.privacy.rules import covers
from pole.learning.suggesting.trials import Trials
from pole.learning.suggesting.trials import try_out as try_seeds
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import pick_device
from pole.protocol.models.specification import ModelSpecification
from pole.roles.keys.suggestion import Suggestion, suggestions
from pole.roles.workers.miner.training import correct_needed

SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A suggestion, and a short trial of it."""

    suggestion: Suggestion
    trials: Trials


def suggest(
    data: Data | DataSet | str | Path,
    *,
    home: str | Path | None = None,
    allow_disclosure: str | None = None,
    seconds: float = 10,
) -> ModelSpecification:
    """Return the best specification of those compared that breaks no rule but the allowed.

    See `pole spec suggest`. Raises InputError where every one breaks a rule.
    """
    compared = compare(dataset_of(data), settings_of(home=home), seconds)
    chosen = best(compared, allow_disclosure)
    if chosen is None:
        raise InputError(
            "No layer breaks no rule of the key budget: allow one by name (allow_disclosure), or have fewer "
            "tasks on the same data."
        )
    return chosen.suggestion.specification


def compare(
    dataset: DataSet, settings: Settings, seconds: float, report: Callable[[str], None] = lambda _: None
) -> list[Compared]:
    """Return the layers that `pole.roles.keys.suggestion` finds, each trained for so many seconds."""
    budget = open_budget(settings)
    data_set = budget.data_set_of(data_set_digest(dataset), title=dataset.name, name=None)
    found = suggestions(dataset, budget.tasks_of(data_set), data_set=data_set, report=report)
    return [Compared(each, try_out(dataset, each.specification, seeds=1, seconds=seconds)) for each in found]


def best(compared: Sequence[Compared], allowed: str | None) -> Compared | None:
    """Return that with the best test score of those that break no rule but the allowed, None without any."""
    consent = consent_of(allowed)
    fitting = [each for each in compared if covers(consent, each.suggestion.preview.broken)]
    return max(fitting, key=lambda each: float(each.trials.test_shares.mean()), default=None)


def try_out(
    data: Data | DataSet | str | Path,
    specification: ModelSpecification,
    *,
    seeds: int = 5,
    first_seed: int = SEED,
    seconds: float = 60,
    train_accuracy: float = 100,
    report: Callable[[str], None] = lambda _: None,
) -> Trials:
    """Return what a miner would reach with so many seeds, each trained for so many seconds at most.

    `Trials.advice` says what to ask for. Raises InputError where data and specification do not fit.
    """
    dataset = dataset_of(data)
    needed = correct_needed(round(100 * train_accuracy), len(dataset.x_train))

    def rule() -> StopRule:
        return StopRule(needed, time.monotonic() + seconds, time.monotonic, lambda: False)

    return try_seeds(
        dataset,
        specification,
        range(first_seed, first_seed + seeds),
        rule,
        device=pick_device(),
        report=lambda seed, found: report(
            f"seed {seed}: {found.result.epochs} epochs in {found.result.seconds:.1f} s, until "
            f"{found.result.reason.value}"
        ),
    )
