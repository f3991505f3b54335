"""What a signer signs is what it was asked for, or nothing is sent."""

import json
import logging
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_typing import Hash32
from hexbytes import HexBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.signing.stand_in import KEY, Signer, free_port, serving, serving_socket

from pole.adapters.signing.checking import checked_message, checked_transaction
from pole.adapters.signing.interfaces import signatures_in
from pole.adapters.signing.places import post_to, shown
from pole.adapters.signing.remote_account import RemoteAccount, choose_address, open_account
from pole.adapters.wallet.holder_card import read_card, write_card
from pole.adapters.wallet.keystore import export_wallet, list_wallets
from pole.adapters.wallet.remote_wallet import RemoteKey, SignerKind, connect_wallet
from pole.adapters.wallet.secret_box import ScryptCost
from pole.errors import InputError, IntegrityError, SignerError
from pole.protocol.encoding.hashing import keccak256

KINDS = list(SignerKind)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ASKED: dict[str, Any] = {
    "from": KEY.address,
    "to": "0x" + "22" * 20,
    "data": HexBytes("0xabcdef"),
    "value": 5,
    "gas": 250_000,
    "chainId": 1337,
    "type": 2,
    "nonce": 7,
    "maxFeePerGas": 30 * 10**9,
    "maxPriorityFeePerGas": 10**9,
}
OTHERS: dict[str, Any] = {
    "to": "0x" + "33" * 20,
    "data": "0xabcdee",
    "value": 6,
    "gas": 250_001,
    "chainId": 1,
    "nonce": 8,
    "maxFeePerGas": 31 * 10**9,
    "maxPriorityFeePerGas": 10**9 + 1,
    "accessList": [{"address": "0x" + "44" * 20, "storageKeys": []}],
}


def key(kind: SignerKind, place: str, patience: int = 5, address: str = KEY.address) -> RemoteKey:
    return RemoteKey(address, kind, place, patience)


