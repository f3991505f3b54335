import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from tests.unit.adapters.fake_node import ETHER, GWEI, KilledError
from tests.unit.adapters.sending.desk import ACCOUNT, NO_TASK, Desk, call
from tests.unit.adapters.signing.stand_in import Signer

from pole.adapters.sending.fees import FeePolicy
from pole.adapters.signing.remote_account import RemoteAccount
from pole.adapters.storage.journal import SendState
from pole.adapters.wallet.remote_wallet import RemoteKey, SignerKind
from pole.errors import FundsError, IntegrityError, PoleError, RefusedError, SignerError, UnreachableError


def test_a_call_that_the_contract_refuses_is_a_sentence_and_sends_nothing(desk: Desk) -> None:
    desk.node.reverts_with = NO_TASK
    with pytest.raises(RefusedError, match="No task waits"):
        desk.sender().send(call(), intent="open")
    assert not desk.node.pool
    assert not desk.journal.sends_of("open")


def test_a_wallet_that_cannot_pay_the_value_spends_nothing(desk: Desk) -> None:
    desk.node.balance = ETHER
    with pytest.raises(FundsError, match=r"holds 1 ETH, but this takes up to 2 ETH"):
        desk.sender().send(call(value=2 * ETHER), intent="post")
    assert "eth_sendRawTransaction" not in desk.node.requests


def test_a_wallet_that_cannot_pay_the_gas_spends_nothing(desk: Desk) -> None:
    desk.node.balance = ETHER
    with pytest.raises(FundsError, match="fund it"):
        desk.sender().send(call(value=ETHER), intent="post")
    assert "eth_sendRawTransaction" not in desk.node.requests


@pytest.mark.parametrize(
    ("needed", "limit"),
    [(21_000, 250_000), (510_000, 2_000_000), (7_000_000, 16_000_000), (13_800_000, 2**24)],
)
def test_the_gas_limit_leaves_room_for_twice_what_the_call_needs_now(
    desk: Desk, needed: int, limit: int
) -> None:
    desk.node.gas_needed = needed
    desk.sender().send(call(), intent="open")
    (mined,) = desk.node.mined.values()
    assert mined["gas"] == limit


def test_a_call_that_no_gas_suffices_for_is_not_sent(desk: Desk) -> None:
    desk.node.gas_needed = 2**24 + 1
    with pytest.raises(RefusedError, match="out of gas"):
        desk.sender().send(call(), intent="open")
    assert not desk.node.pool


def test_a_dear_call_does_not_make_the_next_one_ask_for_as_much(desk: Desk) -> None:
    sender = desk.sender()
    for number, needed in enumerate((13_800_000, 510_000)):
        desk.node.gas_needed = needed
        sender.send(call(), intent=f"finalise/{number}")
    assert sorted(each["gas"] for each in desk.node.mined.values()) == [2_000_000, 2**24]


def test_a_function_that_was_sent_before_is_simulated_once(desk: Desk) -> None:
    desk.node.gas_needed = 510_000
    desk.sender().send(call(), intent="open")
    sender = desk.sender()
    sender.send(call(), intent="again")
    assert desk.node.requests.count("eth_call") > 1
    desk.node.requests.clear()
    sender.send(call(), intent="once more")
    assert desk.node.requests.count("eth_call") == 1


def test_a_call_for_the_next_block_is_sent_although_this_one_would_refuse_it(desk: Desk) -> None:
    desk.node.reverts_with = "0x"
    assert desk.sender().send(replace(call(), gas=700_000), intent="draw")["status"] == 1
    assert [each["gas"] for each in desk.node.mined.values()] == [700_000]


def test_a_call_for_the_next_block_whose_gas_cannot_be_paid_is_left_for_later(desk: Desk) -> None:
    desk.node.balance = 1_000_000 * GWEI
    with pytest.raises(RefusedError, match="in a block it is known"):
        desk.sender().send(replace(call(), gas=700_000), intent="draw")
    assert not desk.node.pool
    desk.node.gas_needed = 50_000
    assert desk.sender().send(call(), intent="draw")["status"] == 1


