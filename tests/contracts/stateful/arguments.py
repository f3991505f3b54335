"""What a function can be called with, sense or nonsense."""

from collections.abc import Callable
from functools import partial

from tests.contracts.stateful import moves
from tests.contracts.stateful.evm import Values, header
from tests.contracts.stateful.model import ballots
from tests.contracts.stateful.model.system import NO_HASH, NOBODY, POOL, STAKES, TASKS, Round, System
from tests.contracts.stateful.people import PEOPLE, Knowledge

CIDS = ["bafy", "bafy", "", "x" * 128, "x" * 129, "ü" * 65]
WORDS = [NO_HASH, NO_HASH, NO_HASH, b"\x01" * 32, moves.TEST_DIGEST, POOL, STAKES, TASKS]
COUNTS = [0, 1, 5, 9, 10, 11, 20, 21, 400, 401, 2**32 - 1]
AMOUNTS = [0, 0, 1, 5, 10**18]


def _person(_system: System, known: Knowledge) -> str:
    return known.random.choice(PEOPLE)


def _anybody(system: System, known: Knowledge) -> str:
    return known.random.choice([*PEOPLE, *system.addresses.values(), NOBODY])


def _recipient(system: System, known: Knowledge) -> str:
    return known.random.choice([*PEOPLE, *system.addresses.values()])


def _lane(system: System, known: Knowledge) -> int:
    return known.random.choice([*range(system.lanes), system.lanes, 2**200])


def some_round(system: System, known: Knowledge) -> Round | None:
    """Return the newest round of some lane."""
    return known.random.choice(list(system.newest.values())) if system.newest else None


def _round_id(system: System, known: Knowledge) -> int:
    newest = some_round(system, known)
    about = newest.round_id if newest else system.lanes
    return known.random.choice(
        [about, about, about, about, about - system.lanes, about + system.lanes, 0, 2**200]
    )


def _ballot_id(system: System, known: Knowledge) -> int:
    newest = some_round(system, known)
    about = ballots.id_of(newest) if newest else 0
    before = max(0, about - ballots.IDS_A_ROUND * system.lanes)
    return known.random.choice([about, about, about, max(0, about - 1), about + 1, before, 0, 3, 2**200])


def _member(_system: System, known: Knowledge) -> int:
    return known.random.choice([*range(5), 63, 64, 2**200])


def _header(system: System, known: Knowledge) -> bytes:
    newest = some_round(system, known)
    named = newest.draw_block if newest else 0
    return known.random.choice([header(named), header(named), header(named + 1), b"", header(named)[:-1]])


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


def _votes(system: System, known: Knowledge) -> Values:
    return opening(system, known)[0]


def _salt(system: System, known: Knowledge) -> bytes:
    return opening(system, known)[1]


def opening(_system: System, known: Knowledge) -> Values:
    """Return votes and salt of somebody, at some time, or of nobody."""
    if known.ballots and known.random.random() < 0.7:
        own = known.random.choice(list(known.ballots.values())[-5:])
        return own.votes, own.salt
    return tuple(known.some_vote() for _ in range(known.random.randint(0, 3))), NO_HASH


def _small(_system: System, known: Knowledge) -> int:
    return known.random.choice([0, 1, 3, 14, 15, 200])


def _findings(_system: System, _known: Knowledge) -> Values:
    return ((1, 5, 5, 0),)


def _summons(_system: System, known: Knowledge) -> Values:
    return 0, 3, 1, 1, 1, tuple(known.random.sample(PEOPLE, 2)), 10, 10, 3


def _ommer(_system: System, known: Knowledge) -> Values:
    return 1, known.random.choice(PEOPLE), NO_HASH, 1, 1, 1, False


def _block(_system: System, known: Knowledge) -> Values:
    return 1, NO_HASH, 1, 1, known.random.choice(PEOPLE), NO_HASH, 1, 1, NO_HASH, NO_HASH, 1


def _vote_commitment(system: System, known: Knowledge) -> bytes:
    """Return the commitment to votes that somebody might reveal, well formed or not."""
    opened = some_round(system, known)
    if opened is None or not ballots.newest_of(opened).members or known.random.random() < 0.3:
        return _word(system, known)
    member = known.random.choice(ballots.newest_of(opened).members)
    return moves.commit_vote(system, known, opened, member).arguments[2]


def _time(system: System, known: Knowledge) -> int:
    return max(system.clock.time + known.random.choice([0, 0, 300, -300, 301]), 0)


def some_signature(_system: System, known: Knowledge) -> bytes:
    return known.random.choice([b"", b"", b"\x01" * 65, b"\xff" * 65, b"\x01" * 64])


Kind = Callable[[System, Knowledge], object]

# What each function takes, argument by argument.
KINDS: dict[str, list[Kind]] = {
    "RewardReservoir.deposit": [_anybody, _account],
    "RewardReservoir.transfer": [_account, _anybody, _account, _amount],
    "RewardReservoir.credit": [_account, _person, _amount],
    "RewardReservoir.withdraw": [_recipient],
    "TaskList.post": [],
    "TaskList.postReplacing": [],
    "TaskList.cancel": [_task_id],
    "TaskList.delegateKeys": [_task_id, _anybody, _cid, _word],
    "TaskList.announcePartialKeys": [_task_id, _cid, _word],
    "TaskList.takeBest": [_round_id],
    "VerifierCommittee.stake": [],
    "VerifierCommittee.unstake": [],
    "VerifierCommittee.reclaim": [],
    "VerifierCommittee.draw": [_ballot_id, _word, _summons],
    "VerifierCommittee.settle": [_ballot_id, _findings, _amount],
    "VerifierCommittee.commitVote": [_ballot_id, _member, _vote_commitment],
    "VerifierCommittee.leak": [_ballot_id, _member, _votes, _salt],
    "VerifierCommittee.revealVote": [_ballot_id, _member, _votes, _salt],
    "VerifierCommittee.endVotes": [_ballot_id],
    "PoLeChain.openRound": [_lane],
    "PoLeChain.arm": [_round_id],
    "PoLeChain.draw": [_round_id, _header],
    "PoLeChain.postFunctionalKeys": [_round_id, _cid, _word],
    "PoLeChain.commit": [_round_id, _word, _count],
    "PoLeChain.closeSubmissions": [_round_id],
    "PoLeChain.endTestRelease": [_round_id],
    "PoLeChain.releaseTestSet": [_round_id, _cid, _word],
    "PoLeChain.releaseTestSetFor": [_round_id, _cid, _word, _time, some_signature],
    "PoLeChain.reveal": [_round_id, _cid, _word, _count, _word],
    "PoLeChain.challenge": [_round_id],
    "PoLeChain.finalise": [_round_id],
    "Ledger.record": [_small, _word],
    "Ledger.append": [_block, _ommer, _ommer],
}


def _some_of(kinds: list[Kind], system: System, known: Knowledge) -> Values:
    return tuple(kind(system, known) for kind in kinds)


ARGUMENTS: dict[str, Callable[[System, Knowledge], Values]] = {
    name: partial(_some_of, kinds) for name, kinds in KINDS.items()
}
