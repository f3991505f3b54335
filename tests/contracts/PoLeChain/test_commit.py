"""Committing to a model."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    BOND,
    CHAIN,
    DATA_NODE,
    ETHER,
    NOTHING,
    READY_BOND,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.state import Phase, RecordKind

LOW, HIGH = 79, 80
"""Claims on either side of the training threshold."""
SECRET = "0x" + "11" * 32


@pytest.fixture
def round_id(pole: Pole) -> int:
    return stage.training(pole)


def ready(pole: Pole, round_id: int) -> int:
    return pole.chain.round(round_id).dict()["ready"]


def test_an_empty_commitment_is_refused(pole: Pole, round_id: int) -> None:
    with refused("EmptyField", "commitment"):
        pole.chain.commit.call(round_id, NOTHING, 1, {"from": accounts[2], "value": BOND})


def test_nobody_claims_more_than_there_are_samples(pole: Pole, round_id: int) -> None:
    with refused("CountTooLarge", 101, 100):
        pole.chain.commit.call(round_id, SECRET, 101, {"from": accounts[2], "value": READY_BOND})
    pole.chain.commit.call(round_id, SECRET, 100, {"from": accounts[2], "value": READY_BOND})


@pytest.mark.parametrize(("claim", "bond"), [(0, BOND), (LOW, BOND), (HIGH, READY_BOND), (100, READY_BOND)])
def test_a_commitment_costs_exactly_the_bond_of_its_claim(
    pole: Pole, round_id: int, claim: int, bond: int
) -> None:
    for sent in (0, bond - 1, bond + 1):
        with refused("WrongBond", sent, bond):
            pole.chain.commit.call(round_id, SECRET, claim, {"from": accounts[2], "value": sent})
    pole.chain.commit.call(round_id, SECRET, claim, {"from": accounts[2], "value": bond})


def test_a_replacement_costs_what_its_claim_locks_more(pole: Pole, round_id: int) -> None:
    stage.commit(pole, round_id, 2, Model(train=LOW - 1))
    with refused("WrongBond", BOND, 0):
        pole.chain.commit.call(round_id, SECRET, LOW, {"from": accounts[2], "value": BOND})
    stage.commit(pole, round_id, 2, Model(train=LOW), bond=0)
    with refused("WrongBond", READY_BOND, READY_BOND - BOND):
        pole.chain.commit.call(round_id, SECRET, HIGH, {"from": accounts[2], "value": READY_BOND})
    stage.commit(pole, round_id, 2, Model(train=HIGH), bond=READY_BOND - BOND)
    stage.commit(pole, round_id, 2, Model(train=95), bond=0)
    assert pole.chain.round(round_id).dict()["committed"] == 1


def test_a_replacement_claims_no_less(pole: Pole, round_id: int) -> None:
    stage.commit(pole, round_id, 2, Model(train=95))
    with refused("ClaimLowered", round_id, 95, 94):
        pole.chain.commit.call(round_id, SECRET, 94, {"from": accounts[2]})
    stage.commit(pole, round_id, 2, Model(train=95), bond=0)


def full(pole: Pole, round_id: int, *claims: int) -> None:
    """Let miners 2 to 5 take every place of the round."""
    for miner, claim in enumerate(claims or (90,) * CHAIN["maxSolutions"], start=2):
        stage.commit(pole, round_id, miner, Model(train=claim))


@pytest.mark.parametrize("claim", [0, 90])
def test_a_full_round_takes_no_claim_that_is_not_higher_than_its_lowest(
    pole: Pole, round_id: int, claim: int
) -> None:
    full(pole, round_id, 95, 90, 99, 95)
    with refused("TooManySolutions", round_id, CHAIN["maxSolutions"], 91):
        pole.chain.commit.call(
            round_id, SECRET, claim, {"from": accounts[7], "value": READY_BOND if claim else BOND}
        )
    stage.commit(pole, round_id, 3, Model(train=90), bond=0)


def test_where_everybody_claims_all_nobody_else_gets_a_place(pole: Pole, round_id: int) -> None:
    full(pole, round_id, 100, 100, 100, 100)
    with refused("TooManySolutions", round_id, CHAIN["maxSolutions"], 101):
        pole.chain.commit.call(round_id, SECRET, 100, {"from": accounts[7], "value": READY_BOND})


def test_a_higher_claim_costs_its_bond_in_a_full_round_too(pole: Pole, round_id: int) -> None:
    full(pole, round_id)
    with refused("WrongBond", 0, READY_BOND):
        pole.chain.commit.call(round_id, SECRET, 91, {"from": accounts[7]})


def test_a_higher_claim_takes_the_lowest_place_and_its_miner_has_its_bond_back(
    pole: Pole, round_id: int, history_holds: HistoryCheck
) -> None:
    full(pole, round_id, 95, 90, 99, 95)
    account = round_id.to_bytes(32, "big")
    held = pole.reservoir.balanceOf(pole.chain, account)
    sent = {"from": accounts[6], "value": READY_BOND}
    taken = pole.chain.commit(round_id, SECRET, 91, sent)
    kinds = [event["kind"] for event in taken.events["Recorded"]]
    assert kinds == [RecordKind.SOLUTION_DISPLACED, RecordKind.SOLUTION_COMMITTED]
    assert [each[0] for each in pole.chain.solutions(round_id)] == [accounts[n] for n in (2, 6, 4, 5)]
    assert pole.chain.solutions(round_id)[1].dict()["order"] == 4
    assert stage.credit(pole, 3) == READY_BOND
    assert pole.reservoir.balanceOf(pole.chain, account) == held
    assert pole.chain.round(round_id).dict()["committed"] == CHAIN["maxSolutions"]
    history_holds()


def test_among_equal_claims_the_latest_is_displaced(pole: Pole, round_id: int) -> None:
    full(pole, round_id)
    stage.commit(pole, round_id, 3, Model(), bond=0)
    pole.chain.commit(round_id, SECRET, 91, {"from": accounts[6], "value": READY_BOND})
    assert [each[0] for each in pole.chain.solutions(round_id)] == [accounts[n] for n in (2, 6, 4, 5)]


def test_a_displaced_miner_has_no_solution_and_may_commit_again_like_anybody(
    pole: Pole, round_id: int, history_holds: HistoryCheck
) -> None:
    full(pole, round_id, 95, 90, 99, 95)
    pole.chain.commit(round_id, SECRET, 96, {"from": accounts[6], "value": READY_BOND})
    with refused("TooManySolutions", round_id, CHAIN["maxSolutions"], 96):
        pole.chain.commit.call(round_id, SECRET, 90, {"from": accounts[3], "value": READY_BOND})
    with refused("WrongBond", 0, READY_BOND):
        pole.chain.commit.call(round_id, SECRET, 97, {"from": accounts[3]})
    stage.commit(pole, round_id, 3, Model(train=97))
    assert [each[0] for each in pole.chain.solutions(round_id)] == [accounts[n] for n in (2, 6, 4, 3)]
    assert (stage.credit(pole, 3), stage.credit(pole, 5)) == (READY_BOND, READY_BOND)
    history_holds()


def test_a_displaced_miner_reveals_nothing_and_may_judge(pole: Pole, history_holds: HistoryCheck) -> None:
    stage.take_seat(pole, 3)
    models = {2: Model(train=95), 4: Model(train=95), 5: Model(train=95), 6: Model(train=96)}
    for n in stage.VERIFIERS[:5]:
        pole.committee.unstake({"from": accounts[n]})
    stage.wait(stage.COMMITTEE["seatAge"])
    round_id = stage.training(pole)
    for miner in (2, 3, 4, 5):
        stage.commit(pole, round_id, miner, models.get(miner, Model(train=90)))
    stage.commit(pole, round_id, 6, models[6])
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    with refused("NoCommitment", round_id, accounts[3]):
        stage.reveal(pole, round_id, 3, Model(train=90))
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    assert accounts[3] in stage.vote(pole, round_id, stage.as_claimed(models))
    stage.finalise(pole, round_id)
    history_holds()


def test_a_displaced_miner_has_the_bond_of_its_own_claim_back(
    pole: Pole, round_id: int, history_holds: HistoryCheck
) -> None:
    full(pole, round_id, 95, LOW, 99, 95)
    stage.commit(pole, round_id, 6, Model(train=HIGH))
    assert stage.credit(pole, 3) == BOND
    stage.commit(pole, round_id, 3, Model(train=91))
    assert stage.credit(pole, 6) == READY_BOND
    history_holds()


def test_a_small_reward_asks_for_the_least_bond_of_every_claim(history_holds: HistoryCheck) -> None:
    pole = stage.set_up(chain={"minerBond": 4 * ETHER})
    round_id = stage.training(pole, reward=9 * ETHER)
    stage.commit(pole, round_id, 2, Model(train=LOW), bond=4 * ETHER)
    stage.commit(pole, round_id, 3, Model(train=HIGH), bond=9 * ETHER // 2)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, Model(train=LOW))
    stage.reveal(pole, round_id, 3, Model(train=HIGH))
    stage.vote(pole, round_id, {2: stage.ok(LOW, 45), 3: stage.ok(HIGH, 45)})
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 2) == 4 * ETHER
    assert stage.credit(pole, 3) == 9 * ETHER * 9 // 10 + 9 * ETHER // 2 + CHAIN["blockReward"]
    history_holds(pole)


def test_nobody_commits_before_the_keys_or_after_the_end_of_training(pole: Pole) -> None:
    round_id = stage.opened(pole)
    with refused("WrongPhase", round_id, Phase.KEYS, Phase.TRAINING):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[2], "value": BOND})
    stage.post_keys(pole, round_id)
    stage.commit(pole, round_id, 2, Model())
    deadline = stage.deadline_of(pole, round_id)
    stage.wait_until(deadline - 1)
    pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[3], "value": BOND})
    chain.mine(timestamp=deadline)
    with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.TRAINING):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[3], "value": BOND})


def test_a_replaced_commitment_goes_to_the_end(pole: Pole, round_id: int) -> None:
    for miner in (2, 3, 4):
        stage.commit(pole, round_id, miner, Model())
    stage.commit(pole, round_id, 2, Model(train=91), bond=0)
    orders = {each.dict()["miner"]: each.dict()["order"] for each in pole.chain.solutions(round_id)}
    assert orders == {accounts[2]: 3, accounts[3]: 1, accounts[4]: 2}
    assert [each[0] for each in pole.chain.solutions(round_id)] == [accounts[n] for n in (2, 3, 4)]


def test_only_live_commitments_that_claim_the_threshold_count_as_ready(pole: Pole, round_id: int) -> None:
    stage.commit(pole, round_id, 2, Model(train=79))
    assert ready(pole, round_id) == 0
    stage.commit(pole, round_id, 2, Model(train=80), bond=READY_BOND - BOND)
    assert ready(pole, round_id) == 1
    stage.commit(pole, round_id, 2, Model(train=81), bond=0)
    assert ready(pole, round_id) == 1
    stage.commit(pole, round_id, 3, Model(train=100))
    assert ready(pole, round_id) == 2


@pytest.mark.parametrize(
    ("claims", "claim", "counted"),
    [((80, 90, 90, 90), 90, 4), ((70, 90, 90, 90), 80, 4), ((70, 60, 90, 90), 79, 2)],
)
def test_who_is_displaced_is_not_counted_as_ready(
    pole: Pole, round_id: int, claims: tuple[int, ...], claim: int, counted: int
) -> None:
    full(pole, round_id, *claims)
    pole.chain.commit(
        round_id, SECRET, claim, {"from": accounts[6], "value": stage.bond_of(pole, round_id, claim)}
    )
    assert ready(pole, round_id) == counted


def test_bonds_are_held_in_the_rounds_account(pole: Pole, round_id: int) -> None:
    account = round_id.to_bytes(32, "big")
    before = pole.reservoir.balanceOf(pole.chain, account)
    stage.commit(pole, round_id, 2, Model())
    stage.commit(pole, round_id, DATA_NODE, Model())
    assert pole.reservoir.balanceOf(pole.chain, account) == before + 2 * READY_BOND


def test_a_copied_commitment_is_worthless(pole: Pole, round_id: int) -> None:
    model = Model()
    stage.commit(pole, round_id, 2, model)
    copied = pole.chain.solutions(round_id)[0].dict()["commitment"]
    pole.chain.commit(round_id, copied, model.train, {"from": accounts[3], "value": READY_BOND})
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, model)
    with refused("CommitmentMismatch"):
        pole.chain.reveal.call(
            round_id, "bafy", stage.digest_of(2, model), model.test, model.salt, {"from": accounts[3]}
        )
    stage.wait(CHAIN["revealWindow"])
    stage.vote(pole, round_id, {2: stage.ok(model.train, model.test)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 3) == 0
    assert stage.pool(pole) == before + READY_BOND - CHAIN["blockReward"]


def test_a_commitment_to_the_same_model_in_an_earlier_round_opens_nothing(pole: Pole) -> None:
    model = Model()
    first = stage.won(pole, {2: model})
    old = pole.chain.solutions(first)[0].dict()["commitment"]
    second = stage.training(pole)
    pole.chain.commit(second, old, model.train, {"from": accounts[2], "value": READY_BOND})
    stage.close(pole, second)
    stage.release(pole, second)
    with refused("CommitmentMismatch"):
        pole.chain.reveal.call(
            second, "bafy", stage.digest_of(2, model), model.test, model.salt, {"from": accounts[2]}
        )