def account(kind: SignerKind, signer: Signer, notice_after: float = 2.0) -> RemoteAccount:
    return RemoteAccount(key(kind, "http://127.0.0.1:8550"), signer.answer, notice_after=notice_after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", OTHERS)
def test_a_signer_that_changes_a_field_is_told_and_what_it_signed_is_thrown_away(
    kind: SignerKind, field: str
) -> None:
    signer = Signer(tamper=lambda asked: {**asked, field: OTHERS[field]})
    with pytest.raises(IntegrityError, match="signed something else than it was asked to, it has another"):
        account(kind, signer).sign_transaction(ASKED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signer_with_another_key_is_told(kind: SignerKind) -> None:
    class Careless(Signer):
        def eth_signTransaction(self, arguments: dict[str, Any]) -> str:
            return super().eth_signTransaction({**arguments, "from": self.account.address})

    signer = Careless(account=Account.from_key("0x" + "12" * 32))
    with pytest.raises(IntegrityError, match=f"it is not signed by {KEY.address}"):
        account(kind, signer).sign_transaction(ASKED)


def test_a_legacy_transaction_is_another_one() -> None:
    def legacy(asked: dict[str, Any]) -> dict[str, Any]:
        names = ("to", "data", "value", "gas", "nonce", "chainId")
        return {**{name: asked[name] for name in names}, "gasPrice": 10**9}

    with pytest.raises(IntegrityError, match="of another type"):
        account(SignerKind.WEB3SIGNER, Signer(tamper=legacy)).sign_transaction(ASKED)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_signer_signs_is_what_the_key_itself_would(kind: SignerKind) -> None:
    signer = Signer()
    signed = account(kind, signer).sign_transaction(ASKED)
    ours = KEY.sign_transaction({name: value for name, value in ASKED.items() if name != "from"})
    assert signed == ours
    assert signer.asked[0]["method"] == (
        "account_signTransaction" if kind is SignerKind.CLEF else "eth_signTransaction"
    )
    assert signer.asked[0]["params"] == [
        {
            "from": KEY.address,
            "to": "0x" + "22" * 20,
            "data": "0xabcdef",
            "value": "0x5",
            "gas": "0x3d090",
            "chainId": "0x539",
            "nonce": "0x7",
            "maxFeePerGas": "0x6fc23ac00",
            "maxPriorityFeePerGas": "0x3b9aca00",
        }
    ]


def test_clef_is_told_which_function_is_called_and_web3signer_is_not() -> None:
    pair = {"type": "tuple", "name": "t", "components": [{"type": "uint64"}, {"type": "string"}]}
    abi = [
        {"type": "event", "name": "Posted", "inputs": []},
        {"type": "function", "name": "post", "inputs": [pair, {"type": "bytes32", "name": "b"}]},
    ]
    signature = "post((uint64,string),bytes32)"
    signatures = signatures_in([[], abi])
    assert signatures == {keccak256(signature.encode())[:4]: signature}
    asked = ASKED | {"data": keccak256(signature.encode())[:4] + bytes(32)}
    for kind, told in ((SignerKind.CLEF, [signature]), (SignerKind.WEB3SIGNER, [])):
        signer = Signer()
        remote = RemoteAccount(key(kind, "/s"), signer.answer, signatures=lambda: signatures)
        remote.sign_transaction(asked)
        remote.sign_transaction(ASKED)
        assert signer.asked[0]["params"][1:] == told
        assert len(signer.asked[1]["params"]) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "to": st.binary(min_size=20, max_size=20),
            "data": st.binary(max_size=80),
            "value": st.integers(0, 2**96),
            "gas": st.integers(0, 2**40),
            "nonce": st.integers(0, 2**40),
            "maxFeePerGas": st.integers(0, 2**60),
            "maxPriorityFeePerGas": st.integers(0, 2**60),
        }
    )
)
def test_any_transaction_comes_back_as_it_was_asked(fields: dict[str, Any]) -> None:
    asked = {"chainId": 1337, "type": 2, **fields}
    raw = bytes(account(SignerKind.CLEF, Signer()).sign_transaction(asked).raw_transaction)
    assert Account.recover_transaction(raw) == KEY.address
    assert checked_transaction(raw, asked, KEY.address).raw_transaction == raw


SIGNED = bytes(KEY.sign_transaction({n: v for n, v in ASKED.items() if n != "from"}).raw_transaction)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 8 * len(SIGNED) - 1))
def test_no_bit_of_a_signed_transaction_can_be_another(bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        checked_transaction(bytes(changed), ASKED, KEY.address)


@pytest.mark.parametrize(
    "raw", [b"", b"\x02", SIGNED[:-1], SIGNED + b"\0", b"\x02\xc0", b"\x02\x80", SIGNED[1:]]
)
def test_bytes_that_are_no_transaction_are_told(raw: bytes) -> None:
    with pytest.raises(IntegrityError, match="signed something else"):
        checked_transaction(raw, ASKED, KEY.address)


def test_a_signature_that_nodes_refuse_is_refused_here() -> None:
    items = rlp.decode(SIGNED[1:])
    parity, s = int.from_bytes(items[9], "big"), int.from_bytes(items[11], "big")
    high = [
        *items[:9],
        rlp.sedes.big_endian_int.serialize(1 - parity),
        items[10],
        (ORDER - s).to_bytes(32, "big"),
    ]
    with pytest.raises(IntegrityError, match="not signed by"):
        checked_transaction(b"\x02" + rlp.encode(high), ASKED, KEY.address)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_is_a_sentence(kind: SignerKind) -> None:
    with pytest.raises(SignerError, match=r"refuses to sign \('Request denied'\): nothing was sent"):
        account(kind, Signer(refusal="Request denied")).sign_transaction(ASKED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b"null",
        b"{}",
        {"jsonrpc": "2.0", "id": 99, "result": "0x00"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": True, "result": "0x00"},
        {"jsonrpc": "2.0", "id": 1, "result": None},
        {"jsonrpc": "2.0", "id": 1, "result": 7},
        {"jsonrpc": "2.0", "id": 1, "result": "0xzz"},
        {"jsonrpc": "2.0", "id": 1, "result": {"raw": None}},
        {"jsonrpc": "2.0", "id": 1, "result": {"raw": ["0x00"]}},
        {"jsonrpc": "2.0", "id": 1, "error": "no"},
        {"jsonrpc": "2.0", "id": 1, "error": {"message": "\x1b[2J" * 10_000}},
    ],
    ids=str,
)
def test_a_malformed_answer_is_a_sentence(kind: SignerKind, answer: Any) -> None:
    signer = Signer(answers=lambda _request, _result: answer)
    with pytest.raises(SignerError) as raised:
        account(kind, signer).sign_transaction(ASKED)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["jsonrpc", "id", "result", "error", "raw"]), inner, max_size=5
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_any_answer_is_a_sentence_or_what_was_asked_for(answer: Any) -> None:
    signer = Signer(answers=lambda _request, _result: answer)
    with pytest.raises((SignerError, IntegrityError)) as raised:
        account(SignerKind.CLEF, signer).sign_transaction(ASKED)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("kind", KINDS)