def test_gas_above_the_ceiling_is_not_paid(desk: Desk) -> None:
    desk.node.base_fee = 600 * GWEI
    with pytest.raises(FundsError, match="above the ceiling of 500"):
        desk.sender().send(call(), intent="post")


def test_a_transaction_that_the_node_refuses_leaves_its_nonce_free(desk: Desk) -> None:
    desk.node.refuses_sends_with = "insufficient funds for gas * price + value"
    with pytest.raises(FundsError, match="cannot pay"):
        desk.sender().send(call(), intent="first")
    desk.node.refuses_sends_with = None
    desk.sender().send(call(data="0x02"), intent="second")
    assert [each["nonce"] for each in desk.node.mined.values()] == [0]
    assert [send.state for send in desk.journal.sends_of("first")] == [SendState.LOST]


def test_what_the_node_refused_can_be_sent_again_with_the_very_same_bytes(desk: Desk) -> None:
    desk.node.refuses_sends_with = "insufficient funds for gas * price + value"
    with pytest.raises(FundsError):
        desk.sender().send(call(), intent="open")
    desk.node.refuses_sends_with = None
    desk.sender().send(call(), intent="open")
    assert [send.state for send in desk.journal.sends_of("open")] == [SendState.DONE]


@pytest.mark.parametrize("mined_meanwhile", [False, True])
def test_what_the_node_took_while_it_said_no_is_mined_once(desk: Desk, mined_meanwhile: bool) -> None:
    desk.node.denies_what_it_takes = True
    with pytest.raises(UnreachableError):
        desk.sender().send(call(), intent="pay")
    desk.node.denies_what_it_takes = False
    if mined_meanwhile:
        desk.node.mine()
    assert desk.sender().send(call(), intent="pay")["status"] == 1
    assert len(desk.node.mined) == 1


def test_what_the_node_took_while_it_said_no_may_outlive_a_dearer_one(desk: Desk) -> None:
    desk.node.denies_what_it_takes = True
    with pytest.raises(UnreachableError):
        desk.sender().send(call(), intent="pay")
    desk.node.denies_what_it_takes = False
    desk.node.base_fee *= 3
    first = desk.node.pool.copy()

    def mine_the_first(seconds: float) -> None:
        desk.time += seconds
        desk.node.pool = first
        desk.node.mine()

    sender = desk.sender()
    sender._wait = mine_the_first
    assert sender.send(call(), intent="pay")["transactionHash"].to_0x_hex() in first
    assert len(desk.node.mined) == 1


def test_a_reverted_transaction_is_refused_and_can_be_tried_again(desk: Desk) -> None:
    desk.node.status = 0
    with pytest.raises(RefusedError, match="mined but reverted"):
        desk.sender().send(call(), intent="open")
    desk.node.status = 1
    assert desk.sender().send(call(), intent="open")["status"] == 1
    assert len(desk.node.mined) == 2


def test_a_transaction_that_is_never_mined_is_taken_up_again_later(desk: Desk) -> None:
    patient = FeePolicy(give_up_after=10, replace_after=1000, poll=1)
    sender = desk.sender(patient)
    sender._wait = desk.stall
    with pytest.raises(UnreachableError, match="takes up the same transaction"):
        sender.send(call(), intent="open")
    desk.sender().send(call(), intent="open")
    assert len(desk.node.mined) == 1


def test_the_same_intent_is_sent_once(desk: Desk) -> None:
    first = desk.sender().send(call(), intent="open")
    again = desk.sender().send(call(), intent="open")
    assert first["transactionHash"] == again["transactionHash"]
    assert len(desk.node.mined) == 1


def test_what_transactions_cost_is_counted_once_and_reverted_ones_too(desk: Desk) -> None:
    sender = desk.sender()
    assert sender.gas_spent == 0
    for _ in range(2):
        sender.send(call(), intent="open")
    assert sender.gas_spent == 90_000 * 7
    desk.node.status = 0
    with pytest.raises(RefusedError):
        sender.send(call(), intent="draw")
    assert sender.gas_spent == 2 * 90_000 * 7


