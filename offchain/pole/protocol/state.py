"""Values of the contracts as Python sees them: a dataclass per Solidity struct, an enum per enum, same names.

Amounts are wei, times are seconds since the epoch by the Ethereum block's clock, accuracies are basis points,
digests are keccak-256 (32 bytes), addresses are EIP-55 strings. Field order is the struct's, so
`Struct(*decoded_tuple)` rebuilds a flat one.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """Where a round stands (IPoLeChain.Phase)."""

    NONE = 0
    KEYS = 1
    TRAINING = 2
    TEST_RELEASE = 3
    REVEAL = 4
    DRAW = 5
    VOTE_COMMIT = 6
    VOTE_REVEAL = 7
    CHALLENGE = 8
    SETTLEMENT = 9
    FINAL = 10
    VOID = 11


ENDED: Final = frozenset({Phase.FINAL, Phase.VOID})
"""The phases of a round that has ended."""


class VoidReason(IntEnum):
    """Why a round ended without a block (IPoLeChain.VoidReason)."""

    NONE = 0
    KEYS_MISSING = 1
    NO_COMMITMENT = 2
    NOTHING_REVEALED = 3
    COMMITTEE_TOO_SMALL = 4
    NO_QUORUM = 5
    DATA_FAULT = 6
    THRESHOLD_MISSED = 7
    NONE_QUALIFIED = 8


class Verdict(IntEnum):
    """What a verifier found out about a solution (IVerifierCommittee.Verdict)."""

    NONE = 0
    OK = 1
    UNAVAILABLE = 2
    MALFORMED = 3
    DATA_FAULT = 4
    DATA_UNAVAILABLE = 5


class BallotStage(IntEnum):
    """Where a ballot stands (IVerifierCommittee.BallotStage)."""

    NONE = 0
    COMMIT = 1
    REVEAL = 2
    CLOSED = 3
    SETTLED = 4


class RecordKind(IntEnum):
    """Kinds of record in a block's body (IPoLeChain.RecordKind)."""

    TASK_POSTED = 0
    TASK_CANCELLED = 1
    ROUND_OPENED = 2
    KEYS_POSTED = 3
    SOLUTION_COMMITTED = 4
    SUBMISSIONS_CLOSED = 5
    TEST_SET_RELEASED = 6
    SOLUTION_REVEALED = 7
    DRAW_ARMED = 8
    COMMITTEE_DRAWN = 9
    VOTE_COMMITTED = 10
    VOTE_REVEALED = 11
    PAYOUTS = 12
    ROUND_VOIDED = 13
    TALLY_CHALLENGED = 14
    VOTE_LEAKED = 15
    TEST_SEED_DRAWN = 16
    SOLUTION_DISPLACED = 17
    TASK_REPLACED = 18


class PayoutReason(IntEnum):
    """What a payout is for (IPoLeChain.PayoutReason)."""

    TASK_REWARD = 0
    BLOCK_REWARD = 1
    OMMER_INCLUSION = 2
    OMMER_REWARD = 3
    MINER_BOND = 4
    DATA_BOND = 5
    DATA_BOND_SHARE = 6
    REWARD_REFUND = 7
    CHALLENGE_BOND = 8


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """What a task pays, demands and allows (ITaskList.TaskTerms).

    `work` is how many multiplications a sample judging one model takes, the share of decryption included.
    """

    reward: int
    data_bond: int
    time_limit: int
    min_training_time: int
    fee: int
    min_solutions: int
    required_train_accuracy: int
    required_test_accuracy: int
    train_count: int
    test_count: int
    work: int


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """Where a task's files are on IPFS, and their digests (ITaskList.TaskFiles)."""

    spec_cid: str
    spec_digest: bytes
    train_cid: str
    train_digest: bytes
    test_digest: bytes
    mpk_digest: bytes


@dataclass(frozen=True, slots=True)
class PostedTask:
    """A task as its event tells it."""

    task_id: int
    owner: str
    terms: TaskTerms
    files: TaskFiles


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file on IPFS, named by CID and by the keccak-256 of its bytes."""

    cid: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Solution:
    """A miner's solution in a round (IPoLeChain.Solution)."""

    miner: str
    commitment: bytes
    model_digest: bytes
    claimed_train_correct: int
    claimed_test_correct: int
    order: int
    choice: int
    revealed: bool


@dataclass(frozen=True, slots=True)
class Round:
    """A round with its task's terms as they stood when it opened (IPoLeChain.Round).

    `data_node` is the task's owner, `entropy` that of its first draw. `attempt` counts its committees from 0.
    `challenged` is the attempt whose tally `challenger` challenged with a bond; the zero address: none did.
    `dropped` tells that the newest challenge drew no larger committee.
    """

    round_id: int
    task_id: int
    data_node: str
    terms: TaskTerms
    test_digest: bytes
    parent_hash: bytes
    seed: bytes
    keys_digest: bytes
    entropy: bytes
    opened_at: int
    keys_at: int
    closed_at: int
    closed_block: int
    released_at: int
    last_reveal_at: int
    draw_block: int
    committed: int
    ready: int
    revealed: int
    committee_too_small: bool
    settled: bool
    void_reason: VoidReason
    attempt: int
    challenged: int
    dropped: bool
    challenger: str
    height: int

    @property
    def is_idle(self) -> bool:
        """Return whether the round is on the puzzle that its seed makes, no data node's task."""
        return self.task_id == 0


@dataclass(frozen=True, slots=True)
class Vote:
    """One verifier's finding on one solution (IVerifierCommittee.Vote)."""

    verdict: Verdict
    train_correct: int
    test_correct: int
    predictions: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What a committee agreed on for one solution (IVerifierCommittee.Finding)."""

    verdict: Verdict
    train_correct: int
    test_correct: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """A drawn committee at work (IVerifierCommittee.Ballot).

    `committed` and `revealed` are sets of members: bit n, from the lowest, for member n. `eligible` is how
    many seats could be drawn.
    """

    seats: int
    choices: int
    committed: int
    revealed: int
    commit_deadline: int
    reveal_deadline: int
    eligible: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Header:
    """A PoLe block's header (IPoLeChain.Header)."""

    height: int
    parent_hash: bytes
    round_id: int
    task_id: int
    winner: str
    model_digest: bytes
    train_correct: int
    test_correct: int
    ommers_hash: bytes
    body_root: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Ommer:
    """The best verified solution of a height that did not win (IPoLeChain.Ommer)."""

    height: int
    miner: str
    model_digest: bytes
    correct: int
    total: int
    count: int
    referenced: bool


@dataclass(frozen=True, slots=True)
class Payout:
    """One credit made when a round ended (IPoLeChain.Payout)."""

    payee: str
    reason: PayoutReason
    amount: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record in the body of the block at `height`, as leaf `index`.

    `data` is ABI-encoded as IPoLeChain.RecordKind says.
    """

    height: int
    index: int
    kind: RecordKind
    data: bytes
