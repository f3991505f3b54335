"""What the model knows: the state of all four contracts in plain values, and the clock they read.

The model predicts; it never looks at the chain. Its rules follow the documentation, in the modules beside
this one, one per concern: `money`, `tasks`, `seats`, `ballots`, `rounds`, `draws`, `verdicts`, `endings`,
`blocks`.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.contracts.stateful.evm import Values, block_hash
from tests.contracts.stateful.parameters import Parameters

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.merkle_body import EMPTY_BODY, Body
from pole.protocol.state import Ommer, TaskTerms, VoidReason

BPS = 10_000
NOBODY = "0x" + "00" * 20
NO_HASH = bytes(32)
TASKS = keccak256(b"PoLe.tasks.v1")
POOL = keccak256(b"PoLe.pool.v1")
STAKES = keccak256(b"PoLe.stakes.v1")
HASHES_KEPT = 256
FOR_EVER = 2**64 - 1
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
        """Return what the EVM says of a block's hash now."""
        return block_hash(number) if self.number - HASHES_KEPT <= number < self.number else NO_HASH


@dataclass(slots=True)
class Task:
    task_id: int
    owner: str
    terms: TaskTerms
    test_digest: bytes
    is_waiting: bool = True
    delegate: str = NOBODY


@dataclass(slots=True)
class Seat:
    """A verifier's stake. It outlives the seat."""

    stake: int = 0
    reclaimable_at: int = 0


@dataclass(slots=True)
class Ballot:
    """`commitments` keep who committed; a leaked one is zero. `votes` are those revealed."""

    ballot_id: int
    members: list[str]
    choices: int
    commit_deadline: int
    reveal_deadline: int
    eligible: int
    commitments: dict[str, bytes] = field(default_factory=dict)
    votes: dict[str, Values] = field(default_factory=dict)
    is_settled: bool = False

    @property
    def closes_at(self) -> int:
        """Return when votes end at the latest: reveals are not waited for when nobody committed."""
        return self.reveal_deadline if self.commitments else self.commit_deadline


@dataclass(slots=True)
class Solution:
    commitment: bytes
    claimed_train: int
    order: int
    model_digest: bytes = NO_HASH
    claimed_test: int = 0
    is_revealed: bool = False


@dataclass(slots=True)
class Round:
    """`solutions` are by miner, in the order of first commitments; `judged` are the miners voted on.

    `test_block` is the Ethereum block that seeds an idle round's test set.
    """

    round_id: int
    task: Task
    parent_hash: bytes
    opened_at: int
    mature: list[str]
    seed: bytes = NO_HASH
    keys_digest: bytes = NO_HASH
    entropy: bytes = NO_HASH
    keys_at: int = 0
    closed_at: int = 0
    closed_block: int = 0
    released_at: int = 0
    last_reveal_at: int = 0
    draw_block: int = 0
    commitments: int = 0
    solutions: dict[str, Solution] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)
    is_committee_too_small: bool = False
    is_settled: bool = False
    void_reason: VoidReason = VoidReason.NONE
    attempt: int = 0
    challenged: int = 0
    is_dropped: bool = False
    challenger: str = NOBODY
    height: int = 0
    test_block: int = 0
    test_seed: bytes = NO_HASH

    @property
    def is_idle(self) -> bool:
        return self.task.task_id == 0

    @property
    def revealed(self) -> list[str]:
        return [miner for miner, solution in self.solutions.items() if solution.is_revealed]

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
    """All of it. `events` are the last call's, `ballots` the last drawn round's, by attempt."""

    parameters: Parameters
    clock: Clock
    addresses: dict[str, str]
    refusing: frozenset[str]
    books: Books = field(default_factory=Books)
    tasks: dict[int, Task] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=lambda: defaultdict(Seat))
    order: list[str] = field(default_factory=list)
    mature: int = 0
    frozen_until: int = 0
    ballots: list[Ballot] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    ommers: dict[int, Ommer] = field(default_factory=dict)
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
    def height(self) -> int:
        return len(self.hashes) - 1

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.is_waiting]

    @property
    def newest(self) -> Round | None:
        return self.rounds[-1] if self.rounds else None

    def report(self, contract: str, event: str, *arguments: Any) -> None:
        self.events.append((contract, event, arguments))


def need(holds: object, error: str = "", *arguments: Any) -> None:
    """Refuse the call unless something holds."""
    if not holds:
        raise Refused(error, *arguments)


def is_cid(text: str) -> bool:
    return 0 < len(text.encode()) <= LONGEST_CID
