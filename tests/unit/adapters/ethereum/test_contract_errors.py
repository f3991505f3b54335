from string import Formatter

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.interfaces import error_abi, errors

from pole.adapters.ethereum import contract_errors
from pole.adapters.ethereum.contract_errors import SENTENCES, ErrorTable
from pole.adapters.node.refusals import NodeRefusalError, RevertedError
from pole.errors import (
    FundsError,
    LastingRefusalError,
    NoPlaceError,
    RefusedError,
    TooLateError,
    UnreachableError,
)

TABLE = ErrorTable([[error_abi(name) for name in errors()]])
VERIFIER = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
SAMPLES = {"address": VERIFIER, "string": "reward", "bytes32": b"\x07" * 32}

LASTING = {
    *("AlreadyRevealed", "AlreadyVoted", "RoundOver", "TooManySolutions"),
    *("UnknownLane", "EmptyField", "ClaimLowered", "CountTooLarge", "NotSignedByDataNode", "WrongTestSet"),
    *("TermOutOfRange", "FileMissing", "TooMuchWork", "EmptyCommitment", "MalformedVotes"),
    *("BadDeployment", "NotRecorder", "NotChain"),
}


def revert_data(name: str, *values: object) -> bytes:
    types = [argument["type"] for argument in error_abi(name)["inputs"]]  # type: ignore[attr-defined]
    return keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, values)


@pytest.mark.parametrize("name", sorted(errors()))
def test_every_error_of_the_contracts_has_a_sentence_with_its_own_arguments(name: str) -> None:
    arguments = {argument for _, argument in errors()[name]}
    used = {field for _, field, _, _ in Formatter().parse(SENTENCES[name]) if field}
    assert used <= arguments
    assert SENTENCES[name].endswith(".")
    values = [SAMPLES.get(kind, 2) for kind, _ in errors()[name]]
    assert "{" not in TABLE.sentence(revert_data(name, *values))


def test_no_sentence_is_for_an_error_that_no_contract_raises() -> None:
    assert set(SENTENCES) == set(errors())


def test_every_argument_that_is_shown_in_a_special_way_exists() -> None:
    for error, argument in contract_errors._AMOUNTS | contract_errors._TIMES:
        assert argument in {name for _, name in errors()[error]}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (revert_data("NoTask"), "No task waits: post one with `pole task post`."),
        (
            revert_data("WrongPhase", 3, 5, 3),
            "Round 3 is in phase REVEAL; this needs phase TRAINING.",
        ),
        (
            revert_data("WrongPayment", 10**18, 15 * 10**17),
            "1 ETH were sent, but reward, data bond, fee and rent come to 1.5 ETH.",
        ),
        (
            revert_data("StakeBound", VERIFIER, 0),
            f"The stake of {VERIFIER} is bound until the seat is given up",
        ),
        (
            revert_data("StakeBound", VERIFIER, 86400),
            f"The stake of {VERIFIER} is bound until 1970-01-02 00:00:00 UTC, and rounds opened before then "
            "have ended.",
        ),
        (
            revert_data("NotMember", 28, 3, VERIFIER),
            f"{VERIFIER} is not member 3 of the committee of round 7.",
        ),
        (
            revert_data("WrongStage", 29, 3, 1),
            "The ballot of round 7 (committee 2) is in stage CLOSED; this needs stage COMMIT.",
        ),
        (
            b"\x01\x02\x03\x04",
            "The contract refuses the call, for a reason this pole does not know (0x01020304).",
        ),
        (b"", "The contract refuses the call, for a reason this pole does not know (0x)."),
        (
            revert_data("UnknownRound", 1)[:-1],
            "The contract refuses the call (UnknownRound, with malformed arguments 0x",
        ),
    ],
)
def test_what_a_call_reverted_with_becomes_a_sentence(data: bytes, sentence: str) -> None:
    assert TABLE.sentence(data).startswith(sentence)


def test_an_error_without_a_sentence_still_tells_its_name_and_arguments() -> None:
    table = ErrorTable([[{"type": "error", "name": "Odd", "inputs": [{"name": "size", "type": "uint256"}]}]])
    assert "Odd (size 7)" in table.sentence(keccak(text="Odd(uint256)")[:4] + encode(["uint256"], [7]))


