"""What each role sends, fetches, computes, asks and pays, by what became of the tasks of some days."""

from dataclasses import dataclass
from math import exp
from typing import Final

from scripts.network.gas import RoundGas, commits, read_gas, round_gas
from scripts.network.kinds import Kind, Network
from scripts.network.lanes import DAY, Load, Outcome
from scripts.network.units import KindUnits, Units

from pole.protocol.encoding import records
from pole.protocol.state import Payout, PayoutReason

CID: Final = "bafkrei" + 52 * "a"
WORD: Final = 32
VOTE_WORDS: Final = 4
"""Words of a vote on one solution, as its event tells it."""
ADDRESS: Final = "0x" + 40 * "1"


@dataclass(frozen=True, slots=True)
class Day:
    """What one person, or one task of a data node, takes: gas, bytes, seconds of one thread."""

    gas: float
    sent: float
    fetched: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What a network's day costs by role: `data_node` for a task, miner and verifier each, the others all.

    `read` are the bytes of a day's records as a node answers them, which every worker and everybody who
    replays the chain reads; `replay` are the seconds of checking them. `seats` are those that a verifier is
    drawn into in a day, `crowd` the miners that work in a round, `commitments` what they send.
    """

    gas: RoundGas
    data_node: Day
    miner: Day
    verifier: Day
    keepers: float
    read: float
    replay: float
    seats: float
    crowd: float
    commitments: float
    events: float


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes of what a task's people fetch: everything that training takes, and the test set."""

    task: float
    test: float


@dataclass(frozen=True, slots=True)
class _Seats:
    """The seats that a verifier is drawn into in a day, what each judges, and its gas."""

    drawn: float
    solutions: int
    gas: float


def costs(network: Network, kind: Kind, units: Units, load: Load, outcome: Outcome, verifiers: int) -> Costs:
    """Return what the simulated days cost on average, with so many verifiers seated."""
    done, places = outcome.done / load.days, network.parameters.chain.max_solutions
    crowd = outcome.joined / max(outcome.done, 1)
    solutions = min(round(crowd) or 1, places)
    commitments, seats = commits(crowd, places), min(network.seats(kind), verifiers)
    gas = round_gas(
        read_gas(), solutions=solutions, commitments=commitments, seats=seats, waiting=outcome.mean_waiting
    )
    one, drawn = units.kinds[kind.name], done * seats / verifiers
    train, test = kind.train_count * one.sample_bytes, kind.test_count * one.sample_bytes
    sizes = _Sizes(train + one.task_bytes + one.keys_bytes, test)
    told = record_sizes(commitments=round(commitments), solutions=solutions, seats=seats)
    return Costs(
        gas=gas,
        data_node=Day(gas.data_node, sizes.task + test, 0, kind.samples * one.encrypt_seconds),
        miner=_miner(kind, one, sizes, load, outcome, gas.miners * done / load.miners),
        verifier=_verifier(kind, one, sizes, load, outcome, _Seats(drawn, solutions, gas.verifier)),
        keepers=gas.keepers * done,
        read=done * sum(2 * size + units.log_bytes for size in told),
        replay=done * units.replay_seconds,
        seats=drawn,
        crowd=crowd,
        commitments=commitments,
        events=done * len(told),
    )


def _miner(kind: Kind, one: KindUnits, sizes: _Sizes, load: Load, outcome: Outcome, gas: float) -> Day:
    """Return a miner's day: it trains in every round that it joins, and reveals where it has a place."""
    joined, placed = (n / load.miners / load.days for n in (outcome.joined, outcome.solutions))
    fetched = joined * sizes.task + placed * sizes.test
    training = kind.train_count * one.decrypt_seconds + kind.training
    revealing = kind.test_count * (one.decrypt_seconds + one.evaluate_seconds)
    return Day(gas, fetched + placed * one.model_bytes, fetched, joined * training + placed * revealing)


def _verifier(kind: Kind, one: KindUnits, sizes: _Sizes, load: Load, outcome: Outcome, seats: _Seats) -> Day:
    """Return a verifier's day: it prepares the sets of every round, and judges models where it is drawn."""
    begun, done = (n / load.days for n in (outcome.done + outcome.void, outcome.done))
    models = seats.drawn * seats.solutions
    fetched = begun * sizes.task + done * sizes.test + models * one.model_bytes
    decrypting = (begun * kind.train_count + done * kind.test_count) * one.decrypt_seconds
    judging = models * kind.samples * one.evaluate_seconds
    return Day(seats.gas * seats.drawn, fetched, fetched, decrypting + judging)


def requests_a_second(network: Network, units: Units, poll: float, events_a_day: float) -> float:
    """Return what one worker asks of its node a second, looking every `poll` seconds: at the least.

    What it reads beside its looks, and sends, comes on top.
    """
    looks = units.looks
    step = max(poll, network.block_time)
    told = 1 - exp(-events_a_day / DAY * step)
    new = min(1, poll / network.block_time)
    each = (1 - new) * looks.same_block + new * ((1 - told) * looks.new_block + told * looks.event)
    return each / poll


def record_sizes(*, commitments: int, solutions: int, seats: int) -> list[int]:
    """Return the bytes of the data of each event of a round: its records, and its votes."""
    digest = bytes(WORD)
    told: list[records.RecordData] = [
        records.TaskPosted(1, ADDRESS, digest, digest),
        records.RoundOpened(1, 1, digest, 1),
        records.SeedDrawn(1, digest, digest),
        records.KeysPosted(1, CID, digest),
        *[records.SolutionCommitted(1, ADDRESS, digest, 1)] * commitments,
        records.SubmissionsClosed(1),
        records.TestSetReleased(1, CID, digest),
        *[records.SolutionRevealed(1, ADDRESS, CID, digest, 1, 1)] * solutions,
        records.CommitteeDrawn(1, digest, digest, (ADDRESS,) * seats),
        *[records.VoteCommitted(4, ADDRESS, digest)] * seats,
        *[records.VoteRevealed(4, ADDRESS, digest)] * seats,
        records.Payouts(1, (Payout(ADDRESS, PayoutReason.TASK_REWARD, 1),) * (solutions + 2)),
    ]
    sizes = [len(records.encode_record(each)[1]) for each in told]
    return sizes + [WORD * (2 + VOTE_WORDS * solutions)] * seats
