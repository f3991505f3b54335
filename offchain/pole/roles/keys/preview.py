"""What miners will get of a data set: measured, attacked, held against the rules before it is posted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.learning.data.datasets import DataSet, subset
from pole.learning.privacy.disclosure import HELD_OUT, KNOWN, Disclosure, reconstruct
from pole.learning.privacy.measure import AttackMeasure, Best, DataProfile, profile
from pole.learning.privacy.rules import Rule, broken_rule, covers
from pole.learning.privacy.views import View
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.layer import data_plan
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.specification import ModelSpecification
from pole.roles.keys.budget import spent_error, views_given
from pole.roles.keys.ledger import LedgerEntry, Measures

SPLIT_SEED: Final = 0
SEVERAL_DRAWS: Final = 3
SMALL_DIMENSION: Final = 128
"""Columns up to which several draws of query vectors are attacked, since few of them differ by luck."""


@dataclass(frozen=True, slots=True)
class Clear:
    """What the manifest says of a data set to everybody, beside the ciphertexts.

    `equal` samples have a twin, which their features show; labels of `classes` classes are in the clear, or
    the targets of a regression, where it is None.
    """

    samples: int
    shape: tuple[int, ...]
    bits: int
    classes: int | None
    equal: int


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What a task gives away: its measures, the worst of the attacks, and the first rule that breaks.

    `profile` is of the data, held against the tasks in `before` and this one.
    """

    data_set: str
    profile: DataProfile
    measures: Measures
    before: tuple[LedgerEntry, ...]
    disclosure: Disclosure
    attack: AttackMeasure
    clear: Clear
    broken: Rule | None

    def require_consent(self, consent: Rule | None) -> None:
        """Raise BudgetSpentError where the task breaks a rule that its owner does not accept to be broken."""
        if self.broken is not None and not covers(consent, self.broken):
            raise spent_error(self.broken, self.measures.data, self.measures.after)


def preview(
    dataset: DataSet,
    specification: ModelSpecification,
    entries: Sequence[LedgerEntry],
    *,
    data_set: str,
) -> Preview:
    """Return what a task of a specification on a data set would give away, beside the tasks in `entries`.

    Rounds that have not opened have no seed yet: others stand in for theirs, which give as much. On small
    samples the attacks are mounted for three draws, and the worst counts, in each respect. What it costs
    prints benchmarks/encryption/preview.py. Raises InputError where the tasks have samples of another size,
    or the specification another input than the data.
    """
    _require_fit(dataset, specification, entries, data_set)
    measured = profile(dataset, specification.input.bits)
    draws = SEVERAL_DRAWS if specification.dimension <= SMALL_DIMENSION else 1
    views = [
        [*views_before(entries, draw), *_stand_ins([specification], draw, len(entries))]
        for draw in range(draws)
    ]
    measures = Measures(
        measured.measure,
        measured.given_by(_stand_ins([specification], 0, 0), ORDER),
        measured.given_by(views[0], ORDER),
    )
    part = known_part(dataset)
    disclosures = [
        reconstruct(part, _telling(each, specification.dimension), bits=specification.input.bits)
        for each in views
    ]
    attack = _worst([each.measure for each in disclosures])
    return Preview(
        data_set=data_set,
        profile=measured,
        measures=measures,
        before=tuple(entries),
        disclosure=max(disclosures, key=lambda each: each.measure.attack.exact),
        attack=attack,
        clear=Clear(
            samples=measured.measure.samples,
            shape=dataset.input_shape,
            bits=specification.input.bits,
            classes=None if isinstance(specification.metric, AbsoluteError) else dataset.classes,
            equal=measured.equal,
        ),
        broken=broken_rule(measures.data, measures.after, attack),
    )


def views_before(entries: Sequence[LedgerEntry], draw: int = 0) -> list[View]:
    """Return what the tasks in `entries` show or will show; seeds that are not yet there have stand-ins."""
    waiting = [each.specification for each in entries if each.given is None]
    return views_given(entries) + _stand_ins(waiting, draw, 0)


def known_part(dataset: DataSet, known: int = KNOWN, held_out: int = HELD_OUT) -> DataSet:
    """Return the part of a data set that attacks are tried on: so many samples known, so many attacked."""
    return subset(dataset, min(known, len(dataset.x_train)), min(held_out, len(dataset.x_test)), SPLIT_SEED)


def _telling(views: Sequence[View], dimension: int) -> list[View]:
    """Return the views that attackers need: exact ones with twice as many answers as columns tell all."""
    chosen, answers = [], 0
    for view in views:
        if view.noise or answers < 2 * dimension:
            chosen.append(view)
            answers += 0 if view.noise else view.queries
    return chosen


def _stand_ins(specifications: Sequence[ModelSpecification], draw: int, first: int) -> list[View]:
    return [
        View(data_plan(each, keccak256(bytes([draw]) + number.to_bytes(8, "big"))), each.mapping.noise)
        for number, each in enumerate(specifications, start=first)
    ]


def _require_fit(
    dataset: DataSet, specification: ModelSpecification, entries: Sequence[LedgerEntry], data_set: str
) -> None:
    if specification.input.shape != dataset.input_shape:
        raise InputError(
            f"The samples of {dataset.name} have the shape {list(dataset.input_shape)}, but the "
            f"specification's input is {list(specification.input.shape)}; change one of them."
        )
    others = [entry.specification.dimension for entry in entries]
    if others and others[0] != specification.dimension:
        raise InputError(
            f"The tasks of the data set {data_set!r} have {others[0]} values a sample, but this one "
            f"has {specification.dimension}: give its data another --data-name."
        )


def _worst(found: Sequence[AttackMeasure]) -> AttackMeasure:
    best = [each.attack for each in found]
    attack = Best(
        mse=min(each.mse for each in best),
        exact=max(each.exact for each in best),
        whole=max(each.whole for each in best),
    )
    return replace(found[0], attack=attack)
