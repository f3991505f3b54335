"""What every view of the contracts must say, given the model's state."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, rounds, tasks
from tests.contracts.stateful.model.system import (
    NO_HASH,
    NOBODY,
    POOL,
    STAKES,
    TASKS,
    Ballot,
    Refused,
    Round,
    System,
)

from pole.protocol.encoding.abi import ommer_tuple, terms_tuple
from pole.protocol.encoding.merkle_body import root
from pole.protocol.state import BallotStage

Expectation = tuple[str, Values, Any]
NO_TERMS = (0,) * 11
NO_OMMER = (0, NOBODY, NO_HASH, 0, 0, 0, False)


def changing(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what a call may have changed: function, arguments, and what it returns or Refused."""
    yield from _money(system, people)
    yield from _list(system)
    yield from _seats(system, people)
    newest = len(system.rounds)
    yield from _round(system, newest)
    for ballot_id in range(4 * newest, 4 * newest + 3):
        yield from _ballot(system, ballot_id, people)
    yield from _chain(system)


def timed(system: System, _people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what time alone changes."""
    newest = len(system.rounds)
    phase, deadline = rounds.phase(system, system.newest)
    yield "PoLeChain.phaseOf", (newest,), (int(phase), deadline)
    for ballot in system.ballots:
        stage = ballots.stage(system, ballot)
        yield "VerifierCommittee.stageOf", (ballot.ballot_id,), (int(stage),)


def all_of(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what every view says, also of what is long past and of what never was."""
    yield from changing(system, people)
    for task_id in range(len(system.tasks) + 2):
        yield from _task(system, task_id)
    for round_id in range(len(system.rounds) + 2):
        yield from _round(system, round_id)
        for ballot_id in range(4 * round_id, 4 * round_id + 4):
            yield from _ballot(system, ballot_id, people)
    for height in range(len(system.hashes) + 1):
        yield "PoLeChain.blockHash", (height,), (_at(system.hashes, height, NO_HASH),)
        ommer = system.ommers.get(height)
        yield "PoLeChain.ommerAt", (height,), ((ommer_tuple(ommer) if ommer else NO_OMMER),)
    for contract in ("TaskList", "VerifierCommittee", "PoLeChain"):
        yield f"{contract}.reservoir", (), (system.addresses["RewardReservoir"],)
    for contract in ("TaskList", "VerifierCommittee"):
        yield f"{contract}.chain", (), (system.chain,)
    yield "PoLeChain.taskList", (), (system.task_list,)
    yield "PoLeChain.committee", (), (system.committee,)
    chosen = system.parameters
    yield "TaskList.parameters", (), (tuple(chosen.task_list.values()),)
    yield "VerifierCommittee.parameters", (), (tuple(chosen.committee.values()),)
    yield "PoLeChain.parameters", (), (tuple(chosen.chain.values()),)


def _money(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    books = system.books
    yield "RewardReservoir.total", (), (books.total,)
    accounts = [(system.chain, POOL), (system.task_list, TASKS), (system.committee, STAKES)]
    for newest in system.rounds[-2:]:
        accounts.append((system.chain, newest.account))
    for ballot in system.ballots:
        accounts.append((system.committee, ballot.ballot_id.to_bytes(32, "big")))
    for holder, account in accounts:
        yield "RewardReservoir.balanceOf", (holder, account), (books.balances[holder, account],)
    for person in people:
        yield "RewardReservoir.creditOf", (person,), (books.credits[person],)
        yield "RewardReservoir.balanceOf", (person, NO_HASH), (books.balances[person, NO_HASH],)


def _list(system: System) -> Iterator[Expectation]:
    best = tasks.best(system)
    yield "TaskList.best", (), (best.task_id if best else 0,)
    yield "TaskList.waiting", (), (len(system.waiting),)
    yield "TaskList.posted", (), (len(system.tasks),)


def _task(system: System, task_id: int) -> Iterator[Expectation]:
    task = system.tasks.get(task_id)
    yield "TaskList.isListed", (task_id,), (task is not None and task.is_waiting,)
    yield "TaskList.delegateOf", (task_id,), (task.delegate if task else NOBODY,)
    told = (task.owner, terms_tuple(task.terms), task.test_digest) if task else (NOBODY, NO_TERMS, NO_HASH)
    yield "TaskList.task", (task_id,), (told,)


def _seats(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    yield "VerifierCommittee.seatCount", (), (len(system.order), system.mature)
    for index, verifier in enumerate(system.order):
        yield "VerifierCommittee.seatAt", (index,), (verifier,)
    for person in people:
        seat = system.seats[person]
        stake = (seat.stake, person in system.order, seat.reclaimable_at)
        yield "VerifierCommittee.stakeOf", (person,), stake


def _round(system: System, round_id: int) -> Iterator[Expectation]:
    opened = rounds.round_of(system, round_id)
    phase, deadline = rounds.phase(system, opened)
    yield (
        "PoLeChain.testSeedOf",
        (round_id,),
        (opened.test_block, opened.test_seed) if opened else (0, NO_HASH),
    )
    yield "PoLeChain.phaseOf", (round_id,), (int(phase), deadline)
    if opened is None:
        unknown = Refused("UnknownRound", round_id)
        yield "PoLeChain.round", (round_id,), unknown
        yield "PoLeChain.solutions", (round_id,), unknown
        return
    yield "PoLeChain.round", (round_id,), (_round_struct(opened),)
    is_newest = opened is system.newest
    solutions = (_solution_structs(opened),) if is_newest else Refused("RoundOver", round_id)
    yield "PoLeChain.solutions", (round_id,), solutions


def _round_struct(opened: Round) -> Values:
    return (
        opened.task.task_id,
        (opened.task.owner, terms_tuple(opened.task.terms), opened.task.test_digest),
        opened.parent_hash,
        opened.seed,
        opened.keys_digest,
        opened.entropy,
        opened.opened_at,
        opened.keys_at,
        opened.closed_at,
        opened.closed_block,
        opened.released_at,
        opened.last_reveal_at,
        opened.draw_block,
        len(opened.solutions),
        rounds.ready(opened),
        len(opened.revealed),
        opened.is_committee_too_small,
        opened.is_settled,
        int(opened.void_reason),
        opened.attempt,
        opened.challenged,
        opened.is_dropped,
        opened.challenger,
        opened.height,
    )


def _solution_structs(opened: Round) -> Values:
    choices = {miner: choice for choice, miner in enumerate(opened.judged, start=1)}
    return tuple(
        (
            miner,
            solution.commitment,
            solution.model_digest,
            solution.claimed_train,
            solution.claimed_test,
            solution.order,
            choices.get(miner, 0),
            solution.is_revealed,
        )
        for miner, solution in opened.solutions.items()
    )


def _ballot(system: System, ballot_id: int, people: Iterable[str]) -> Iterator[Expectation]:
    ballot = ballots.ballot_of(system, ballot_id)
    stage = ballots.stage(system, ballot)
    yield "VerifierCommittee.stageOf", (ballot_id,), (int(stage),)
    yield "VerifierCommittee.members", (ballot_id,), (tuple(ballot.members),)
    yield "VerifierCommittee.ballot", (ballot_id,), (_ballot_struct(ballot),)
    for person in people:
        vote = (ballot.commitments.get(person, NO_HASH), person in ballot.votes)
        yield "VerifierCommittee.voteOf", (ballot_id, person), vote
    if stage in (BallotStage.NONE, BallotStage.CLOSED, BallotStage.SETTLED):
        found = tuple(tuple(map(int, each)) for each in ballots.found_by(system, ballot))
        yield "VerifierCommittee.findings", (ballot_id,), (found,)


def _ballot_struct(ballot: Ballot) -> Values:
    return (
        len(ballot.members),
        ballot.choices,
        _bits(ballot, ballot.commitments),
        _bits(ballot, ballot.votes),
        ballot.commit_deadline,
        ballot.reveal_deadline,
        ballot.eligible,
        ballot.is_settled,
    )


def _bits(ballot: Ballot, some: Iterable[str]) -> int:
    return sum(1 << ballot.members.index(member) for member in some)


def _chain(system: System) -> Iterator[Expectation]:
    yield "PoLeChain.currentRound", (), (len(system.rounds),)
    yield "PoLeChain.height", (), (system.height,)
    yield "PoLeChain.blockHash", (system.height,), (system.hashes[-1],)
    yield "PoLeChain.body", (), (root(system.body), system.body.count)


def _at(values: list[Any], index: int, otherwise: Any) -> Any:
    return values[index] if index < len(values) else otherwise
