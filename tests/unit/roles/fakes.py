"""The chain in plain Python: a world that keeps the contracts' rules by their twins, and who acts in it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from pole.errors import FundsError, RefusedError
from pole.protocol.ballots import (
    ballot_id,
    challenge_bond,
    minimum_members,
    minimum_seats,
    round_and_attempt,
    seats_asked,
)
from pole.protocol.encoding import seeds
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.encoding.hashing import address, keccak256
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.parameters import (
    ChainParameters,
    CommitteeParameters,
    Parameters,
    TaskListParameters,
)
from pole.protocol.rounds import clock
from pole.protocol.rounds.clock import CLOCKLESS, phase_of
from pole.protocol.rounds.committee_draw import draw
from pole.protocol.rounds.judgement import Challenge, EndedRound, choices_of, choose, judge, reaches_threshold
from pole.protocol.rounds.payouts import settle
from pole.protocol.rounds.tally import findings
from pole.protocol.rounds.value_heap import WaitingTask, waiting_task
from pole.protocol.state import (
    ENDED,
    Ballot,
    BallotStage,
    FileRef,
    Finding,
    Phase,
    PostedTask,
    Round,
    Solution,
    Step,
    TaskFiles,
    TaskTerms,
    VoidReason,
    Vote,
)
from pole.roles.ports import BallotView, Delegation, Identity, Moment, Receipt

CHAIN_ID = 1337
CHAIN_ADDRESS = "0x" + "C" * 40
COMMITTEE_ADDRESS = "0x" + "D" * 40
TASK_LIST_ADDRESS = address("0x" + "d" * 39 + "1")
NO_BALLOT = Ballot(0, 0, 0, 0, BallotStage.NONE, 0, 0)
HASHES_KEPT = 256
CHAIN = ChainParameters(
    key_window=60,
    grace_window=100,
    test_window=60,
    reveal_window=60,
    vote_commit_window=60,
    vote_reveal_window=60,
    challenge_window=60,
    window_blocks=1,
    draw_delay=2,
    confirmations=0,
    max_solutions=8,
    committee_size=3,
    min_committee=1,
    max_committee=7,
    verification_fee_bps=1000,
    fault_share_bps=5000,
    missed_share_bps=2000,
    fee_margin_bps=1000,
    miner_bond_bps=0,
    ready_bond_bps=0,
    miner_bond=10,
    block_reward=0,
    reward_per_seat=10_000,
)
PARAMETERS = Parameters(
    task_list=TaskListParameters(
        max_tasks=100,
        min_reward=1,
        max_reward=70_000,
        min_data_bond=1,
        fee_bps=100,
        rent_bps=0,
        max_time_limit=3_600,
        max_solutions=8,
        judging_speed=10**9,
        max_judging_time=600,
        reward_per_second=0,
        round_windows=420,
    ),
    committee=CommitteeParameters(seat_stake=1_000, penalty=100, seat_age=30, lanes=1),
    chain=CHAIN,
)


@dataclass(frozen=True)
class FakeStake:
    """What a verifier has staked."""

    amount: int
    seated: bool
    left_at: int


@dataclass
class World:
    """The contracts, with a clock that only tests move; seats are left, and not taken, meanwhile."""

    parameters: Parameters = PARAMETERS
    now: int = 1_000_000
    block: int = 100
    seats: list[str] = field(default_factory=list)
    tasks: dict[int, PostedTask] = field(default_factory=dict)
    listed: list[int] = field(default_factory=list)
    replaced: dict[int, int] = field(default_factory=dict)
    displaced: dict[int, set[str]] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    ballots: dict[int, Ballot] = field(default_factory=dict)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    solutions: dict[int, list[Solution]] = field(default_factory=dict)
    keys: dict[int, FileRef] = field(default_factory=dict)
    delegations: dict[int, Delegation] = field(default_factory=dict)
    partial_keys: dict[int, dict[str, FileRef]] = field(default_factory=dict)
    tests: dict[int, FileRef] = field(default_factory=dict)
    idle: PostedTask | None = None
    test_seeds: dict[int, bytes] = field(default_factory=dict)
    models: dict[int, dict[str, FileRef]] = field(default_factory=dict)
    vote_commitments: dict[tuple[int, str], bytes] = field(default_factory=dict)
    votes: dict[tuple[int, str], tuple[Vote, ...]] = field(default_factory=dict)
    credits: dict[str, int] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    height: int = 0
    gas_price: int = 0
    left_at: dict[str, int] = field(default_factory=dict)
    reclaimed: set[str] = field(default_factory=set)

    def pass_time(self, seconds: int) -> None:
        """Let so much time go by, one block a second."""
        self.now += seconds
        self.block += seconds

    @property
    def lanes(self) -> int:
        return self.parameters.committee.lanes

    @property
    def newest(self) -> int:
        return max(self.rounds, default=0)

    def newest_in(self, lane: int) -> int:
        return max((number for number in self.rounds if number % self.lanes == lane), default=0)

    def phase(self, round_id: int) -> tuple[Phase, clock.Moment]:
        if round_id not in self.rounds:
            return Phase.NONE, CLOCKLESS
        return phase_of(
            self.rounds[round_id],
            self.newest_ballot(round_id),
            self.parameters.chain,
            len(self.seats_at(self.rounds[round_id].opened_at - self.parameters.committee.seat_age)),
            clock.Moment(self.now, self.block),
        )

    def advance(self, round_id: int, step: Step, **changes: Any) -> None:
        """Let a round's next step begin now."""
        self.change(round_id, step=step, since=self.now, since_block=self.block, **changes)

    def newest_ballot(self, round_id: int) -> Ballot:
        return self.ballots.get(ballot_id(round_id, self.rounds[round_id].attempt), NO_BALLOT)

    def seats_at(self, time: int) -> list[str]:
        """Return the seats as they stood at the end of a second."""
        return [*self.seats, *(each for each, left_at in self.left_at.items() if left_at > time)]

    def findings(self, ballot: int) -> tuple[Finding, ...]:
        members = self.members.get(ballot, ())
        revealed = [self.votes[ballot, member] for member in members if (ballot, member) in self.votes]
        counted = self.ballots[ballot]
        before = self.findings(ballot - 1) if ballot - 1 in self.ballots else ()
        return findings(before, revealed, seats=counted.seats, choices=counted.choices)

    def change(self, round_id: int, **changes: Any) -> None:
        self.rounds[round_id] = replace(self.rounds[round_id], **changes)

    def moments(self) -> tuple[Moment, ...]:
        newest = [self.newest_in(lane) for lane in range(self.lanes)]
        free = [lane for lane in range(self.lanes) if self.phase(newest[lane])[0] in ENDED | {Phase.NONE}]
        return tuple(
            self._moment(lane, newest[lane], free[0] if free else None) for lane in range(self.lanes)
        )

    def moment(self, lane: int = 0) -> Moment:
        return self.moments()[lane]

    def _moment(self, lane: int, round_id: int, free_lane: int | None) -> Moment:
        phase, deadline = self.phase(round_id)
        return Moment(
            lane=lane,
            lanes=self.lanes,
            round_id=round_id,
            phase=phase,
            deadline=deadline.time,
            deadline_block=deadline.block,
            attempt=self.rounds[round_id].attempt if round_id else 0,
            waiting=len(self.listed),
            free_lane=free_lane,
            timestamp=self.now,
            block=self.block,
        )


