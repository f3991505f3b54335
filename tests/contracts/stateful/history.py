"""What happens happens in order: phases, records, draws, blocks; views and events tell."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from eth_abi.abi import decode, encode
from tests.contracts.stateful.books import ENDED, NO_TASK, Books
from tests.contracts.stateful.evm import Values, mix
from tests.contracts.stateful.pair import Pair

from pole.protocol.encoding.abi import HEADER, PAYOUT
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.merkle_body import body_of, leaf, root
from pole.protocol.state import TRUTHS, Phase, RecordKind, Verdict

BPS = 10_000
OLDEST_OMMER = 6
# The kinds of record that a round's others come between.
STEPS = [
    RecordKind.ROUND_OPENED,
    RecordKind.SEED_DRAWN,
    RecordKind.KEYS_POSTED,
    RecordKind.SOLUTION_COMMITTED,
    RecordKind.SUBMISSIONS_CLOSED,
    RecordKind.TEST_SET_RELEASED,
    RecordKind.TEST_SEED_DRAWN,
    RecordKind.SOLUTION_REVEALED,
    RecordKind.COMMITTEE_DRAWN,
    RecordKind.VOTE_COMMITTED,
    RecordKind.VOTE_REVEALED,
    RecordKind.TALLY_CHALLENGED,
    RecordKind.PAYOUTS,
    RecordKind.ROUND_VOIDED,
]
OF_BALLOTS = {RecordKind.VOTE_COMMITTED, RecordKind.VOTE_REVEALED}
ONCE = {*STEPS} - {
    RecordKind.SOLUTION_COMMITTED,
    RecordKind.SOLUTION_REVEALED,
    RecordKind.VOTE_COMMITTED,
    RecordKind.VOTE_REVEALED,
}
# The last records that the block which draws something must be younger than.
DRAWN_AFTER = {
    RecordKind.SEED_DRAWN: [RecordKind.ROUND_OPENED],
    RecordKind.TEST_SEED_DRAWN: [RecordKind.SOLUTION_COMMITTED, RecordKind.SUBMISSIONS_CLOSED],
    RecordKind.COMMITTEE_DRAWN: [
        RecordKind.SUBMISSIONS_CLOSED,
        RecordKind.SOLUTION_REVEALED,
        RecordKind.VOTE_REVEALED,
        RecordKind.TALLY_CHALLENGED,
    ],
}


class History:
    """Keeps what was recorded, and holds what comes next against it."""

    def __init__(self, pair: Pair, books: Books) -> None:
        self._pair = pair
        self._books = books
        self._phases: dict[int, tuple[int, int]] = {}
        self._kinds: dict[int, list[RecordKind]] = defaultdict(list)
        self._last_in: dict[tuple[int, RecordKind], int] = {}
        self._named: dict[int, int] = {}
        self._claims: dict[int, dict[str, int]] = defaultdict(dict)
        self._leaves: list[bytes] = []
        self._seated: frozenset[str] = frozenset()
        self._seated_at: dict[int, frozenset[str]] = {}
        self._votes: dict[tuple[int, str], Values] = {}
        self._hashes = [pair.view("Ledger.blockHash", 0)[0]]
        self._referenced: set[int] = set()

    def look(self) -> None:
        for _, name, arguments in self._pair.events:
            look_at = LOOKS.get(name)
            if look_at is not None:
                look_at(self, *arguments)
        for lane in range(self._pair.model.lanes):
            self._check_phase(self._pair.view("PoLeChain.newestRound", lane)[0])

    def _check_phase(self, round_id: int) -> None:
        if round_id == 0:
            return
        phase = self._pair.view("PoLeChain.phaseOf", round_id)[0]
        reached = (self._kinds[round_id].count(RecordKind.TALLY_CHALLENGED), phase)
        last = self._phases.get(round_id, (0, Phase.SEED))
        assert reached >= last, f"round {round_id} went back to {Phase(phase)!r}"
        self._phases[round_id] = reached

    def _look_at_record(self, height: int, index: int, kind: int, data: bytes) -> None:
        assert (height, index) == (len(self._hashes), len(self._leaves))
        self._leaves.append(leaf(RecordKind(kind), data))
        if kind in STEPS:
            about = int.from_bytes(data[:32], "big")
            self._look_at_step(about // 4 if kind in OF_BALLOTS else about, RecordKind(kind))
        if kind == RecordKind.ROUND_OPENED:
            self._look_at_opening(*decode(["uint256", "uint256", "bytes32", "uint64"], data))
        if kind == RecordKind.DRAW_ARMED:
            self._look_at_naming(*decode(["uint256", "uint64"], data))
        if kind in DRAWN_AFTER:
            self._look_at_mix(RecordKind(kind), int.from_bytes(data[:32], "big"), data[32:64])
        if kind == RecordKind.SOLUTION_COMMITTED:
            round_id, miner, _, claimed = decode(["uint256", "address", "bytes32", "uint32"], data)
            self._claims[round_id][miner] = claimed
        if kind == RecordKind.SOLUTION_DISPLACED:
            self._look_at_displacement(*decode(["uint256", "address"], data))
        if kind == RecordKind.PAYOUTS:
            round_id, payouts = decode(["uint256", f"{PAYOUT}[]"], data)
            self._books.settle_payouts(round_id, payouts)
            for attempt in range(1, self._pair.view("PoLeChain.round", round_id)[0][16] + 1):
                self._check_what_stands(4 * round_id + attempt)

    def _look_at_step(self, round_id: int, kind: RecordKind) -> None:
        kinds, block = self._kinds[round_id], self._pair.model.clock.number
        kinds.append(kind)
        # A challenge leads back to the draw, twice at most.
        again = [n for n, each in enumerate(kinds) if each is RecordKind.TALLY_CHALLENGED]
        assert len(again) <= 2, kinds
        since = kinds[again[-1] :] if again else kinds
        first = STEPS.index(RecordKind.SOLUTION_REVEALED) if again else 0
        steps = [STEPS.index(each) for each in since if each is not RecordKind.TALLY_CHALLENGED]
        assert all(earlier <= later for earlier, later in pairwise([first, *steps])), kinds
        assert kind not in ONCE or since.count(kind) == 1, kinds
        if kind is RecordKind.TEST_SET_RELEASED and self._pair.view("PoLeChain.round", round_id)[0][18]:
            assert block > self._last_in[round_id, RecordKind.SUBMISSIONS_CLOSED]
        self._last_in[round_id, kind] = block

    def _look_at_naming(self, round_id: int, draw_block: int) -> None:
        assert draw_block > self._pair.model.clock.number + 1
        self._named[round_id] = draw_block

    def _look_at_mix(self, kind: RecordKind, round_id: int, drawn: bytes) -> None:
        """What was drawn by a block was certain before anybody could know the block."""
        named = self._named.pop(round_id)
        assert drawn == mix(named)
        assert named < self._pair.model.clock.number
        for earlier in DRAWN_AFTER[kind]:
            assert self._last_in.get((round_id, earlier), 0) < named

    def _look_at_displacement(self, round_id: int, miner: str) -> None:
        """Only in a full round, only the lowest claim gives way, and only to a higher one."""
        claims = self._claims[round_id]
        assert len(claims) == self._pair.model.parameters.chain["maxSolutions"]
        lowest = claims.pop(miner)
        solutions = {each[0]: each[3] for each in self._pair.view("PoLeChain.solutions", round_id)[0]}
        assert miner not in solutions
        assert len(solutions) == len(claims) + 1
        assert (
            min([*claims.values(), lowest])
            == lowest
            < min(solutions[each] for each in {*solutions} - {*claims})
        )

    def _look_at_opening(self, round_id: int, task_id: int, parent: bytes, draw_block: int) -> None:
        assert parent == self._hashes[-1]
        self._look_at_naming(round_id, draw_block)
        if task_id != NO_TASK:
            return
        assert self._pair.view("TaskList.waiting")[0] == 0
        for lane in range(self._pair.model.lanes):
            other = self._pair.view("PoLeChain.newestRound", lane)[0]
            is_open = (
                other not in (0, round_id) and self._pair.view("PoLeChain.phaseOf", other)[0] not in ENDED
            )
            assert not is_open or self._pair.view("PoLeChain.round", other)[0][0] != NO_TASK

    def _look_at_replacement(self, task_id: int, owner: str, refund: int, by_task_id: int) -> None:
        """Only in a full list, and only by what is worth more."""
        limits = self._pair.model.parameters.task_list
        assert self._pair.view("TaskList.waiting")[0] == limits["maxTasks"]
        assert [self._pair.view("TaskList.isListed", each)[0] for each in (task_id, by_task_id)] == [
            False,
            True,
        ]
        old, new = (self._pair.view("TaskList.task", each)[0] for each in (task_id, by_task_id))
        rent = old[2][0] * limits["rentBps"] // BPS
        assert (owner, refund) == (old[0], old[2][0] + old[2][1] + rent)
        assert self._books.value(old) < self._books.value(new)

    def _look_at_seat(self, verifier: str, _stake: int, *, takes: bool) -> None:
        self._seated = self._seated | {verifier} if takes else self._seated - {verifier}
        self._seated_at[self._pair.model.clock.time] = self._seated

    def _look_at_draw(self, ballot_id: int, members: Values, choices: int) -> None:
        round_id, attempt = divmod(ballot_id, 4)
        opened = self._pair.view("PoLeChain.round", round_id)[0]
        solutions = self._pair.view("PoLeChain.solutions", round_id)[0]
        miners = {solution[0] for solution in solutions}
        if attempt:
            assert len(members) > len(self._pair.view("VerifierCommittee.members", ballot_id - 1)[0])
        assert len({*members}) == len(members)
        time = opened[5] - self._pair.model.parameters.committee["seatAge"]
        last = max((at for at in self._seated_at if at <= time), default=0)
        assert {*members} <= self._seated_at.get(last, frozenset()) - miners - {opened[1][0]}
        models = {(solution[2], solution[6]) for solution in solutions if solution[7]}
        assert {choice for _, choice in models} == {*range(1, choices + 1)}
        assert len(models) == choices > 0

    def _look_at_votes(self, ballot_id: int, member: str, votes: Values) -> None:
        self._votes[ballot_id, member] = votes

    def _look_at_penalty(self, ballot_id: int, member: str, _amount: int) -> None:
        """Nobody loses a part of its stake for want of a file: only for silence, a leak, or a falsehood."""
        if (ballot_id, member) not in self._votes:
            return
        round_id = ballot_id // 4
        attempt = self._pair.view("PoLeChain.round", round_id)[0][16]
        found = self._pair.view("VerifierCommittee.findings", 4 * round_id + attempt)[0]
        votes = self._votes[ballot_id, member]
        assert any(
            vote[0] in TRUTHS and last[0] in TRUTHS and (*vote[:3], vote[3][:7]) != _as_vote(last)
            for vote, last in zip(votes, found, strict=True)
        ), f"{member} lost for votes that nobody proved false"

    def _check_what_stands(self, ballot_id: int) -> None:
        """A truth falls only where more than half of a larger committee say another: by no abstention."""
        before, after = (
            self._pair.view("VerifierCommittee.findings", each)[0] for each in (ballot_id - 1, ballot_id)
        )
        members = self._pair.view("VerifierCommittee.members", ballot_id)[0]
        told = [self._votes[ballot_id, each] for each in members if (ballot_id, each) in self._votes]
        for choice, (old, new) in enumerate(zip(before, after, strict=True)):
            if old[0] not in TRUTHS or new[:3] == old[:3]:
                continue
            others = Counter(votes[choice][:3] for votes in told if votes[choice][0] in TRUTHS)
            del others[old[:3]]
            assert 2 * max(others.values(), default=0) > len(members), f"ballot {ballot_id}, choice {choice}"

    def _look_at_block(self, height: int, block_hash: bytes, header: Values, ommers: Values) -> None:
        assert height == header[0] == len(self._hashes)
        assert header[1] == self._hashes[-1]
        assert keccak256(encode([HEADER], [header])) == block_hash
        assert root(body_of(self._leaves)) == header[9]
        self._hashes.append(block_hash)
        self._leaves = []
        self._check_winner(round_id=header[2], winner=header[4], counts=header[6:8])
        assert len(ommers) <= 1
        for ommer in ommers:
            assert height - OLDEST_OMMER * self._pair.model.lanes <= ommer[0] < height
            assert ommer[0] not in self._referenced
            self._referenced.add(ommer[0])

    def _check_winner(self, *, round_id: int, winner: str, counts: tuple[int, int]) -> None:
        """Of the true solutions above the thresholds, or of all where none is, the winner has most."""
        opened = self._pair.view("PoLeChain.round", round_id)[0]
        terms, is_released = opened[1][2], opened[17]
        found = self._pair.view("VerifierCommittee.findings", 4 * round_id + opened[16])[0]
        judged = [each for each in self._pair.view("PoLeChain.solutions", round_id)[0] if each[6]]
        pairs = [(each, found[each[6] - 1]) for each in judged]
        true = [pair for pair in pairs if _is_true(*pair, is_released=is_released)]
        meeting = [pair for pair in true if _meets(terms, pair[1], is_released=is_released)]
        must_meet = opened[18] or opened[0] == NO_TASK
        assert meeting or not must_meet, "closed early, or idle, a round needs one above the thresholds"
        ranks = {
            each[0]: (_score(each, one, is_released=is_released), -each[5]) for each, one in meeting or true
        }
        assert ranks[winner] == max(ranks.values())
        assert counts == next(one[1:3] for each, one in true if each[0] == winner)


def _as_vote(found: Values) -> Values:
    return *found[:3], found[3].to_bytes(7, "big")


def _is_true(solution: Values, found: Values, *, is_released: bool) -> bool:
    is_test_true = not is_released or solution[4] <= found[2]
    return found[0] == Verdict.OK and is_test_true and solution[3] <= found[1]


def _meets(terms: Values, found: Values, *, is_released: bool) -> bool:
    train = found[1] * BPS >= terms[6] * terms[8]
    return train and (not is_released or found[2] * BPS >= terms[7] * terms[9])


def _score(solution: Values, found: Values, *, is_released: bool) -> int:
    return min(solution[4], found[2]) if is_released else min(solution[3], found[1])


LOOKS: dict[str, Callable[..., None]] = {
    "Recorded": History._look_at_record,
    "TaskReplaced": History._look_at_replacement,
    "Staked": partial(History._look_at_seat, takes=True),
    "SeatLeft": partial(History._look_at_seat, takes=False),
    "Drawn": History._look_at_draw,
    "VoteRevealed": History._look_at_votes,
    "Slashed": History._look_at_penalty,
    "BlockAppended": History._look_at_block,
}
