"""A PoLe chain in plain Python, for tests: it records, votes and appends as the contracts do."""

from dataclasses import dataclass, field, replace

from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS, TERMS

from pole.protocol.ballots import ballot_id, challenge_bond
from pole.protocol.encoding.commitments import (
    files_hash,
    solution_commitment,
    terms_hash,
    vote_commitment,
    vote_payload,
)
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SeedDrawn,
    SolutionCommitted,
    SolutionRevealed,
    SubmissionsClosed,
    TallyChallenged,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    TestSeedDrawn,
    TestSetReleased,
    VoteCommitted,
    VoteLeaked,
    VoteRevealed,
    encode_record,
    round_of,
)
from pole.protocol.encoding.seeds import draw_entropy, round_origin, round_seed, test_seed
from pole.protocol.formats.block_body import body_root
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.parameters import Parameters
from pole.protocol.replay.audits.rounds import RoundResult, audit_round
from pole.protocol.replay.audits.solutions import solutions
from pole.protocol.replay.history import History, Surroundings
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.surroundings import Books, RoundClock
from pole.protocol.rounds.judgement import choices_of, finding_of
from pole.protocol.rounds.ommer_rewards import NOTHING, PoolDraw, pool_draw
from pole.protocol.rounds.outcomes import outcomes, part
from pole.protocol.rounds.payouts import pool_payouts
from pole.protocol.rounds.value_heap import WaitingTask, best, waiting_task
from pole.protocol.state import (
    Block,
    Header,
    Ommer,
    PostedTask,
    Record,
    TaskFiles,
    TaskTerms,
    Verdict,
    VoidReason,
    Vote,
)

CHAIN = "0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab"
COMMITTEE = "0x5b1869D9A4C187F2EAa108f3062412ecf0526b24"
VERIFIERS = (
    "0x95cED938F7991cd0dFcb48F0a06a40FA1aF46EBC",
    "0x3E5e9111Ae8eB78Fe1CC3bb8915d5D461F3Ef9A9",
    "0x28a8746e75304c0780E011BEd21C72cD78cd535E",
)
SEATS = (
    *VERIFIERS,
    "0xACa94ef8bD5ffEE41947b4585a84BdA5a3d3DA6E",
    "0x1dF62f291b2E969fB0849d99D9Ce41e2F137006e",
    "0x610Bb1573d1046FCb8A70Bbbd395754cD57C2b60",
    "0x855FA758c77D68a04990E992aA4dcdeF899F654A",
)
CHALLENGER = MINERS[3]
SALT = b"\x5a" * 32
FILES = TaskFiles("bafyspec", b"\x11" * 32, "bafytrain", b"\x12" * 32, b"\x13" * 32, b"\x14" * 32)
HONEST = Vote(Verdict.OK, 95, 9, b"\x77" * 32)


def mix_of(block: int) -> bytes:
    """Return the RANDAO mix of an Ethereum block."""
    return keccak256(block.to_bytes(32, "big"))


def digest_of(miner: int) -> bytes:
    """Return the digest of the model that is a miner's own."""
    return bytes([miner + 1]) * 32


