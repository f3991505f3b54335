"""What every view of the contracts must say, given the model's state."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, draws, phases, rounds, seats, tasks
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
    Task,
)

from pole.protocol.encoding.abi import ommer_tuple, terms_tuple
from pole.protocol.encoding.merkle_body import root
from pole.protocol.state import BallotStage

Expectation = tuple[str, Values, Any]
NO_TERMS = (0,) * 11
NO_OMMER = (0, NOBODY, NO_HASH, 0, 0, 0, False)
CHALLENGES = 2


def changing(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what a call may have changed: function, arguments, and what it returns or Refused."""
    yield from _money(system, people)
    yield from _list(system)
    yield from _seats(system, people)
    for lane in range(system.lanes):
        newest = system.newest.get(lane)
        yield "PoLeChain.newestRound", (lane,), (newest.round_id if newest else 0,)
        if newest:
            yield from _round(system, newest.round_id)
        for ballot in _ballots(system, lane):
            yield from _ballot(system, ballot.ballot_id)
    yield from _chain(system)


def timed(system: System, _people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what time alone changes."""
    for newest in system.newest.values():
        yield _phase(system, newest.round_id)


def _ballots(system: System, lane: int) -> list[Ballot]:
    drawn = system.drawn.get(lane)
    return drawn.ballots if drawn else []


def all_of(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    """Yield what every view says, also of what is long past and of what never was."""
    yield from changing(system, people)
    for person in people:
        held = system.books.balances[person, NO_HASH]
        yield "RewardReservoir.balanceOf", (person, NO_HASH), (held,)
    for task_id in range(len(system.tasks) + 2):
        yield from _task(system, task_id)
    for round_id in range(max(system.rounds, default=0) + 2):
        yield from _round(system, round_id)
        yield from _challenge_bonds(system, round_id)
        for ballot_id in range(4 * round_id, 4 * round_id + 4):
            yield from _ballot(system, ballot_id)
    for height in range(len(system.hashes) + 1):
        yield "Ledger.blockHash", (height,), (_at(system.hashes, height, NO_HASH),)
    for time in system.standing:
        for asked in (time - 1, time):
            yield from _standing(system, asked)
    yield from _of_deployment(system)


def _of_deployment(system: System) -> Iterator[Expectation]:
    addresses, chosen = system.addresses, system.parameters
    for contract in ("TaskList", "VerifierCommittee", "PoLeChain"):
        yield f"{contract}.reservoir", (), (addresses["RewardReservoir"],)
        yield f"{contract}.ledger", (), (addresses["Ledger"],)
    for contract in ("TaskList", "VerifierCommittee", "Ledger"):
        yield f"{contract}.chain", (), (system.chain,)
    for contract in ("PoLeChain", "Ledger"):
        yield f"{contract}.taskList", (), (system.task_list,)
        yield f"{contract}.committee", (), (system.committee,)
    yield "PoLeChain.lanes", (), (system.lanes,)
    yield "TaskList.parameters", (), (tuple(chosen.task_list.values()),)
    yield "VerifierCommittee.parameters", (), (tuple(chosen.committee.values()),)
    yield "PoLeChain.parameters", (), (tuple(chosen.chain.values()),)


def _money(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    books = system.books
    yield "RewardReservoir.total", (), (books.total,)
    accounts = [(system.chain, POOL), (system.task_list, TASKS), (system.committee, STAKES)]
    accounts += [(system.chain, newest.account) for newest in system.newest.values()]
    for holder, account in accounts:
        yield "RewardReservoir.balanceOf", (holder, account), (books.balances[holder, account],)
    for person in people:
        yield "RewardReservoir.creditOf", (person,), (books.credits[person],)


def _list(system: System) -> Iterator[Expectation]:
    best = tasks.best(system)
    yield "TaskList.best", (), (best.task_id if best else 0,)
    yield "TaskList.waiting", (), (len(system.waiting),)
    yield "TaskList.posted", (), (len(system.tasks),)


def _task(system: System, task_id: int) -> Iterator[Expectation]:
    task = system.tasks.get(task_id)
    yield "TaskList.isListed", (task_id,), (task is not None and task.is_waiting,)
    yield "TaskList.delegateOf", (task_id,), (task.delegate if task else NOBODY,)
    yield "TaskList.task", (task_id,), (_task_struct(task) if task else (NOBODY, 0, NO_TERMS, NO_HASH),)
    if task:
        told = (tasks.rent(system, task), tasks.duration(system, task.terms))
        yield "TaskList.rentOf", (terms_tuple(task.terms),), told


def _task_struct(task: Task) -> Values:
    return task.owner, task.judging_time, terms_tuple(task.terms), task.test_digest


def _seats(system: System, people: Iterable[str]) -> Iterator[Expectation]:
    yield from _standing(system, system.clock.time)
    for opened in system.open_rounds:
        time = opened.opened_at - system.parameters.committee["seatAge"]
        yield "VerifierCommittee.seatsAt", (time,), (len(opened.seats),)
    for person in people:
        seat = system.seats[person]
        stake = (seat.stake, person in system.order, seat.left_at, seat.strikes)
        yield "VerifierCommittee.stakeOf", (person,), stake


def _standing(system: System, time: int) -> Iterator[Expectation]:
    order = seats.as_of(system, time)
    yield "VerifierCommittee.seatsAt", (time,), (len(order),)
    for place, verifier in enumerate(order):
        yield "VerifierCommittee.seatAt", (time, place), (verifier,)


def _phase(system: System, round_id: int) -> Expectation:
    phase, end = phases.phase(system, system.rounds.get(round_id))
    return "PoLeChain.phaseOf", (round_id,), (int(phase), end.time, end.number)


def _round(system: System, round_id: int) -> Iterator[Expectation]:
    opened = system.rounds.get(round_id)
    yield _phase(system, round_id)
    if opened is None:
        unknown = Refused("UnknownRound", round_id)
        yield "PoLeChain.round", (round_id,), unknown
        yield "PoLeChain.solutions", (round_id,), unknown
        return
    yield "PoLeChain.round", (round_id,), (_round_struct(opened),)
    is_newest = opened is system.newest[round_id % system.lanes]
    solutions = (_solution_structs(opened),) if is_newest else Refused("RoundOver", round_id)
    yield "PoLeChain.solutions", (round_id,), solutions


def _challenge_bonds(system: System, round_id: int) -> Iterator[Expectation]:
    opened = system.rounds.get(round_id)
    for attempt in range(CHALLENGES):
        bond = draws.challenge_bond(system, opened, attempt) if opened else 0
        yield "PoLeChain.challengeBond", (round_id, attempt), (bond,)


def _round_struct(opened: Round) -> Values:
    challengers = [made.challenger for made in opened.challenges]
    return (
        opened.task.task_id,
        _task_struct(opened.task),
        opened.seed,
        opened.keys_digest,
        opened.entropy,
        opened.opened_at,
        opened.begun.time,
        opened.begun.number,
        opened.draw_block,
        opened.height,
        int(opened.step),
        int(opened.void_reason),
        len(opened.solutions),
        rounds.ready(opened),
        len(opened.revealed),
        opened.commitments,
        opened.attempt,
        opened.is_released,
        opened.is_closed_early,
        opened.is_committee_too_small,
        opened.is_dropped,
        opened.is_settled,
        tuple((challengers + [NOBODY] * CHALLENGES)[:CHALLENGES]),
    )


def _solution_structs(opened: Round) -> Values:
    choices = {digest: choice for choice, digest in enumerate(opened.models, start=1)}
    return tuple(
        (
            miner,
            solution.commitment,
            solution.model_digest,
            solution.claimed_train,
            solution.claimed_test,
            solution.order,
            choices.get(solution.model_digest, 0),
            solution.is_revealed,
        )
        for miner, solution in opened.solutions.items()
    )


def _ballot(system: System, ballot_id: int) -> Iterator[Expectation]:
    ballot = ballots.ballot_of(system, ballot_id)
    yield "VerifierCommittee.members", (ballot_id,), (tuple(ballot.members),)
    yield "VerifierCommittee.ballot", (ballot_id,), (_ballot_struct(ballot),)
    for member, verifier in enumerate(ballot.members):
        vote = (ballot.commitments.get(verifier, NO_HASH), verifier in ballot.votes)
        yield "VerifierCommittee.voteOf", (ballot_id, member), vote
    yield "VerifierCommittee.voteOf", (ballot_id, len(ballot.members)), (NO_HASH, False)
    if ballot.stage in (BallotStage.NONE, BallotStage.CLOSED, BallotStage.SETTLED):
        first = ballot_id - ballot_id % ballots.IDS_A_ROUND
        found = [_found(system, each) for each in range(first, ballot_id + 1)]
        yield "VerifierCommittee.findings", (ballot_id,), (found[-1],)
        yield "VerifierCommittee.allFindings", (ballot_id,), (tuple(found) if found[-1] else (),)


def _found(system: System, ballot_id: int) -> tuple[Values, ...]:
    return tuple(tuple(map(int, each)) for each in ballots.found_after(system, ballot_id))


def _ballot_struct(ballot: Ballot) -> Values:
    return (
        len(ballot.members),
        ballot.choices,
        _bits(ballot, ballot.commitments),
        _bits(ballot, ballot.votes),
        int(ballot.stage),
        ballot.end.time,
        ballot.end.number,
    )


def _bits(ballot: Ballot, some: Iterable[str]) -> int:
    return sum(1 << ballot.members.index(member) for member in some)


def _chain(system: System) -> Iterator[Expectation]:
    yield "PoLeChain.oldestOpening", (), (seats.oldest_opening(system),)
    yield "Ledger.height", (), (system.height,)
    yield "Ledger.blockHash", (system.height,), (system.hashes[-1],)
    yield "Ledger.body", (), (root(system.body), system.body.count)
    yield "Ledger.ommer", (), (ommer_tuple(system.ommer) if system.ommer else NO_OMMER,)


def _at(values: list[Any], index: int, otherwise: Any) -> Any:
    return values[index] if index < len(values) else otherwise
