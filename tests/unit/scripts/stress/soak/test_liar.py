"""A lie of the liar is found out, and the tally that says so is challenged in vain."""

from pathlib import Path

from scripts.stress.soak.liar import CHALLENGE, COMMIT, REVEAL, Liar
from tests.unit.roles.conftest import MINERS, TRAIN, VERIFIERS, Stage, numbers
from tests.unit.roles.fakes import World

from pole.protocol.encoding.hashing import address
from pole.protocol.state import Phase
from pole.roles.loop import Role
from pole.roles.memory import MinerMemory
from pole.roles.ports import Moment

LIAR = address("0x" + "b" * 40)
MORE = tuple(address(f"0x{number:040x}") for number in range(0xE0, 0xE4))


class Lying:
    """The liar as a worker among others."""

    def __init__(self, liar: Liar) -> None:
        self.liar = liar

    def step(self, moment: Moment) -> str | None:
        self.liar.step(moment)
        return None


def test_a_lie_is_found_out_and_the_tally_challenged_in_vain(tmp_path: Path) -> None:
    seats = (*VERIFIERS, *MORE)
    stage = Stage(tmp_path, world=World(seats=list(seats)))
    stage.post(min_solutions=2)
    memory = MinerMemory(stage.journal(LIAR), numbers(9))
    liar = Liar(stage.chain(LIAR), stage.store, memory, stage.specification, tmp_path)
    workers: list[Role] = [
        Lying(liar),
        stage.data_node(),
        stage.miner(MINERS[0]),
        *map(stage.verifier, seats),
    ]
    stage.play(Phase.FINAL, workers=workers)
    standing = stage.world.rounds[1]
    lied = next(each for each in stage.world.solutions[1] if each.miner == LIAR)
    assert (lied.claimed_train_correct, lied.revealed) == (TRAIN, True)
    assert (standing.attempt, standing.challengers[0]) == (1, LIAR)
    assert liar.lies == {(1, COMMIT), (1, REVEAL), (1, CHALLENGE)}
    assert stage.world.height == 1
