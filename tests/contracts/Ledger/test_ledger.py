"""Who writes into the ledger, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from brownie import Ledger, accounts
from brownie.network.contract import ProjectContract
from tests.contracts.stage import ANYBODY, DATA_NODE, STRANGER, ZERO, Pole, refused

from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.encoding.merkle_body import EMPTY_BODY, append, leaf, root
from pole.protocol.state import Header, Ommer, RecordKind

CHAIN_NODE, TASK_LIST, COMMITTEE = 3, 4, 5
"""Accounts that stand in the places of the three contracts."""
NOBODY = (0, ZERO, bytes(32), 0, 0, 0, False)


@pytest.fixture(scope="module")
def own_deployed(deployed: Pole) -> ProjectContract:
    recorders = (accounts[n] for n in (CHAIN_NODE, TASK_LIST, COMMITTEE))
    return Ledger.deploy(*recorders, {"from": accounts[ANYBODY]})


@pytest.fixture
def own(own_deployed: ProjectContract, isolation: None) -> ProjectContract:
    return own_deployed


def header(round_id: int = 7) -> tuple[Any, ...]:
    """Return what the chain says of a block; the rest is the ledger's."""
    return (0, bytes(32), round_id, 3, accounts[2].address, b"\x0d" * 32, 90, 45, bytes(32), bytes(32), 0)


def ommer(height: int, *, count: int = 1, correct: int = 40) -> tuple[Any, ...]:
    return (height, accounts[6].address, b"\x0e" * 32, correct, 50, count, False)


def append_block(
    own: ProjectContract, referenced: tuple[Any, ...] = NOBODY, left: tuple[Any, ...] = NOBODY
) -> Any:
    return own.append(header(), referenced, left, {"from": accounts[CHAIN_NODE]}).events["BlockAppended"]


def height_kept(own: ProjectContract) -> int:
    kept = own.ommer().dict()
    return int(kept["height"]) if kept["count"] else 0


def test_it_knows_the_three_that_record(pole: Pole) -> None:
    assert pole.ledger.chain() == pole.chain
    assert pole.ledger.taskList() == pole.task_list
    assert pole.ledger.committee() == pole.committee


def test_only_chain_task_list_and_committee_record(pole: Pole) -> None:
    for caller in (ANYBODY, DATA_NODE, STRANGER):
        with refused("NotRecorder", accounts[caller]):
            pole.ledger.record.call(RecordKind.PAYOUTS, b"", {"from": accounts[caller]})


def test_only_the_chain_appends(own: ProjectContract) -> None:
    for caller in (TASK_LIST, COMMITTEE, STRANGER):
        with refused("NotChain", accounts[caller]):
            own.append.call(header(), NOBODY, NOBODY, {"from": accounts[caller]})


def test_records_of_all_three_enter_one_body_in_their_order(own: ProjectContract) -> None:
    body = EMPTY_BODY
    for index, (caller, kind) in enumerate(
        [
            (TASK_LIST, RecordKind.TASK_POSTED),
            (CHAIN_NODE, RecordKind.ROUND_OPENED),
            (COMMITTEE, RecordKind.VOTE_COMMITTED),
            (CHAIN_NODE, RecordKind.SEED_DRAWN),
        ]
    ):
        data = bytes([index]) * (33 * index + 1)
        told = own.record(kind, data, {"from": accounts[caller]}).events["Recorded"]
        assert (told["height"], told["index"], told["kind"], bytes(told["data"])) == (1, index, kind, data)
        body = append(body, leaf(kind, data))
        assert own.body() == ("0x" + root(body).hex(), index + 1)
    appended = append_block(own)
    assert bytes(Header(*appended["header"]).body_root) == root(body)
    assert own.body() == ("0x" + root(EMPTY_BODY).hex(), 0)


def test_a_block_links_to_the_tip_and_keeps_what_the_chain_says(own: ProjectContract) -> None:
    genesis = genesis_header(own.tx.timestamp)
    assert bytes(own.blockHash(0)) == header_hash(genesis)
    first, second = append_block(own), append_block(own)
    for height, appended in enumerate((first, second), start=1):
        told = Header(*appended["header"])
        assert (told.height, told.round_id, told.task_id, told.train_correct) == (height, 7, 3, 90)
        assert bytes(told.parent_hash) == bytes(own.blockHash(height - 1))
        assert bytes(appended["hash"]) == bytes(own.blockHash(height))
        assert bytes(told.ommers_hash) == ommers_hash([])
    assert own.height() == 2
    assert bytes(own.blockHash(3)) == bytes(32)


def test_the_last_ommer_is_kept_until_another_takes_its_place(own: ProjectContract) -> None:
    assert height_kept(own) == 0
    append_block(own, left=ommer(0))
    append_block(own)
    assert height_kept(own) == 1
    append_block(own, left=ommer(0))
    assert height_kept(own) == 3


def test_a_referenced_ommer_is_named_in_the_header_and_gone(own: ProjectContract) -> None:
    append_block(own, left=ommer(0))
    appended = append_block(own, referenced=ommer(1))
    named = replace(Ommer(*ommer(1)), referenced=True)
    assert bytes(Header(*appended["header"]).ommers_hash) == ommers_hash([named])
    assert height_kept(own) == 0


def test_a_block_may_reference_one_and_leave_another(own: ProjectContract) -> None:
    append_block(own, left=ommer(0))
    append_block(own, referenced=ommer(1), left=ommer(0))
    assert height_kept(own) == 2


def test_nobody_can_say_what_the_ledger_fills_in(own: ProjectContract) -> None:
    forged = (9, b"\x01" * 32, *header()[2:8], b"\x02" * 32, b"\x03" * 32, 4)
    appended = own.append(forged, NOBODY, NOBODY, {"from": accounts[CHAIN_NODE]})
    told = Header(*appended.events["BlockAppended"]["header"])
    assert (told.height, told.timestamp) == (1, appended.timestamp)
    assert bytes(told.parent_hash) == bytes(own.blockHash(0))
    assert bytes(told.body_root) == root(EMPTY_BODY)