def test_what_is_sent_and_mined_is_traced_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="pole.sending")
    sender = desk.sender()
    for _ in range(2):
        sender.send(call(), intent="open")
    desk.node.status = 0
    with pytest.raises(RefusedError):
        sender.send(call(), intent="draw")
    traced = [(each.__dict__["event"], each.__dict__["details"]) for each in caplog.records]
    cost = {"gas": 90_000, "wei": 90_000 * 7}
    assert traced == [
        ("sent", {}),
        ("mined", {"outcome": "done", **cost}),
        ("sent", {}),
        ("mined", {"outcome": "reverted", **cost}),
    ]


def test_different_intents_are_different_transactions(desk: Desk) -> None:
    sender = desk.sender()
    sender.send(call(), intent="commit/1")
    sender.send(call(), intent="commit/2")
    assert [each["nonce"] for each in desk.node.mined.values()] == [0, 1]


def requests_of_one_send(folder: Path) -> int:
    desk = Desk(folder)
    desk.sender().send(call(), intent="open")
    return len(desk.node.requests)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_at_any_request_sends_once_in_the_end(tmp_path: Path, moment: str) -> None:
    requests = requests_of_one_send(tmp_path / "count")
    assert requests > 8
    for death in range(1, requests + 1):
        desk = Desk(tmp_path / f"{death}")
        setattr(desk.node, f"die_{moment}", death)
        with pytest.raises(KilledError):
            desk.sender().send(call(), intent="open")
        setattr(desk.node, f"die_{moment}", None)
        receipt = desk.sender().send(call(), intent="open")
        assert receipt["status"] == 1
        assert len(desk.node.mined) == 1, f"killed {moment} request {death}"


def test_what_was_signed_but_never_sent_goes_out_before_anything_new(desk: Desk) -> None:
    desk.node.die_before = 1 + requests_before_broadcast(desk.folder / "count")
    with pytest.raises(KilledError):
        desk.sender().send(call(data="0x01"), intent="first")
    desk.node.die_before = None
    desk.sender().send(call(data="0x02"), intent="second")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x01", b"\x02"]


@pytest.mark.parametrize("next_intent", ["open", "other"])
def test_what_a_node_hides_while_it_mines_is_not_given_to_it_again(desk: Desk, next_intent: str) -> None:
    """A ganache executes what it is given again in that moment a second time, in the next block."""
    desk.node.die_after = 1 + requests_before_broadcast(desk.folder / "count")
    with pytest.raises(KilledError):
        desk.sender().send(call(), intent="open")
    desk.node.die_after = None
    desk.node.hides_its_pool = True
    desk.node.requests.clear()
    desk.sender().send(call(), intent=next_intent)
    assert desk.node.requests.count("eth_sendRawTransaction") == (next_intent == "other")


def requests_before_broadcast(folder: Path) -> int:
    desk = Desk(folder)
    desk.sender().send(call(), intent="open")
    return desk.node.requests.index("eth_sendRawTransaction")


def test_a_stalled_transaction_is_replaced_at_a_higher_fee_under_the_same_nonce(desk: Desk) -> None:
    sender = desk.sender(FeePolicy(replace_after=30, poll=1))
    offered: list[int] = []

    def wait(seconds: float) -> None:
        desk.stall(seconds)
        offered[:] = [each["max_fee"] for each in desk.node.pool.values()]
        if len(offered) == 2:
            desk.node.mine()

    sender._wait = wait
    sender.send(call(), intent="open")
    assert offered[1] > offered[0] * 11 // 10
    assert len(desk.node.mined) == 1
    states = [send.state for send in desk.journal.sends_of("open")]
    assert states == [SendState.LOST, SendState.DONE]


