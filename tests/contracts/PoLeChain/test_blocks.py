"""Blocks, ommers, and what they draw from the pool."""

from typing import Any

from brownie import accounts
from brownie.network.transaction import TransactionReceipt
from tests.contracts import stage
from tests.contracts.stage import CHAIN, ETHER, READY_BOND, TERMS, VERIFICATION_FEE, HistoryCheck, Model, Pole

from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.state import Header, PayoutReason

BLOCK_REWARD = CHAIN["blockReward"]
LITTLE = ETHER // 10
"""A fee that does not cover what a block draws."""
TWO = {2: Model(train=90, test=45), 3: Model(train=90, test=40)}


def block_of(ended: TransactionReceipt) -> Any:
    return ended.events["BlockAppended"]


def play(pole: Pole, models: dict[int, Model], **terms: Any) -> TransactionReceipt:
    round_id = stage.revealed(pole, models, **terms)
    stage.vote(pole, round_id, stage.as_claimed(models))
    return stage.finalise(pole, round_id)


def drawn_by(ended: TransactionReceipt) -> dict[PayoutReason, tuple[object, int]]:
    """Return the amounts that a block drew from the pool, by reason."""
    amounts = [
        (event["payee"], event["amount"])
        for event in ended.events["Credited"]
        if bytes(event["account"]) == stage.POOL
    ]
    reasons = (PayoutReason.BLOCK_REWARD, PayoutReason.OMMER_INCLUSION, PayoutReason.OMMER_REWARD)
    return dict(zip(reasons, amounts, strict=False))


def test_the_genesis_block_is_empty_but_for_its_time(pole: Pole) -> None:
    appended = pole.ledger.tx.events["BlockAppended"]
    header = genesis_header(pole.ledger.tx.timestamp)
    assert bytes(appended["hash"]) == header_hash(header) == bytes(pole.ledger.blockHash(0))
    assert pole.ledger.height() == 0
    assert bytes(pole.ledger.blockHash(1)) == bytes(32)


def test_a_block_names_its_winner_and_its_hash_is_of_its_header(pole: Pole) -> None:
    ended = play(pole, {2: Model()})
    appended = block_of(ended)
    header = Header(*appended["header"])
    assert (header.height, header.round_id, header.task_id) == (1, stage.LANES, 1)
    assert (header.winner, header.train_correct, header.test_correct) == (accounts[2].address, 90, 45)
    assert bytes(header.ommers_hash) == ommers_hash([])
    assert bytes(header.parent_hash) == bytes(pole.ledger.blockHash(0))
    assert bytes(appended["hash"]) == bytes(pole.ledger.blockHash(1))
    assert header.timestamp == ended.timestamp
    assert stage.field(pole.chain.round(header.round_id), "height") == 1
    assert pole.ledger.body()[1] == 0


def test_the_best_ommer_of_a_height_is_kept_with_their_number(lone: Pole) -> None:
    models = {2: Model(test=50), 3: Model(test=40), 4: Model(test=45)}
    stage.won(lone, models)
    ommer = stage.ommers(lone)[1]
    assert ommer["miner"] == accounts[4]
    assert (ommer["correct"], ommer["total"], ommer["count"], ommer["referenced"]) == (45, 50, 2, False)


