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
    SEED = 1
    KEYS = 2
    TRAINING = 3
    TEST_RELEASE = 4
    REVEAL = 5
    DRAW = 6
    VOTE_COMMIT = 7
    VOTE_REVEAL = 8
    CHALLENGE = 9
    SETTLEMENT = 10
    FINAL = 11
    VOID = 12


ENDED: Final = frozenset({Phase.FINAL, Phase.VOID})
"""The phases of a round that has ended."""


class Step(IntEnum):
    """What the last transaction that moved a round on before its first committee was (IPoLeChain.Step)."""

    NONE = 0
    OPENED = 1
    SEEDED = 2
    KEYED = 3
    CLOSED = 4
    RELEASED = 5


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
    DATA_UNAVAILABLE = 9


class Verdict(IntEnum):
    """What a verifier found out about a solution (IVerifierCommittee.Verdict)."""

    NONE = 0
    OK = 1
    UNAVAILABLE = 2
    MALFORMED = 3
    DATA_FAULT = 4
    DATA_UNAVAILABLE = 5


TRUTHS: Final = frozenset({Verdict.OK, Verdict.MALFORMED, Verdict.DATA_FAULT})
"""What everybody who has the same files finds; the other verdicts are abstentions."""

ABSTENTIONS: Final = frozenset({Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE})
"""What is said for want of a file."""


class BallotStage(IntEnum):
    """Where a ballot stands (IVerifierCommittee.BallotStage)."""

    NONE = 0
    COMMIT = 1
    REVEAL = 2
    CLOSED = 3
    SETTLED = 4


class RecordKind(IntEnum):
    """Kinds of record in a block's body (ILedger.RecordKind)."""

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
    SEED_DRAWN = 19


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
    RENT_REFUND = 9
    TRAINING_REWARD = 10


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
    """A round with its task as it stood when it opened (IPoLeChain.Round).

    `data_node` is the task's owner; `judging_time`, `terms` and `test_digest` are the task's. In Seed, `seed`
    is the origin that the seed will be made of. `entropy` is that of the first committee's draw. `since` is
    when the step began, in Ethereum block `since_block`. `draw_block` is the Ethereum block whose mix draws
    next, 0 while none is named. Of the `committed` places `ready` claim the training threshold and `revealed`
    showed their model; `commitments` counts replacements too. `attempt` counts its committees from 0.
    `dropped` tells that the newest challenge drew no larger committee. `challengers` are those of attempts 0
    and 1; the zero address: nobody.
    """

    round_id: int
    task_id: int
    data_node: str
    judging_time: int
    terms: TaskTerms
    test_digest: bytes
    seed: bytes
    keys_digest: bytes
    entropy: bytes
    opened_at: int
    since: int
    since_block: int
    draw_block: int
    height: int
    step: Step
    void_reason: VoidReason
    committed: int
    ready: int
    revealed: int
    commitments: int
    attempt: int
    released: bool
    closed_early: bool
    committee_too_small: bool
    dropped: bool
    settled: bool
    challengers: tuple[str, str]

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

    `committed` and `revealed` are sets of members: bit n, from the lowest, for member n. In stages COMMIT and
    REVEAL anybody may end the stage once both `deadline` and Ethereum block `deadline_block` are reached;
    afterwards these tell when the ballot closed.
    """

    seats: int
    choices: int
    committed: int
    revealed: int
    stage: BallotStage
    deadline: int
    deadline_block: int


@dataclass(frozen=True, slots=True)
class Header:
    """A PoLe block's header (ILedger.Header)."""

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
    """The best verified solution of a height that did not win (ILedger.Ommer)."""

    height: int
    miner: str
    model_digest: bytes
    correct: int
    total: int
    count: int
    referenced: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A PoLe block as its event tells it; `ommers` are those it references."""

    header: Header
    hash: bytes
    ommers: tuple[Ommer, ...]


@dataclass(frozen=True, slots=True)
class Payout:
    """One credit made when a round ended (IPoLeChain.Payout)."""

    payee: str
    reason: PayoutReason
    amount: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record in the body of the block at `height`, as leaf `index`.

    `data` is ABI-encoded as ILedger.RecordKind says.
    """

    height: int
    index: int
    kind: RecordKind
    data: bytes
