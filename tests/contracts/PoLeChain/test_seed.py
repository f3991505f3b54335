"""Drawing by an Ethereum block's mix: which block, with what proof, and what if it is lost."""

from typing import Any

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import ANYBODY, CHAIN, STRANGER, HistoryCheck, Model, Pole, refused

from pole.protocol.state import Phase, RecordKind

LOST = 257
"""Blocks after which a block's hash cannot be had where there is no history of hashes (EIP-2935)."""


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def opened(pole: Pole) -> tuple[int, int]:
    """Open a round; return it and the block that draws its seed."""
    stage.post(pole)
    round_id = stage.open_round(pole)
    named: int = stage.field(pole.chain.round(round_id), "drawBlock")
    return round_id, named


def test_nobody_draws_before_the_named_block_is_mined(pole: Pole) -> None:
    round_id, named = opened(pole)
    assert named == chain.height + CHAIN["drawDelay"]
    # A call runs in the newest block.
    chain.mine(CHAIN["drawDelay"])
    with refused("DrawNotReady", round_id, named):
        pole.chain.draw.call(round_id, stage.header_of(named), anybody())
    pole.chain.draw(round_id, stage.header_of(named), anybody())
    assert stage.phase(pole, round_id) is Phase.KEYS


def test_another_blocks_header_or_a_changed_one_proves_nothing(pole: Pole) -> None:
    round_id, named = opened(pole)
    chain.mine(5)
    header = stage.header_of(named)
    for wrong in (stage.header_of(named + 1), header[:-1], header + b"\x00", b"", bytes(len(header))):
        with refused("WrongHeader", named):
            pole.chain.draw.call(round_id, wrong, anybody())
    pole.chain.draw.call(round_id, header, anybody())


def test_no_other_block_is_named_while_the_first_can_draw(pole: Pole) -> None:
    round_id, named = opened(pole)
    with refused("DrawPending", round_id, named):
        pole.chain.arm.call(round_id, anybody())
    chain.mine(named - chain.height + 256)
    with refused("DrawPending", round_id, named):
        pole.chain.arm.call(round_id, {"from": accounts[STRANGER]})
    pole.chain.draw.call(round_id, stage.header_of(named), anybody())


def test_once_the_hash_is_lost_anybody_names_another_block_and_no_step_else_moves_the_round(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id, named = opened(pole)
    chain.mine(named - chain.height + LOST)
    with refused("HashLost", named):
        pole.chain.draw.call(round_id, stage.header_of(named), anybody())
    assert stage.phase(pole, round_id) is Phase.SEED
    armed = pole.chain.arm(round_id, {"from": accounts[STRANGER]})
    again = chain.height + CHAIN["drawDelay"]
    assert armed.events["Recorded"]["kind"] == RecordKind.DRAW_ARMED
    assert bytes(armed.events["Recorded"]["data"]) == round_id.to_bytes(32, "big") + again.to_bytes(32, "big")
    stage.draw(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.KEYS
    assert stage.field(pole.chain.round(round_id), "drawBlock") == 0
    history_holds()


def test_a_seed_is_drawn_once(pole: Pole) -> None:
    round_id, named = opened(pole)
    stage.draw(pole, round_id)
    with refused("NothingToDraw", round_id, Phase.KEYS):
        pole.chain.draw.call(round_id, stage.header_of(named), anybody())
    with refused("NothingToDraw", round_id, Phase.KEYS):
        pole.chain.arm.call(round_id, anybody())


def test_what_draws_the_committee_is_named_by_the_last_reveal_and_not_by_whoever_arms(pole: Pole) -> None:
    round_id = stage.training(pole)
    for miner in (2, 3):
        stage.commit(pole, round_id, miner, Model())
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, Model())
    assert stage.field(pole.chain.round(round_id), "drawBlock") == 0
    stage.reveal(pole, round_id, 3, Model())
    named = chain.height + CHAIN["drawDelay"]
    assert stage.field(pole.chain.round(round_id), "drawBlock") == named
    with refused("DrawPending", round_id, named):
        pole.chain.arm.call(round_id, anybody())


def test_where_somebody_never_reveals_anybody_arms_after_the_window(pole: Pole) -> None:
    round_id = stage.training(pole)
    for miner in (2, 3):
        stage.commit(pole, round_id, miner, Model())
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, Model())
    with refused("NothingToDraw", round_id, Phase.REVEAL):
        pole.chain.arm.call(round_id, anybody())
    stage.wait(CHAIN["revealWindow"])
    with refused("DrawNotReady", round_id, 0):
        pole.chain.draw.call(round_id, b"", anybody())
    stage.arm(pole, round_id)
    assert len(stage.draw(pole, round_id)) == 4
