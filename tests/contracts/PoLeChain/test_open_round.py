"""Opening a round: which task it takes and what its seed is made of."""

from typing import Any

import pytest
from brownie import accounts, chain, web3
from tests.contracts import stage
from tests.contracts.stage import ANYBODY, LANES, TERMS, Pole, refused

from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.ethereum_headers import mix_of
from pole.protocol.encoding.merkle_body import body_of, leaf, root
from pole.protocol.encoding.seeds import round_origin, round_seed
from pole.protocol.state import Phase, RecordKind, Verdict, VoidReason

FIRST = LANES
"""The first round of lane 0."""


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def test_there_is_no_round_before_the_first(pole: Pole) -> None:
    assert pole.chain.newestRound(0) == 0
    assert pole.chain.phaseOf(FIRST) == (Phase.NONE, 0, 0)
    for view in (pole.chain.round, pole.chain.solutions):
        with refused("UnknownRound", FIRST):
            view.call(FIRST)


@pytest.mark.parametrize("round_id", [0, 7])
def test_a_round_that_never_opened_takes_no_step(pole: Pole, round_id: int) -> None:
    with refused("UnknownRound", round_id):
        pole.chain.finalise.call(round_id, anybody())
    with refused("NothingToDraw", round_id, Phase.NONE):
        pole.chain.arm.call(round_id, anybody())
    with refused("NothingToDraw", round_id, Phase.NONE):
        pole.chain.draw.call(round_id, b"", anybody())
    with refused("WrongPhase", round_id, Phase.NONE, Phase.TRAINING):
        pole.chain.closeSubmissions.call(round_id, anybody())


def test_one_round_of_a_lane_is_open_at_a_time(pole: Pole) -> None:
    stage.post(pole)
    round_id = stage.opened(pole)
    with refused("RoundOpen", round_id):
        pole.chain.openRound.call(0, anybody())
    stage.wait(stage.CHAIN["keyWindow"])
    with refused("RoundOpen", round_id):
        pole.chain.openRound.call(0, anybody())
    stage.finalise(pole, round_id)
    assert stage.open_round(pole) == round_id + LANES


def test_a_round_keeps_the_task_as_it_stood(pole: Pole) -> None:
    stage.post(pole, work=20)
    round_id = stage.open_round(pole)
    opened = pole.chain.round(round_id).dict()
    assert opened["task"] == pole.task_list.task(1).dict()
    assert opened["openedAt"] == opened["since"] == chain[-1].timestamp
    assert opened["sinceBlock"] == chain.height
    assert pole.chain.phaseOf(round_id) == (Phase.SEED, 0, 0)
    assert opened["task"]["terms"]["reward"] == TERMS["reward"]
    assert opened["task"]["judgingTime"] == 3


def test_the_record_that_opens_a_round_names_the_newest_block_and_the_one_that_draws(pole: Pole) -> None:
    stage.post(pole)
    opened = pole.chain.openRound(0, anybody())
    named = chain.height + stage.CHAIN["drawDelay"]
    words = [FIRST, 1, int.from_bytes(bytes(pole.ledger.blockHash(0)), "big"), named]
    assert bytes(opened.events["Recorded"]["data"]) == b"".join(word.to_bytes(32, "big") for word in words)
    assert stage.field(pole.chain.round(FIRST), "drawBlock") == named


def test_the_seed_is_of_parent_and_body_at_the_opening_and_of_a_later_blocks_mix(pole: Pole) -> None:
    stage.post(pole)
    newest: Any = web3.eth.get_block("latest")
    posted = bytes(chain.get_transaction(newest.transactions[0].hex()).events["Recorded"]["data"])
    data = bytes(pole.chain.openRound(0, anybody()).events["Recorded"]["data"])
    parent = bytes(pole.ledger.blockHash(0))
    body = root(body_of([leaf(RecordKind.TASK_POSTED, posted), leaf(RecordKind.ROUND_OPENED, data)]))
    origin = round_origin(parent, body)
    assert bytes(pole.ledger.body()[0]) == body
    assert bytes(stage.field(pole.chain.round(FIRST), "seed")) == origin
    # What is recorded meanwhile changes nothing.
    stage.post(pole)
    header = stage.mine_named(pole, FIRST)
    drawn = pole.chain.draw(FIRST, header, anybody())
    seed = round_seed(origin, FIRST, mix_of(header))
    assert bytes(drawn.events["SeedDrawn"]["seed"]) == seed
    assert bytes(stage.field(pole.chain.round(FIRST), "seed")) == seed
    assert drawn.events["Recorded"]["kind"] == RecordKind.SEED_DRAWN
    assert bytes(drawn.events["Recorded"]["data"]) == FIRST.to_bytes(32, "big") + mix_of(header) + seed
    keys_until = chain[-1].timestamp + stage.CHAIN["keyWindow"]
    blocks = chain.height + stage.CHAIN["windowBlocks"]
    assert pole.chain.phaseOf(FIRST) == (Phase.KEYS, keys_until, blocks)


def test_the_contracts_take_no_ether(pole: Pole) -> None:
    stage.won(pole, {2: stage.Model()})
    assert pole.reservoir.balance() > 0
    assert {each.balance() for each in (pole.chain, pole.ledger, pole.task_list, pole.committee)} == {0}


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
    for member, _ in enumerate(stage.draw(pole, round_id)):
        assert pole.committee.voteOf(ballot_id(round_id, 0), member) == (stage.NOTHING, False)
    stage.end_votes(pole, round_id)
    assert pole.committee.findings(ballot_id(round_id, 0))[0][0] == Verdict.NONE
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_QUORUM
