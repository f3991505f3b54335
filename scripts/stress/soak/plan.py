"""Which faults each round meets: a pure function of the seed and the round's number."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from scripts.stress.soak.node.answers import OF_ANY, OF_SENDING

from pole.protocol.state import Phase

DATA_NODES: Final = ("data-1",)
MINERS: Final = ("miner-1", "miner-2", "miner-3")
VERIFIERS: Final = tuple(f"verifier-{number}" for number in range(1, 6))
WORKERS: Final = (*DATA_NODES, *MINERS, *VERIFIERS)
CHAIN, IPFS = "chain", "ipfs"
SPARED: Final = frozenset({MINERS[-1], VERIFIERS[-1]})
"""Never killed, so that what grows over rounds is seen."""
DAY: Final = 86_400

SENDING_POINTS: Final = ("not journalled", "journalled, not sent", "sent, not awaited", "mined, not noted")
"""Where a worker that sends a transaction can be killed, in this order."""
MINING_POINT: Final = "claim kept, not committed"
VOTING_POINT: Final = "votes kept, not committed"

IDLE_EVERY: Final = 10
LIES_EVERY: Final = 5
QUIET_EVERY: Final = 12
"""The first of so many rounds has no fault: what it takes is what the others are held against."""
BEGINNINGS: Final = (
    *(Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL),
    *(Phase.DRAW, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL, Phase.SETTLEMENT),
)


class FaultKind(StrEnum):
    """What happens to a worker, or to what all of them share."""

    KILL = "killed"
    KILL_AT_POINT = "killed at a point"
    STOP = "stopped"
    BAD_ANSWERS = "bad answers"
    BAD_SENDING = "bad answer to a sending"
    FULL_HOME = "full home"
    LOCKED_JOURNAL = "locked journal"
    WRONG_CLOCK = "wrong clock"
    NO_IPFS = "IPFS killed"
    NO_CHAIN = "chain stopped"


SECONDS: Final = {
    FaultKind.STOP: 20.0,
    FaultKind.BAD_ANSWERS: 25.0,
    FaultKind.FULL_HOME: 15.0,
    # The journal's own patience is 30 s: half of these outlast it.
    FaultKind.LOCKED_JOURNAL: 31.0,
    FaultKind.NO_IPFS: 6.0,
    FaultKind.NO_CHAIN: 10.0,
}
"""How long a fault lasts; the others are over as soon as the worker runs again."""
EXPECTED: Final = {
    FaultKind.KILL: 2.5,
    FaultKind.KILL_AT_POINT: 3.0,
    FaultKind.STOP: 1.0,
    FaultKind.BAD_ANSWERS: 1.0,
    FaultKind.BAD_SENDING: 3.0,
    FaultKind.FULL_HOME: 0.7,
    FaultKind.LOCKED_JOURNAL: 0.7,
    FaultKind.WRONG_CLOCK: 0.3,
    FaultKind.NO_IPFS: 0.5,
    FaultKind.NO_CHAIN: 0.5,
}
"""How many of each a round has on average."""
BAD_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of `target`, a worker or CHAIN or IPFS: `delay` seconds after its round came to `phase`.

    It lasts for `seconds`. `detail` is the point of a kill, the kind of answer to a sending, or by how many
    seconds a clock is wrong. `seed` is for what a fault draws while it lasts.
    """

    kind: FaultKind
    target: str
    phase: Phase
    delay: float
    seconds: float = 0.0
    detail: str = ""
    seed: int = 0

    def __str__(self) -> str:
        """Say it in a few words."""
        told = f" ({self.detail})" if self.detail else ""
        whose = "" if self.target in (CHAIN, IPFS) else f"{self.target} "
        return f"{whose}{self.kind}{told} in {self.phase.name}"


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What one round meets; `number` counts from 1, `lies` says whether the liar takes part."""

    number: int
    is_idle: bool
    lies: bool
    faults: tuple[Fault, ...]


def plan_rounds(seed: int, rounds: int) -> tuple[RoundPlan, ...]:
    """Return the plans of so many rounds; fewer rounds of the same seed have the same plans."""
    return tuple(plan_round(seed, number) for number in range(1, rounds + 1))


def plan_round(seed: int, number: int) -> RoundPlan:
    """Return the plan of one round."""
    random = Random(f"{seed}/{number}")  # noqa: S311 (no secret)
    is_idle = number % IDLE_EVERY == 0
    drawn = () if number % QUIET_EVERY == 1 else tuple(_faults(random))
    lies = not is_idle and number % LIES_EVERY == LIES_EVERY // 2
    return RoundPlan(number, is_idle, lies, tuple(fault for fault in drawn if _fits(fault, is_idle)))


def _fits(fault: Fault, is_idle: bool) -> bool:  # noqa: FBT001 (a property of the round)
    """Return whether a round can meet the fault: an idle one has no data node and no keys."""
    return not (is_idle and (fault.phase is Phase.KEYS or fault.target in DATA_NODES))


def _faults(random: Random) -> Iterator[Fault]:
    for kind in FaultKind:
        expected = EXPECTED[kind]
        count = int(expected) + (random.random() < expected % 1)
        for _ in range(count):
            yield _fault(kind, random)


def _fault(kind: FaultKind, random: Random) -> Fault:
    target = _target(kind, random)
    detail = _detail(kind, target, random)
    phase = _phase(target, detail, random)
    delay = round(random.uniform(0, 3), 2)
    return Fault(kind, target, phase, delay, SECONDS.get(kind, 0.0), detail, random.getrandbits(32))


def _target(kind: FaultKind, random: Random) -> str:
    match kind:
        case FaultKind.NO_IPFS:
            return IPFS
        case FaultKind.NO_CHAIN:
            return CHAIN
        case FaultKind.KILL | FaultKind.KILL_AT_POINT | FaultKind.WRONG_CLOCK:
            return random.choice([worker for worker in WORKERS if worker not in SPARED])
        case _:
            return random.choice(WORKERS)


def _detail(kind: FaultKind, target: str, random: Random) -> str:
    match kind:
        case FaultKind.KILL_AT_POINT:
            return random.choice(points_of(target))
        case FaultKind.BAD_SENDING:
            return random.choice(OF_SENDING).value
        case FaultKind.WRONG_CLOCK:
            return random.choice((f"+{DAY}", f"-{DAY}"))
        case FaultKind.BAD_ANSWERS:
            return f"{BAD_SHARE:.0%} of {len(OF_ANY)} kinds"
        case _:
            return ""


def _phase(target: str, detail: str, random: Random) -> Phase:
    """Return when a fault begins: a kill at a point early enough that its worker comes there."""
    if detail == MINING_POINT:
        return Phase.KEYS
    if detail == VOTING_POINT:
        return Phase.REVEAL
    if detail in SENDING_POINTS:
        return {"d": Phase.KEYS, "m": Phase.TRAINING, "v": Phase.DRAW}[target[0]]
    return random.choice(BEGINNINGS)


def points_of(target: str) -> tuple[str, ...]:
    """Return the points at which a worker can be killed."""
    own = {MINERS[0][0]: (MINING_POINT,), VERIFIERS[0][0]: (VOTING_POINT,)}
    return (*SENDING_POINTS, *own.get(target[0], ()))