def test_a_block_references_an_ommer_once_and_pays_both(lone: Pole, history_holds: HistoryCheck) -> None:
    play(lone, TWO)
    ended = play(lone, {2: Model()})
    assert drawn_by(ended) == {
        PayoutReason.BLOCK_REWARD: (accounts[2], BLOCK_REWARD),
        PayoutReason.OMMER_INCLUSION: (accounts[2], BLOCK_REWARD // 32),
        PayoutReason.OMMER_REWARD: (accounts[3], BLOCK_REWARD),
    }
    assert [ommer[:2] for ommer in block_of(ended)["ommers"]] == [(1, accounts[3])]
    assert stage.ommers(lone) == {}
    later = play(lone, {2: Model()})
    assert list(drawn_by(later)) == [PayoutReason.BLOCK_REWARD]
    assert list(block_of(later)["ommers"]) == []
    history_holds(lone)


def test_an_ommer_is_referenced_once_and_its_reward_falls_with_distance_and_number(
    lone: Pole, history_holds: HistoryCheck
) -> None:
    play(lone, {2: Model(test=50), 3: Model(test=49), 4: Model(test=48)})
    play(lone, {2: Model()}, fee=LITTLE)
    ended = play(lone, TWO)
    assert drawn_by(ended)[PayoutReason.OMMER_REWARD] == (accounts[3], BLOCK_REWARD // (2 * 2))
    assert [ommer[0] for ommer in block_of(ended)["ommers"]] == [1]
    ended = play(lone, {2: Model()})
    assert drawn_by(ended)[PayoutReason.OMMER_REWARD] == (accounts[3], BLOCK_REWARD)
    assert list(block_of(play(lone, {2: Model()}))["ommers"]) == []
    history_holds(lone)


def test_an_ommer_is_referenced_up_to_six_heights_later(lone: Pole, history_holds: HistoryCheck) -> None:
    play(lone, {2: Model(test=50), 4: Model(test=30)})
    for _ in range(5):
        play(lone, {2: Model()}, fee=LITTLE)
    ended = play(lone, TWO)
    assert [ommer[:2] for ommer in block_of(ended)["ommers"]] == [(1, accounts[4])]
    assert drawn_by(ended)[PayoutReason.OMMER_REWARD] == (accounts[4], BLOCK_REWARD // 6)
    for _ in range(6):
        play(lone, {2: Model()}, fee=LITTLE)
    ended = play(lone, {2: Model()})
    assert lone.ledger.height() == 14
    assert list(block_of(ended)["ommers"]) == []
    assert list(stage.ommers(lone)) == [7]
    history_holds(lone)


def test_a_block_whose_task_covers_no_draw_leaves_no_ommer(lone: Pole, history_holds: HistoryCheck) -> None:
    play(lone, TWO, fee=LITTLE)
    assert stage.ommers(lone) == {}
    history_holds(lone)


def test_a_fee_that_does_not_cover_the_draw_draws_nothing_and_references_nobody(
    lone: Pole, history_holds: HistoryCheck
) -> None:
    play(lone, TWO)
    covering = 11 * BLOCK_REWARD * 65 // (10 * 32)
    ended = play(lone, {2: Model()}, fee=covering - 1)
    assert drawn_by(ended) == {}
    assert list(block_of(ended)["ommers"]) == []
    assert stage.credit(lone, 2) == 2 * (TERMS["reward"] - VERIFICATION_FEE + READY_BOND) + BLOCK_REWARD
    ended = play(lone, {2: Model()}, fee=covering)
    assert len(drawn_by(ended)) == 3
    history_holds(lone)


def test_an_ommer_grows_old_by_a_height_for_each_lane(history_holds: HistoryCheck) -> None:
    sizes = {"committeeSize": 1, "minCommittee": 1, "maxCommittee": 1}
    pole = stage.set_up(verifiers=[8], committee={"lanes": 3}, chain=sizes)
    play(pole, TWO)
    for lane in (1, 2, 0):
        stage.won(pole, {2: Model()}, lane=lane, fee=LITTLE)
    ended = play(pole, {2: Model()})
    assert drawn_by(ended)[PayoutReason.OMMER_REWARD] == (accounts[3], BLOCK_REWARD // 2)
    history_holds(pole)


def test_every_covered_block_references_the_ommer_before_it_and_leaves_its_own(
    lone: Pole, history_holds: HistoryCheck
) -> None:
    for height in range(1, 5):
        ended = play(lone, {2: Model(test=50), 3: Model(test=10 + height), 4: Model(test=2)})
        assert [ommer[0] for ommer in block_of(ended)["ommers"]] == ([height - 1] if height > 1 else [])
    assert {height: ommer["correct"] for height, ommer in stage.ommers(lone).items()} == {4: 14}
    history_holds(lone)


def test_a_void_round_appends_nothing_and_its_records_stay_in_the_body(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.opened(pole)
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(pole, round_id)
    _, records = pole.ledger.body()
    assert (pole.ledger.height(), records) == (0, 5)
    ended = play(pole, {2: Model()})
    assert block_of(ended)["header"][0] == 1
    assert history_holds().void_rounds == 1
