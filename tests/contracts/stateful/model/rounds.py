"""A round from its opening to its reveals, and its phases: who may do what, and when."""

from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, blocks, money, tasks
from tests.contracts.stateful.model.system import (
    BPS,
    NO_HASH,
    NOBODY,
    Call,
    Refused,
    Round,
    Solution,
    System,
    is_cid,
    need,
)

from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.encoding.merkle_body import root
from pole.protocol.encoding.release_signature import TOLERANCE, release_hash
from pole.protocol.encoding.seeds import round_seed
from pole.protocol.state import FileRef, Phase, RecordKind, VoidReason

NAME = "PoLeChain"
SIGNATURE = 65


def open_round(system: System, _call: Call) -> Values:
    newest = system.newest
    if newest is not None and not newest.is_settled:
        raise Refused("RoundOpen", newest.round_id)
    task = tasks.best(system) or tasks.idle(system)
    system.mature = len(system.order)
    opened = Round(len(system.rounds) + 1, task, system.hashes[-1], system.clock.time, list(system.order))
    system.rounds.append(opened)
    # Nobody's task has no keys to wait for.
    opened.keys_at = system.clock.time if opened.is_idle else 0
    tasks.take(system, task, opened.account)
    before = system.clock.hash_of(system.clock.number - 1)
    blocks.record(
        system,
        RecordKind.ROUND_OPENED,
        ["uint256", "uint256", "bytes32", "bytes32"],
        [opened.round_id, task.task_id, opened.parent_hash, before],
    )
    opened.seed = round_seed(opened.parent_hash, root(system.body))
    system.report(NAME, "RoundOpened", opened.round_id, task.task_id, opened.seed)
    return (opened.round_id,)


def post_keys(system: System, call: Call, round_id: int, cid: str, digest: bytes) -> Values:
    opened = in_phase(system, round_id, Phase.KEYS)
    issuers = (opened.task.owner, opened.task.delegate)
    need(call.sender in issuers, "NotDataNode", round_id, call.sender)
    need(is_cid(cid), "EmptyField", "keysCid")
    need(digest != NO_HASH, "EmptyField", "keysDigest")
    opened.keys_digest, opened.keys_at = digest, system.clock.time
    blocks.record(system, RecordKind.KEYS_POSTED, ["uint256", "string", "bytes32"], [round_id, cid, digest])
    return ()


def commit(system: System, call: Call, round_id: int, commitment: bytes, claimed: int) -> Values:
    opened = in_phase(system, round_id, Phase.TRAINING)
    need(commitment != NO_HASH, "EmptyField", "commitment")
    need(claimed <= opened.task.terms.train_count, "CountTooLarge", claimed, opened.task.terms.train_count)
    is_new = call.sender not in opened.solutions
    due = miner_bond(system, opened) if is_new else 0
    need(call.value == due, "WrongBond", call.value, due)
    displaced = _displaced(system, opened, claimed) if is_new else NOBODY
    if not is_new:
        before = opened.solutions[call.sender].claimed_train
        need(claimed >= before, "ClaimLowered", round_id, before, claimed)
    if displaced != NOBODY:
        # The newcomer has the other's place in the order of first commitments.
        opened.solutions = {
            call.sender if miner == displaced else miner: each for miner, each in opened.solutions.items()
        }
        blocks.record(system, RecordKind.SOLUTION_DISPLACED, ["uint256", "address"], [round_id, displaced])
    opened.solutions[call.sender] = Solution(commitment, claimed, opened.commitments)
    opened.commitments += 1
    blocks.record(
        system,
        RecordKind.SOLUTION_COMMITTED,
        ["uint256", "address", "bytes32", "uint32"],
        [round_id, call.sender, commitment, claimed],
    )
    if due:
        money.put(system, system.chain, system.chain, opened.account, due)
    if due and displaced != NOBODY:
        money.pay(system, system.chain, opened.account, displaced, due)
    return ()


def minimum(opened: Round) -> str:
    """Return who loses its place first: the miner with the lowest claim, of equals the latest."""

    def rank(miner: str) -> tuple[int, int]:
        solution = opened.solutions[miner]
        return solution.claimed_train, -solution.order

    return min(opened.solutions, key=rank)