def test_messages_are_signed_too_and_checked(kind: SignerKind) -> None:
    remote = account(kind, Signer())
    assert read_card(write_card(remote, b"\x07" * 32)).address == KEY.address
    with pytest.raises(IntegrityError, match="the message is not signed by"):
        checked_message(
            bytes(KEY.sign_message(encode_defunct(text="other")).signature),
            encode_defunct(text="this"),
            KEY.address,
        )
    with pytest.raises(IntegrityError, match="has 65 bytes, not 3"):
        checked_message(b"abc", encode_defunct(text="this"), KEY.address)


def test_a_parity_without_27_is_taken_too() -> None:
    message = encode_defunct(text="this")
    signed = KEY.sign_message(message)
    bare = bytes(signed.signature[:64]) + bytes([signed.v - 27])
    assert checked_message(bare, message, KEY.address) == signed


def test_what_a_signer_cannot_show_it_is_not_asked_for() -> None:
    remote = account(SignerKind.CLEF, Signer())
    with pytest.raises(InputError, match="does not sign a bare hash"):
        remote.unsafe_sign_hash(Hash32(b"\1" * 32))
    typed = encode_typed_data({"name": "PoLe"}, {"A": [{"name": "x", "type": "uint256"}]}, {"x": 1})
    with pytest.raises(InputError, match="does not sign messages but personal ones"):
        remote.sign_message(typed)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Signer, str, SignerKind]]:
    signer = Signer()
    where = serving(signer) if request.param is SignerKind.WEB3SIGNER else None
    with where or serving_socket(signer, tmp_path / "clef.ipc") as found:
        yield signer, found, request.param


def test_a_wallet_signs_over_http_and_over_a_socket(
    place: tuple[Signer, str, SignerKind], tmp_path: Path
) -> None:
    _, where, kind = place
    made = connect_wallet(tmp_path, "alice", key(kind, where), "password", cost=ScryptCost(2, 8, 1))
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert [wallet.address for wallet in list_wallets(tmp_path)] == [KEY.address]
    opened = open_account(tmp_path, "alice", "password")
    assert opened.address == KEY.address
    assert bytes(opened.sign_transaction(ASKED).raw_transaction) == SIGNED
    with pytest.raises(InputError, match="password does not open the wallet alice"):
        open_account(tmp_path, "alice", "typo")
    with pytest.raises(InputError, match="There is a wallet alice already"):
        connect_wallet(tmp_path, "alice", key(kind, where), "password", cost=ScryptCost(2, 8, 1))
    with pytest.raises(InputError, match="key of the wallet alice is with its signer"):
        export_wallet(tmp_path, "alice", "password", tmp_path / "out.json", "other")


