"""One nonce for one intent: beside other processes, and behind nodes that lag or share no pool."""

import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.unit.adapters.sending.desk import Desk, call

from pole.adapters.sending.fees import FeePolicy
from pole.adapters.sending.transactions import Call
from pole.adapters.storage.journal import SendState
from pole.errors import UnreachableError


def test_a_nonce_is_taken_once_whenever_the_block_that_hides_it_is_mined(tmp_path: Path) -> None:
    """A ganache counts no transaction of the block that it mines; another process may see it mined first."""
    desk = Desk(tmp_path / "count")
    desk.sender().send(call(), intent="close")
    for hidden, mined in combinations(range(1, desk.node.journeys), 2):
        desk = Desk(tmp_path / f"{hidden}-{mined}")
        other = desk.sender(FeePolicy(give_up_after=0))
        other._wait = desk.stall
        with pytest.raises(UnreachableError):
            other.send(call(data="0x01"), intent="close")
        mine_in_sight_of_another(desk, hidden, mined, intent="close")
        desk.sender().send(call(data="0x02"), intent="post")
        assert [each["data"] for each in desk.node.mined.values()] == [b"\x01", b"\x02"], (hidden, mined)


def mine_in_sight_of_another(desk: Desk, hidden: int, mined: int, *, intent: str) -> None:
    """Have the node mine from one request to another, and another process note then what it did."""
    journal, first = desk.journal, desk.node.journeys

    def fault(_asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if desk.node.journeys == first + hidden:
            desk.node.hides_its_pool = True
        if desk.node.journeys == first + mined:
            desk.node.mine()
            for send in journal.sends_of(intent):
                journal.mark_send(send.hash, SendState.DONE)
        return answer

    desk.node.fault = fault


def told_instead(desk: Desk, results: Mapping[str, Any], *, times: int) -> None:
    """Have a node that lags behind answer so often, wherever one of those methods is asked for."""
    left = iter(range(times))

    def fault(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if results.keys().isdisjoint(each["method"] for each in asked) or next(left, None) is None:
            return answer
        answers = json.loads(answer)
        for question, told in zip(asked, answers if len(asked) > 1 else [answers], strict=True):
            if question["method"] in results:
                told["result"] = results[question["method"]]
        return json.dumps(answers).encode()

    desk.node.fault = fault


def test_a_count_of_a_node_behind_gives_no_nonce_a_second_time(desk: Desk) -> None:
    desk.sender().send(call(data="0x01"), intent="close")
    told_instead(desk, {"eth_getTransactionCount": "0x0"}, times=3)
    started = desk.time
    desk.sender().send(call(data="0x02"), intent="post")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x01", b"\x02"]
    assert desk.time - started < FeePolicy().believe_after


def test_a_count_that_stays_behind_is_believed_after_a_while(desk: Desk) -> None:
    """As after a reorganisation, or on a devnet that lost its last second."""
    desk.sender().send(call(data="0x01"), intent="close")
    desk.node.mined.clear()
    sender, started = desk.sender(), desk.time
    sender.send(call(data="0x02"), intent="post")
    assert FeePolicy().believe_after <= desk.time - started
    started = desk.time
    desk.node.mined.clear()
    sender.send(call(data="0x03"), intent="open")
    assert desk.time - started < FeePolicy().believe_after
    assert [each["nonce"] for each in desk.node.mined.values()] == [0]


def test_two_transactions_of_one_nonce_are_not_said_to_be_from_elsewhere(desk: Desk) -> None:
    desk.sender().send(call(data="0x01"), intent="close")
    desk.node.mined.clear()
    desk.sender().send(call(data="0x02"), intent="post")
    with pytest.raises(UnreachableError, match="nonce 0 to two transactions of this wallet"):
        desk.sender().send(call(data="0x01"), intent="close")
    desk.sender().send(call(data="0x01"), intent="close")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x02", b"\x01"]


def test_what_was_refused_and_is_mined_at_any_request_is_mined_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "count")
    refuse_and_keep(desk)
    first = desk.node.journeys
    desk.sender().send(call(), intent="post")
    for moment in range(1, desk.node.journeys - first):
        desk = Desk(tmp_path / f"{moment}")
        refuse_and_keep(desk)
        mine_at(desk, desk.node.journeys + moment)
        desk.sender().send(call(), intent="post")
        desk.node.mine()
        assert len(desk.node.mined) == 1, moment


def refuse_and_keep(desk: Desk, *, data: str = "0xabcdef") -> None:
    desk.node.denies_what_it_takes = True
    with pytest.raises(UnreachableError):
        desk.sender().send(call(data=data), intent="post")
    desk.node.denies_what_it_takes = False


def mine_at(desk: Desk, journey: int) -> None:
    def fault(_asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if desk.node.journeys == journey:
            desk.node.mine()
        return answer

    desk.node.fault = fault


def test_what_lost_its_nonce_to_one_that_waits_is_sent_after_it(desk: Desk) -> None:
    """The node may have kept it, so that either is mined; under another nonce, both would be."""
    refuse_and_lose(desk)
    abandon(desk, call(data="0x02"), "withdraw")
    desk.sender().send(call(data="0x01"), intent="post")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x02", b"\x01"]


def test_a_cheap_one_that_has_the_nonce_of_another_is_replaced(desk: Desk) -> None:
    refuse_and_lose(desk)
    abandon(desk, call(data="0x02"), "withdraw")
    sender = desk.sender(FeePolicy(replace_after=30, poll=1))

    def mine_a_raised_offer(seconds: float) -> None:
        desk.stall(seconds)
        if desk.node.mined or len(desk.node.pool) == 2:
            desk.node.mine()

    sender._wait = mine_a_raised_offer
    sender.send(call(data="0x01"), intent="post")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x02", b"\x01"]


def refuse_and_lose(desk: Desk) -> None:
    refuse_and_keep(desk, data="0x01")
    desk.node.pool.clear()


def abandon(desk: Desk, what: Call, intent: str) -> None:
    sender = desk.sender(FeePolicy(give_up_after=0))
    sender._wait = desk.stall
    with pytest.raises(UnreachableError):
        sender.send(what, intent=intent)


def test_what_was_refused_and_mined_is_not_sent_again_by_a_node_that_lags(desk: Desk) -> None:
    refuse_and_keep(desk)
    desk.node.mine()
    desk.node.lags_for = 3
    desk.sender().send(call(), intent="post")
    desk.node.mine()
    assert len(desk.node.mined) == 1


def test_what_was_refused_and_reverted_is_sent_again_at_once(desk: Desk) -> None:
    refuse_and_keep(desk)
    desk.node.status = 0
    desk.node.mine()
    desk.node.status, started = 1, desk.time
    desk.sender().send(call(), intent="post")
    assert desk.time - started < 1
    states = [send.state for send in desk.journal.sends_of("post")]
    assert states == [SendState.REVERTED, SendState.DONE]


def test_what_a_node_takes_no_more_is_no_refusal_of_a_contract(desk: Desk) -> None:
    sender, journal = desk.sender(), desk.journal

    def another_process_is_refused(seconds: float) -> None:
        desk.stall(seconds)
        for send in journal.sends_of("open"):
            journal.mark_send(send.hash, SendState.LOST)

    sender._wait = another_process_is_refused
    with pytest.raises(UnreachableError, match="takes the transaction of open no more"):
        sender.send(call(), intent="open")


def test_what_was_seen_mined_is_not_lost_at_a_node_behind(desk: Desk) -> None:
    desk.sender().send(call(), intent="open")
    told_instead(desk, {"eth_getTransactionCount": "0x0", "eth_getTransactionByHash": None}, times=6)
    desk.sender().send(call(), intent="open")
    assert [send.state for send in desk.journal.sends_of("open")] == [SendState.DONE]
    assert len(desk.node.mined) == 1


@pytest.mark.parametrize("code", [-32000, -32005])
def test_a_fee_that_a_node_does_not_take_ends_nobody_elses_wait(
    desk: Desk, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    abandon(desk, call(data="0x01"), "first")
    desk.node.refuses_sends_by = code
    sender = desk.sender(FeePolicy(replace_after=30, poll=1))

    def wait(seconds: float) -> None:
        desk.stall(seconds)
        desk.node.refuses_sends_with = "insufficient funds for gas" if 29 < desk.time < 40 else None
        desk.node.hides_its_pool = 29 < desk.time < 40
        if desk.time > 40:
            desk.node.mine()

    sender._wait = wait
    sender.send(call(data="0x02"), intent="second")
    assert "stays as it is, its fee not raised" in caplog.text
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x01", b"\x02"]
