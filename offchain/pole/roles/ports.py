"""What a role needs of the world: a chain, a store, a journal, other machines. The adapters fulfil these.

Tests use plain Python ones. Every method of `Chain` that sends a transaction waits for its receipt and is
idempotent under its `intent`: called again with the same intent, also by a restarted process, it returns the
receipt of the transaction sent before and sends nothing new. A call the contract would refuse raises
`RefusedError` before anything is sent.
"""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pole.protocol.ballots import ballot_id
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.value_heap import WaitingTask
from pole.protocol.state import (
    ENDED,
    Ballot,
    FileRef,
    Finding,
    Phase,
    PostedTask,
    Round,
    Solution,
    TaskFiles,
    TaskTerms,
    Vote,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who acts where: what commitments and shares of a master secret bind to."""

    chain_id: int
    address: str
    chain_address: str
    committee_address: str
    task_list_address: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A lane's newest round at one Ethereum block: everything a worker polls, read in one go for all lanes.

    `round_id` is 0 before the lane's first round. The phase ends, or anybody may end it, when both `deadline`
    and `deadline_block` are reached; both are 0 where no clock ends it. `attempt` says which of the round's
    committees votes, or is to be drawn. The same in all `lanes` are `waiting`, the tasks in the list,
    `free_lane`, the first lane whose last round has ended, None where there is none, and the block that was
    read with its timestamp.
    """

    lane: int
    lanes: int
    round_id: int
    phase: Phase
    deadline: int
    deadline_block: int
    attempt: int
    waiting: int
    free_lane: int | None
    timestamp: int
    block: int

    @property
    def ballot_id(self) -> int:
        """Return the id of the newest ballot, which is the next one while a committee is drawn."""
        return ballot_id(self.round_id, self.attempt)

    @property
    def is_over(self) -> bool:
        """Return whether the phase's time is over."""
        return 0 < self.deadline <= self.timestamp and self.deadline_block <= self.block

    @property
    def is_over_next(self) -> bool:
        """Return whether the phase's time is over in the next block, at least a second later."""
        return 0 < self.deadline <= self.timestamp + 1 and self.deadline_block <= self.block + 1

    @property
    def next_round(self) -> int:
        """Return the number of the lane's next round."""
        return (self.round_id or self.lane) + self.lanes

    @property
    def rounds_ended(self) -> int:
        """Return how many rounds of the lane have ended."""
        return self.round_id // self.lanes - (self.round_id > 0 and self.phase not in ENDED)

    def has_ended(self, round_id: int) -> bool:
        """Return whether this moment shows that a round, which must be of this lane for it, has ended."""
        if round_id % self.lanes != self.lane:
            return False
        return round_id < self.round_id or (round_id == self.round_id and self.phase in ENDED)


@dataclass(frozen=True, slots=True)
class BallotView:
    """A ballot, and its members in the order drawn."""

    ballot: Ballot
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a mined transaction left behind."""

    transaction: str
    block: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who may post a task's functional keys beside its owner, and where the sharing of its secret is."""

    delegate: str
    sharing: FileRef


class HeldStake(Protocol):
    """What a verifier has staked: the amount in wei, whether it has a seat, and when it left that, else 0."""

    @property
    def amount(self) -> int:
        """Return the stake in wei."""

    @property
    def seated(self) -> bool:
        """Return whether it has a seat."""

    @property
    def left_at(self) -> int:
        """Return the second in which it left its seat, 0 while it has one."""


class Published(Protocol):
    """What the contracts tell anybody of a round's files; each method is that of `Chain`."""

    def round(self, round_id: int) -> Round:
        """See Chain."""

    def task(self, task_id: int) -> PostedTask:
        """See Chain."""

    def functional_keys(self, round_id: int) -> FileRef | None:
        """See Chain."""

    def test_set(self, round_id: int) -> FileRef | None:
        """See Chain."""

    def test_seed(self, round_id: int) -> bytes | None:
        """See Chain."""


class Chain(Protocol):
    """PoLe's contracts, seen and used by one wallet."""

    @property
    def identity(self) -> Identity:
        """Return who acts where."""

    @property
    def parameters(self) -> Parameters:
        """Return what the deployment fixes for ever."""

    def moments(self) -> tuple[Moment, ...]:
        """Return the newest round of every lane at the newest block, by lane."""

    def round(self, round_id: int) -> Round:
        """Return a round; raises RefusedError when there is none."""

    def task(self, task_id: int) -> PostedTask:
        """Return a task as posted; raises RefusedError when there is none."""

    def next_task(self) -> PostedTask | None:
        """Return the most valuable of the tasks that wait, None where none does."""

    def waiting_tasks(self) -> tuple[WaitingTask, ...]:
        """Return the tasks that wait for a round, oldest first."""

    def replaced_tasks(self) -> dict[int, int]:
        """Return for each task that was pushed out of a full list which task took its place."""

    def delegation(self, task_id: int) -> Delegation | None:
        """Return to whom the task's owner delegated its keys last, None when it did not."""

    def partial_keys(self, task_id: int, holders: Collection[str]) -> dict[str, FileRef]:
        """Return where each of some addresses says that its partial keys for the task are: its last word."""

    def solutions(self, round_id: int) -> tuple[Solution, ...]:
        """Return the round's solutions by place, in the order in which places were first taken."""

    def displaced_miners(self, round_id: int) -> frozenset[str]:
        """Return who lost a place of the round to a higher claim, also who has come back since."""

    def functional_keys(self, round_id: int) -> FileRef | None:
        """Return where the round's functional keys are, None before they are posted."""

    def test_set(self, round_id: int) -> FileRef | None:
        """Return where the round's test set is, None before its release."""

    def test_seed(self, round_id: int) -> bytes | None:
        """Return the seed of an idle round's test set, None before it is drawn."""

    def models(self, round_id: int) -> dict[str, FileRef]:
        """Return each revealed miner's model file."""

    def ballot(self, ballot_id: int) -> BallotView:
        """Return a ballot of a lane's newest round; its stage is NONE before the draw."""

    def vote_state(self, ballot_id: int, verifier: str) -> tuple[bytes, bool]:
        """Return a member's vote commitment (32 zero bytes without one) and whether it was revealed."""

    def findings(self, ballot_id: int) -> tuple[Finding, ...]:
        """Return what stands after a closed ballot, one finding a choice."""

    def seats_at(self, time: int) -> int:
        """Return how many verifiers had a seat at the end of a second that is past."""

    def stake_of(self, address: str) -> HeldStake:
        """Return what an address has staked as a verifier."""

    def is_lost(self, block: int) -> bool:
        """Return whether the hash of a past Ethereum block can be had no more, so that it draws nothing."""

    def recent_miners(self) -> tuple[frozenset[str], ...]:
        """Return who committed in each of the last rounds in which anybody did: ten at most, newest first."""

    def gas_price(self) -> int:
        """Return the wei that a unit of gas costs in the next block."""

    def gas_spent(self) -> int:
        """Return the wei that this wallet's transactions of this process have cost."""

    def post_task(self, terms: TaskTerms, files: TaskFiles, *, intent: str) -> int:
        """Post and fund a task, in a full list in the place of the least valuable one; return its id.

        Raises FundsError when the wallet cannot pay, RefusedError when the list is full of better tasks.
        """

    def delegate_keys(self, task_id: int, delegation: Delegation, *, intent: str) -> Receipt:
        """Name the sharing of this wallet's task, and who may post its functional keys."""

    def announce_partial_keys(self, task_id: int, keys: FileRef, *, intent: str) -> Receipt:
        """Say where this wallet's partial keys for a task are."""

    def open_round(self, lane: int, *, intent: str) -> Receipt:
        """Open a lane's next round on the most valuable task, an idle one when no task waits."""

    def arm(self, round_id: int, *, intent: str) -> Receipt:
        """Name the Ethereum block that draws what the round waits for."""

    def draw(self, round_id: int, *, intent: str) -> Receipt:
        """Draw what the round waits for by the header of the named block: a seed, or a committee.

        Raises UnreachableError while the node does not show that block, IntegrityError where the header that
        it shows does not give the block's hash.
        """

    def post_functional_keys(self, round_id: int, keys: FileRef, *, intent: str) -> Receipt:
        """Post where the functional keys are."""

    def commit(self, round_id: int, commitment: bytes, claimed_train_correct: int, *, intent: str) -> Receipt:
        """Commit to a model, with what its claim's bond exceeds that of the commitment that it replaces."""

    def close_submissions(self, round_id: int, *, intent: str) -> Receipt:
        """Close submissions: the data node before the time limit, anybody after it."""

    def end_test_release(self, round_id: int, *, intent: str) -> Receipt:
        """Begin the reveals without a test set, once its window is over."""

    def release_test_set(self, round_id: int, test: FileRef, *, intent: str) -> Receipt:
        """Release the test set."""

    def release_test_set_for(self, release: SignedRelease, *, intent: str) -> Receipt:
        """Release the test set with its data node's signature."""

    def reveal(
        self, round_id: int, model: FileRef, claimed_test_correct: int, salt: bytes, *, intent: str
    ) -> Receipt:
        """Reveal this wallet's model."""

    def commit_vote(self, ballot_id: int, commitment: bytes, *, intent: str) -> Receipt:
        """Commit this wallet's votes."""

    def end_votes(self, ballot_id: int, *, intent: str) -> Receipt:
        """End the commitments, or the reveals, of a ballot whose window is over."""

    def reveal_vote(self, ballot_id: int, votes: tuple[Vote, ...], salt: bytes, *, intent: str) -> Receipt:
        """Reveal this wallet's votes."""

    def unstake(self, *, intent: str) -> Receipt:
        """Give this wallet's seat up."""

    def leak(self, ballot_id: int, leaked: LeakedVote, *, intent: str) -> Receipt:
        """Show a member's votes and salt, which voids them and earns half of its penalty."""

    def challenge(self, round_id: int, *, bond: int, intent: str) -> Receipt:
        """Buy a larger committee, for what pole.protocol.ballots.challenge_bond says."""

    def finalise(self, round_id: int, *, intent: str) -> Receipt:
        """End the round."""

    def finalise_next(self, round_id: int, *, intent: str) -> Receipt:
        """End a round of one committee in the next block, in which its challenge window is over."""

    def withdraw(self, *, intent: str) -> int:
        """Pay this wallet's whole credit out to it; return the amount in wei, 0 when there was none."""


class Store(Protocol):
    """Content-addressed storage (IPFS)."""

    def add(self, path: Path) -> str:
        """Store and pin a file; return its CIDv1 in base32. Raises UnreachableError."""

    def cid_of(self, path: Path) -> str:
        """Return the CID that `add` would give, storing nothing: a test set is named before its release."""

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        """Write the content of `cid` to `path`, whole or not at all; checks no digest (the caller does).

        Given `within`, it is tried once and given up after so many seconds, sooner where nothing comes.

        Raises UnreachableError when it cannot be had in time and IntegrityError when it is longer than
        `max_bytes`.
        """

    def keep(self, cid: str, name: str) -> None:
        """Serve content that was fetched to others until `forget(name)`; raises UnreachableError."""

    def forget(self, name: str) -> None:
        """Serve no longer what was kept under a name, but for what is kept under others too, or was added.

        Raises UnreachableError.
        """


class Journal(Protocol):
    """What a worker must not forget, durable on disk before each call returns."""

    def secret(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return the bytes kept under `key`, made and kept first when there are none."""

    def get(self, key: str) -> bytes | None:
        """Return the bytes kept under `key`."""

    def put(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`, replacing what was there."""


@dataclass(frozen=True, slots=True)
class WorkShard:
    """A piece of work that whoever may do, and however often: each result is as good as another.

    What is exact gives the same bytes everywhere; trainings and attacks, which round as their machine does,
    give others that mean the same. `work` is what is to be done, by a name that every machine of a cluster
    knows; `content` is all that it is done with.
    """

    work: str
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Return its work and the SHA-256 digest of its content: equal shards have equal names."""
        return f"{self.work}-{hashlib.sha256(self.content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The bytes that a shard gave, and the worker that they came from."""

    content: bytes = field(repr=False)
    worker: str


MAX_SHARD_BYTES: Final = 2**27
"""Content above which a shard is not sent."""


class Shards(Protocol):
    """Other machines that work on shards. Who sends a shard shows it to them, so no secret is in any."""

    def at_once(self) -> int:
        """Return how many shards keep them busy, 0 while nobody is there.

        Raises UnreachableError, and AbandonedError once nobody waits for shards any more.
        """

    def run(self, shard: WorkShard) -> ShardResult:
        """Return what a shard gives, once some worker has done it; many threads may call this at a time.

        A worker that dies or is slow is made up for by another. The result was not checked. Raises ShardError
        where three workers failed at the shard or it is too large, UnreachableError where nobody is there to
        do it, and AbandonedError once nobody waits for shards any more.
        """