def test_a_stalled_transaction_of_another_step_is_replaced_too_when_it_is_next_in_line(desk: Desk) -> None:
    patient = FeePolicy(replace_after=30, give_up_after=20, poll=1)
    sender = desk.sender(patient)
    sender._wait = desk.stall
    with pytest.raises(UnreachableError):
        sender.send(call(data="0x01"), intent="first")

    def mine_a_raised_offer(seconds: float) -> None:
        desk.stall(seconds)
        if [each["nonce"] for each in desk.node.pool.values()].count(0) == 2:
            desk.node.mine()

    sender = desk.sender(FeePolicy(replace_after=30, poll=1))
    sender._wait = mine_a_raised_offer
    sender.send(call(data="0x02"), intent="second")
    assert [each["data"] for each in desk.node.mined.values()] == [b"\x01", b"\x02"]
    assert desk.sender().send(call(data="0x01"), intent="first")["status"] == 1
    assert len(desk.node.mined) == 2


def test_the_first_of_two_offers_may_be_the_one_that_is_mined(desk: Desk) -> None:
    sender = desk.sender(FeePolicy(replace_after=30, poll=1))

    def wait(seconds: float) -> None:
        desk.stall(seconds)
        if len(desk.node.pool) == 2:
            cheapest = min(desk.node.pool.values(), key=lambda each: each["max_fee"])
            desk.node.pool = {cheapest["hash"]: cheapest}
            desk.node.mine()

    sender._wait = wait
    sender.send(call(), intent="open")
    states = [send.state for send in desk.journal.sends_of("open")]
    assert states == [SendState.DONE, SendState.LOST]


def test_no_replacement_goes_above_the_ceiling(desk: Desk) -> None:
    sender = desk.sender(FeePolicy(ceiling=3 * GWEI, replace_after=5, give_up_after=60, poll=1))
    sender._wait = desk.stall
    with pytest.raises(UnreachableError):
        sender.send(call(), intent="open")
    assert len(desk.journal.sends_of("open")) == 1


def test_a_nonce_used_from_elsewhere_is_told_and_the_step_can_be_sent_anew(desk: Desk) -> None:
    sender = desk.sender()

    def other_wallet_is_faster(seconds: float) -> None:
        desk.stall(seconds)
        for ours in desk.node.pool.values():
            desk.node.mined["0xother"] = {**ours, "hash": "0xother", "block": 2, "status": 1}
        desk.node.pool.clear()

    sender._wait = other_wallet_is_faster
    with pytest.raises(RefusedError, match="use the wallet in one place only"):
        sender.send(call(), intent="open")
    desk.sender().send(call(), intent="open")
    assert [each["nonce"] for each in desk.node.mined.values()] == [0, 1]


def test_a_transaction_that_a_reorganisation_undid_is_sent_again(desk: Desk) -> None:
    desk.sender().send(call(), intent="open")
    desk.node.mined.clear()
    receipt = desk.sender().send(call(), intent="open")
    assert receipt["status"] == 1
    assert len(desk.node.mined) == 1
    assert len(desk.journal.sends_of("open")) == 1


def test_nothing_is_signed_for_a_chain_that_the_node_claims(desk: Desk) -> None:
    desk.node.chain_id = 1
    with pytest.raises(UnreachableError, match="on chain 1 now, and the deployment is on 1337"):
        desk.sender().send(call(), intent="open")
    assert not desk.journal.sends_of("open")
    assert "eth_sendRawTransaction" not in desk.node.requests


def test_a_node_that_changes_its_chain_in_between_gets_a_signature_for_ours_alone(desk: Desk) -> None:
    desk.sender().send(call(), intent="open")
    (send,) = desk.journal.sends_of("open")
    assert TypedTransaction.from_bytes(HexBytes(send.raw)).as_dict()["chainId"] == 1337


