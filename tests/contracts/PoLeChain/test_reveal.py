"""Revealing a model."""

from typing import Any

import pytest
from brownie import RefusingRecipient, accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    NOTHING,
    READY_BOND,
    STRANGER,
    TERMS,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.state import Phase, VoidReason

MODEL = Model()
OWN = stage.digest_of(2, MODEL)


def released(pole: Pole, models: dict[int, Model]) -> int:
    round_id = stage.training(pole)
    for miner, model in models.items():
        stage.commit(pole, round_id, miner, model)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    return round_id


def reveal_call(
    pole: Pole,
    round_id: int,
    *,
    by: int = 2,
    cid: str = "bafy",
    digest: bytes | str = OWN,
    test: int = MODEL.test,
    salt: bytes = MODEL.salt,
) -> Any:
    return pole.chain.reveal.call(round_id, cid, digest, test, salt, {"from": accounts[by]})


def test_nobody_reveals_before_the_release(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, MODEL)
    with refused("WrongPhase", round_id, Phase.TRAINING, Phase.REVEAL):
        reveal_call(pole, round_id)
    stage.close(pole, round_id)
    with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.REVEAL):
        reveal_call(pole, round_id)


def test_who_did_not_commit_has_nothing_to_reveal(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL})
    with refused("NoCommitment", round_id, accounts[STRANGER]):
        reveal_call(pole, round_id, by=STRANGER)


def test_a_model_needs_a_cid_and_a_digest(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL})
    with refused("EmptyField", "modelCid"):
        reveal_call(pole, round_id, cid="")
    with refused("EmptyField", "modelDigest"):
        reveal_call(pole, round_id, digest=NOTHING)


def test_nobody_claims_more_than_the_test_set_holds(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL})
    with refused("CountTooLarge", 51, 50):
        reveal_call(pole, round_id, test=51)


def test_without_a_test_set_no_test_count_can_be_claimed(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, MODEL)
    stage.close(pole, round_id)
    stage.end_test_release(pole, round_id)
    with refused("CountTooLarge", 1, 0):
        reveal_call(pole, round_id, test=1)
    reveal_call(pole, round_id, test=0)


@pytest.mark.parametrize("other", [{"digest": b"\x0e" * 32}, {"salt": b"\x5b" * 32}])
def test_another_model_or_salt_than_committed_is_refused(pole: Pole, other: dict[str, Any]) -> None:
    round_id = released(pole, {2: MODEL})
    with refused("CommitmentMismatch"):
        reveal_call(pole, round_id, **other)


def test_a_replaced_commitment_can_no_longer_be_revealed(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, MODEL)
    stage.commit(pole, round_id, 2, Model(digest=b"\x0f" * 32), bond=0)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    with refused("CommitmentMismatch"):
        reveal_call(pole, round_id)
    reveal_call(pole, round_id, digest=b"\x0f" * 32)


def test_a_model_is_revealed_once(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL, 3: MODEL})
    stage.reveal(pole, round_id, 2, MODEL)
    with refused("AlreadyRevealed", round_id, accounts[2]):
        reveal_call(pole, round_id)


def test_the_phase_ends_early_when_everybody_has_revealed(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL, 3: MODEL})
    stage.reveal(pole, round_id, 2, MODEL)
    assert stage.phase(pole, round_id) is Phase.REVEAL
    stage.reveal(pole, round_id, 3, MODEL)
    assert pole.chain.phaseOf(round_id) == (Phase.DRAW, 0, 0)


def test_a_reveal_after_the_window_is_too_late(pole: Pole) -> None:
    round_id = released(pole, {2: MODEL, 3: MODEL})
    stage.reveal(pole, round_id, 2, MODEL)
    deadline = stage.deadline_of(pole, round_id)
    stage.wait_until(deadline - 1)
    reveal_call(pole, round_id, by=3, digest=stage.digest_of(3, MODEL))
    chain.mine(timestamp=deadline)
    with refused("WrongPhase", round_id, Phase.DRAW, Phase.REVEAL):
        reveal_call(pole, round_id, by=3)


def test_a_lost_reveal_costs_its_bond_and_nothing_else(pole: Pole, history_holds: HistoryCheck) -> None:
    models = {2: MODEL, 3: Model(train=99, test=50)}
    round_id = released(pole, models)
    stage.reveal(pole, round_id, 2, MODEL)
    stage.wait(CHAIN["revealWindow"])
    stage.vote(pole, round_id, {2: stage.ok(MODEL.train, MODEL.test)})
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert stage.credit(pole, 3) == 0
    assert stage.credit(pole, 2) > TERMS["reward"] // 2
    history_holds()


def test_a_round_in_which_nothing_is_revealed_is_void(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = released(pole, {2: MODEL, 3: MODEL})
    stage.wait(CHAIN["revealWindow"])
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0, 0)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NOTHING_REVEALED
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == before + 2 * READY_BOND
    history_holds()


def test_withholding_from_miners_that_reveal_nothing_feeds_the_pool_alone(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, MODEL)
    stage.close(pole, round_id)
    stage.end_test_release(pole, round_id)
    stage.wait(CHAIN["revealWindow"])
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NOTHING_REVEALED
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"]
    assert stage.pool(pole) == before + TERMS["dataBond"] + READY_BOND
    history_holds()


def test_a_winner_that_takes_no_ether_cannot_stop_the_round(pole: Pole, history_holds: HistoryCheck) -> None:
    miner = RefusingRecipient.deploy({"from": accounts[0]})
    round_id = stage.training(pole)
    commitment = solution_commitment(
        chain_id=chain.id,
        chain_address=pole.chain.address,
        round_id=round_id,
        miner=miner.address,
        model_digest=OWN,
        claimed_train_correct=MODEL.train,
        salt=MODEL.salt,
    )
    bond = {"from": accounts[0], "value": READY_BOND}
    miner.commit(pole.chain, round_id, commitment, MODEL.train, bond)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    miner.reveal(pole.chain, round_id, "bafy", OWN, MODEL.test, MODEL.salt, {"from": accounts[0]})
    members = stage.draw(pole, round_id)
    votes = {member: [stage.ok(MODEL.train, MODEL.test)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    credit = pole.reservoir.creditOf(miner)
    assert credit > 0
    before = accounts[9].balance()
    miner.withdraw(pole.reservoir, accounts[9], {"from": accounts[0]})
    assert accounts[9].balance() == before + credit
    history_holds()
