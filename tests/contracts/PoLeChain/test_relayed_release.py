"""Releasing a test set with the data node's signature, sent by anybody (EIP-712, EIP-1271)."""

from pathlib import Path
from typing import Any

import pytest
from brownie import ContractWallet, ReleaseSignature, accounts, chain, web3
from brownie.network.contract import ProjectContract
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from tests.contracts import stage
from tests.contracts.stage import STRANGER, TEST_DIGEST, Model, Pole, post_call, refused

from pole.protocol.encoding.release_signature import TOLERANCE, release_hash
from pole.protocol.state import FileRef, Phase

SIGNER = Account.from_key("0x" + "5d" * 32)
DIGEST = bytes.fromhex(TEST_DIGEST[2:])
ORDER_OF_SECP256K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def wallet(pole: Pole) -> ProjectContract:
    """Return a contract wallet of `SIGNER` whose task stands before the release."""
    wallet = ContractWallet.deploy(SIGNER.address, {"from": accounts[STRANGER]})
    terms, files, payment = post_call(pole)
    wallet.post(pole.task_list, terms, files, payment)
    return wallet


@pytest.fixture
def waiting(pole: Pole, wallet: ProjectContract) -> int:
    """Return a round that waits for its test set."""
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    wallet.postFunctionalKeys(pole.chain, round_id, "bafy-keys", DIGEST, {"from": accounts[STRANGER]})
    stage.commit(pole, round_id, 2, Model())
    stage.wait(stage.TERMS["timeLimit"])
    assert stage.phase(pole, round_id) is Phase.TEST_RELEASE
    return round_id


def signed(
    pole: Pole,
    round_id: int,
    *,
    timestamp: int | None = None,
    cid: str = "bafytest",
    signer: LocalAccount = SIGNER,
    **changes: Any,
) -> tuple[Any, ...]:
    """Return the arguments of a relayed release."""
    timestamp = chain.time() if timestamp is None else timestamp
    fields: dict[str, Any] = {
        "chain_id": web3.eth.chain_id,
        "chain_address": pole.chain.address,
        "round_id": round_id,
        "test": FileRef(cid, DIGEST),
        "timestamp": timestamp,
    }
    signature = bytes(signer.unsafe_sign_hash(Hash32(release_hash(**(fields | changes)))).signature)
    return (round_id, cid, DIGEST, timestamp, signature, {"from": accounts[STRANGER]})


def test_anybody_relays_what_the_data_node_signed(pole: Pole, waiting: int, tmp_path: Path) -> None:
    pole.chain.releaseTestSetFor(*signed(pole, waiting))
    assert stage.phase(pole, waiting) is Phase.REVEAL
    assert stage.field(pole.chain.round(waiting), "since") == chain.time()
    stage.verify(pole, tmp_path / "deployment.json")


def test_a_data_node_with_a_key_of_its_own_is_heard_too(pole: Pole) -> None:
    sender = accounts[STRANGER]
    account = accounts.add("0x" + "5d" * 32)
    sender.transfer(account, "20 ether")
    terms, files, payment = post_call(pole)
    pole.task_list.post(terms, files, payment | {"from": account})
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    pole.chain.postFunctionalKeys(round_id, "bafy-keys", DIGEST, {"from": account})
    stage.commit(pole, round_id, 2, Model())
    stage.wait(stage.TERMS["timeLimit"])
    pole.chain.releaseTestSetFor(*signed(pole, round_id))
    assert stage.phase(pole, round_id) is Phase.REVEAL


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"chain_address": "0x" + "11" * 20},
        {"round_id": 3},
        {"test": FileRef("bafyother", DIGEST)},
        {"test": FileRef("bafytest", b"\x99" * 32)},
        {"timestamp": 1},
        {"signer": Account.from_key("0x" + "5e" * 32)},
    ],
)
def test_a_signature_for_anything_else_is_refused(
    pole: Pole, waiting: int, wallet: ProjectContract, changes: dict[str, Any]
) -> None:
    now = chain.time()
    signer = changes.pop("signer", SIGNER)
    *shown, _, sender = signed(pole, waiting, timestamp=now)
    fields: dict[str, Any] = {
        "chain_id": web3.eth.chain_id,
        "chain_address": pole.chain.address,
        "round_id": waiting,
        "test": FileRef("bafytest", DIGEST),
        "timestamp": now,
    }
    other = bytes(signer.unsafe_sign_hash(release_hash(**(fields | changes))).signature)
    with refused("NotSignedByDataNode", waiting, wallet.address):
        pole.chain.releaseTestSetFor.call(*shown, other, sender)


def test_the_other_signature_of_the_same_key_is_refused(
    pole: Pole, waiting: int, wallet: ProjectContract
) -> None:
    """Of the two values of s that ECDSA accepts, the higher one is malleated (EIP-2)."""
    *shown, signature, sender = signed(pole, waiting)
    s = ORDER_OF_SECP256K1 - int.from_bytes(signature[32:64], "big")
    malleated = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    with refused("NotSignedByDataNode", waiting, wallet.address):
        pole.chain.releaseTestSetFor.call(*shown, malleated, sender)


@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\x00" * 65, b"\xff" * 200])
def test_what_is_no_signature_is_refused(
    pole: Pole, waiting: int, wallet: ProjectContract, signature: bytes
) -> None:
    *shown, _, sender = signed(pole, waiting)
    with refused("NotSignedByDataNode", waiting, wallet.address):
        pole.chain.releaseTestSetFor.call(*shown, signature, sender)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_signed_time_must_be_close_to_the_block_s(pole: Pole, waiting: int, side: int) -> None:
    assert ReleaseSignature.at(pole.chain.releaseSignature()).tolerance() == TOLERANCE
    signed_at = chain.time() + side * (TOLERANCE + 50)
    arguments = signed(pole, waiting, timestamp=signed_at)
    with refused("TimestampOutOfTolerance"):
        pole.chain.releaseTestSetFor.call(*arguments)
    inside = chain.time() + side * (TOLERANCE - 5)
    pole.chain.releaseTestSetFor.call(*signed(pole, waiting, timestamp=inside))


def test_a_relayed_release_keeps_every_rule_of_a_direct_one(pole: Pole, waiting: int) -> None:
    wrong = bytes(reversed(range(32)))
    relay = {"from": accounts[STRANGER]}
    now = chain.time()
    digest = release_hash(
        chain_id=web3.eth.chain_id,
        chain_address=pole.chain.address,
        round_id=waiting,
        test=FileRef("bafytest", wrong),
        timestamp=now,
    )
    signature = bytes(SIGNER.unsafe_sign_hash(digest).signature)
    with refused("WrongTestSet", DIGEST, wrong):
        pole.chain.releaseTestSetFor.call(waiting, "bafytest", wrong, now, signature, relay)
    pole.chain.releaseTestSetFor(*signed(pole, waiting))
    with refused("WrongPhase"):
        pole.chain.releaseTestSetFor.call(*signed(pole, waiting))


def test_whoever_relays_first_releases_and_nobody_gains(pole: Pole, waiting: int) -> None:
    """A copied relay says the same: the copier pays the gas and earns nothing."""
    arguments = signed(pole, waiting)
    pole.chain.releaseTestSetFor(*arguments[:-1], {"from": accounts[7]})
    assert stage.credit(pole, 7) == 0
    with refused("WrongPhase", waiting, Phase.REVEAL, Phase.TEST_RELEASE):
        pole.chain.releaseTestSetFor.call(*arguments)