def test_a_node_that_fails_in_the_search_for_gas_is_no_want_of_gas(desk: Desk) -> None:
    desk.node.gas_needed = 510_000

    def limited(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if asked[0]["method"] == "eth_call" and "gas" in asked[0]["params"][0]:
            content = {"code": -32005, "message": "rate limit exceeded", "data": {"see": "x"}}
            return json.dumps({"jsonrpc": "2.0", "id": asked[0]["id"], "error": content}).encode()
        return answer

    desk.node.fault = limited
    with pytest.raises(UnreachableError, match="rate limit exceeded"):
        desk.sender().send(call(), intent="open")
    assert desk.node.requests.count("eth_call") == 3
    assert not desk.journal.sends_of("open")


def test_a_node_that_lags_behind_another_loses_no_transaction(desk: Desk) -> None:
    """Behind one address: one node knows that the nonce is used, the other has no receipt yet."""
    desk.node.lags_for = 20
    assert desk.sender().send(call(), intent="open")["status"] == 1
    assert [send.state for send in desk.journal.sends_of("open")] == [SendState.DONE]


def test_a_limit_at_the_broadcast_leaves_the_same_transaction_to_be_sent(desk: Desk) -> None:
    def limited(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if asked[0]["method"] == "eth_sendRawTransaction":
            desk.node.pool.clear()
            content = {"code": 429, "message": "too many requests"}
            return json.dumps({"jsonrpc": "2.0", "id": asked[0]["id"], "error": content}).encode()
        return answer

    desk.node.fault = limited
    with pytest.raises(UnreachableError):
        desk.sender().send(call(), intent="open")
    desk.node.fault = None
    assert desk.sender().send(call(), intent="open")["status"] == 1
    assert len(desk.journal.sends_of("open")) == 1


def remote(signer: Signer) -> RemoteAccount:
    return RemoteAccount(RemoteKey(ACCOUNT.address, SignerKind.CLEF, "/clef.ipc", 5), signer.answer)


@pytest.mark.parametrize(
    ("signer", "error"),
    [
        (Signer(refusal="Request denied"), SignerError),
        (Signer(answers=lambda *_: b"<html>"), SignerError),
        (Signer(tamper=lambda asked: {**asked, "value": asked["value"] + 1}), IntegrityError),
    ],
)
def test_nothing_is_sent_or_kept_of_what_a_signer_did_not_sign_as_asked(
    desk: Desk, signer: Signer, error: type[PoleError]
) -> None:
    sender = desk.sender(account=remote(signer))
    with pytest.raises(error, match="nothing was sent"):
        sender.send(call(), intent="open")
    assert "eth_sendRawTransaction" not in desk.node.requests
    assert not desk.journal.sends_of("open")
    assert desk.sender().send(call(), intent="open")["status"] == 1


def test_what_a_signer_signs_is_sent_and_replaced_as_by_a_key_of_our_own(desk: Desk) -> None:
    signer = Signer()
    sender = desk.sender(FeePolicy(replace_after=30, poll=1), remote(signer))

    def wait(seconds: float) -> None:
        desk.stall(seconds)
        if len(desk.node.pool) == 2:
            desk.node.mine()

    sender._wait = wait
    assert sender.send(call(), intent="open")["status"] == 1
    first, second = (asked["params"][0] for asked in signer.asked)
    assert int(second["maxFeePerGas"], 16) > int(first["maxFeePerGas"], 16)
    same = ("from", "to", "data", "value", "gas", "nonce", "chainId")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert len(desk.node.mined) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"refusal": "Request denied"},
        {"answers": lambda *_: b"<html>"},
        {"tamper": lambda asked: {**asked, "value": asked["value"] + 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signer_that_raises_no_fee_leaves_the_transaction_pending(
    desk: Desk, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    signer = Signer()
    sender = desk.sender(FeePolicy(replace_after=30, poll=1), remote(signer))

    def wait(seconds: float) -> None:
        desk.stall(seconds)
        for name, value in change.items():
            setattr(signer, name, value)
        if len(signer.asked) == 2:
            desk.node.mine()

    sender._wait = wait
    assert sender.send(call(), intent="open")["status"] == 1
    assert len(signer.asked) == 2
    (send,) = desk.journal.sends_of("open")
    assert send.state is SendState.DONE
    assert f"The pending transaction {send.hash} stays as it is, its fee not raised." in caplog.text
