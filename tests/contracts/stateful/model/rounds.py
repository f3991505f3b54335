"""A round from its opening to its reveals: who may do what, and when."""

from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import blocks, draws, money, phases, seats, tasks
from tests.contracts.stateful.model.phases import in_phase
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
from pole.protocol.encoding.seeds import round_origin
from pole.protocol.state import FileRef, Phase, RecordKind, Step

NAME = "PoLeChain"
CHAIN_ID = 1
SIGNATURE = 65


def open_round(system: System, _call: Call, lane: int) -> Values:
    need(lane < system.lanes, "UnknownLane", lane, system.lanes)
    before = system.newest.get(lane)
    if before is not None and not before.is_settled:
        raise Refused("RoundOpen", before.round_id)
    task = tasks.best(system) or tasks.idle(system)
    opened = Round(
        round_id=(before.round_id if before else lane) + system.lanes,
        task=task,
        opened_at=system.clock.time,
        seats=seats.as_of(system, system.clock.time - system.parameters.committee["seatAge"]),
        begun=phases.now(system),
        draw_block=draws.next_block(system),
    )
    system.rounds[opened.round_id] = system.newest[lane] = opened
    tasks.take(system, task, opened.account)
    parent = system.hashes[-1]
    blocks.record(
        system,
        RecordKind.ROUND_OPENED,
        ["uint256", "uint256", "bytes32", "uint64"],
        [opened.round_id, task.task_id, parent, opened.draw_block],
    )
    # What the seed is made of beside the block to come.
    opened.seed = round_origin(parent, root(system.body))
    return (opened.round_id,)


def post_keys(system: System, call: Call, round_id: int, cid: str, digest: bytes) -> Values:
    opened = in_phase(system, round_id, Phase.KEYS)
    issuers = (opened.task.owner, opened.task.delegate)
    need(call.sender in issuers, "NotDataNode", round_id, call.sender)
    need(is_cid(cid), "EmptyField", "keysCid")
    need(digest != NO_HASH, "EmptyField", "keysDigest")
    opened.keys_digest = digest
    advance(system, opened, Step.KEYED)
    blocks.record(system, RecordKind.KEYS_POSTED, ["uint256", "string", "bytes32"], [round_id, cid, digest])
    return ()


def commit(system: System, call: Call, round_id: int, commitment: bytes, claimed: int) -> Values:
    opened = in_phase(system, round_id, Phase.TRAINING)
    need(commitment != NO_HASH, "EmptyField", "commitment")
    need(claimed <= opened.task.terms.train_count, "CountTooLarge", claimed, opened.task.terms.train_count)
    due, own = bond(system, opened, claimed), opened.solutions.get(call.sender)
    if own is not None:
        need(claimed >= own.claimed_train, "ClaimLowered", round_id, own.claimed_train, claimed)
        due -= bond(system, opened, own.claimed_train)
    need(call.value == due, "WrongBond", call.value, due)
    displaced = NOBODY if own else _displaced(system, opened, claimed)
    if displaced != NOBODY:
        _displace(system, opened, displaced, call.sender)
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


def _displace(system: System, opened: Round, displaced: str, newcomer: str) -> None:
    """Give the newcomer the other's place, and the other its bond."""
    returned = bond(system, opened, opened.solutions[displaced].claimed_train)
    opened.solutions = {
        newcomer if miner == displaced else miner: each for miner, each in opened.solutions.items()
    }
    blocks.record(system, RecordKind.SOLUTION_DISPLACED, ["uint256", "address"], [opened.round_id, displaced])
    if returned:
        money.pay(system, system.chain, opened.account, displaced, returned)


