"""Opening a round: which task it takes and what its seed is made of."""

from typing import Any

import pytest
from brownie import accounts, chain, web3
from tests.contracts import stage
from tests.contracts.stage import ANYBODY, TERMS, Pole, refused

from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.merkle_body import body_of, leaf, root
from pole.protocol.encoding.seeds import round_seed
from pole.protocol.state import Phase, RecordKind, Verdict, VoidReason


def test_there_is_no_round_before_the_first(pole: Pole) -> None:
    assert pole.chain.currentRound() == 0
    assert pole.chain.phaseOf(1) == (Phase.NONE, 0)
    for view in (pole.chain.round, pole.chain.solutions):
        with refused("UnknownRound", 1):
            view.call(1)


@pytest.mark.parametrize("step", ["armDraw", "drawCommittee", "finalise", "closeSubmissions"])
def test_a_round_that_never_opened_takes_no_step(pole: Pole, step: str) -> None:
    with refused("UnknownRound", 0):
        getattr(pole.chain, step).call(0, {"from": accounts[ANYBODY]})
    with refused("UnknownRound", 7):
        getattr(pole.chain, step).call(7, {"from": accounts[ANYBODY]})


def test_one_round_is_open_at_a_time(pole: Pole) -> None:
    stage.post(pole)
    stage.post(pole)
    stage.open_round(pole)
    with refused("RoundOpen", 1):
        pole.chain.openRound.call({"from": accounts[ANYBODY]})
    stage.wait(stage.CHAIN["keyWindow"])
    with refused("RoundOpen", 1):
        pole.chain.openRound.call({"from": accounts[ANYBODY]})
    stage.finalise(pole, 1)
    assert stage.open_round(pole) == 2


def test_a_round_keeps_the_task_as_it_stood(pole: Pole) -> None:
    stage.post(pole, auditCount=20)
    round_id = stage.open_round(pole)
    opened = pole.chain.round(round_id).dict()
    assert opened["task"] == pole.task_list.task(1).dict()
    assert opened["openedAt"] == chain[-1].timestamp
    assert opened["parentHash"] == pole.chain.blockHash(0)
    assert pole.chain.phaseOf(round_id) == (Phase.KEYS, chain[-1].timestamp + stage.CHAIN["keyWindow"])
    assert opened["task"]["terms"]["reward"] == TERMS["reward"]


def test_the_seed_hashes_parent_and_body_with_the_ethereum_block_before(pole: Pole) -> None:
    stage.post(pole)
    newest: Any = web3.eth.get_block("latest")
    posted = bytes(chain.get_transaction(newest.transactions[0].hex()).events["Recorded"]["data"])
    before = bytes(newest.hash)
    opened = pole.chain.openRound({"from": accounts[ANYBODY]})
    data = bytes(opened.events["Recorded"]["data"])
    parent = bytes(pole.chain.blockHash(0))
    assert data == (1).to_bytes(32, "big") + (1).to_bytes(32, "big") + parent + before
    body = body_of([leaf(RecordKind.TASK_POSTED, posted), leaf(RecordKind.ROUND_OPENED, data)])
    assert bytes(pole.chain.body()[0]) == root(body)
    assert bytes(opened.events["RoundOpened"]["seed"]) == round_seed(parent, root(body))
    assert bytes(pole.chain.round(1).dict()["seed"]) == round_seed(parent, root(body))


def test_only_the_task_list_and_the_committee_record(pole: Pole) -> None:
    for caller in (accounts[ANYBODY], accounts[stage.DATA_NODE]):
        with refused("NotRecorder", caller):
            pole.chain.record.call(RecordKind.PAYOUTS, b"", {"from": caller})


def test_the_chain_takes_no_ether(pole: Pole) -> None:
    assert pole.chain.balance() == 0
    stage.won(pole, {2: stage.Model()})
    assert pole.chain.balance() == pole.task_list.balance() == pole.committee.balance() == 0


def test_solutions_of_an_older_round_are_no_longer_kept(pole: Pole) -> None:
    first = stage.won(pole, {2: stage.Model()})
    assert len(pole.chain.solutions(first)) == 1
    stage.post(pole)
    stage.open_round(pole)
    with refused("RoundOver", first):
        pole.chain.solutions(first)


def test_nothing_of_an_older_ballot_is_seen_in_a_new_one(pole: Pole) -> None:
    models = {2: stage.Model()}
    stage.won(pole, models)
    round_id = stage.revealed(pole, models)
    assert [each.dict()["choice"] for each in pole.chain.solutions(round_id)] == [0]
    for member in stage.draw(pole, round_id):
        assert pole.committee.voteOf(ballot_id(round_id, 0), member) == (stage.NOTHING, False)
    stage.wait(stage.CHAIN["voteCommitWindow"])
    assert pole.committee.findings(ballot_id(round_id, 0))[0][0] == Verdict.NONE
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