@dataclass
class Ledger:
    """What the contracts have recorded so far."""

    parameters: Parameters = PARAMETERS
    blocks: list[Block] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    tasks: dict[int, PostedTask] = field(default_factory=dict)
    waiting: dict[int, WaitingTask] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    rounds: dict[int, list[RecordData]] = field(default_factory=dict)
    origins: dict[int, bytes] = field(default_factory=dict)
    votes: dict[tuple[int, str], tuple[Vote, ...]] = field(default_factory=dict)
    salts: dict[tuple[int, str], bytes] = field(default_factory=dict)
    leaks: dict[tuple[int, str], LeakedVote] = field(default_factory=dict)
    clocks: dict[int, RoundClock] = field(default_factory=dict)
    books: Books = field(default_factory=lambda: Books({}, {}, {}, {}))
    strikes: dict[str, int] = field(default_factory=dict)
    ommer: Ommer | None = None
    ethereum_block: int = 100

    def __post_init__(self) -> None:
        genesis = genesis_header(1_000)
        self.blocks.append(Block(genesis, header_hash(genesis), ()))

    @property
    def around(self) -> Surroundings:
        miners = {key: salt for key, salt in self.salts.items() if key[1] in MINERS}
        verifiers = {key: salt for key, salt in self.salts.items() if key[1] in SEATS}
        opened = (miners, verifiers, self.leaks)
        known = (self.clocks, self.books, mix_of)
        return Surroundings(1337, CHAIN, COMMITTEE, self.parameters, self.votes, *opened, *known)

    @property
    def round_records(self) -> list[RecordData]:
        """Return the records of the round that was opened last."""
        return list(self.rounds.values())[-1]

    def history(self) -> History:
        return History(self.around, tuple(self.blocks), tuple(self.records), self.tasks)

    def body(self) -> tuple[Record, ...]:
        return tuple(record for record in self.records if record.height == len(self.blocks))

    def add(self, data: RecordData) -> None:
        kind, encoded = encode_record(data)
        self.records.append(Record(len(self.blocks), len(self.body()), kind, encoded))
        if not isinstance(data, TaskPosted | TaskCancelled | TaskReplaced):
            self.rounds.setdefault(round_of(data) or 0, []).append(data)

    def post(self, terms: TaskTerms = TERMS) -> int:
        task_id = len(self.tasks) + 1
        self.tasks[task_id] = PostedTask(task_id, DATA_NODE, terms, FILES)
        self.waiting[task_id] = waiting_task(task_id, terms, self.parameters.task_list)
        self.add(TaskPosted(task_id, DATA_NODE, terms_hash(terms), files_hash(FILES)))
        return task_id

    def replace(self, task_id: int, by: int) -> None:
        self.waiting.pop(task_id, None)
        self.add(TaskReplaced(task_id, by))

    def open(self, lane: int = 0) -> int:
        taken = best(self.waiting.values())
        task_id = self.waiting.pop(taken.task_id).task_id if taken else IDLE_TASK_ID
        lanes, head = self.parameters.committee.lanes, self.blocks[-1].hash
        round_id = self.newest.get(lane, lane) + lanes
        self.newest[lane] = round_id
        self.add(RoundOpened(round_id, task_id, head, self.name_block()))
        self.origins[round_id] = round_origin(head, body_root(self.body()))
        return round_id

    def name_block(self) -> int:
        self.ethereum_block += 2
        return self.ethereum_block

    def arm(self, round_id: int) -> bytes:
        """Name an Ethereum block for the next draw; return its mix."""
        block = self.name_block()
        self.add(DrawArmed(round_id, block))
        return mix_of(block)

    def seed(self, round_id: int) -> None:
        """Draw the seed of a round that was just opened."""
        (opened,) = [each for each in self.rounds[round_id] if isinstance(each, RoundOpened)]
        mix = mix_of(opened.draw_block)
        self.add(SeedDrawn(round_id, mix, round_seed(self.origins[round_id], round_id, mix)))

    def draw_test_seed(self, round_id: int) -> None:
        mix = self.arm(round_id)
        self.add(TestSeedDrawn(round_id, mix, test_seed(round_id, mix)))

    def commit(self, round_id: int, n: int, train: int = 95, model: int | None = None) -> None:
        """Let miner `n` commit to a model of its own, or to that of miner `model`."""
        binding = solution_commitment(
            chain_id=1337,
            chain_address=CHAIN,
            round_id=round_id,
            miner=MINERS[n],
            model_digest=digest_of(n if model is None else model),
            claimed_train_correct=train,
            salt=SALT,
        )
        self.add(SolutionCommitted(round_id, MINERS[n], binding, train))

    def reveal(self, round_id: int, n: int, train: int = 95, test: int = 9, model: int | None = None) -> None:
        digest = digest_of(n if model is None else model)
        self.salts[round_id, MINERS[n]] = SALT
        self.add(SolutionRevealed(round_id, MINERS[n], "bafymodel", digest, train, test))

    def draw(self, round_id: int, members: tuple[str, ...] = VERIFIERS) -> int:
        """Draw a committee; return how many solutions it judges."""
        traced, mix = trace(self.rounds[round_id]), self.arm(round_id)
        entropy = draw_entropy(round_id, len(traced.ballots), mix)
        self.add(CommitteeDrawn(round_id, mix, entropy, members))
        return choices_of(solutions(traced, maximum=self.parameters.chain.max_solutions))

    def vote(
        self,
        ballot: int,
        votes: tuple[Vote, ...],
        members: tuple[str, ...] = VERIFIERS,
        leaked: tuple[str, ...] = (),
    ) -> None:
        """Let every member cast the same votes, those of some of them being leaked."""
        self._cast(ballot, dict.fromkeys(members, votes), leaked)

    def cast(self, ballot: int, votes: dict[str, Vote]) -> None:
        """Let members cast a vote each on the one choice."""
        self._cast(ballot, {member: (vote,) for member, vote in votes.items()})

    def _cast(self, ballot: int, votes: dict[str, tuple[Vote, ...]], leaked: tuple[str, ...] = ()) -> None:
        for verifier, own in votes.items():
            binding = vote_commitment(
                chain_id=1337,
                committee_address=COMMITTEE,
                ballot_id=ballot,
                verifier=verifier,
                votes=own,
                salt=SALT,
            )
            self.add(VoteCommitted(ballot, verifier, binding))
        for verifier in leaked:
            self.leaks[ballot, verifier] = LeakedVote(verifier, votes[verifier], SALT)
            self.add(VoteLeaked(ballot, verifier, CHALLENGER))
        for verifier, own in votes.items():
            if verifier not in leaked:
                self.votes[ballot, verifier] = own
                self.salts[ballot, verifier] = SALT
                self.add(VoteRevealed(ballot, verifier, vote_payload(own)))

    def challenge(self, round_id: int, attempt: int = 0, bond: int | None = None) -> None:
        """Challenge a tally, with the bond that is due unless another is given."""
        task = self._task_of(trace(self.rounds[round_id]))
        due = challenge_bond(attempt, task.terms.reward, self.parameters.chain) if bond is None else bond
        self.add(TallyChallenged(round_id, attempt, CHALLENGER, due))

    def run_to_training(self, lane: int = 0) -> int:
        """Open a round and take it up to its training; return its id."""
        round_id = self.open(lane)
        self.seed(round_id)
        self.add(KeysPosted(round_id, "bafykeys", b"\x21" * 32))
        return round_id

    def reveal_all(self, round_id: int, *miners: int, train: int = 95) -> None:
        """End the training and let these miners reveal what they committed to."""
        self.add(SubmissionsClosed(round_id))
        self.add(TestSetReleased(round_id, "bafytest", FILES.test_digest))
        for n in miners:
            self.reveal(round_id, n, train)

    def run_to_reveal(self, miners: int = 2, train: int = 95, lane: int = 0) -> int:
        """Open a round and take it up to the reveals; return its id."""
        round_id = self.run_to_training(lane)
        for n in range(miners):
            self.commit(round_id, n, train)
        self.reveal_all(round_id, *range(miners), train=train)
        return round_id

    def run(
        self, miners: int = 2, vote: Vote | None = HONEST, *, train: int = 95, pool_holds: bool = True
    ) -> None:
        """Run a whole round in which every verifier casts `vote` on every solution, or none."""
        round_id = self.run_to_reveal(miners, train)
        choices = self.draw(round_id)
        if vote is not None:
            self.vote(ballot_id(round_id, 0), (vote,) * choices)
        self.finalise(round_id, pool_holds=pool_holds)

    def _task_of(self, traced: RoundTrace) -> PostedTask:
        return self.tasks.get(traced.opened.task_id) or idle_task(self.parameters)

    def finalise(self, round_id: int, *, pool_holds: bool = True) -> None:
        """End a round that took 300 seconds."""
        now = 1_000 + len(self.blocks)
        self.clocks[round_id] = RoundClock(now - 300, now, closed_early=True)
        traced = trace(self.rounds[round_id])
        task = self._task_of(traced)
        result = audit_round(traced, self.origins[round_id], task, self.around)
        self._keep_books(round_id, result)
        if result.judgement.void_reason is not VoidReason.NONE:
            self.add(Payouts(round_id, result.settlement.payouts))
            self.add(RoundVoided(round_id, result.judgement.void_reason))
            return
        self._append(round_id, task, result, self._pool_draw(task, pool_holds=pool_holds))

    def _keep_books(self, round_id: int, result: RoundResult) -> None:
        findings = result.ended.findings
        if findings is None:
            return
        penalty, lost = self.parameters.committee.penalty, 0
        owed = outcomes(result.committees, findings)
        for each in owed:
            key = (ballot_id(round_id, each.attempt), each.member)
            if key in self.leaks:
                self._books_of("leaks")[key] = penalty
            if each.slashed:
                self._books_of("penalties")[key] = (penalty,)
                lost += penalty
            if each.struck:
                self.strikes[each.member] = self.strikes.get(each.member, 0) % 3 + 1
                self._books_of("strikes")[key] = self.strikes[each.member]
            elif each.slashed or each.cleared or each.unseated:
                self.strikes[each.member] = 0
        pot = result.settlement.verification_fee + (lost if len(result.committees) > 1 else 0)
        share = part(pot, result.committees, len(findings))
        for each in owed:
            if each.parts * share:
                key = (ballot_id(round_id, each.attempt), each.member)
                self._books_of("rewards")[key] = each.parts * share

    def _books_of(self, kind: str) -> dict[tuple[int, str], object]:
        books: dict[tuple[int, str], object] = getattr(self.books, kind)
        return books

    def _pool_draw(self, task: PostedTask, *, pool_holds: bool) -> PoolDraw:
        if task.task_id == IDLE_TASK_ID:
            return NOTHING
        height, lanes = len(self.blocks), self.parameters.committee.lanes
        kept = self.ommer
        ommer = kept if kept is not None and height - kept.height <= 6 * lanes else None
        reward = self.parameters.chain.block_reward if pool_holds else 0
        return pool_draw(ommer if pool_holds else None, height=height, lanes=lanes, block_reward=reward)

    def _append(self, round_id: int, task: PostedTask, result: RoundResult, draw: PoolDraw) -> None:
        winner = result.judgement.winner
        assert winner is not None
        height, finding = len(self.blocks), finding_of(result.ended, winner)
        self.add(Payouts(round_id, (*result.settlement.payouts, *pool_payouts(draw, winner.miner))))
        referenced = (replace(draw.ommer, referenced=True),) if draw.ommer else ()
        if draw.ommer:
            self.ommer = None
        header = Header(
            height=height,
            parent_hash=self.blocks[-1].hash,
            round_id=round_id,
            task_id=task.task_id,
            winner=winner.miner,
            model_digest=winner.model_digest,
            train_correct=finding.train_correct,
            test_correct=finding.test_correct,
            ommers_hash=ommers_hash(referenced),
            body_root=body_root(self.body()),
            timestamp=1_000 + height,
        )
        if result.judgement.ommers and task.task_id != IDLE_TASK_ID:
            second, count = result.judgement.ommers[0], len(result.judgement.ommers)
            self.ommer = Ommer(height, second.miner, second.model_digest, 9, 10, count, referenced=False)
        self.blocks.append(Block(header, header_hash(header), referenced))
