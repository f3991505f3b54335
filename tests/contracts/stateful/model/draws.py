"""What the hash of an Ethereum block to come decides: an idle round's test set, and who is in a committee."""

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, blocks, money
from tests.contracts.stateful.model.rounds import in_phase
from tests.contracts.stateful.model.system import BPS, NO_HASH, NOBODY, Call, Clock, Round, System, need

from pole.protocol.encoding.seeds import test_seed
from pole.protocol.rounds.committee_draw import draw_entropy
from pole.protocol.state import Phase, RecordKind

DRAW_DELAY = 2
FREEZE = 256


def arm_test_seed(system: System, _call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.TEST_RELEASE)
    need(opened.is_idle, "NotIdle", round_id)
    opened.test_block = _named(system.clock, round_id, opened.test_block)
    return ()


def draw_test_seed(system: System, _call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.TEST_RELEASE)
    opened.test_seed = test_seed(round_id, _drawn(system.clock, round_id, opened.test_block))
    opened.released_at = system.clock.time
    blocks.record(system, RecordKind.TEST_SEED_DRAWN, ["uint256", "bytes32"], [round_id, opened.test_seed])
    return ()


def arm_draw(system: System, _call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.DRAW)
    opened.draw_block = _named(system.clock, round_id, opened.draw_block)
    system.frozen_until = opened.draw_block + FREEZE
    blocks.record(system, RecordKind.DRAW_ARMED, ["uint256", "uint64"], [round_id, opened.draw_block])
    return ()


def draw_committee(system: System, _call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.DRAW)
    entropy = draw_entropy(round_id, _drawn(system.clock, round_id, opened.draw_block))
    if opened.attempt == 0:
        opened.judged = _best_claims(opened)[: system.parameters.chain["judgedSolutions"]]
    ballot = ballots.draw(system, opened, entropy)
    if ballot is None:
        _drop(opened)
        return ()
    if opened.attempt == 0:
        opened.entropy = entropy
    blocks.record(
        system,
        RecordKind.COMMITTEE_DRAWN,
        ["uint256", "bytes32", "address[]", "address[]"],
        [round_id, entropy, ballot.members, opened.judged],
    )
    return ()


def _drop(opened: Round) -> None:
    """Do without the committee that could not be drawn."""
    if opened.attempt == 0:
        opened.is_committee_too_small, opened.judged = True, []
    else:
        opened.attempt, opened.is_dropped = opened.attempt - 1, True


def challenge(system: System, call: Call, round_id: int) -> Values:
    opened = in_phase(system, round_id, Phase.CHALLENGE)
    found = ballots.found_by(system, ballots.newest_of(system, opened))
    due = system.parameters.chain["challengeBond"] if ballots.is_decided(found) else 0
    is_first = opened.challenger == NOBODY
    need(is_first or not due, "AlreadyChallenged", round_id, opened.challenger)
    need(call.value == due, "WrongBond", call.value, due)
    blocks.record(
        system,
        RecordKind.TALLY_CHALLENGED,
        ["uint256", "uint8", "address", "uint256"],
        [round_id, opened.attempt, call.sender, due],
    )
    if due:
        opened.challenger, opened.challenged = call.sender, opened.attempt
        money.put(system, system.chain, system.chain, opened.account, due)
    opened.attempt, opened.draw_block = opened.attempt + 1, 0
    return ()


def is_lost(clock: Clock, armed: int) -> bool:
    """Tell whether a block that was named can decide nothing any more."""
    return clock.number > armed and clock.hash_of(armed) == NO_HASH


def _named(clock: Clock, round_id: int, armed: int) -> int:
    """Return the block that decides from now on, where no other can."""
    need(not armed or is_lost(clock, armed), "DrawPending", round_id, armed)
    return clock.number + DRAW_DELAY


def _drawn(clock: Clock, round_id: int, armed: int) -> bytes:
    """Return the hash of the block that was named."""
    drawn = clock.hash_of(armed) if armed else NO_HASH
    need(drawn != NO_HASH, "DrawNotReady", round_id, armed)
    return drawn


def _best_claims(opened: Round) -> list[str]:
    """Return the miners that revealed, the best claim first: of the test set, or without one of training.

    Whoever claims to reach the required training accuracy comes before everybody else.
    """
    terms = opened.task.terms

    def rank(miner: str) -> tuple[bool, int, int]:
        solution = opened.solutions[miner]
        is_short = solution.claimed_train * BPS < terms.required_train_accuracy * terms.train_count
        claim = solution.claimed_test if opened.released_at else solution.claimed_train
        return is_short, -claim, solution.order

    return sorted(opened.revealed, key=rank)
