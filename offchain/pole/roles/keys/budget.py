"""The key budget: how much of each data set the functional keys of all its tasks give away together.

Keys of different tasks belong to different master keys, but whoever decrypts knows the inner products of the
same samples: what counts is all query vectors ever keyed for a data set, whatever the task. The rules are in
pole.learning.privacy.rules; what they are held against is measured when a task is posted (see preview).
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.ipfe.group import ORDER
from pole.learning.privacy.measure import DataMeasure, KeysMeasure
from pole.learning.privacy.rules import Rule, broken_rule, covers, why
from pole.learning.privacy.views import View
from pole.protocol.mapping.layer import data_plan
from pole.protocol.mapping.rank import RankTooLargeError, query_rank
from pole.protocol.models.specification import ModelSpecification, disclosed_rank
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry

LOG: Final = logging.getLogger("pole.key-budget")


class BudgetSpentError(InputError):
    """Keys that would break one of the budget's rules, without the owner's consent."""

    def __init__(self, sentence: str, rule: Rule) -> None:
        super().__init__(sentence)
        self.rule = rule


class LedgerChangedError(InputError):
    """Another task was posted on the same data while this one was looked at."""


@dataclass(frozen=True, slots=True)
class Spending:
    """The budget of one data set of `dimension` columns.

    `given` and `waiting` are independent exact functions of a sample: given by keys, to be given by tasks
    that wait at most. `given` is the rank of all query vectors keyed so far, no more than the dimensions that
    the data fill; or, where that is too large to compute (`exact` is False), a number that no rank exceeds.
    `bits` is a bound on what the answers of all tasks carry. `data` is what was measured when the newest task
    was posted, None where none was; `tasks` counts all.
    """

    data_set: str
    dimension: int
    given: int = 0
    waiting: int = 0
    bits: int = 0
    tasks: int = 0
    exact: bool = True
    data: DataMeasure | None = None


@dataclass(frozen=True, slots=True)
class KeyBudget:
    """The budgets of all data sets in a ledger.

    `guard` keeps other processes from writing to the ledger; it is held for a moment only.
    """

    ledger: KeyLedger
    guard: Callable[[], AbstractContextManager[object]]

    def spendings(self) -> tuple[Spending, ...]:
        """Return the spending of every data set, by name."""
        names = dict.fromkeys(entry.data_set for entry in self.ledger.entries())
        return tuple(spending(self.tasks_of(name)) for name in names)

    def tasks_of(self, data_set: str) -> list[LedgerEntry]:
        """Return the entries of a data set."""
        return [entry for entry in self.ledger.entries() if entry.data_set == data_set]

    def data_set_of(self, data_digest: bytes, *, title: str, name: str | None) -> str:
        """Return the name under which data counts: the given one, that of earlier tasks, or a new one.

        Raises InputError when the same data counts under another name than the given one.
        """
        known = next((e.data_set for e in self.ledger.entries() if e.data_digest == data_digest), None)
        if name is not None and known not in (None, name):
            raise InputError(
                f"The same data is in the key ledger as {known!r}: leave --data-name out, or give that name."
            )
        return name or known or f"{title}-{data_digest.hex()[:8]}"

    def reserve(self, entry: LedgerEntry, seen: Sequence[LedgerEntry]) -> None:
        """Enter a task that is about to be posted; once more changes nothing.

        `seen` are the entries of its data set that it was measured beside. Raises LedgerChangedError where
        there are others by now.
        """
        if self.ledger.read(entry.mpk_digest) is not None:
            return
        with self.guard():
            if _keys_of(self.tasks_of(entry.data_set)) != _keys_of(seen):
                raise LedgerChangedError(
                    f"Another task on {entry.data_set!r} was posted or cancelled meanwhile: post this one "
                    "again, so that both are counted. What was prepared is used."
                )
            self.ledger.write(entry)

    def release(self, mpk_digest: bytes) -> None:
        """Take out a task that will never have keys.

        Raises InputError when there is no such task, or its keys were issued: what is given cannot be taken
        back.
        """
        with self.guard():
            entry = self.ledger.read(mpk_digest)
            if entry is None:
                raise InputError(
                    f"The key ledger has no task of master key {mpk_digest.hex()}: `pole data budget "
                    "--tasks` lists them."
                )
            if entry.given is not None:
                raise InputError(
                    "The functional keys of this task are out and cannot be taken back: it stays counted."
                )
            self.ledger.remove(mpk_digest)

    def give(
        self, mpk_digest: bytes, specification: ModelSpecification, keys: GivenKeys, *, consent: Rule | None
    ) -> None:
        """Enter the keys of a round before they are issued; the same keys again change nothing.

        A task that is not in the ledger counts as a data set of its own. Raises IntegrityError when keys of
        another seed were given, and BudgetSpentError when, with the round's own query vectors, a rule is
        broken that neither the ledger nor `consent` accept.
        """
        entry = replace(self._entry_of(mpk_digest, specification), given=keys)

        def check(others: Sequence[LedgerEntry]) -> None:
            data, all_given = _data_of(entry), [*(e for e in others if e.given is not None), entry]
            given = _given_by(all_given, data.affine_rank)
            broken = broken_rule(data, given, None)
            if broken is not None and not (covers(consent, broken) or covers(entry.consent, broken)):
                raise spent_error(broken, data, given)

        _require_same_seed(self._enter(entry, check), keys)

    def note(self, mpk_digest: bytes, specification: ModelSpecification, keys: GivenKeys) -> None:
        """Enter keys that are out already, whoever issued them."""
        entry = replace(self._entry_of(mpk_digest, specification), given=keys)
        self._enter(entry, lambda _: None)

    def enter(self, entry: LedgerEntry) -> None:
        """Enter a task whose keys are out and that the ledger does not know; a known one stays as it is."""
        with self.guard():
            if self.ledger.read(entry.mpk_digest) is None:
                self.ledger.write(entry)

    def _enter(self, entry: LedgerEntry, check: Callable[[Sequence[LedgerEntry]], None]) -> GivenKeys | None:
        """Write an entry that `check` has nothing against, given the other entries of its data set.

        Return which keys are given now: where some were before, these stay, and nothing is written.
        A check may take minutes and the guard is needed by others within a key window, so the check is done
        without it, and again if the ledger has changed since.
        """
        while True:
            seen = self.tasks_of(entry.data_set)
            kept = next((each for each in seen if each.mpk_digest == entry.mpk_digest), entry)
            if kept.given is not None and kept is not entry:
                return kept.given
            check([each for each in seen if each.mpk_digest != entry.mpk_digest])
            with self.guard():
                if self.tasks_of(entry.data_set) == seen:
                    self.ledger.write(entry)
                    return entry.given

    def _entry_of(self, mpk_digest: bytes, specification: ModelSpecification) -> LedgerEntry:
        entry = self.ledger.read(mpk_digest)
        if entry is not None:
            return entry
        LOG.warning(
            "The task of master key %s is not in the key ledger: its data counts as a set of its own.",
            mpk_digest.hex(),
        )
        return LedgerEntry(mpk_digest, f"task-{mpk_digest.hex()}", mpk_digest, specification, consent=None)


def spending(entries: Sequence[LedgerEntry]) -> Spending:
    """Return the spending of one or more entries of one data set.

    Costs an exact rank (see pole.protocol.mapping.rank).
    """
    given = [entry for entry in entries if entry.given is not None]
    waiting = [entry for entry in entries if entry.given is None]
    newest = max(entries, key=_bits_after)
    data = _data_of(newest)
    keys = _given_by(given, data.affine_rank)
    return Spending(
        data_set=entries[0].data_set,
        dimension=data.dimension,
        given=keys.functions,
        waiting=min(data.affine_rank, sum(_alone(entry).functions for entry in waiting)),
        bits=_bits_after(newest),
        tasks=len(entries),
        exact=keys.exact,
        data=data if newest.measures else None,
    )


def views_given(entries: Sequence[LedgerEntry]) -> list[View]:
    """Return what the keys that were issued show, a view for each entry that has keys."""
    return [
        View(data_plan(each.specification, each.given.seed), each.specification.mapping.noise)
        for each in entries
        if each.given is not None
    ]


def spent_error(rule: Rule, data: DataMeasure, keys: KeysMeasure) -> BudgetSpentError:
    """Return the error of keys that break a rule."""
    return BudgetSpentError(
        f"The key budget's rule {rule.value!r} would be broken: {why(rule, data, keys)}. Ask for fewer "
        "queries, free what will never have keys with `pole data release`, or accept it with "
        f"--allow-disclosure {rule.value}.",
        rule,
    )


def _data_of(entry: LedgerEntry) -> DataMeasure:
    """Return what was measured of the data at a task's posting; else columns that are all independent."""
    if entry.measures is not None:
        return entry.measures.data
    dimension = entry.specification.dimension
    bits = dimension * entry.specification.input.bits
    return DataMeasure(dimension, dimension, dimension, bits, samples=0, measured=0)


