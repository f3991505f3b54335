"""How often a data set can still be asked: the query vectors that the key budget leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.ipfe.group import ORDER
from pole.learning.privacy.measure import DataProfile
from pole.learning.privacy.rules import Rule, broken_rule
from pole.learning.privacy.views import View
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import MAX_QUERIES, Mapping, window_size
from pole.protocol.mapping.layer import data_plan
from pole.protocol.models.specification import Input

TASKS: Final = 3


@dataclass(frozen=True, slots=True)
class Layer:
    """A mapping layer over an input: all of a specification that keys depend on."""

    mapping: Mapping
    input: Input

    def with_queries(self, queries: int) -> "Layer":
        """Return the layer with another number of query vectors."""
        return Layer(self.mapping.model_copy(update={"queries": queries}), self.input)

    def view(self, number: int) -> View:
        """Return what keys of the layer show, for a seed that stands in for that of task `number`."""
        seed = keccak256(b"task" + number.to_bytes(8, "big"))
        return View(data_plan(self, seed), self.mapping.noise)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The most query vectors that break no rule, and the rule that one more breaks (None: there is no more).

    Attacks are not counted, which take seconds each: `pole spec suggest` tries them.
    """

    queries: int
    rule: Rule | None


def remaining(measured: DataProfile, before: Sequence[View], layer: Layer) -> Remaining:
    """Return how many query vectors a layer of this kind may have on a data set beside the views `before`.

    Found by halving, since more vectors never tell less. Costs some ten ranks and determinants: seconds for
    MNIST.
    """
    low, high = 0, min(MAX_QUERIES, layer.mapping.bits * window_size(layer.mapping, layer.input.shape))
    stopped: Rule | None = None
    while low < high:
        middle = (low + high + 1) // 2
        rule = _broken(measured, before, layer.with_queries(middle))
        if rule is None:
            low = middle
        else:
            high, stopped = middle - 1, rule
    return Remaining(low, stopped)


def in_turn(
    measured: DataProfile, before: Sequence[View], layer: Layer, tasks: int = TASKS
) -> tuple[Remaining, ...]:
    """Return what each of so many tasks may ask.

    Each is taken to ask for the layer's query vectors, or for what the tasks before it leave.
    """
    seen, found = list(before), []
    for number in range(tasks):
        left = remaining(measured, seen, layer)
        found.append(left)
        asked = min(left.queries, layer.mapping.queries)
        if asked:
            seen.append(layer.with_queries(asked).view(number + 1))
    return tuple(found)


def _broken(measured: DataProfile, before: Sequence[View], layer: Layer) -> Rule | None:
    keys = measured.given_by([*before, layer.view(0)], ORDER)
    return broken_rule(measured.measure, keys, None)
