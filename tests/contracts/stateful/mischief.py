"""Any call by anybody with any argument, and calls that are nearly right."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.contracts.stateful import moves
from tests.contracts.stateful.arguments import (
    AMOUNTS,
    ARGUMENTS,
    CIDS,
    WORDS,
    opening,
    some_round,
    some_signature,
)
from tests.contracts.stateful.evm import header
from tests.contracts.stateful.model import ballots, phases
from tests.contracts.stateful.model.system import NO_HASH, Call, Force, Round, System
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.people import PEOPLE, Ballot, Knowledge

from pole.protocol.encoding.abi import files_tuple, terms_tuple
from pole.protocol.state import Phase, TaskFiles, TaskTerms


def any_call(system: System, known: Knowledge) -> Action:
    """Return a call of any function by anybody."""
    random = known.random
    name = random.choice([*ARGUMENTS, "force"])
    if name == "force":
        return Force(random.choice([1, 10**18]))
    value = random.choice(AMOUNTS) if random.random() < 0.2 else 0
    if name.startswith("TaskList.post"):
        return nearly_right_task(system, random)
    if name == "VerifierCommittee.stake" and random.random() < 0.7:
        return moves.stake(system, random.choice(PEOPLE))
    return Call(random.choice(PEOPLE), name, ARGUMENTS[name](system, known), value)


def untimely(system: System, known: Knowledge) -> Action:
    """Return what somebody who may act in this phase could do too early, again, or in vain."""
    opened = some_round(system, known)
    acts = UNTIMELY.get(phases.phase(system, opened)[0], [])
    if opened is None or not acts:
        return any_call(system, known)
    return known.random.choice(acts)(system, known, opened)


def nearly_right(system: System, known: Knowledge, call: Call) -> Call:
    """Return a call with one thing changed: who sends it, what it sends, one argument, or all arguments."""
    random = known.random
    kind = random.choice(["sender", "value", "argument", "argument", "arguments"])
    if kind == "sender":
        return replace(call, sender=random.choice(PEOPLE))
    if kind == "value":
        return replace(call, value=random.choice([0, 1, call.value + 1, max(0, call.value - 1)]))
    if not call.arguments or call.function.startswith("TaskList.post"):
        return nearly_right_task(system, random)
    other = ARGUMENTS[call.function](system, known)
    if kind == "arguments":
        return replace(call, arguments=other)
    place = random.randrange(len(other))
    return replace(call, arguments=(*call.arguments[:place], other[place], *call.arguments[place + 1 :]))


def nearly_right_task(system: System, random: Random) -> Call:
    terms, files = moves.some_terms(system, random), moves.some_files()
    names = list(TaskTerms.__dataclass_fields__)
    for _ in range(random.choice([0, 1, 1, 2])):
        terms = replace(terms, **{random.choice(names): random.choice([0, 1, 7, 10_001, 10**4])})
    if random.random() < 0.3:
        field = random.choice(list(TaskFiles.__dataclass_fields__))
        odd: dict[str, Any] = {field: random.choice(CIDS if field.endswith("cid") else WORDS)}
        files = replace(files, **odd)
    value = moves.payment(system, terms) + random.choice([0, 0, 0, 0, 1])
    posted = (terms_tuple(terms), files_tuple(files))
    if random.random() < 0.5:
        return Call(random.choice(PEOPLE), "TaskList.post", posted, value)
    replaced = random.choice(
        [*(task.task_id for task in system.waiting), random.randint(0, len(system.tasks) + 1)]
    )
    return Call(random.choice(PEOPLE), "TaskList.postReplacing", (*posted, replaced), value)


def _data_node(known: Knowledge, opened: Round) -> str:
    """Return the data node, or who would be one in a round that has none."""
    return known.random.choice(PEOPLE) if opened.is_idle else opened.task.owner


def _delegate(_system: System, known: Knowledge, opened: Round) -> Call:
    arguments = (known.random.choice(CIDS), known.random.choice(WORDS))
    who = known.random.choice(PEOPLE)
    return Call(opened.task.owner, "TaskList.delegateKeys", (opened.task.task_id, who, *arguments))


def _close(_system: System, known: Knowledge, opened: Round) -> Call:
    return Call(_data_node(known, opened), "PoLeChain.closeSubmissions", (opened.round_id,))


def _commit(system: System, known: Knowledge, opened: Round) -> Call:
    return moves.commit(system, known, opened, known.random.choice(PEOPLE))


def _release(_system: System, known: Knowledge, opened: Round) -> Call:
    digest = known.random.choice([opened.task.test_digest, b"\x08" * 32])
    return Call(_data_node(known, opened), "PoLeChain.releaseTestSet", (opened.round_id, "bafy-test", digest))


def _relay(system: System, known: Knowledge, opened: Round) -> Call:
    """Return a relay that somebody else signed, or at another time, or of other bytes."""
    call = moves.relay(system, opened, known.random.choice(PEOPLE), signer=known.random.choice(PEOPLE))
    *others, signed_at, signature = call.arguments
    signed_at += known.random.choice([0, 0, 1, -301, 301])
    return replace(call, arguments=(*others, signed_at, some_signature(system, known) or signature))


def _reveal(_system: System, known: Knowledge, opened: Round) -> Call:
    miner = known.random.choice(list(opened.solutions))
    arguments = (opened.round_id, "bafy-model", b"\x09" * 32, 0, NO_HASH)
    return Call(miner, "PoLeChain.reveal", arguments)


def _draw(_system: System, known: Knowledge, opened: Round) -> Call:
    """Name a block again, or draw too early, twice, or by another block."""
    person, named = known.random.choice(PEOPLE), opened.draw_block
    if known.random.random() < 0.4:
        return Call(person, "PoLeChain.arm", (opened.round_id,))
    proof = header(max(0, named + known.random.choice([0, 0, -1, 1])))
    return Call(person, "PoLeChain.draw", (opened.round_id, proof))


def _stake_or_leave(system: System, known: Knowledge, opened: Round) -> Call:
    members = ballots.newest_of(opened).members
    leaked = [member for member in members if member not in system.order]
    left = [person for person, seat in system.seats.items() if seat.stake and person not in system.order]
    left = sorted(left, key=lambda person: system.seats[person].left_at)[-2:]
    person = known.random.choice(leaked or left or PEOPLE)
    if person not in system.order and known.random.random() < 0.5:
        return moves.stake(system, person)
    return Call(person, f"VerifierCommittee.{known.random.choice(['unstake', 'reclaim'])}")


def _commit_vote(system: System, known: Knowledge, opened: Round) -> Call:
    """Commit votes, of which one may be impossible, or nothing."""
    ballot = ballots.newest_of(opened)
    member = known.random.randrange(len(ballot.members))
    verifier = ballot.members[member]
    if known.random.random() < 0.2:
        return Call(verifier, "VerifierCommittee.commitVote", (ballot.ballot_id, member, NO_HASH))
    choices = len(opened.models) + known.random.choice([0, 1])
    votes = tuple(known.some_vote() for _ in range(choices))
    hidden = ballots.commitment_of(system, ballot.ballot_id, verifier, votes, NO_HASH)
    known.ballots[verifier, hidden] = Ballot(votes, NO_HASH)
    return Call(verifier, "VerifierCommittee.commitVote", (ballot.ballot_id, member, hidden))


def _end_window(_system: System, known: Knowledge, opened: Round) -> Call:
    phase = known.random.choice(moves.ENDED_BY_SOMEBODY)
    return moves.end_window(opened, phase, known.random.choice(PEOPLE))


def _leak(_system: System, known: Knowledge, opened: Round) -> Call:
    ballot = ballots.newest_of(opened)
    leaked = [member for member, commitment in ballot.commitments.items() if commitment == NO_HASH]
    member = known.random.choice([*ballot.members, *leaked, *leaked])
    own = known.ballots.get((member, ballot.commitments.get(member, NO_HASH)), Ballot((), NO_HASH))
    salt = known.random.choice([own.salt, own.salt, NO_HASH])
    arguments = (ballot.ballot_id, ballot.members.index(member), own.votes, salt)
    return Call(known.random.choice(PEOPLE), "VerifierCommittee.leak", arguments)


def _challenge(system: System, known: Knowledge, opened: Round) -> Call:
    call = moves.challenge(system, known, opened)
    return replace(call, value=max(0, call.value + known.random.choice([0, 0, -1, 1])))


def _reveal_vote(system: System, known: Knowledge, opened: Round) -> Call:
    ballot = ballots.newest_of(opened)
    member = known.random.randrange(len(ballot.members))
    arguments = (ballot.ballot_id, member, *opening(system, known))
    return Call(ballot.members[member], "VerifierCommittee.revealVote", arguments)


UNTIMELY: dict[Phase, list[Callable[[System, Knowledge, Round], Call]]] = {
    Phase.SEED: [_draw],
    Phase.KEYS: [_delegate, _end_window],
    Phase.TRAINING: [_close, _commit, _commit, _end_window],
    Phase.TEST_RELEASE: [_close, _release, _relay, _draw, _end_window],
    Phase.REVEAL: [_reveal, _end_window],
    Phase.DRAW: [_draw, _stake_or_leave],
    Phase.VOTE_COMMIT: [_commit_vote, _leak, _stake_or_leave, _end_window],
    Phase.CHALLENGE: [_challenge, _stake_or_leave, _end_window],
    Phase.VOTE_REVEAL: [_reveal_vote, _leak, _stake_or_leave, _end_window],
}
