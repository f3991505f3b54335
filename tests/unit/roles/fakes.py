"""The chain in plain Python: a world that keeps the contracts' rules by their twins, and who acts in it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pole.errors import FundsError, RefusedError
from pole.protocol.ballots import ballot_id, due_bond, round_and_attempt, target_seats
from pole.protocol.encoding import seeds
from pole.protocol.encoding.abi import ZERO_ADDRESS, address
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.clock import phase_of, stage_of
from pole.protocol.rounds.committee_draw import draw
from pole.protocol.rounds.judgement import Challenge, EndedRound, judge, judged_solutions
from pole.protocol.rounds.payouts import settle
from pole.protocol.rounds.tally import findings
from pole.protocol.state import (
    Ballot,
    FileRef,
    Finding,
    Phase,
    PostedTask,
    Round,
    Solution,
    TaskFiles,
    TaskTerms,
    VoidReason,
    Vote,
)
from pole.roles.ports import BallotView, Delegation, Identity, Moment, Opening, Receipt, SeedState

CHAIN_ID = 1337
CHAIN_ADDRESS = "0x" + "C" * 40
COMMITTEE_ADDRESS = "0x" + "D" * 40
TASK_LIST_ADDRESS = address("0x" + "d" * 39 + "1")
NO_BALLOT = Ballot(0, 0, 0, 0, 0, 0, 0, settled=False)
PARAMETERS = ChainParameters(
    key_window=60,
    test_window=60,
    reveal_window=60,
    vote_commit_window=60,
    vote_reveal_window=60,
    max_solutions=8,
    judged_solutions=4,
    committee_size=3,
    min_committee=1,
    verification_fee_bps=1000,
    fault_share_bps=5000,
    fee_margin_bps=1000,
    miner_bond=10,
    block_reward=0,
    challenge_window=60,
    max_committee=7,
    challenge_bond=50,
    miner_bond_bps=0,
)


@dataclass
class World:
    """The contracts, with a clock that only tests move."""

    parameters: ChainParameters = PARAMETERS
    now: int = 1_000_000
    block: int = 100
    seats: list[str] = field(default_factory=list)
    tasks: dict[int, PostedTask] = field(default_factory=dict)
    listed: list[int] = field(default_factory=list)
    replaced: dict[int, int] = field(default_factory=dict)
    openings: dict[int, Opening] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    ballots: dict[int, Ballot] = field(default_factory=dict)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    solutions: dict[int, list[Solution]] = field(default_factory=dict)
    keys: dict[int, FileRef] = field(default_factory=dict)
    delegations: dict[int, Delegation] = field(default_factory=dict)
    partial_keys: dict[int, dict[str, FileRef]] = field(default_factory=dict)
    tests: dict[int, FileRef] = field(default_factory=dict)
    idle: PostedTask | None = None
    test_seeds: dict[int, SeedState] = field(default_factory=dict)
    models: dict[int, dict[str, FileRef]] = field(default_factory=dict)
    vote_commitments: dict[tuple[int, str], bytes] = field(default_factory=dict)
    votes: dict[tuple[int, str], tuple[Vote, ...]] = field(default_factory=dict)
    credits: dict[str, int] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    height: int = 0

    def pass_time(self, seconds: int) -> None:
        """Let so much time go by, one block a second."""
        self.now += seconds
        self.block += seconds

    @property
    def newest(self) -> int:
        return max(self.rounds, default=0)

    def phase(self, round_id: int) -> tuple[Phase, int]:
        if round_id not in self.rounds:
            return Phase.NONE, 0
        return phase_of(self.rounds[round_id], self.newest_ballot(round_id), self.parameters, self.now)

    def newest_ballot(self, round_id: int) -> Ballot:
        return self.ballots.get(ballot_id(round_id, self.rounds[round_id].attempt), NO_BALLOT)

    def findings(self, ballot: int) -> tuple[Finding, ...]:
        members = self.members.get(ballot, ())
        revealed = [self.votes[ballot, member] for member in members if (ballot, member) in self.votes]
        counted = self.ballots[ballot]
        return findings(revealed, seats=counted.seats, choices=counted.choices, tolerance=0)

    def change(self, round_id: int, **changes: Any) -> None:
        self.rounds[round_id] = replace(self.rounds[round_id], **changes)

    def moment(self) -> Moment:
        phase, deadline = self.phase(self.newest)
        attempt = self.rounds[self.newest].attempt if self.rounds else 0
        return Moment(self.newest, phase, deadline, len(self.listed), self.now, self.block, attempt)


@dataclass
class FakeChain:
    """The world as one wallet uses it; `receipts` outlives a restart, as the journal of transactions does."""

    world: World
    address: str
    receipts: dict[str, Receipt] = field(default_factory=dict)
    balance: int = 10**20

    @property
    def identity(self) -> Identity:
        return Identity(CHAIN_ID, self.address, CHAIN_ADDRESS, COMMITTEE_ADDRESS, TASK_LIST_ADDRESS)

    @property
    def tolerance(self) -> int:
        return 0

    def moment(self) -> Moment:
        return self.world.moment()

    def round(self, round_id: int) -> Round:
        if round_id not in self.world.rounds:
            raise RefusedError("There is no such round.")
        return self.world.rounds[round_id]

    def opening(self, round_id: int) -> Opening:
        return self.world.openings[round_id]

    def task(self, task_id: int) -> PostedTask:
        return self.world.tasks[task_id]

    def replaced_tasks(self) -> dict[int, int]:
        return dict(self.world.replaced)

    def delegation(self, task_id: int) -> Delegation | None:
        return self.world.delegations.get(task_id)

    def partial_keys(self, task_id: int) -> dict[str, FileRef]:
        return dict(self.world.partial_keys.get(task_id, {}))

    def solutions(self, round_id: int) -> tuple[Solution, ...]:
        return tuple(self.world.solutions.get(round_id, ()))

    def functional_keys(self, round_id: int) -> FileRef | None:
        return self.world.keys.get(round_id)

    def test_set(self, round_id: int) -> FileRef | None:
        return self.world.tests.get(round_id)

    def test_seed(self, round_id: int) -> SeedState:
        return self.world.test_seeds.get(round_id, SeedState(0, None))

    def models(self, round_id: int) -> dict[str, FileRef]:
        return dict(self.world.models.get(round_id, {}))

    def ballot(self, ballot_id: int) -> BallotView:
        ballot = self.world.ballots.get(ballot_id, NO_BALLOT)
        return BallotView(stage_of(ballot, self.world.now), ballot, self.world.members.get(ballot_id, ()))

    def vote_state(self, ballot_id: int, verifier: str) -> tuple[bytes, bool]:
        key = (ballot_id, verifier)
        return self.world.vote_commitments.get(key, bytes(32)), key in self.world.votes

    def findings(self, ballot_id: int) -> tuple[Finding, ...]:
        return self.world.findings(ballot_id)

    def challenge_bond(self, ballot_id: int) -> int:
        return due_bond(self.findings(ballot_id), self.world.parameters)

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

    def open_round(self, *, intent: str) -> Receipt:
        def effect() -> None:
            world = self.world
            self._require(
                world.phase(world.newest)[0] in (Phase.NONE, Phase.FINAL, Phase.VOID), "A round is open."
            )
            task = world.tasks[world.listed.pop(0)] if world.listed else world.idle
            if task is None:
                raise RefusedError("No task waits.")
            number = world.newest + 1
            world.rounds[number] = new_round(number, task, world.now)
            world.openings[number] = Opening(world.block + 1, world.rounds[number].seed)
            if task is world.idle:
                world.change(number, keys_at=world.now)

        return self._send(intent, effect)

    def post_functional_keys(self, round_id: int, keys: FileRef, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.KEYS)
            delegation = self.world.delegations.get(self.world.rounds[round_id].task_id)
            issuers = {self.world.rounds[round_id].data_node, delegation and delegation.delegate}
            self._require(self.address in issuers, "Not the data node, nor its delegate.")
            self.world.keys[round_id] = keys
            self.world.change(round_id, keys_at=self.world.now, keys_digest=keys.digest)

        return self._send(intent, effect)

    def commit(self, round_id: int, commitment: bytes, claimed_train_correct: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TRAINING)
            found = self.world.solutions.setdefault(round_id, [])
            self._require(
                all(s.miner != self.address for s in found), "One commitment is enough for these tests."
            )
            found.append(
                Solution(
                    self.address,
                    commitment,
                    bytes(32),
                    claimed_train_correct,
                    0,
                    len(found),
                    0,
                    revealed=False,
                )
            )
            terms = self.world.rounds[round_id].terms
            enough = claimed_train_correct * 10_000 >= terms.required_train_accuracy * terms.train_count
            ready = self.world.rounds[round_id].ready + enough
            self.world.change(round_id, committed=len(found), ready=ready)

        return self._send(intent, effect)

    def close_submissions(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TRAINING)
            self.world.change(round_id, closed_at=self.world.now, closed_block=self.world.block)

        return self._send(intent, effect)

    def release_test_set_for(self, release: SignedRelease, *, intent: str) -> Receipt:
        return self.release_test_set(release.round_id, release.test, intent=intent)

    def release_test_set(self, round_id: int, test: FileRef, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TEST_RELEASE)
            self._require(self.world.block > self.world.rounds[round_id].closed_block, "Same block.")
            self._require(test.digest == self.world.rounds[round_id].test_digest, "Another test set.")
            self.world.tests[round_id] = test
            self.world.change(round_id, released_at=self.world.now)

        return self._send(intent, effect)

    def arm_test_seed(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TEST_RELEASE)
            self._require(self.world.rounds[round_id].is_idle, "Not idle.")
            armed = self.test_seed(round_id).draw_block
            self._require(armed == 0 or self.world.block > armed + 256, "The draw is armed.")
            self.world.test_seeds[round_id] = SeedState(self.world.block + 2, None)

        return self._send(intent, effect)

    def draw_test_seed(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.TEST_RELEASE)
            armed = self.test_seed(round_id).draw_block
            self._require(0 < armed < self.world.block, "Not yet.")
            block_hash = keccak256(armed.to_bytes(32, "big"))
            self.world.test_seeds[round_id] = SeedState(armed, seeds.test_seed(round_id, block_hash))
            self.world.change(round_id, released_at=self.world.now)

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
            self.world.change(round_id, revealed=revealed, last_reveal_at=self.world.now)

        return self._send(intent, effect)

    def arm_draw(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.DRAW)
            armed = self.world.rounds[round_id].draw_block
            self._require(armed == 0 or self.world.block > armed + 256, "The draw is armed.")
            self.world.change(round_id, draw_block=self.world.block + 2)

        return self._send(intent, effect)

    def draw_committee(self, round_id: int, *, intent: str) -> Receipt:
        def effect() -> None:
            self._in_phase(round_id, Phase.DRAW)
            self._require(0 < self.world.rounds[round_id].draw_block < self.world.block, "Not yet.")
            self._draw(round_id)

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
            due = self.challenge_bond(ballot_id(round_id, standing.attempt))
            self._require(bond == due, "Another bond is due.")
            self._require(not due or standing.challenger == ZERO_ADDRESS, "Challenged already.")
            if bond > self.balance:
                raise FundsError("The wallet cannot pay the bond; fund it.")
            self.balance -= bond
            if bond:
                self.world.change(round_id, challenger=self.address, challenged=standing.attempt)
            self.world.change(round_id, attempt=standing.attempt + 1, draw_block=0)

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

    def _draw(self, round_id: int) -> None:
        world, standing = self.world, self.world.rounds[round_id]
        entropy = keccak256(f"{round_id}/{standing.attempt}/{standing.draw_block}".encode())
        barred = {*(s.miner for s in world.solutions[round_id]), standing.data_node}
        if standing.attempt == 0:
            self._judge_best_claims(round_id)
            minimum = world.parameters.min_committee
        else:
            minimum = world.ballots[ballot_id(round_id, standing.attempt - 1)].seats + 1
        members = draw(
            world.seats,
            entropy,
            size=target_seats(standing.attempt, world.parameters),
            minimum=minimum,
            barred=barred,
        )
        if members:
            self._open_ballot(round_id, members, eligible=len(set(world.seats) - barred))
        if standing.attempt == 0:
            world.change(round_id, entropy=entropy, committee_too_small=not members)
        elif not members:
            world.change(round_id, attempt=standing.attempt - 1, dropped=True)

    def _judge_best_claims(self, round_id: int) -> None:
        world = self.world
        judged = judged_solutions(
            world.solutions[round_id],
            world.rounds[round_id].terms,
            released=world.rounds[round_id].released_at > 0,
            maximum=world.parameters.judged_solutions,
        )
        miners = [solution.miner for solution in judged]
        world.solutions[round_id] = [
            replace(s, choice=miners.index(s.miner) + 1) if s.miner in miners else s
            for s in world.solutions[round_id]
        ]

    def _open_ballot(self, round_id: int, members: tuple[str, ...], *, eligible: int) -> None:
        world = self.world
        number = ballot_id(round_id, world.rounds[round_id].attempt)
        choices = sum(solution.choice > 0 for solution in world.solutions[round_id])
        end = world.now + world.parameters.vote_commit_window
        reveal_end = end + world.parameters.vote_reveal_window
        world.members[number] = members
        world.ballots[number] = Ballot(len(members), choices, 0, 0, end, reveal_end, eligible, settled=False)

    def _count_ballot(self, number: int) -> None:
        world = self.world
        members = list(enumerate(world.members[number]))
        committed = sum(1 << n for n, member in members if (number, member) in world.vote_commitments)
        revealed = sum(1 << n for n, member in members if (number, member) in world.votes)
        ballot = replace(world.ballots[number], committed=committed, revealed=revealed)
        if committed == 2**ballot.seats - 1 and revealed == 0:
            window = world.parameters.vote_reveal_window
            ballot = replace(ballot, commit_deadline=world.now, reveal_deadline=world.now + window)
        if revealed == committed:
            ballot = replace(ballot, reveal_deadline=world.now)
        world.ballots[number] = ballot

    def _finalise(self, round_id: int) -> None:
        world, standing = self.world, self.world.rounds[round_id]
        newest = ballot_id(round_id, standing.attempt)
        found = tuple(world.solutions.get(round_id, ()))
        judged = tuple(sorted((s for s in found if s.choice), key=lambda s: s.choice))
        drawn = newest in world.ballots
        ended = EndedRound(
            data_node=standing.data_node,
            terms=standing.terms,
            keys_posted=standing.keys_at > 0,
            closed_early=standing.closed_at > 0 or standing.is_idle,
            released=standing.released_at > 0,
            solutions=found,
            judged=judged if drawn else None,
            findings=world.findings(newest) if drawn else None,
            tolerance=0,
            challenge=self._bonded_challenge(round_id),
        )
        outcome = judge(ended)
        for payout in settle(ended, outcome, world.parameters).payouts:
            world.credits[payout.payee] = world.credits.get(payout.payee, 0) + payout.amount
        won = outcome.void_reason is VoidReason.NONE
        world.height += won
        world.change(
            round_id, settled=True, void_reason=outcome.void_reason, height=world.height if won else 0
        )

    def _bonded_challenge(self, round_id: int) -> Challenge | None:
        standing = self.world.rounds[round_id]
        if standing.challenger == ZERO_ADDRESS:
            return None
        challenged = ballot_id(round_id, standing.challenged)
        dropped = standing.attempt == standing.challenged
        bond = self.world.parameters.challenge_bond
        return Challenge(standing.challenger, bond, self.world.findings(challenged), dropped)

    def _in_phase(self, round_id: int, needed: Phase) -> None:
        phase = self.world.phase(round_id)[0]
        self._require(phase is needed, f"The round is in {phase.name}, not in {needed.name}.")

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


def new_round(number: int, task: PostedTask, now: int) -> Round:
    return Round(
        round_id=number,
        task_id=task.task_id,
        data_node=task.owner,
        terms=task.terms,
        test_digest=task.files.test_digest,
        parent_hash=keccak256(b"parent"),
        seed=keccak256(f"seed {number}".encode()),
        keys_digest=bytes(32),
        entropy=bytes(32),
        opened_at=now,
        keys_at=0,
        closed_at=0,
        closed_block=0,
        released_at=0,
        last_reveal_at=0,
        draw_block=0,
        committed=0,
        ready=0,
        revealed=0,
        committee_too_small=False,
        settled=False,
        void_reason=VoidReason.NONE,
        attempt=0,
        challenged=0,
        dropped=False,
        challenger=ZERO_ADDRESS,
        height=0,
    )
