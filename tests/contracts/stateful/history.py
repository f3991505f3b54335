"""What happens happens in order: phases, records, draws, blocks; views and events tell."""

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from tests.contracts.stateful.books import NO_TASK, Books
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.pair import Pair
from tests.contracts.stateful.parameters import WINDOWS

from pole.protocol.encoding.abi import HEADER, PAYOUT, decode, encode
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.merkle_body import body_of, leaf, root
from pole.protocol.state import Phase, RecordKind, Verdict

BPS = 10_000
OLDEST_OMMER = 6
# The kinds of record that a round's others come between.
STEPS = [
    RecordKind.ROUND_OPENED,
    RecordKind.KEYS_POSTED,
    RecordKind.SOLUTION_COMMITTED,
    RecordKind.SUBMISSIONS_CLOSED,
    RecordKind.TEST_SET_RELEASED,
    RecordKind.TEST_SEED_DRAWN,
    RecordKind.SOLUTION_REVEALED,
    RecordKind.DRAW_ARMED,
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
    RecordKind.DRAW_ARMED,
    RecordKind.VOTE_COMMITTED,
    RecordKind.VOTE_REVEALED,
}


class History:
    """Keeps what was recorded, and holds what comes next against it."""

    def __init__(self, pair: Pair, books: Books) -> None:
        self._pair = pair
        self._books = books
        self._phases: dict[int, tuple[int, int]] = {}
        self._kinds: dict[int, list[RecordKind]] = defaultdict(list)
        self._closed_in: dict[int, int] = {}
        self._committed_in: dict[int, int] = {}
        self._claims: dict[int, dict[str, int]] = defaultdict(dict)
        self._leaves: list[bytes] = []
        self._before_seed: set[str] = set()
        self._hashes = [pair.view("PoLeChain.blockHash", 0)[0]]
        self._referenced: set[int] = set()

    def look(self) -> None:
        for _, name, arguments in self._pair.events:
            look_at = LOOKS.get(name)
            if look_at is not None:
                look_at(self, *arguments)
        self._check_phase()

    def _check_phase(self) -> None:
        round_id = self._pair.view("PoLeChain.currentRound")[0]
        if round_id == 0:
            return
        phase = self._pair.view("PoLeChain.phaseOf", round_id)[0]
        reached = (self._kinds[round_id].count(RecordKind.TALLY_CHALLENGED), phase)
        last = self._phases.get(round_id, (0, Phase.KEYS))
        assert reached >= last, f"round {round_id} went back to {Phase(phase)!r}"
        self._phases[round_id] = reached

    def _look_at_record(self, height: int, index: int, kind: int, data: bytes) -> None:
        assert (height, index) == (len(self._hashes), len(self._leaves))
        self._leaves.append(leaf(RecordKind(kind), data))
        if kind in STEPS:
            about = int.from_bytes(data[:32], "big")
            self._look_at_step(about // 4 if kind in OF_BALLOTS else about, RecordKind(kind))
        if kind == RecordKind.SOLUTION_COMMITTED:
            round_id, miner, _, claimed = decode(["uint256", "address", "bytes32", "uint32"], data)
            self._claims[round_id][miner] = claimed
        if kind == RecordKind.SOLUTION_DISPLACED:
            self._look_at_displacement(*decode(["uint256", "address"], data))
        if kind == RecordKind.PAYOUTS:
            round_id, payouts = decode(["uint256", f"{PAYOUT}[]"], data)
            self._books.settle_payouts(round_id, payouts)

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
        if kind is RecordKind.SOLUTION_COMMITTED:
            self._committed_in[round_id] = block
        if kind is RecordKind.SUBMISSIONS_CLOSED:
            self._closed_in[round_id] = block
        if kind is RecordKind.TEST_SET_RELEASED:
            assert block > self._closed_in.get(round_id, 0)
        if kind is RecordKind.TEST_SEED_DRAWN:
            named = self._pair.view("PoLeChain.testSeedOf", round_id)[0]
            assert self._committed_in[round_id] < named < block

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

    def _look_at_opening(self, round_id: int, task_id: int, _seed: bytes) -> None:
        if task_id == NO_TASK:
            assert self._pair.view("TaskList.waiting")[0] == 0
            assert self._pair.view("PoLeChain.phaseOf", round_id)[0] == Phase.TRAINING
        count, mature = self._pair.view("VerifierCommittee.seatCount")
        assert count == mature
        self._before_seed = {self._pair.view("VerifierCommittee.seatAt", n)[0] for n in range(count)}

    def _look_at_replacement(self, task_id: int, owner: str, refund: int, by_task_id: int) -> None:
        """Only in a full list, and only by what is worth more."""
        assert self._pair.view("TaskList.waiting")[0] == self._pair.model.parameters.task_list["maxTasks"]
        assert [self._pair.view("TaskList.isListed", each)[0] for each in (task_id, by_task_id)] == [
            False,
            True,
        ]
        old, new = (self._pair.view("TaskList.task", each)[0] for each in (task_id, by_task_id))
        assert (owner, refund) == (old[0], old[1][0] + old[1][1])
        windows = sum(self._pair.model.parameters.chain[name] for name in WINDOWS)
        assert Fraction(old[1][0], old[1][2] + windows) < Fraction(new[1][0], new[1][2] + windows)

    def _look_at_draw(self, ballot_id: int, members: Values, choices: int) -> None:
        round_id, attempt = divmod(ballot_id, 4)
        opened = self._pair.view("PoLeChain.round", round_id)[0]
        miners = {solution[0] for solution in self._pair.view("PoLeChain.solutions", round_id)[0]}
        # Whoever drew the test set could not know the committee.
        assert self._pair.view("PoLeChain.testSeedOf", round_id)[0] < opened[12]
        if attempt:
            assert len(members) > len(self._pair.view("VerifierCommittee.members", ballot_id - 1)[0])
        assert len({*members}) == len(members)
        assert {*members} <= self._before_seed - miners - {opened[1][0]}
        assert 1 <= choices <= len(miners)

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
            assert height - OLDEST_OMMER <= ommer[0] < height
            assert ommer[0] not in self._referenced
            self._referenced.add(ommer[0])

    def _check_winner(self, *, round_id: int, winner: str, counts: tuple[int, int]) -> None:
        """Of the true solutions above the thresholds, or of all where none is, the winner has most."""
        opened = self._pair.view("PoLeChain.round", round_id)[0]
        terms, is_released = opened[1][1], opened[10] != 0
        found = self._pair.view("VerifierCommittee.findings", 4 * round_id + opened[19])[0]
        judged = [each for each in self._pair.view("PoLeChain.solutions", round_id)[0] if each[6]]
        tolerance = self._pair.model.parameters.committee["tolerance"]
        true = [
            (each, found[each[6] - 1])
            for each in judged
            if _is_true(terms, each, found[each[6] - 1], tolerance, is_released=is_released)
        ]
        meeting = [pair for pair in true if _meets(terms, pair[1], is_released=is_released)]
        must_meet = opened[8] or opened[0] == NO_TASK
        assert meeting or not must_meet, "closed early, or idle, a round needs one above the thresholds"
        ranks = {
            each[0]: (_score(terms, each, one, is_released=is_released), -each[5])
            for each, one in meeting or true
        }
        assert ranks[winner] == max(ranks.values())
        assert counts == next(one[1:3] for each, one in true if each[0] == winner)


def _is_true(terms: Values, solution: Values, found: Values, tolerance: int, *, is_released: bool) -> bool:
    if found[0] != Verdict.OK or (is_released and solution[4] > found[2] + tolerance):
        return False
    total, sample = terms[8], terms[10]
    if not 0 < sample < total:
        return solution[3] <= found[1] + tolerance
    # Of a sample, chance may keep back three times the square root of its size.
    lack = Fraction(solution[3] * sample, total) - found[1] - tolerance
    return lack <= 0 or lack**2 <= 9 * sample


def _meets(terms: Values, found: Values, *, is_released: bool) -> bool:
    train_total = terms[10] if 0 < terms[10] < terms[8] else terms[8]
    train = found[1] * BPS >= terms[6] * train_total
    return train and (not is_released or found[2] * BPS >= terms[7] * terms[9])


def _score(terms: Values, solution: Values, found: Values, *, is_released: bool) -> int:
    if is_released:
        return min(solution[4], found[2])
    return found[1] if 0 < terms[10] < terms[8] else min(solution[3], found[1])


LOOKS: dict[str, Callable[..., None]] = {
    "Recorded": History._look_at_record,
    "RoundOpened": History._look_at_opening,
    "TaskReplaced": History._look_at_replacement,
    "Drawn": History._look_at_draw,
    "BlockAppended": History._look_at_block,
}
