"""News of the chain reaches every page that is open, and a node that is away is complained of once."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest

from pole.adapters.history.pages import BlockMark
from pole.errors import UnreachableError
from pole.explore.server import watching
from pole.explore.server.watching import Pulse, kept_up


def mark(number: int) -> BlockMark:
    return BlockMark(number, bytes(32), 1_000 + number)


def looks(*answers: BlockMark | str) -> Callable[[], BlockMark]:
    """Return a look that answers one after the other, and then the last again and again."""
    waiting: Iterator[BlockMark | str] = iter(answers)
    last = answers[-1]

    def look() -> BlockMark:
        answer = next(waiting, last)
        if isinstance(answer, str):
            raise UnreachableError(answer)
        return answer

    return look


def test_everybody_who_waits_learns_of_every_block() -> None:
    async def heard(pulse: Pulse, until: int) -> list[int]:
        found: list[int] = []
        async for head in pulse.changes():
            if head is not None:
                found.append(head.number)
                if head.number == until:
                    return found
        return found

    async def play() -> list[list[int]]:
        pulse = Pulse()
        async with kept_up(looks(mark(1), mark(2), mark(2), mark(3)), pulse, 0.01):
            return await asyncio.gather(*(heard(pulse, 3) for _ in range(5)))

    for found in asyncio.run(play()):
        assert found == sorted(set(found))
        assert found[-1] == 3


def test_a_node_that_is_away_is_complained_of_once_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> tuple[str, str]:
        pulse, complaints = Pulse(), []
        look = looks(mark(1), "no node", "no node", "no node", mark(2))
        async with kept_up(look, pulse, 0.01):
            async for head in pulse.changes():
                complaints.append(pulse.complaint)
                if head == mark(2):
                    break
        return max(complaints), complaints[-1]

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(play()) == ("no node", "")
    assert caplog.messages == ["no node"]


def test_a_fault_of_ours_that_ends_the_reading_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def look() -> BlockMark:
        raise ZeroDivisionError

    async def play() -> str:
        pulse = Pulse()
        async with kept_up(look, pulse, 0.01), asyncio.timeout(10):
            while not pulse.complaint:
                await asyncio.sleep(0.01)
        return pulse.complaint

    with caplog.at_level(logging.ERROR):
        assert "ZeroDivisionError" in asyncio.run(play())
    assert len(caplog.messages) == 1


def test_a_stream_without_news_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BEAT", 0.01)

    async def play() -> list[BlockMark | None]:
        pulse, found = Pulse(), []
        await pulse.set(mark(1), "")
        async for head in pulse.changes():
            found.append(head)
            if len(found) == 3:
                break
        return found

    assert asyncio.run(play()) == [mark(1), None, None]