def _displaced(system: System, opened: Round, claimed: int) -> str:
    """Return whose place a newcomer takes, nobody's while there is room."""
    maximum = system.parameters.chain["maxSolutions"]
    if len(opened.solutions) < maximum:
        return NOBODY
    lowest = opened.solutions[minimum(opened)].claimed_train
    need(claimed > lowest, "TooManySolutions", opened.round_id, maximum, lowest + 1)
    return minimum(opened)


def miner_bond(system: System, opened: Round) -> int:
    """Return what a solution of the round is bound with."""
    chosen = system.parameters.chain
    return max(chosen["minerBond"], opened.task.terms.reward * chosen["minerBondBps"] // BPS)


def close_submissions(system: System, call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.TRAINING)
    need(call.sender == opened.task.owner, "NotDataNode", round_id, call.sender)
    terms, count = opened.task.terms, ready(opened)
    not_before = opened.keys_at + terms.min_training_time
    is_time = count >= terms.min_solutions and system.clock.time >= not_before
    need(is_time, "TooEarlyToClose", count, terms.min_solutions, not_before)
    opened.closed_at, opened.closed_block = system.clock.time, system.clock.number
    blocks.record(system, RecordKind.SUBMISSIONS_CLOSED, ["uint256"], [round_id])
    return ()


def release_test_set(system: System, call: Call, round_id: int, cid: str, digest: bytes) -> Values:
    opened = in_phase(system, round_id, Phase.TEST_RELEASE)
    need(call.sender == opened.task.owner, "NotDataNode", round_id, call.sender)
    return _release(system, opened, cid, digest)


def release_test_set_for(
    system: System, _call: Call, round_id: int, cid: str, digest: bytes, signed_at: int, signature: bytes
) -> Values:
    opened, now = in_phase(system, round_id, Phase.TEST_RELEASE), system.clock.time
    owner = opened.task.owner
    need(abs(now - signed_at) <= TOLERANCE, "TimestampOutOfTolerance", signed_at, now, TOLERANCE)
    signer = signer_of(system, round_id, FileRef(cid, digest), signed_at, signature)
    # Bytes that are no signature are nobody's, but not nobody's word.
    need(signer == owner != NOBODY, "NotSignedByDataNode", round_id, owner)
    return _release(system, opened, cid, digest)


def hash_to_sign(system: System, round_id: int, test: FileRef, signed_at: int) -> bytes:
    return release_hash(
        chain_id=ballots.CHAIN_ID,
        chain_address=system.addresses[NAME],
        round_id=round_id,
        test=test,
        timestamp=signed_at,
    )


def signer_of(system: System, round_id: int, test: FileRef, signed_at: int, signature: bytes) -> str:
    """Return who signed a release, nobody where the bytes are no signature."""
    if len(signature) != SIGNATURE:
        return NOBODY
    try:
        signed = Account._recover_hash(hash_to_sign(system, round_id, test, signed_at), signature=signature)
    except (BadSignature, ValidationError, ValueError):
        return NOBODY
    return signed.lower()


def _release(system: System, opened: Round, cid: str, digest: bytes) -> Values:
    round_id = opened.round_id
    need(system.clock.number != opened.closed_block, "SameBlock", system.clock.number)
    need(is_cid(cid), "EmptyField", "testCid")
    need(digest == opened.task.test_digest, "WrongTestSet", opened.task.test_digest, digest)
    opened.released_at = system.clock.time
    blocks.record(
        system, RecordKind.TEST_SET_RELEASED, ["uint256", "string", "bytes32"], [round_id, cid, digest]
    )
    return ()


def reveal(
    system: System, call: Call, round_id: int, cid: str, digest: bytes, claimed_test: int, salt: bytes
) -> Values:
    opened = in_phase(system, round_id, Phase.REVEAL)
    need(is_cid(cid), "EmptyField", "modelCid")
    need(digest != NO_HASH, "EmptyField", "modelDigest")
    maximum = opened.task.terms.test_count if opened.released_at else 0
    need(claimed_test <= maximum, "CountTooLarge", claimed_test, maximum)
    solution = opened.solutions.get(call.sender)
    if solution is None:
        raise Refused("NoCommitment", round_id, call.sender)
    need(not solution.is_revealed, "AlreadyRevealed", round_id, call.sender)
    shown = commitment_of(system, round_id, call.sender, digest, solution.claimed_train, salt)
    need(shown == solution.commitment, "CommitmentMismatch", round_id, solution.commitment, shown)
    solution.is_revealed, solution.model_digest, solution.claimed_test = True, digest, claimed_test
    opened.last_reveal_at = system.clock.time
    blocks.record(
        system,
        RecordKind.SOLUTION_REVEALED,
        ["uint256", "address", "string", "bytes32", "uint32", "uint32"],
        [round_id, call.sender, cid, digest, solution.claimed_train, claimed_test],
    )
    return ()


def record(_system: System, call: Call, kind: int, _data: bytes) -> Values:
    need(kind in list(RecordKind))
    raise Refused("NotRecorder", call.sender)


def round_of(system: System, round_id: int) -> Round | None:
    return system.rounds[round_id - 1] if 1 <= round_id <= len(system.rounds) else None


def ready(opened: Round) -> int:
    """Return how many commitments claim the training threshold."""
    terms = opened.task.terms
    needed = terms.required_train_accuracy * terms.train_count
    return sum(solution.claimed_train * BPS >= needed for solution in opened.solutions.values())


def phase(system: System, opened: Round | None) -> tuple[Phase, int]:
    """Return where a round stands and when that ends at the latest, 0 where no clock ends it."""
    if opened is None:
        return Phase.NONE, 0
    if opened.is_settled:
        return (Phase.FINAL if opened.void_reason is VoidReason.NONE else Phase.VOID), 0
    for reached, end in _timed(system, opened):
        if system.clock.time < end:
            return reached, end
    return _after_windows(system, opened), 0


def _timed(system: System, opened: Round) -> list[tuple[Phase, int]]:
    """Return the phases that end by the clock, as far as they are certain, and their ends."""
    chosen = system.parameters.chain
    if not opened.keys_at:
        return [(Phase.KEYS, opened.opened_at + chosen["keyWindow"])]
    training_end = opened.closed_at or opened.keys_at + opened.task.terms.time_limit
    phases = [(Phase.TRAINING, training_end)]
    if opened.solutions:
        reveal_start = opened.released_at or training_end + chosen["testWindow"]
        phases.append((Phase.TEST_RELEASE, reveal_start))
        if len(opened.revealed) < len(opened.solutions):
            phases.append((Phase.REVEAL, reveal_start + chosen["revealWindow"]))
    if opened.entropy != NO_HASH:
        phases += _of_ballot(system, opened)
    return phases


def _of_ballot(system: System, opened: Round) -> list[tuple[Phase, int]]:
    ballot = ballots.newest_of(system, opened)
    phases = [(Phase.VOTE_COMMIT, ballot.commit_deadline), (Phase.VOTE_REVEAL, ballot.closes_at)]
    if ballot.members and ballots.can_grow(system, opened, ballot):
        phases.append((Phase.CHALLENGE, ballot.closes_at + system.parameters.chain["challengeWindow"]))
    return phases


def _after_windows(system: System, opened: Round) -> Phase:
    is_drawn = ballots.newest_of(system, opened).members
    is_drawable = opened.revealed and not is_drawn and not opened.is_committee_too_small
    return Phase.DRAW if is_drawable else Phase.SETTLEMENT


def commitment_of(
    system: System, round_id: int, miner: str, digest: bytes, claimed_train: int, salt: bytes
) -> bytes:
    return solution_commitment(
        chain_id=ballots.CHAIN_ID,
        chain_address=system.chain,
        round_id=round_id,
        miner=miner,
        model_digest=digest,
        claimed_train_correct=claimed_train,
        salt=salt,
    )


def in_phase(system: System, round_id: int, needed: Phase) -> Round:
    opened = round_of(system, round_id)
    now = phase(system, opened)[0]
    if opened is None:
        raise Refused("UnknownRound", round_id)
    need(now is needed, "WrongPhase", round_id, int(now), int(needed))
    return opened
