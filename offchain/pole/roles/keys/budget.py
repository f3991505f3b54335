"""The key budget: how much of each data set the functional keys of all its tasks give away together.

Keys of different tasks belong to different master keys, but whoever decrypts knows the inner products of the
same samples: what counts is the rank of all query vectors ever keyed for a data set, whatever the task.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.ipfe.group import ORDER
from pole.protocol.mapping.layer import data_plan
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.mapping.rank import RankTooLargeError, query_rank
from pole.protocol.models.specification import ModelSpecification, disclosed_rank
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry

LOG: Final = logging.getLogger("pole.key-budget")


class BudgetSpentError(InputError):
    """Keys that would give away D - 1 or more independent functions of a data set, without consent."""


@dataclass(frozen=True, slots=True)
class Spending:
    """The budget of one data set, in independent linear functions of a sample of `dimension` values.

    `given` is the rank of all query vectors keyed so far: exact, or where that is too large to compute
    (`exact` is False) the number of the vectors, which no rank exceeds. `waiting` is what tasks without keys
    will add at most; `tasks` counts all.
    """

    data_set: str
    dimension: int
    given: int = 0
    waiting: int = 0
    tasks: int = 0
    exact: bool = True

    def after(self, more: int) -> int:
        """Return the most that is given away once all that waits, and `more`, is."""
        return min(self.dimension, self.given + self.waiting + more)


@dataclass(frozen=True, slots=True)
class KeyBudget:
    """The budgets of all data sets in a ledger.

    `guard` keeps other processes from writing to the ledger; it is held for a moment only.
    """

    ledger: KeyLedger
    guard: Callable[[], AbstractContextManager[object]]

    def spendings(self) -> tuple[Spending, ...]:
        """Return the spending of every data set, by name."""
        entries = self.ledger.entries()
        names = dict.fromkeys(entry.data_set for entry in entries)
        return tuple(spending([e for e in entries if e.data_set == name]) for name in names)

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

    def check(self, data_set: str, specification: ModelSpecification, *, consent: bool) -> Spending:
        """Return the spending of a data set before one more task.

        Raises BudgetSpentError when the task could bring it to D - 1 and there is no consent, and InputError
        where earlier tasks of that name have samples of another size.
        """
        return _checked(self._of(data_set), data_set, specification, consent=consent)

    def reserve(self, entry: LedgerEntry) -> None:
        """Enter a task that is about to be posted; once more changes nothing.

        Raises what `check` raises.
        """
        if self.ledger.read(entry.mpk_digest) is not None:
            return

        def check(others: Sequence[LedgerEntry]) -> None:
            _checked(others, entry.data_set, entry.specification, consent=entry.consent)

        self._enter(entry, check)

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
        self, mpk_digest: bytes, specification: ModelSpecification, keys: GivenKeys, *, consent: bool
    ) -> None:
        """Enter the keys of a round before they are issued; the same keys again change nothing.

        A task that is not in the ledger counts as a data set of its own. Raises IntegrityError when keys of
        another seed were given, and BudgetSpentError when the exact rank would come to D - 1 and neither the
        ledger nor `consent` accept that.
        """
        entry = self._entry_of(mpk_digest, specification)
        if entry.given is not None:
            _require_same_seed(entry.given, keys)
            return
        accepted = consent or entry.consent
        entry = replace(entry, given=keys)
        self._enter(entry, lambda others: None if accepted else _check_exactly(others, entry))

    def note(self, mpk_digest: bytes, specification: ModelSpecification, keys: GivenKeys) -> None:
        """Enter keys that are out already, whoever issued them."""
        entry = self._entry_of(mpk_digest, specification)
        if entry.given is None:
            self._enter(replace(entry, given=keys), lambda _: None)

    def _enter(self, entry: LedgerEntry, check: Callable[[Sequence[LedgerEntry]], None]) -> None:
        """Write an entry that `check` has nothing against, given the other entries of its data set.

        A check may take minutes and the guard is needed by others within a key window, so the check is done
        without it, and again if the ledger has changed since.
        """
        while True:
            seen = self._of(entry.data_set)
            check([each for each in seen if each.mpk_digest != entry.mpk_digest])
            with self.guard():
                if self._of(entry.data_set) == seen:
                    self.ledger.write(entry)
                    return

    def _entry_of(self, mpk_digest: bytes, specification: ModelSpecification) -> LedgerEntry:
        entry = self.ledger.read(mpk_digest)
        if entry is not None:
            return entry
        LOG.warning(
            "The task of master key %s is not in the key ledger: its data counts as a set of its own.",
            mpk_digest.hex(),
        )
        return LedgerEntry(mpk_digest, f"task-{mpk_digest.hex()}", mpk_digest, specification, consent=False)

    def _of(self, data_set: str) -> list[LedgerEntry]:
        return [entry for entry in self.ledger.entries() if entry.data_set == data_set]


def spending(entries: Sequence[LedgerEntry]) -> Spending:
    """Return the spending of one or more entries of one data set.

    Costs an exact rank (see pole.protocol.mapping.rank).
    """
    given = [entry for entry in entries if entry.given is not None]
    waiting = [entry for entry in entries if entry.given is None]
    dimension = entries[0].specification.dimension
    rank, exact = _rank_given(given)
    return Spending(
        data_set=entries[0].data_set,
        dimension=dimension,
        given=rank,
        waiting=_count(waiting),
        tasks=len(entries),
        exact=exact,
    )


def plans_given(entries: Sequence[LedgerEntry]) -> list[QueryPlan]:
    """Return the query vectors that keys were issued for, one plan for each entry that has keys."""
    return [data_plan(each.specification, each.given.seed) for each in entries if each.given is not None]


def _checked(
    others: Sequence[LedgerEntry], data_set: str, specification: ModelSpecification, *, consent: bool
) -> Spending:
    dimension = specification.dimension
    before = spending(others) if others else Spending(data_set, dimension)
    if before.dimension != dimension:
        raise InputError(
            f"The tasks of the data set {data_set!r} have {before.dimension} values a sample, but this one "
            f"has {dimension}: give its data another --data-name."
        )
    total = before.after(disclosed_rank(specification))
    if total >= dimension - 1 and not consent:
        waits = f" ({before.waiting} of them wait for their round)" if before.waiting else ""
        raise BudgetSpentError(
            f"This task could bring what is given away of {data_set!r} from {before.given + before.waiting}"
            f"{waits} to {total} of {dimension} independent functions of a sample, and from {dimension - 1} "
            "on anybody can compute the data: ask for fewer queries, free what will never have keys with "
            "`pole data release`, or accept it with --allow-disclosure."
        )
    return before


def _check_exactly(others: Sequence[LedgerEntry], entry: LedgerEntry) -> None:
    given = [*(each for each in others if each.given is not None), entry]
    dimension = entry.specification.dimension
    # Counting settles most cases at once: keys are due within a window, and a rank may take minutes.
    if _count(given) < dimension - 1:
        return
    rank, _ = _rank_given(given)
    if rank >= dimension - 1:
        raise BudgetSpentError(
            f"With these keys {rank} of {dimension} independent functions of a sample of {entry.data_set!r} "
            f"would be given away, and from {dimension - 1} on anybody can compute the data: to issue them "
            "all the same, run the data node with --allow-disclosure before the key window ends."
        )


def _rank_given(given: Sequence[LedgerEntry]) -> tuple[int, bool]:
    """Return the rank of all keyed query vectors modulo the group order, and whether it is exact."""
    if not given:
        return 0, True
    plans = plans_given(given)
    dimension = given[0].specification.dimension
    try:
        return query_rank(plans, dimension, ORDER), True
    except RankTooLargeError:
        return min(dimension, _count(given)), False


def _count(entries: Sequence[LedgerEntry]) -> int:
    return sum(disclosed_rank(entry.specification) for entry in entries)


def _require_same_seed(given: GivenKeys, keys: GivenKeys) -> None:
    if given.seed != keys.seed:
        raise IntegrityError(
            "Functional keys of another seed were already given for this data set: post the task again, "
            "under a fresh master key."
        )
