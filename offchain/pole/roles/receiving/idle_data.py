"""An idle round's samples: made from its seeds, fetched from nobody."""

from dataclasses import dataclass, field

from pole.protocol.idle import puzzle
from pole.protocol.idle.puzzle import PuzzleSet
from pole.protocol.idle.task import idle_specification
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.state import Round
from pole.roles.receiving.samples import Samples


@dataclass(slots=True)
class IdleData:
    """The samples of the newest idle round asked for, in memory: they are made in a fraction of a second."""

    _kept: dict[tuple[bytes, bytes], Samples] = field(default_factory=dict, init=False)

    def training_set(self, open_round: Round) -> Samples:
        """Return all training samples."""
        key = (open_round.seed, b"")
        if key not in self._kept:
            self._kept.clear()
            drawn = puzzle.training_set(open_round.seed, open_round.terms.train_count)
            self._kept[key] = features(open_round.seed, drawn)
        return self._kept[key]

    def test_set(self, open_round: Round, test_seed: bytes) -> Samples:
        """Return the test samples of a test seed."""
        key = (open_round.seed, test_seed)
        if key not in self._kept:
            drawn = puzzle.test_set(open_round.seed, test_seed, open_round.terms.test_count)
            self._kept[key] = features(open_round.seed, drawn)
        return self._kept[key]


def features(seed: bytes, drawn: PuzzleSet) -> Samples:
    """Return samples through the secure mapping layer of the round's seed, computed in the clear."""
    specification = idle_specification()
    products = inner_products_in_clear(query_plan(specification, seed), drawn.inputs)
    return Samples(arrange(products, specification), drawn.labels)
