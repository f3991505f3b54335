from dataclasses import replace
from typing import Any

import pytest
from experiments.problems.pow_chain import (
    LARGEST,
    WINDOW,
    Block,
    Node,
    digest_of,
    grow,
    is_valid,
    next_target,
    search,
)

GENESIS = Block(0, bytes(32), 0, LARGEST // 50, 0, 0)


def mined(chain: list[Block], miner: int = 1, start: int = 0) -> Block:
    nonce, block = start, None
    while block is None:
        block, nonce = search(chain, miner, nonce, expected=1.0)
    return block


def chain_of(times: list[float], target: int = LARGEST) -> list[Block]:
    chain = [Block(0, bytes(32), 0, target, 0, 0)]
    for height, when in enumerate(times, start=1):
        chain.append(Block(height, chain[-1].digest, round(when * 1e9), target, 0, 0))
    return chain


def test_a_block_with_too_little_work_is_invalid() -> None:
    block = mined([GENESIS])
    assert is_valid(block, [GENESIS], 1.0)
    lazy = next(
        replace(block, nonce=nonce)
        for nonce in range(10_000)
        if int.from_bytes(digest_of(block.prefix(), nonce), "big") > block.target
    )
    assert not is_valid(lazy, [GENESIS], 1.0)


@pytest.mark.parametrize(
    "change", [{"height": 2}, {"parent": bytes(31) + b"\x01"}, {"target": LARGEST}, {"time": -1}]
)
def test_a_block_that_does_not_follow_its_chain_is_invalid(change: dict[str, Any]) -> None:
    block = mined([GENESIS])
    if change == {"time": -1}:
        later = [replace(GENESIS, time=block.time + 1)]
        assert not is_valid(replace(block, parent=later[0].digest), later, 1.0)
    else:
        assert not is_valid(replace(block, **change), [GENESIS], 1.0)


def test_the_target_follows_the_time_that_a_window_of_blocks_took() -> None:
    slow, fast, extreme = (
        chain_of([seconds * height for height in range(1, WINDOW + 1)], LARGEST // 1000)
        for seconds in (2.0, 0.5, 100.0)
    )
    old = LARGEST // 1000
    assert next_target(slow, 1.0) == pytest.approx(2 * old)
    assert next_target(fast, 1.0) == pytest.approx(old / 2)
    assert next_target(extreme, 1.0) == pytest.approx(4 * old)
    assert next_target(slow[:-1], 1.0) == old


def test_the_longest_chain_wins_and_a_fork_that_grows_takes_over() -> None:
    node = Node(1.0, [GENESIS])
    first = mined([GENESIS], miner=1)
    node.take(first)
    rival = mined([GENESIS], miner=2)
    node.take(rival)
    assert node.chain[-1] == first
    longer = mined([GENESIS, rival], miner=2)
    node.take(longer)
    assert node.chain == [GENESIS, rival, longer]


def test_a_block_whose_parent_is_unknown_is_not_taken_in() -> None:
    node = Node(1.0, [GENESIS])
    first = mined([GENESIS])
    node.take(mined([GENESIS, first]))
    assert node.chain == [GENESIS]


def test_processes_grow_a_chain_that_everybody_can_check() -> None:
    chain = grow(miners=2, count=3, expected=0.05)
    assert [block.height for block in chain] == [0, 1, 2, 3]
    assert all(is_valid(chain[height], chain[:height], 0.05) for height in range(1, 4))