def test_what_a_node_refuses_becomes_an_error_of_ours() -> None:
    data = "0x" + revert_data("NoTask").hex()
    refused = TABLE.translate(RevertedError("reverted", data))
    assert isinstance(refused, RefusedError)
    assert "No task waits" in str(refused)
    assert isinstance(TABLE.translate(RevertedError("execution reverted: why")), RefusedError)


@pytest.mark.parametrize(
    "message",
    ["insufficient funds for gas * price + value", "sender doesn't have enough funds to send tx"],
)
def test_an_empty_wallet_is_a_funds_error_however_the_node_words_it(message: str) -> None:
    assert isinstance(TABLE.translate(said(message)), FundsError)


def said(message: str) -> NodeRefusalError:
    return NodeRefusalError(message)


def test_what_the_node_says_is_passed_on() -> None:
    assert str(TABLE.translate(said("Revert: Odd."))) == "The node refuses the call: revert: odd."


@pytest.mark.parametrize("message", ["VM Exception while processing transaction: revert", "out of gas"])
def test_what_running_the_contract_came_to_is_a_refusal_however_the_node_words_it(message: str) -> None:
    assert isinstance(TABLE.translate(said(message)), RefusedError)


@pytest.mark.parametrize(
    "message", ["limit exceeded", "header not found", "nonce too low", "transaction underpriced"]
)
def test_an_error_of_the_node_itself_says_nothing_about_the_contracts(message: str) -> None:
    error = TABLE.translate(said(message))
    assert isinstance(error, UnreachableError)
    assert str(error) == f"The Ethereum node does not serve the request: {message}."


def test_a_claim_that_no_place_is_left_for_is_told_from_other_refusals() -> None:
    data = "0x" + revert_data("TooManySolutions", 3, 8, 11).hex()
    assert isinstance(TABLE.translate(RevertedError("reverted", data)), NoPlaceError)
    data = "0x" + revert_data("WrongPhase", 3, 5, 3).hex()
    assert not isinstance(TABLE.translate(RevertedError("reverted", data)), NoPlaceError)


@pytest.mark.parametrize(
    "data",
    [
        revert_data("WrongPhase", 3, 99, 2),
        revert_data("StakeBound", VERIFIER, 10**15),
        revert_data("EmptyField", "x\x1b[2K\n" * 10_000),
        b"\x01" * 10_000_000,
    ],
    ids=["phase", "time", "text", "long"],
)
def test_what_a_node_makes_up_is_a_short_sentence_too(data: bytes) -> None:
    sentence = TABLE.sentence(data)
    assert sentence.isprintable()
    assert len(sentence) < 400


def test_text_of_a_node_or_of_an_abi_is_one_short_line() -> None:
    forged = "execution reverted: \x1b[2K\n" * 10_000
    for error in (
        RevertedError(forged),
        said(forged),
        said("busy" + forged),
    ):
        assert str(TABLE.translate(error)).isprintable()
        assert len(str(TABLE.translate(error))) < 400
    assert isinstance(TABLE.translate(RevertedError("reverted", "0xno")), RefusedError)


@pytest.mark.parametrize(
    ("data", "is_late"),
    [
        (revert_data("WrongPhase", 3, 5, 3), True),
        (revert_data("WrongPhase", 3, 2, 3), False),
        (revert_data("WrongPhase", 3, 99, 3), True),
        (revert_data("WrongPhase", 3, 2, 3)[:-1], False),
        (revert_data("WrongStage", 29, 3, 1), True),
        (revert_data("WrongStage", 29, 1, 3), False),
        (revert_data("AlreadyRevealed", 3, VERIFIER), True),
        (revert_data("NoTask"), False),
    ],
)
def test_what_comes_too_late_is_told_from_what_comes_too_early(data: bytes, is_late: bool) -> None:
    shown = "0x" + data.hex()
    assert isinstance(TABLE.translate(RevertedError("reverted", shown)), TooLateError) is is_late


@pytest.mark.parametrize("name", sorted(errors()))
def test_what_the_state_may_yet_allow_is_tried_again(name: str) -> None:
    values = [SAMPLES.get(kind, 2) for kind, _ in errors()[name]]
    shown = "0x" + revert_data(name, *values).hex()
    is_lasting = isinstance(TABLE.translate(RevertedError("reverted", shown)), LastingRefusalError)
    assert is_lasting is (name in LASTING)