def bond(system: System, opened: Round, claimed: int) -> int:
    """Return what a solution with this claim is bound with."""
    chosen = system.parameters.chain
    part = chosen["readyBondBps"] if is_ready(opened, claimed) else chosen["minerBondBps"]
    return max(chosen["minerBond"], opened.task.terms.reward * part // BPS)


def close_submissions(system: System, call: Call, round_id: int) -> Values:
    opened = system.rounds.get(round_id)
    reached = phases.phase(system, opened)[0]
    is_over = reached is Phase.TEST_RELEASE and opened is not None and opened.step is Step.KEYED
    is_time = reached is Phase.TRAINING or is_over
    need(is_time, "WrongPhase", round_id, int(reached), int(Phase.TRAINING))
    assert opened is not None
    if not is_over:
        need(call.sender == opened.task.owner, "NotDataNode", round_id, call.sender)
        terms, count = opened.task.terms, ready(opened)
        not_before = opened.begun.time + terms.min_training_time
        is_time = count >= terms.min_solutions and system.clock.time >= not_before
        need(is_time, "TooEarlyToClose", count, terms.min_solutions, not_before)
        opened.is_closed_early = True
    _close(system, opened)
    if opened.is_idle:
        draws.name(system, opened)
    return ()


def _close(system: System, opened: Round) -> None:
    advance(system, opened, Step.CLOSED)
    blocks.record(system, RecordKind.SUBMISSIONS_CLOSED, ["uint256"], [opened.round_id])


def advance(system: System, opened: Round, step: Step) -> None:
    opened.step, opened.begun = step, phases.now(system)


def end_test_release(system: System, _call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.TEST_RELEASE)
    end = phases.phase(system, opened)[1]
    # There is no window to end before somebody has closed.
    is_over = opened.step is Step.CLOSED and phases.has_come(system, end)
    need(is_over, "TestSetAwaited", round_id, end.time, end.number)
    advance(system, opened, Step.RELEASED)
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
        chain_id=CHAIN_ID,
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
    round_id, number = opened.round_id, system.clock.number
    is_closed = opened.step is Step.CLOSED
    need(not is_closed or number != opened.begun.number, "NotClosedBefore", round_id, number)
    need(is_cid(cid), "EmptyField", "testCid")
    need(digest == opened.task.test_digest, "WrongTestSet", opened.task.test_digest, digest)
    if not is_closed:
        # The time limit is over, and nobody has closed.
        _close(system, opened)
    opened.is_released = True
    advance(system, opened, Step.RELEASED)
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
    maximum = opened.task.terms.test_count if opened.is_released else 0
    need(claimed_test <= maximum, "CountTooLarge", claimed_test, maximum)
    solution = opened.solutions.get(call.sender)
    if solution is None:
        raise Refused("NoCommitment", round_id, call.sender)
    need(not solution.is_revealed, "AlreadyRevealed", round_id, call.sender)
    shown = commitment_of(system, round_id, call.sender, digest, solution.claimed_train, salt)
    need(shown == solution.commitment, "CommitmentMismatch", round_id, solution.commitment, shown)
    solution.is_revealed, solution.model_digest, solution.claimed_test = True, digest, claimed_test
    # A block that was named for a test seed must not draw the committee: its mix may be known.
    opened.draw_block = 0
    blocks.record(
        system,
        RecordKind.SOLUTION_REVEALED,
        ["uint256", "address", "string", "bytes32", "uint32", "uint32"],
        [round_id, call.sender, cid, digest, solution.claimed_train, claimed_test],
    )
    if len(opened.revealed) == len(opened.solutions):
        draws.name(system, opened)
    return ()


def ready(opened: Round) -> int:
    """Return how many commitments claim the training threshold."""
    return sum(is_ready(opened, solution.claimed_train) for solution in opened.solutions.values())


def is_ready(opened: Round, claimed: int) -> bool:
    terms = opened.task.terms
    return claimed * BPS >= terms.required_train_accuracy * terms.train_count


def commitment_of(
    system: System, round_id: int, miner: str, digest: bytes, claimed_train: int, salt: bytes
) -> bytes:
    return solution_commitment(
        chain_id=CHAIN_ID,
        chain_address=system.chain,
        round_id=round_id,
        miner=miner,
        model_digest=digest,
        claimed_train_correct=claimed_train,
        salt=salt,
    )