def _alone(entry: LedgerEntry) -> KeysMeasure:
    if entry.measures is not None:
        return entry.measures.alone
    return KeysMeasure(disclosed_rank(entry.specification))


def _bits_after(entry: LedgerEntry) -> int:
    return 0 if entry.measures is None else entry.measures.after.bits


def _keys_of(entries: Sequence[LedgerEntry]) -> set[bytes]:
    return {entry.mpk_digest for entry in entries}


def _given_by(given: Sequence[LedgerEntry], limit: int) -> KeysMeasure:
    """Return what keys gave away: at most `limit` functions by their own vectors, and bits as measured.

    The task that was posted last was measured together with all before it, over the data: what their query
    vectors differ in over columns that never vary tells nothing.
    """
    if not given:
        return KeysMeasure()
    measured = [entry.measures.after for entry in given if entry.measures is not None]
    bits = max((each.bits for each in measured), default=0)
    if len(measured) == len(given):
        limit = min(limit, max(each.functions for each in measured))
    plans = [view.plan for view in views_given(given) if not view.noise]
    try:
        rank = query_rank(plans, given[0].specification.dimension, ORDER) if plans else 0
    except RankTooLargeError:
        count = sum(disclosed_rank(entry.specification) for entry in given)
        return KeysMeasure(min(limit, count), bits, exact=False)
    return KeysMeasure(min(limit, rank), bits)


def _require_same_seed(given: GivenKeys | None, keys: GivenKeys) -> None:
    if given is None or given.seed != keys.seed:
        raise IntegrityError(
            "Functional keys of another seed were already given for this data set: post the task again, "
            "under a fresh master key."
        )
