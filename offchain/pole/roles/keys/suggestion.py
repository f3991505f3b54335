"""Mapping layers that suit a data set and its key budget, each measured and attacked like a task's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.learning.data.datasets import DataSet
from pole.learning.privacy.measure import DataProfile, profile
from pole.learning.privacy.rules import broken_rule
from pole.learning.suggesting.network import INPUT_BITS, network, weight_bits
from pole.protocol.mapping.kinds import MAX_QUERIES, LinearMapping
from pole.protocol.models.specification import Input, ModelSpecification
from pole.roles.keys.ledger import LedgerEntry
from pole.roles.keys.preview import Preview, preview, views_before
from pole.roles.keys.remaining import Layer, remaining

WANTED: Final = 64
"""Query vectors beyond which a perceptron gains little on the data sets of docs/results.md."""
FEWEST_WITH_NOISE: Final = 8
NOISES: Final = tuple(4**power for power in range(1, 9))
"""Deviations that are tried, from the least; of the first that does, the half is tried too."""


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """A specification, why it is one, and what it would give away."""

    reason: str
    specification: ModelSpecification
    preview: Preview


def suggestions(
    dataset: DataSet,
    entries: Sequence[LedgerEntry],
    *,
    data_set: str,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Suggestion]:
    """Yield up to three layers over a data set that tasks in `entries` have asked before.

    The most query vectors that break no rule; the least noise with which more of them break none; and as many
    as are worth asking for, whatever they break. Each costs a preview or some of them, told by `report`.
    """
    measured = profile(dataset, INPUT_BITS)
    search = _Search(dataset, tuple(entries), data_set, measured, report)
    found = [search.quiet(), search.noisy(), search.open()]
    yield from (each for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class _Search:
    dataset: DataSet
    entries: tuple[LedgerEntry, ...]
    data_set: str
    measured: DataProfile
    report: Callable[[str], None]

    @property
    def wanted(self) -> int:
        dimension = self.measured.measure.dimension
        return min(WANTED, dimension, MAX_QUERIES)

    def quiet(self) -> Suggestion | None:
        left = remaining(self.measured, views_before(self.entries), self.layer(1, 0)).queries
        queries = min(left, self.wanted)
        while queries:
            found = self.attacked("as many query vectors as break no rule", queries, 0)
            if found.preview.broken is None:
                return found
            queries = 2 * queries // 3
        return None

    def noisy(self) -> Suggestion | None:
        queries = min(self.wanted, max(FEWEST_WITH_NOISE, self.measured.measure.dimension // 2))
        seen = views_before(self.entries)
        for noise in NOISES:
            layer = self.layer(queries, noise)
            keys = self.measured.given_by([*seen, layer.view(0)], ORDER)
            if broken_rule(self.measured.measure, keys, None) is not None:
                continue
            try:
                found = self.attacked("as little noise as breaks no rule", queries, noise)
            except InputError:
                # Its noise is more than inner products have room for.
                return None
            if found.preview.broken is None:
                half = self.attacked(found.reason, queries, noise // 2)
                return half if half.preview.broken is None else found
        return None

    def open(self) -> Suggestion:
        return self.attacked("as many query vectors as help, whatever they break", self.wanted, 0)

    def layer(self, queries: int, noise: int) -> Layer:
        return Layer(self.mapping(queries, noise), Input(shape=self.dataset.input_shape, bits=INPUT_BITS))

    def mapping(self, queries: int, noise: int) -> LinearMapping:
        bits = weight_bits(self.measured.measure.dimension)
        return LinearMapping(bits=bits, queries=queries, noise=noise)

    def attacked(self, reason: str, queries: int, noise: int) -> Suggestion:
        self.report(f"trying {queries} query vectors{f' with noise {noise}' if noise else ''}")
        specification = network(self.dataset, self.mapping(queries, noise))
        found = preview(self.dataset, specification, self.entries, data_set=self.data_set)
        return Suggestion(reason, specification, found)