@dataclass
class FakeChain:
    """The world as one wallet uses it; `receipts` outlives a restart, as the journal of transactions does."""

    world: World
    address: str
    receipts: dict[str, Receipt] = field(default_factory=dict)
    balance: int = 10**20
    spent: int = 0

    @property
    def identity(self) -> Identity:
        return Identity(CHAIN_ID, self.address, CHAIN_ADDRESS, COMMITTEE_ADDRESS, TASK_LIST_ADDRESS)

    @property
    def parameters(self) -> Parameters:
        return self.world.parameters

    def moments(self) -> tuple[Moment, ...]:
        return self.world.moments()

    def round(self, round_id: int) -> Round:
        if round_id not in self.world.rounds:
            raise RefusedError("There is no such round.")
        return self.world.rounds[round_id]

    def task(self, task_id: int) -> PostedTask:
        return self.world.tasks[task_id]

    def next_task(self) -> PostedTask | None:
        return self.world.tasks[self.world.listed[0]] if self.world.listed else None

    def waiting_tasks(self) -> tuple[WaitingTask, ...]:
        tasks, limits = self.world.tasks, self.world.parameters.task_list
        return tuple(waiting_task(number, tasks[number].terms, limits) for number in self.world.listed)

    def replaced_tasks(self) -> dict[int, int]:
        return dict(self.world.replaced)

    def delegation(self, task_id: int) -> Delegation | None:
        return self.world.delegations.get(task_id)

    def partial_keys(self, task_id: int, holders: Collection[str]) -> dict[str, FileRef]:
        announced = self.world.partial_keys.get(task_id, {})
        return {holder: keys for holder, keys in announced.items() if holder in holders}

    def solutions(self, round_id: int) -> tuple[Solution, ...]:
        return tuple(self.world.solutions.get(round_id, ()))

    def displaced_miners(self, round_id: int) -> frozenset[str]:
        return frozenset(self.world.displaced.get(round_id, ()))

    def functional_keys(self, round_id: int) -> FileRef | None:
        return self.world.keys.get(round_id)

    def test_set(self, round_id: int) -> FileRef | None:
        return self.world.tests.get(round_id)

    def test_seed(self, round_id: int) -> bytes | None:
        return self.world.test_seeds.get(round_id)

    def models(self, round_id: int) -> dict[str, FileRef]:
        return dict(self.world.models.get(round_id, {}))

    def ballot(self, ballot_id: int) -> BallotView:
        ballot = self.world.ballots.get(ballot_id, NO_BALLOT)
        return BallotView(ballot, self.world.members.get(ballot_id, ()))

    def vote_state(self, ballot_id: int, verifier: str) -> tuple[bytes, bool]:
        key = (ballot_id, verifier)
        return self.world.vote_commitments.get(key, bytes(32)), key in self.world.votes

    def findings(self, ballot_id: int) -> tuple[Finding, ...]:
        return self.world.findings(ballot_id)

    def seats_at(self, time: int) -> int:
        self._require(time < self.world.now, "That second is not past.")
        return len(self.world.seats_at(time))

    def stake_of(self, address: str) -> FakeStake:
        seated, left_at = address in self.world.seats, self.world.left_at.get(address, 0)
        is_held = seated or (left_at and address not in self.world.reclaimed)
        return FakeStake(self.parameters.committee.seat_stake if is_held else 0, seated, left_at)

    def recent_miners(self) -> tuple[frozenset[str], ...]:
        return tuple(
            frozenset(each.miner for each in found)
            for _, found in sorted(self.world.solutions.items(), reverse=True)
            if found
        )[:10]

    def gas_price(self) -> int:
        return self.world.gas_price

    def gas_spent(self) -> int:
        return self.spent

    def is_lost(self, block: int) -> bool:
        return self.world.block > block + HASHES_KEPT

    def post_task(self, terms: TaskTerms, files: TaskFiles, *, intent: str) -> int:
        if terms.reward + terms.data_bond + terms.fee > self.balance:
            raise FundsError("The wallet cannot pay for the task; fund it.")

        def effect() -> None:
            task_id = len(self.world.tasks) + 1
            self.world.tasks[task_id] = PostedTask(task_id, self.address, terms, files)
            self.world.listed.append(task_id)

        self._send(intent, effect)
        return next(number for number, task in self.world.tasks.items() if task.files == files)

    def delegate_keys(self, task_id: int, delegation: Delegation, *, intent: str) -> Receipt:
        def effect() -> None:
            self._require(self.world.tasks[task_id].owner == self.address, "Not the owner.")
            self.world.delegations[task_id] = delegation

        return self._send(intent, effect)

    def announce_partial_keys(self, task_id: int, keys: FileRef, *, intent: str) -> Receipt:
        def effect() -> None:
            self.world.partial_keys.setdefault(task_id, {})[self.address] = keys

        return self._send(intent, effect)

    def open_round(self, lane: int, *, intent: str) -> Receipt:
        def effect() -> None:
            world = self.world
            before = world.newest_in(lane)
            self._require(world.phase(before)[0] in ENDED | {Phase.NONE}, "A round is open.")
            idle = [each for each in world.rounds.values() if each.is_idle and not each.settled]
            self._require(bool(world.listed) or not idle, "An idle round is open.")
            task = world.tasks[world.listed.pop(0)] if world.listed else world.idle
            if task is None:
                raise RefusedError("No task waits.")
            number = (before or lane) + world.lanes
            world.rounds[number] = new_round(number, task, world.now, world.block)
            world.change(number, draw_block=world.block + world.parameters.chain.draw_delay)

        return self._send(intent, effect)

    def arm(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._require_draw(round_id)
            named = self.world.rounds[round_id].draw_block
            self._require(named == 0 or self.is_lost(named), "The draw is armed.")
            self._arm(round_id)

        return self._send(intent, effect)

    def draw(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            phase = self._require_draw(round_id)
            named = self.world.rounds[round_id].draw_block
            self._require(0 < named <= self.world.block and not self.is_lost(named), "Not yet.")
            mix = keccak256(named.to_bytes(32, "big"))
            self.world.change(round_id, draw_block=0)
            if phase is Phase.SEED:
                self._draw_seed(round_id, mix)
            elif phase is Phase.DRAW:
                self._draw_committee(round_id, mix)
            else:
                self.world.test_seeds[round_id] = seeds.test_seed(round_id, mix)
                self.world.advance(round_id, Step.RELEASED, released=True)

        return self._send(intent, effect)

    def post_functional_keys(self, round_id: int, keys: FileRef, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.KEYS)
            delegation = self.world.delegations.get(self.world.rounds[round_id].task_id)
            issuers = {self.world.rounds[round_id].data_node, delegation and delegation.delegate}
            self._require(self.address in issuers, "Not the data node, nor its delegate.")
            self.world.keys[round_id] = keys
            self.world.advance(round_id, Step.KEYED, keys_digest=keys.digest)

        return self._send(intent, effect)

    def commit(self, round_id: int, commitment: bytes, claimed_train_correct: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TRAINING)
            world = self.world
            found, standing = world.solutions.setdefault(round_id, []), world.rounds[round_id]
            place = next((n for n, each in enumerate(found) if each.miner == self.address), len(found))
            if place < len(found):
                self._require(found[place].claimed_train_correct <= claimed_train_correct, "A lower claim.")
            found[place : place + 1] = [
                Solution(
                    self.address,
                    commitment,
                    bytes(32),
                    claimed_train_correct,
                    0,
                    standing.commitments,
                    0,
                    revealed=False,
                )
            ]
            ready = sum(reaches_threshold(each.claimed_train_correct, standing.terms) for each in found)
            world.change(round_id, committed=len(found), ready=ready, commitments=standing.commitments + 1)

        return self._send(intent, effect)

    def close_submissions(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            world, standing = self.world, self.world.rounds[round_id]
            if world.phase(round_id)[0] is Phase.TRAINING:
                self._require(standing.data_node == self.address, "Not the data node.")
                self._require(standing.ready >= standing.terms.min_solutions, "Too early.")
                world.change(round_id, closed_early=True)
            else:
                self._in_phase(round_id, Phase.TEST_RELEASE)
                self._require(standing.step is Step.KEYED, "It is closed.")
            world.advance(round_id, Step.CLOSED)
            if standing.is_idle:
                self._arm(round_id)

        return self._send(intent, effect)

    def release_test_set_for(self, release: SignedRelease, *, intent: str) -> Receipt:
        return self.release_test_set(release.round_id, release.test, intent=intent)

    def release_test_set(self, round_id: int, test: FileRef, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TEST_RELEASE)
            standing = self.world.rounds[round_id]
            is_later = standing.step is Step.KEYED or self.world.block > standing.since_block
            self._require(is_later, "Same block.")
            self._require(test.digest == self.world.rounds[round_id].test_digest, "Another test set.")
            self.world.tests[round_id] = test
            self.world.advance(round_id, Step.RELEASED, released=True)

        return self._send(intent, effect)

    def reveal(
        self, round_id: int, model: FileRef, claimed_test_correct: int, salt: bytes, *, intent: str
    ) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.REVEAL)
            found = self.world.solutions[round_id]
            index = next(i for i, solution in enumerate(found) if solution.miner == self.address)
            opened = solution_commitment(
                chain_id=CHAIN_ID,
                chain_address=CHAIN_ADDRESS,
                round_id=round_id,
                miner=self.address,
                model_digest=model.digest,
                claimed_train_correct=found[index].claimed_train_correct,
                salt=salt,
            )
            self._require(opened == found[index].commitment, "Not what was committed.")
            self._require(not found[index].revealed, "Revealed already.")
            found[index] = replace(
                found[index],
                model_digest=model.digest,
                claimed_test_correct=claimed_test_correct,
                revealed=True,
            )
            self.world.models.setdefault(round_id, {})[self.address] = model
            revealed = sum(solution.revealed for solution in found)
            self.world.change(round_id, revealed=revealed)
            if revealed == len(found):
                self._arm(round_id)

        return self._send(intent, effect)

    def end_test_release(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TEST_RELEASE)
            self._require_over(round_id)
            self.world.advance(round_id, Step.RELEASED)

        return self._send(intent, effect)

    def end_votes(self, ballot_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            stage = self.world.ballots.get(ballot_id, NO_BALLOT).stage
            self._require(stage in (BallotStage.COMMIT, BallotStage.REVEAL), "Nobody votes.")
            self._require_over(round_and_attempt(ballot_id)[0])
            if stage is BallotStage.COMMIT:
                self._begin_reveals(ballot_id)
            else:
                self._close_ballot(ballot_id)

        return self._send(intent, effect)

    def commit_vote(self, ballot_id: int, commitment: bytes, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_and_attempt(ballot_id)[0], Phase.VOTE_COMMIT)
            self._require(self.address in self.world.members[ballot_id], "Not a member.")
            self._require((ballot_id, self.address) not in self.world.vote_commitments, "Voted already.")
            self.world.vote_commitments[ballot_id, self.address] = commitment
            self._count_ballot(ballot_id)

        return self._send(intent, effect)

    def reveal_vote(self, ballot_id: int, votes: tuple[Vote, ...], salt: bytes, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_and_attempt(ballot_id)[0], Phase.VOTE_REVEAL)
            self._open_vote(ballot_id, LeakedVote(self.address, votes, salt))
            self._require((ballot_id, self.address) not in self.world.votes, "Revealed already.")
            self.world.votes[ballot_id, self.address] = votes
            self._count_ballot(ballot_id)

        return self._send(intent, effect)

    def unstake(self, *, intent: str) -> Receipt:
        def effect() -> None:
            self._require(self.address in self.world.seats, "It has no seat.")
            self.world.seats.remove(self.address)
            self.world.left_at[self.address] = self.world.now

        return self._send(intent, effect)

    def leak(self, ballot_id: int, leaked: LeakedVote, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_and_attempt(ballot_id)[0], Phase.VOTE_COMMIT)
            self._open_vote(ballot_id, leaked)
            self.world.vote_commitments[ballot_id, leaked.verifier] = bytes(32)

        return self._send(intent, effect)

    def challenge(self, round_id: int, *, bond: int, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.CHALLENGE)
            standing = self.world.rounds[round_id]
            due = challenge_bond(standing.attempt, standing.terms.reward, self.parameters.chain)
            self._require(bond == due, "Another bond is due.")
            if bond > self.balance:
                raise FundsError("The wallet cannot pay the bond; fund it.")
            self.balance -= bond
            first, second = standing.challengers
            challengers = (self.address, second) if standing.attempt == 0 else (first, self.address)
            self.world.change(round_id, attempt=standing.attempt + 1, challengers=challengers)
            self._arm(round_id)

        return self._send(intent, effect)

    def finalise_next(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self.world.now += 1
            self.world.block += 1
            self._in_phase(round_id, Phase.SETTLEMENT)
            self._finalise(round_id)

        return self._send(intent, effect)

    def finalise(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.SETTLEMENT)
            self._finalise(round_id)

        return self._send(intent, effect)

    def withdraw(self, *, intent: str) -> int:
        before = self.balance

        def effect() -> None:
            self.balance += self.world.credits.pop(self.address, 0)

        self._send(intent, effect)
        return self.balance - before

    def _open_vote(self, ballot_id: int, opening: LeakedVote) -> None:
        opened = vote_commitment(
            chain_id=CHAIN_ID,
            committee_address=COMMITTEE_ADDRESS,
            ballot_id=ballot_id,
            verifier=opening.verifier,
            votes=opening.votes,
            salt=opening.salt,
        )
        committed = self.world.vote_commitments.get((ballot_id, opening.verifier))
        self._require(opened == committed, "Not what was committed.")

    def _require_draw(self, round_id: int) -> Phase:
        standing, (phase, _) = self.world.rounds[round_id], self.world.phase(round_id)
        is_test_seed = phase is Phase.TEST_RELEASE and standing.is_idle and standing.step is Step.CLOSED
        self._require(phase in (Phase.SEED, Phase.DRAW) or is_test_seed, "Nothing to draw.")
        return phase

    def _arm(self, round_id: int) -> None:
        world = self.world
        world.change(round_id, draw_block=world.block + world.parameters.chain.draw_delay)

    def _draw_seed(self, round_id: int, mix: bytes) -> None:
        standing = self.world.rounds[round_id]
        seed = seeds.round_seed(standing.seed, round_id, mix)
        self.world.advance(round_id, Step.KEYED if standing.is_idle else Step.SEEDED, seed=seed)

    def _draw_committee(self, round_id: int, mix: bytes) -> None:
        world, standing = self.world, self.world.rounds[round_id]
        chain, reward, attempt = world.parameters.chain, standing.terms.reward, standing.attempt
        entropy = seeds.draw_entropy(round_id, attempt, mix)
        barred = {*(s.miner for s in world.solutions[round_id]), standing.data_node}
        if attempt == 0:
            self._number_choices(round_id)
            minimum = minimum_members(reward, chain)
        else:
            minimum = world.ballots[ballot_id(round_id, attempt - 1)].seats + 1
        members = draw(
            world.seats_at(standing.opened_at - world.parameters.committee.seat_age),
            entropy,
            size=seats_asked(attempt, reward, chain),
            places=minimum_seats(reward, chain),
            minimum=minimum,
            barred=barred,
        )
        if members:
            self._open_ballot(round_id, members)
        if attempt == 0:
            changes = {"entropy": entropy} if members else {"committee_too_small": True}
            world.change(round_id, **changes)
        elif not members:
            world.change(round_id, attempt=attempt - 1, dropped=True)

    def _number_choices(self, round_id: int) -> None:
        self.world.solutions[round_id] = [*choose(self.world.solutions[round_id])]

    def _open_ballot(self, round_id: int, members: tuple[str, ...]) -> None:
        world, chain = self.world, self.world.parameters.chain
        number = ballot_id(round_id, world.rounds[round_id].attempt)
        choices = choices_of(world.solutions[round_id])
        window = chain.vote_commit_window + choices * world.rounds[round_id].judging_time
        world.members[number] = members
        world.ballots[number] = Ballot(
            seats=len(members),
            choices=choices,
            committed=0,
            revealed=0,
            stage=BallotStage.COMMIT,
            deadline=world.now + window,
            deadline_block=world.block + chain.window_blocks,
        )

    def _begin_reveals(self, number: int) -> None:
        world, chain = self.world, self.world.parameters.chain
        if not world.ballots[number].committed:
            self._close_ballot(number)
            return
        world.ballots[number] = replace(
            world.ballots[number],
            stage=BallotStage.REVEAL,
            deadline=world.now + chain.vote_reveal_window,
            deadline_block=world.block + chain.window_blocks,
        )

    def _close_ballot(self, number: int) -> None:
        world = self.world
        world.ballots[number] = replace(
            world.ballots[number], stage=BallotStage.CLOSED, deadline=world.now, deadline_block=world.block
        )

    def _count_ballot(self, number: int) -> None:
        world = self.world
        members = list(enumerate(world.members[number]))
        committed = sum(1 << n for n, member in members if (number, member) in world.vote_commitments)
        revealed = sum(1 << n for n, member in members if (number, member) in world.votes)
        ballot = replace(world.ballots[number], committed=committed, revealed=revealed)
        world.ballots[number] = ballot
        if ballot.stage is BallotStage.COMMIT and committed == 2**ballot.seats - 1:
            self._begin_reveals(number)
        elif ballot.stage is BallotStage.REVEAL and revealed == committed:
            self._close_ballot(number)

    def _finalise(self, round_id: int) -> None:
        world, standing = self.world, self.world.rounds[round_id]
        newest = ballot_id(round_id, standing.attempt)
        found = tuple(world.solutions.get(round_id, ()))
        drawn = newest in world.ballots
        ended = EndedRound(
            data_node=standing.data_node,
            terms=standing.terms,
            keys_posted=standing.step > Step.SEEDED,
            closed_early=standing.closed_early or standing.is_idle,
            released=standing.released,
            solutions=found,
            findings=world.findings(newest) if drawn else None,
            challenges=self._challenges(round_id),
            dropped=standing.dropped,
        )
        outcome = judge(ended)
        for payout in settle(ended, outcome, world.parameters.chain).payouts:
            world.credits[payout.payee] = world.credits.get(payout.payee, 0) + payout.amount
        won = outcome.void_reason is VoidReason.NONE
        world.height += won
        world.change(
            round_id, settled=True, void_reason=outcome.void_reason, height=world.height if won else 0
        )

    def _challenges(self, round_id: int) -> tuple[Challenge, ...]:
        standing = self.world.rounds[round_id]
        return tuple(
            Challenge(
                who,
                challenge_bond(attempt, standing.terms.reward, self.parameters.chain),
                self.world.findings(ballot_id(round_id, attempt)),
            )
            for attempt, who in enumerate(standing.challengers)
            if who != ZERO_ADDRESS
        )

    def _in_phase(self, round_id: int, needed: Phase) -> None:
        phase = self.world.phase(round_id)[0]
        self._require(phase is needed, f"The round is in {phase.name}, not in {needed.name}.")

    def _require_over(self, round_id: int) -> None:
        deadline = self.world.phase(round_id)[1]
        is_over = deadline != CLOCKLESS and deadline.reached(clock.Moment(self.world.now, self.world.block))
        self._require(is_over, "Not over.")

    def _require(self, condition: bool, sentence: str) -> None:
        if not condition:
            raise RefusedError(sentence)

    def _send(self, intent: str, effect: Callable[[], None]) -> Receipt:
        if intent not in self.receipts:
            effect()
            self.world.block += 1
            self.world.sent.append((self.address, intent))
            self.receipts[intent] = Receipt(f"0x{len(self.world.sent):064x}", self.world.block, 21_000)
        return self.receipts[intent]


def new_round(number: int, task: PostedTask, now: int, block: int) -> Round:
    return Round(
        round_id=number,
        task_id=task.task_id,
        data_node=task.owner,
        judging_time=1,
        terms=task.terms,
        test_digest=task.files.test_digest,
        seed=keccak256(f"origin {number}".encode()),
        keys_digest=bytes(32),
        entropy=bytes(32),
        opened_at=now,
        since=now,
        since_block=block,
        draw_block=0,
        height=0,
        step=Step.OPENED,
        void_reason=VoidReason.NONE,
        committed=0,
        ready=0,
        revealed=0,
        commitments=0,
        attempt=0,
        released=False,
        closed_early=False,
        committee_too_small=False,
        dropped=False,
        settled=False,
        challengers=(ZERO_ADDRESS, ZERO_ADDRESS),
    )