def test_nobody_who_agrees_within_our_patience_is_a_sentence(place: tuple[Signer, str, SignerKind]) -> None:
    signer, where, kind = place
    signer.delay = 3
    remote = RemoteAccount(key(kind, where, patience=1), post_to(where, within=0.3))
    with pytest.raises(SignerError, match=r"did not sign \(\w+\) within 1 s: nothing was sent"):
        remote.sign_transaction(ASKED)
    assert len(signer.asked) == 1


def test_a_signer_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    for where in (f"http://127.0.0.1:{free_port()}", str(tmp_path / "no.ipc")):
        remote = RemoteAccount(key(SignerKind.CLEF, where), post_to(where, within=1))
        with pytest.raises(SignerError, match="See that it runs"):
            remote.sign_transaction(ASKED)


def test_who_waits_for_somebody_to_agree_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    told = threading.Event()
    signer = Signer()

    class Heard(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            told.set()

    heard = Heard()
    logging.getLogger("pole.signing").addHandler(heard)
    signer.answers = lambda request, result: told.wait(10) and {"jsonrpc": "2.0", "id": 1, "result": result}
    try:
        account(SignerKind.CLEF, signer, notice_after=0.05).sign_transaction(ASKED)
    finally:
        logging.getLogger("pole.signing").removeHandler(heard)
    assert "Waiting for up to 5 s for Clef at 127.0.0.1:8550: agree there" in caplog.text


def test_no_proxy_sees_what_goes_to_this_machine(
    place: tuple[Signer, str, SignerKind], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, where, kind = place
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    remote = RemoteAccount(key(kind, where), post_to(where, within=5))
    assert bytes(remote.sign_transaction(ASKED).raw_transaction) == SIGNED


@pytest.mark.parametrize(
    "where", ["", "clef.ipc", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999"]
)
def test_a_place_that_is_none_is_a_sentence(where: str) -> None:
    with pytest.raises(InputError, match="A signer is a URL"):
        post_to(where, within=1)


def test_a_url_is_shown_without_what_it_may_hold() -> None:
    assert shown("https://user:secret@signer.example:8550/key?x") == "signer.example:8550"
    assert shown("https://signer.example/key") == "signer.example"
    assert shown("/run/clef.ipc") == "/run/clef.ipc"
    place = "https://user:secret@signer.example:8550"
    assert "secret" not in RemoteAccount(key(SignerKind.CLEF, place), lambda _: b"").place


def test_the_account_is_chosen_from_those_that_the_signer_has() -> None:
    remote = account(SignerKind.CLEF, Signer())
    assert choose_address(remote.accounts(), None, remote.place) == KEY.address
    assert choose_address(("0xA", "0xB"), "0xB", "Clef") == "0xB"
    with pytest.raises(InputError, match=r"has these accounts: 0xA, 0xB\. Name one"):
        choose_address(("0xA", "0xB"), None, "Clef")
    with pytest.raises(InputError, match="has these accounts: none"):
        choose_address((), None, "Clef")
    old = Signer(answers=lambda _, __: {"jsonrpc": "2.0", "id": 1, "result": [{"address": KEY.address}]})
    assert account(SignerKind.CLEF, old).accounts() == (KEY.address,)
    for wrong in (7, ["x"], [None]):
        bad = Signer(answers=partial(_result, wrong))
        with pytest.raises(SignerError, match="makes no sense"):
            account(SignerKind.CLEF, bad).accounts()


def _result(result: Any, _request: object, _result: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def test_a_damaged_wallet_file_is_a_sentence(tmp_path: Path) -> None:
    made = connect_wallet(
        tmp_path, "alice", key(SignerKind.CLEF, "/c.ipc"), "password", cost=ScryptCost(2, 8, 1)
    )
    whole = json.loads(made.path.read_text())
    for field, value in {"kind": "trezor", "patience": 0, "place": "", "box": "zz", "version": 2}.items():
        text = json.dumps({**whole, field: value}, sort_keys=True, separators=(",", ":"))
        made.path.write_text(text)
        with pytest.raises(InputError, match="pole wallet connect"):
            open_account(tmp_path, "alice", "password")
