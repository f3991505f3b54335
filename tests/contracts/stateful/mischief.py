"""Any call by anybody with any argument, and calls that are nearly right."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.contracts.stateful import moves
from tests.contracts.stateful.model import ballots, rounds
from tests.contracts.stateful.model.system import (
    NO_HASH,
    NOBODY,
    POOL,
    STAKES,
    TASKS,
    Call,
    Force,
    Round,
    System,
)
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.people import PEOPLE, Ballot, Knowledge

from pole.protocol.abi import files_tuple, terms_tuple
from pole.protocol.state import Phase, TaskFiles, TaskTerms

CIDS = ["bafy", "bafy", "", "x" * 128, "x" * 129, "ü" * 65]
WORDS = [NO_HASH, NO_HASH, NO_HASH, b"\x01" * 32, moves.TEST_DIGEST, POOL, STAKES, TASKS]
COUNTS = [0, 1, 5, 9, 10, 11, 20, 21, 2**32 - 1]
AMOUNTS = [0, 0, 1, 5, 10**18]


def any_call(system: System, known: Knowledge) -> Action:
    """Return a call of any function by anybody."""
    random = known.random
    name = random.choice([*ARGUMENTS, "force"])
    if name == "force":
        return Force(random.choice([1, 10**18]))
    value = random.choice(AMOUNTS) if random.random() < 0.2 else 0
    if name == "TaskList.post":
        return nearly_right_task(system, random)
    if name == "VerifierCommittee.stake" and random.random() < 0.7:
        return moves.stake(system, random.choice(PEOPLE))
    return Call(random.choice(PEOPLE), name, ARGUMENTS[name](system, known), value)


def untimely(system: System, known: Knowledge) -> Action:
    """Return what somebody who may act in this phase could do too early, again, or in vain."""
    opened = system.newest
    acts = UNTIMELY.get(rounds.phase(system, opened)[0], [])
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
    if not call.arguments or call.function == "TaskList.post":
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
        files = replace(files, **{field: random.choice(CIDS if field.endswith("cid") else WORDS)})
    value = terms.payment + random.choice([0, 0, 0, 0, 1])
    return Call(random.choice(PEOPLE), "TaskList.post", (terms_tuple(terms), files_tuple(files)), value)


def _person(_system: System, known: Knowledge) -> str:
    return known.random.choice(PEOPLE)


def _anybody(system: System, known: Knowledge) -> str:
    return known.random.choice([*PEOPLE, *system.addresses.values(), NOBODY])


def _recipient(system: System, known: Knowledge) -> str:
    return known.random.choice([*PEOPLE, *system.addresses.values()])


def _round_id(system: System, known: Knowledge) -> int:
    newest = len(system.rounds)
    return known.random.choice([newest, newest, newest, newest, max(0, newest - 1), newest + 1, 0, 2**200])


def _ballot_id(system: System, known: Knowledge) -> int:
    newest = ballots.id_of(system.newest) if system.newest else 0
    drawn = newest // ballots.IDS_A_ROUND
    return known.random.choice([newest, newest, newest, max(0, newest - 1), newest + 1, drawn, 0, 2**200])


def _task_id(system: System, known: Knowledge) -> int:
    newest = len(system.tasks)
    waiting = [task.task_id for task in system.waiting] or [0]
    return known.random.choice([known.random.choice(waiting), known.random.randint(0, newest + 1), 2**70])


def _cid(_system: System, known: Knowledge) -> str:
    return known.random.choice(CIDS)


def _word(_system: System, known: Knowledge) -> bytes:
    return known.random.choice(WORDS)


def _account(system: System, known: Knowledge) -> bytes:
    newest = len(system.rounds)
    own = [max(0, newest + step).to_bytes(32, "big") for step in (-1, 0, 1)]
    return known.random.choice([NO_HASH, NO_HASH, POOL, STAKES, TASKS, *own])


def _amount(_system: System, known: Knowledge) -> int:
    return known.random.choice(AMOUNTS)


def _count(_system: System, known: Knowledge) -> int:
    return known.random.choice(COUNTS)


def _votes(system: System, known: Knowledge) -> tuple:
    return _opening(system, known)[0]


def _salt(system: System, known: Knowledge) -> bytes:
    return _opening(system, known)[1]


def _opening(_system: System, known: Knowledge) -> tuple:
    """Return votes and salt of somebody, at some time, or of nobody."""
    if known.ballots and known.random.random() < 0.7:
        own = known.random.choice(list(known.ballots.values())[-5:])
        return own.votes, own.salt
    return tuple(known.some_vote() for _ in range(known.random.randint(0, 3))), NO_HASH


def _small(_system: System, known: Knowledge) -> int:
    return known.random.choice([0, 1, 3, 14, 15, 200])


def _findings(_system: System, _known: Knowledge) -> tuple:
    return ((1, 5, 5, 0),)


def _people(_system: System, known: Knowledge) -> tuple:
    return tuple(known.random.sample(PEOPLE, 2))


def _vote_commitment(system: System, known: Knowledge) -> bytes:
    """Return the commitment to votes that somebody might reveal, well formed or not."""
    opened = system.newest
    if opened is None or not ballots.newest_of(system, opened).members or known.random.random() < 0.3:
        return _word(system, known)
    member = known.random.choice(ballots.newest_of(system, opened).members)
    return moves.commit_vote(system, known, opened, member).arguments[1]


def _time(system: System, known: Knowledge) -> int:
    return max(system.clock.time + known.random.choice([0, 0, 300, -300, 301]), 0)


def _signature(_system: System, known: Knowledge) -> bytes:
    return known.random.choice([b"", b"", b"\x01" * 65, b"\xff" * 65, b"\x01" * 64])


def _close(_system: System, _known: Knowledge, opened: Round) -> Call:
    return Call(opened.task.owner, "PoLeChain.closeSubmissions", (opened.round_id,))


def _commit(system: System, known: Knowledge, opened: Round) -> Call:
    return moves.commit(system, known, opened, known.random.choice(PEOPLE))


def _release(_system: System, known: Knowledge, opened: Round) -> Call:
    digest = known.random.choice([opened.task.test_digest, b"\x08" * 32])
    return Call(opened.task.owner, "PoLeChain.releaseTestSet", (opened.round_id, "bafy-test", digest))


def _relay(system: System, known: Knowledge, opened: Round) -> Call:
    """Return a relay that somebody else signed, or at another time, or of other bytes."""
    call = moves.relay(system, opened, known.random.choice(PEOPLE), signer=known.random.choice(PEOPLE))
    *others, signed_at, signature = call.arguments
    signed_at += known.random.choice([0, 0, 1, -301, 301])
    return replace(call, arguments=(*others, signed_at, _signature(system, known) or signature))


def _reveal(_system: System, known: Knowledge, opened: Round) -> Call:
    miner = known.random.choice(list(opened.solutions))
    arguments = (opened.round_id, "bafy-model", b"\x09" * 32, 0, NO_HASH)
    return Call(miner, "PoLeChain.reveal", arguments)


def _arm(_system: System, known: Knowledge, opened: Round) -> Call:
    name = known.random.choice(["PoLeChain.armDraw", "PoLeChain.drawCommittee"])
    return Call(known.random.choice(PEOPLE), name, (opened.round_id,))


def _stake_or_leave(system: System, known: Knowledge, opened: Round) -> Call:
    members = ballots.newest_of(system, opened).members
    leaked = [member for member in members if member not in system.order]
    person = known.random.choice(leaked or PEOPLE)
    if person not in system.order and known.random.random() < 0.5:
        return moves.stake(system, person)
    return Call(person, f"VerifierCommittee.{known.random.choice(['unstake', 'reclaim'])}")


def _commit_vote(system: System, known: Knowledge, opened: Round) -> Call:
    """Commit votes, of which one may be impossible, or nothing."""
    member = known.random.choice(ballots.newest_of(system, opened).members)
    if known.random.random() < 0.2:
        return Call(member, "VerifierCommittee.commitVote", (ballots.id_of(opened), NO_HASH))
    choices = len(opened.judged) + known.random.choice([0, 0, 0, 1])
    votes = tuple(known.some_vote() for _ in range(choices))
    hidden = ballots.commitment_of(system, ballots.id_of(opened), member, votes, NO_HASH)
    known.ballots[member, hidden] = Ballot(votes, NO_HASH)
    return Call(member, "VerifierCommittee.commitVote", (ballots.id_of(opened), hidden))


def _leak(system: System, known: Knowledge, opened: Round) -> Call:
    ballot = ballots.newest_of(system, opened)
    leaked = [member for member, commitment in ballot.commitments.items() if commitment == NO_HASH]
    member = known.random.choice([*ballot.members, *leaked, *leaked])
    own = known.ballots.get((member, ballot.commitments.get(member, NO_HASH)), Ballot((), NO_HASH))
    arguments = (ballot.ballot_id, member, own.votes, own.salt)
    return Call(known.random.choice(PEOPLE), "VerifierCommittee.leak", arguments)


def _challenge(system: System, known: Knowledge, opened: Round) -> Call:
    return moves.challenge(system, known, opened)


def _reveal_vote(system: System, known: Knowledge, opened: Round) -> Call:
    member = known.random.choice(ballots.newest_of(system, opened).members)
    return Call(member, "VerifierCommittee.revealVote", (ballots.id_of(opened), *_opening(system, known)))


UNTIMELY: dict[Phase, list[Callable]] = {
    Phase.TRAINING: [_close, _commit, _commit],
    Phase.TEST_RELEASE: [_release, _relay],
    Phase.REVEAL: [_reveal],
    Phase.DRAW: [_arm, _stake_or_leave],
    Phase.VOTE_COMMIT: [_commit_vote, _leak, _stake_or_leave],
    Phase.CHALLENGE: [_challenge, _stake_or_leave],
    Phase.VOTE_REVEAL: [_reveal_vote, _leak, _stake_or_leave],
}


# What each function takes, argument by argument.
KINDS: dict[str, list[Callable]] = {
    "RewardReservoir.deposit": [_anybody, _account],
    "RewardReservoir.transfer": [_account, _anybody, _account, _amount],
    "RewardReservoir.credit": [_account, _person, _amount],
    "RewardReservoir.withdraw": [_recipient],
    "TaskList.post": [],
    "TaskList.cancel": [_task_id],
    "TaskList.delegateKeys": [_task_id, _anybody, _cid, _word],
    "TaskList.announcePartialKeys": [_task_id, _cid, _word],
    "TaskList.takeBest": [_round_id],
    "VerifierCommittee.stake": [],
    "VerifierCommittee.unstake": [],
    "VerifierCommittee.reclaim": [],
    "VerifierCommittee.matureSeats": [],
    "VerifierCommittee.freezeSeats": [_small],
    "VerifierCommittee.draw": [_ballot_id, _word, _small, _small, _small, _people, _small, _small, _small],
    "VerifierCommittee.keepFindings": [_ballot_id],
    "VerifierCommittee.settle": [_ballot_id, _findings, _amount, _word, _ballot_id, _person],
    "VerifierCommittee.commitVote": [_ballot_id, _vote_commitment],
    "VerifierCommittee.leak": [_ballot_id, _person, _votes, _salt],
    "VerifierCommittee.revealVote": [_ballot_id, _votes, _salt],
    "PoLeChain.openRound": [],
    "PoLeChain.postFunctionalKeys": [_round_id, _cid, _word],
    "PoLeChain.commit": [_round_id, _word, _count],
    "PoLeChain.closeSubmissions": [_round_id],
    "PoLeChain.releaseTestSet": [_round_id, _cid, _word],
    "PoLeChain.releaseTestSetFor": [_round_id, _cid, _word, _time, _signature],
    "PoLeChain.armTestSeed": [_round_id],
    "PoLeChain.drawTestSeed": [_round_id],
    "PoLeChain.reveal": [_round_id, _cid, _word, _count, _word],
    "PoLeChain.armDraw": [_round_id],
    "PoLeChain.drawCommittee": [_round_id],
    "PoLeChain.challenge": [_round_id],
    "PoLeChain.finalise": [_round_id],
    "PoLeChain.record": [_small, _word],
}
ARGUMENTS: dict[str, Callable[[System, Knowledge], tuple]] = {
    name: lambda system, known, kinds=kinds: tuple(kind(system, known) for kind in kinds)
    for name, kinds in KINDS.items()
}
