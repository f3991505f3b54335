"""What the model knows: the state of all contracts in plain values, and the clock they read.

The model predicts; it never looks at the chain. Its rules follow the documentation, in the modules beside
this one, one per concern: `money`, `tasks`, `seats`, `phases`, `rounds`, `draws`, `ballots`, `verdicts`,
`endings`, `blocks`.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.contracts.stateful.evm import HISTORY_SERVE_WINDOW, Values, block_hash
from tests.contracts.stateful.parameters import Parameters

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.merkle_body import EMPTY_BODY, Body
from pole.protocol.state import BallotStage, Ommer, Step, TaskTerms, VoidReason

BPS = 10_000
NOBODY = "0x" + "00" * 20
NO_HASH = bytes(32)
TASKS = keccak256(b"PoLe.tasks.v1")
POOL = keccak256(b"PoLe.pool.v1")
STAKES = keccak256(b"PoLe.stakes.v1")
NEVER = 2**64 - 1
LONGEST_CID = 128


class Refused(Exception):
    """The call reverts with this error; without a name it reverts with nothing."""

    def __init__(self, error: str = "", *arguments: Any) -> None:
        self.error = error
        self.arguments = arguments
        super().__init__(error, *arguments)


@dataclass(frozen=True, slots=True)
class Call:
    """One external call. `function` is `Contract.name`."""

    sender: str
    function: str
    arguments: Values = ()
    value: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Ethereum blocks and seconds that pass."""

    blocks: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Force:
    """Ether that reaches the reservoir past its functions."""

    amount: int


@dataclass(slots=True)
class Clock:
    number: int
    time: int

    def hash_of(self, number: int) -> bytes:
        """Return a block's hash, nothing where it cannot be had now."""
        is_kept = self.number - HISTORY_SERVE_WINDOW <= number < self.number
        return block_hash(number) if is_kept else NO_HASH


@dataclass(slots=True)
class Task:
    """`judging_time` are the seconds that judging one model may take."""

    task_id: int
    owner: str
    terms: TaskTerms
    test_digest: bytes
    judging_time: int
    is_waiting: bool = True
    delegate: str = NOBODY


@dataclass(slots=True)
class Seat:
    """A verifier's stake. It outlives the seat."""

    stake: int = 0
    left_at: int = 0
    strikes: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A time and an Ethereum block: a deadline is reached when both are."""

    time: int
    number: int


@dataclass(slots=True)
class Ballot:
    """`commitments` keep who committed; a leaked one is zero. `votes` are those revealed, in that order.

    `end` is from when anybody may end the stage; once the ballot is closed, when that was.
    """

    ballot_id: int
    members: list[str]
    choices: int
    stage: BallotStage
    end: Moment
    commitments: dict[str, bytes] = field(default_factory=dict)
    votes: dict[str, Values] = field(default_factory=dict)


@dataclass(slots=True)
class Solution:
    commitment: bytes
    claimed_train: int
    order: int
    model_digest: bytes = NO_HASH
    claimed_test: int = 0
    is_revealed: bool = False


@dataclass(slots=True)
class Challenge:
    challenger: str
    bond: int


@dataclass(slots=True)
class Round:
    """`solutions` are by miner, in the order of places. `seats` are those that committees are drawn from.

    `begun` is when the step began, `challenges` are those of attempts 0 and 1 as far as there are any, and
    `ballots` what was drawn, by attempt.
    """

    round_id: int
    task: Task
    opened_at: int
    seats: tuple[str, ...]
    begun: Moment
    draw_block: int
    step: Step = Step.OPENED
    seed: bytes = NO_HASH
    keys_digest: bytes = NO_HASH
    entropy: bytes = NO_HASH
    commitments: int = 0
    solutions: dict[str, Solution] = field(default_factory=dict)
    ballots: list[Ballot] = field(default_factory=list)
    challenges: list[Challenge] = field(default_factory=list)
    is_released: bool = False
    is_closed_early: bool = False
    is_committee_too_small: bool = False
    is_dropped: bool = False
    is_settled: bool = False
    void_reason: VoidReason = VoidReason.NONE
    height: int = 0

    @property
    def is_idle(self) -> bool:
        return self.task.task_id == 0

    @property
    def attempt(self) -> int:
        """Return the number of the newest committee, drawn or to be drawn: one more with every challenge."""
        return len(self.challenges) - self.is_dropped

    @property
    def revealed(self) -> list[str]:
        return [miner for miner, solution in self.solutions.items() if solution.is_revealed]

    @property
    def models(self) -> list[bytes]:
        """Return the digests that are voted on, each once, by the first place that showed it."""
        return list(dict.fromkeys(self.solutions[miner].model_digest for miner in self.revealed))

    @property
    def account(self) -> bytes:
        return self.round_id.to_bytes(32, "big")


@dataclass(slots=True)
class Books:
    """The reservoir. `gifts` is what anybody added to an account that PoLe's contracts hold, or nobody."""

    balances: dict[tuple[str, bytes], int] = field(default_factory=lambda: defaultdict(int))
    credits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gifts: dict[tuple[str, bytes], int] = field(default_factory=lambda: defaultdict(int))
    forced: int = 0

    @property
    def total(self) -> int:
        return sum(self.balances.values()) + sum(self.credits.values())


@dataclass(slots=True)
class System:
    """All of it. `events` are the last call's.

    `order` are the verifiers by place, `standing` what it was at the end of every second in which it changed.
    `newest` are rounds by lane, `drawn` likewise the last of which a committee was drawn. `ommers` are those
    kept, by the order in which they were left modulo six.
    """

    parameters: Parameters
    clock: Clock
    addresses: dict[str, str]
    refusing: frozenset[str]
    books: Books = field(default_factory=Books)
    tasks: dict[int, Task] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=lambda: defaultdict(Seat))
    order: list[str] = field(default_factory=list)
    standing: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    newest: dict[int, Round] = field(default_factory=dict)
    drawn: dict[int, Round] = field(default_factory=dict)
    hashes: list[bytes] = field(default_factory=list)
    ommer: Ommer | None = None
    body: Body = EMPTY_BODY
    events: list[Values] = field(default_factory=list)

    @property
    def chain(self) -> str:
        return self.addresses["PoLeChain"]

    @property
    def task_list(self) -> str:
        return self.addresses["TaskList"]

    @property
    def committee(self) -> str:
        return self.addresses["VerifierCommittee"]

    @property
    def lanes(self) -> int:
        return self.parameters.committee["lanes"]

    @property
    def height(self) -> int:
        return len(self.hashes) - 1

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.is_waiting]

    @property
    def open_rounds(self) -> list[Round]:
        return [each for each in self.newest.values() if not each.is_settled]

    def report(self, contract: str, event: str, *arguments: Any) -> None:
        self.events.append((contract, event, arguments))


def need(holds: object, error: str = "", *arguments: Any) -> None:
    """Refuse the call unless something holds."""
    if not holds:
        raise Refused(error, *arguments)


def is_cid(text: str) -> bool:
    return 0 < len(text.encode()) <= LONGEST_CID
