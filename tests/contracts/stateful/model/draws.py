"""What the mix of an Ethereum block to come decides: seeds, and who is in a committee."""

from collections.abc import Sequence

from tests.contracts.stateful.evm import Values, header, mix
from tests.contracts.stateful.model import ballots, blocks, money, phases, rounds
from tests.contracts.stateful.model.phases import in_phase
from tests.contracts.stateful.model.system import (
    BPS,
    NO_HASH,
    Call,
    Challenge,
    Round,
    System,
    need,
)

from pole.protocol.encoding.abi import encode
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.seeds import draw_entropy, round_seed, test_seed
from pole.protocol.state import Phase, RecordKind, Step


def arm(system: System, _call: Call, round_id: int) -> Values:
    opened, _ = _waiting(system, round_id)
    named = opened.draw_block
    need(not named or is_lost(system, named), "DrawPending", round_id, named)
    name(system, opened)
    return ()


def draw(system: System, _call: Call, round_id: int, proof: bytes) -> Values:
    opened, phase = _waiting(system, round_id)
    named = opened.draw_block
    need(named and system.clock.number > named, "DrawNotReady", round_id, named)
    need(not is_lost(system, named), "HashLost", named)
    need(proof == header(named), "WrongHeader", named)
    opened.draw_block = 0
    if phase is Phase.SEED:
        _draw_seed(system, opened, mix(named))
    elif phase is Phase.TEST_RELEASE:
        _draw_test_seed(system, opened, mix(named))
    else:
        _draw_committee(system, opened, mix(named))
    return ()


def _draw_seed(system: System, opened: Round, drawn: bytes) -> None:
    opened.seed = round_seed(opened.seed, opened.round_id, drawn)
    # Nobody's task has no keys to wait for.
    rounds.advance(system, opened, Step.KEYED if opened.is_idle else Step.SEEDED)
    system.report(rounds.NAME, "SeedDrawn", opened.round_id, opened.seed)
    _record(system, RecordKind.SEED_DRAWN, opened, drawn, opened.seed)


def _draw_test_seed(system: System, opened: Round, drawn: bytes) -> None:
    opened.is_released = True
    rounds.advance(system, opened, Step.RELEASED)
    _record(system, RecordKind.TEST_SEED_DRAWN, opened, drawn, test_seed(opened.round_id, drawn))


def _record(system: System, kind: RecordKind, opened: Round, drawn: bytes, seed: bytes) -> None:
    blocks.record(system, kind, ["uint256", "bytes32", "bytes32"], [opened.round_id, drawn, seed])


def _draw_committee(system: System, opened: Round, drawn: bytes) -> None:
    entropy = draw_entropy(opened.round_id, opened.attempt, drawn)
    members = _members(system, opened, entropy)
    if not members:
        # Do without the committee that could not be drawn.
        opened.is_dropped = bool(opened.ballots)
        opened.is_committee_too_small = not opened.ballots
        return
    if not opened.attempt:
        opened.entropy = entropy
    opened.ballots.append(ballots.begin(system, opened, members))
    system.drawn[opened.round_id % system.lanes] = opened
    blocks.record(
        system,
        RecordKind.COMMITTEE_DRAWN,
        ["uint256", "bytes32", "bytes32", "address[]"],
        [opened.round_id, drawn, entropy, members],
    )


def _members(system: System, opened: Round, entropy: bytes) -> list[str]:
    """Return a first committee, or a larger one than before; nobody where there are too few."""
    chosen, reward, before = system.parameters.chain, opened.task.terms.reward, opened.ballots
    fewest = chosen["minCommittee"]
    needed = ballots.seats_for(system, reward, fewest)
    if len(opened.seats) < needed:
        return []
    minimum = len(before[-1].members) + 1 if before else max(fewest, 2 * needed // 3 + 1)
    barred = {*opened.solutions, opened.task.owner}
    able = [verifier for verifier in _shuffled(opened.seats, entropy) if verifier not in barred]
    members = able[: ballots.asked(system, opened, opened.attempt)]
    return members if len(members) >= minimum else []


def _shuffled(seats: Sequence[str], entropy: bytes) -> list[str]:
    """Return the seats in the order in which they are drawn (Fisher and Yates)."""
    left, drawn = list(seats), []
    for step in range(len(left)):
        place = int.from_bytes(keccak256(encode(["bytes32", "uint256"], [entropy, step])), "big") % len(left)
        # The first of those left takes the place of the drawn one.
        left[0], left[place] = left[place], left[0]
        drawn.append(left.pop(0))
    return drawn


def challenge(system: System, call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.CHALLENGE)
    attempt, due = opened.attempt, challenge_bond(system, opened, opened.attempt)
    need(call.value == due, "WrongBond", call.value, due)
    blocks.record(
        system,
        RecordKind.TALLY_CHALLENGED,
        ["uint256", "uint8", "address", "uint256"],
        [round_id, attempt, call.sender, due],
    )
    opened.challenges.append(Challenge(call.sender, due))
    name(system, opened)
    if due:
        money.put(system, system.chain, system.chain, opened.account, due)
    return ()


def challenge_bond(system: System, opened: Round, attempt: int) -> int:
    """Return the larger committee's pay, if each member has what the fee is for one of the first."""
    fee = verification_fee(system, opened)
    return fee * ballots.asked(system, opened, attempt + 1) // ballots.asked(system, opened, 0)


def verification_fee(system: System, opened: Round) -> int:
    return opened.task.terms.reward * system.parameters.chain["verificationFeeBps"] // BPS


def name(system: System, opened: Round) -> None:
    """Name the block that decides next."""
    opened.draw_block = next_block(system)
    values = [opened.round_id, opened.draw_block]
    blocks.record(system, RecordKind.DRAW_ARMED, ["uint256", "uint64"], values)


def next_block(system: System) -> int:
    return system.clock.number + system.parameters.chain["drawDelay"]


def is_lost(system: System, named: int) -> bool:
    """Tell whether a block that was named can decide nothing any more."""
    return system.clock.number > named and system.clock.hash_of(named) == NO_HASH


def _waiting(system: System, round_id: int) -> tuple[Round, Phase]:
    """Return a round that waits for a draw, and its phase."""
    opened = system.rounds.get(round_id)
    phase = phases.phase(system, opened)[0]
    is_test = phase is Phase.TEST_RELEASE and bool(opened and opened.is_idle and opened.step is Step.CLOSED)
    need(phase in (Phase.SEED, Phase.DRAW) or is_test, "NothingToDraw", round_id, int(phase))
    assert opened is not None
    return opened, phase
