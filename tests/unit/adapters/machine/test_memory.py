import os
from dataclasses import dataclass

from benchmarks.common.resident import resident
from tests.unit.adapters.ethereum.test_chain_reader import expected

from pole.adapters.machine.memory import TrimmedRole, trim_heap
from pole.protocol.state import Phase
from pole.roles.ports import Moment

MIB = 2**20


@dataclass(frozen=True)
class Saying:
    done: str | None

    def step(self, _: Moment) -> str | None:
        return self.done


def test_a_trimmed_role_does_what_the_role_does() -> None:
    moment = expected(Phase.TRAINING, 0, 1)
    assert [TrimmedRole(Saying(done)).step(moment) for done in (None, "voted")] == [None, "voted"]


def test_holes_in_the_heap_are_given_back() -> None:
    pieces = [bytes([number % 256]) * 2**16 for number in range(2**10)]
    held = resident(os.getpid())
    # The last stays, so that the heap cannot shrink from its end.
    del pieces[:-1]
    trim_heap()
    assert held - resident(os.getpid()) > 32 * MIB
