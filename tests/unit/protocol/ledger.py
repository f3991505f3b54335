"""A PoLe chain in plain Python, for tests: it records, votes and appends as the contracts do."""

from dataclasses import dataclass, field, replace

from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS, TERMS

from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment, vote_payload
from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SolutionCommitted,
    SolutionRevealed,
    SubmissionsClosed,
    TallyChallenged,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    TestSetReleased,
    VoteCommitted,
    VoteLeaked,
    VoteRevealed,
    encode_record,
)
from pole.protocol.encoding.seeds import round_seed
from pole.protocol.encoding.tasks import files_hash, terms_hash
from pole.protocol.formats.block_body import body_root
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.parameters import Parameters
from pole.protocol.replay.history import Block, History, Surroundings
from pole.protocol.replay.round_audit import audit_round
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.solutions import solutions
from pole.protocol.rounds.judgement import judge, judged_solutions
from pole.protocol.rounds.ommer_rewards import NOTHING, pool_draw
from pole.protocol.rounds.payouts import pool_payouts, settle
from pole.protocol.rounds.value_heap import WaitingTask, best, waiting_task
from pole.protocol.state import (
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


@dataclass
class Ledger:
    """What the contracts have recorded so far."""

    parameters: Parameters = PARAMETERS
    blocks: list[Block] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    tasks: dict[int, PostedTask] = field(default_factory=dict)
    waiting: dict[int, WaitingTask] = field(default_factory=dict)
    seeds: dict[int, bytes] = field(default_factory=dict)
    votes: dict[tuple[int, str], tuple[Vote, ...]] = field(default_factory=dict)
    salts: dict[tuple[int, str], bytes] = field(default_factory=dict)
    leaks: dict[tuple[int, str], LeakedVote] = field(default_factory=dict)
    ommers: dict[int, Ommer] = field(default_factory=dict)
    round_records: list[RecordData] = field(default_factory=list)

    def __post_init__(self) -> None:
        genesis = genesis_header(1_000)
        self.blocks.append(Block(genesis, header_hash(genesis), ()))

    @property
    def around(self) -> Surroundings:
        miners = {key: salt for key, salt in self.salts.items() if key[1] in MINERS}
        verifiers = {key: salt for key, salt in self.salts.items() if key[1] in SEATS}
        opened = (miners, verifiers, self.leaks)
        return Surroundings(1337, CHAIN, COMMITTEE, self.parameters, self.votes, *opened)

    def history(self) -> History:
        return History(self.around, tuple(self.blocks), tuple(self.records), self.tasks, self.seeds)

    def body(self) -> tuple[Record, ...]:
        return tuple(record for record in self.records if record.height == len(self.blocks))

    def add(self, data: RecordData) -> None:
        kind, encoded = encode_record(data)
        self.records.append(Record(len(self.blocks), len(self.body()), kind, encoded))
        if not isinstance(data, TaskPosted | TaskCancelled | TaskReplaced):
            self.round_records.append(data)

    def post(self, terms: TaskTerms = TERMS) -> int:
        task_id = len(self.tasks) + 1
        self.tasks[task_id] = PostedTask(task_id, DATA_NODE, terms, FILES)
        self.waiting[task_id] = waiting_task(task_id, terms, self.parameters.task_list)
        self.add(TaskPosted(task_id, DATA_NODE, terms_hash(terms), files_hash(FILES)))
        return task_id

    def replace(self, task_id: int, by: int) -> None:
        self.waiting.pop(task_id, None)
        self.add(TaskReplaced(task_id, by))

    def open(self) -> int:
        taken = best(self.waiting.values())
        task_id = self.waiting.pop(taken.task_id).task_id if taken else IDLE_TASK_ID
        round_id, head = len(self.seeds) + 1, self.blocks[-1].hash
        self.round_records = []
        self.add(RoundOpened(round_id, task_id, head, b"\x0e" * 32))
        self.seeds[round_id] = round_seed(head, body_root(self.body()))
        return round_id

    def commit(self, round_id: int, n: int, train: int = 95) -> None:
        binding = solution_commitment(
            chain_id=1337,
            chain_address=CHAIN,
            round_id=round_id,
            miner=MINERS[n],
            model_digest=bytes([n + 1]) * 32,
            claimed_train_correct=train,
            salt=SALT,
        )
        self.add(SolutionCommitted(round_id, MINERS[n], binding, train))

    def reveal(self, round_id: int, n: int, train: int = 95, test: int = 9) -> None:
        self.salts[round_id, MINERS[n]] = SALT
        self.add(SolutionRevealed(round_id, MINERS[n], "bafymodel", bytes([n + 1]) * 32, train, test))

    def draw(self, round_id: int, members: tuple[str, ...] = VERIFIERS, *, released: bool = True) -> int:
        """Draw a committee; return how many solutions it judges."""
        maximum = self.parameters.chain.max_solutions
        traced = trace(self.round_records)
        judged = judged_solutions(
            solutions(traced, maximum=maximum),
            self._task_of(traced).terms,
            released=released,
            maximum=self.parameters.chain.judged_solutions,
        )
        self.add(DrawArmed(round_id, 100))
        self.add(CommitteeDrawn(round_id, b"\x0c" * 32, members, tuple(each.miner for each in judged)))
        return len(judged)

    def vote(
        self,
        ballot: int,
        votes: tuple[Vote, ...],
        members: tuple[str, ...] = VERIFIERS,
        leaked: tuple[str, ...] = (),
    ) -> None:
        """Let every member cast the same votes, those of some of them being leaked."""
        for verifier in members:
            binding = vote_commitment(
                chain_id=1337,
                committee_address=COMMITTEE,
                ballot_id=ballot,
                verifier=verifier,
                votes=votes,
                salt=SALT,
            )
            self.add(VoteCommitted(ballot, verifier, binding))
        for verifier in leaked:
            self.leaks[ballot, verifier] = LeakedVote(verifier, votes, SALT)
            self.add(VoteLeaked(ballot, verifier, CHALLENGER))
        for verifier in members:
            if verifier not in leaked:
                self.votes[ballot, verifier] = votes
                self.salts[ballot, verifier] = SALT
                self.add(VoteRevealed(ballot, verifier, vote_payload(votes)))

    def challenge(self, round_id: int, attempt: int = 0, bond: int | None = None) -> None:
        """Challenge a tally, with the bond that is due for one that decides unless another is given."""
        due = self.parameters.chain.challenge_bond if bond is None else bond
        self.add(TallyChallenged(round_id, attempt, CHALLENGER, due))

    def run_to_training(self) -> int:
        """Open a round and take it up to its training; return its id."""
        round_id = self.open()
        self.add(KeysPosted(round_id, "bafykeys", b"\x21" * 32))
        return round_id

    def reveal_all(self, round_id: int, *miners: int, train: int = 95) -> None:
        """End the training and let these miners reveal what they committed to."""
        self.add(SubmissionsClosed(round_id))
        self.add(TestSetReleased(round_id, "bafytest", FILES.test_digest))
        for n in miners:
            self.reveal(round_id, n, train)

    def run_to_reveal(self, miners: int = 2, train: int = 95) -> int:
        """Open a round and take it up to the reveals; return its id."""
        round_id = self.run_to_training()
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
        traced = trace(self.round_records)
        task = self._task_of(traced)
        result = audit_round(traced, task, self.around)
        ended = result.ended
        judgement, settlement = judge(ended), settle(ended, judge(ended), self.parameters.chain)
        if judgement.void_reason is not VoidReason.NONE:
            self.add(Payouts(round_id, settlement.payouts))
            self.add(RoundVoided(round_id, judgement.void_reason))
            return
        assert judgement.winner is not None
        assert ended.judged is not None
        assert ended.findings is not None
        height = len(self.blocks)
        recent = [each for each in self.ommers.values() if not each.referenced and height - each.height <= 6]
        ommer = max(recent, key=lambda each: (each.correct / each.total, -each.height), default=None)
        reward = self.parameters.chain.block_reward if pool_holds else 0
        draw = pool_draw(ommer if pool_holds else None, height=height, block_reward=reward)
        if task.task_id == IDLE_TASK_ID:
            draw = NOTHING
        winner, finding = ended.judged[judgement.winner], ended.findings[judgement.winner]
        self.add(Payouts(round_id, (*settlement.payouts, *pool_payouts(draw, winner.miner))))
        referenced = (replace(draw.ommer, referenced=True),) if draw.ommer else ()
        for each in referenced:
            self.ommers[each.height] = each
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
        if judgement.ommers and task.task_id != IDLE_TASK_ID:
            second = ended.judged[judgement.ommers[0]]
            count = len(judgement.ommers)
            self.ommers[height] = Ommer(
                height, second.miner, second.model_digest, 9, 10, count, referenced=False
            )
        self.blocks.append(Block(header, header_hash(header), referenced))
