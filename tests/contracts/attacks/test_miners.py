"""Miners that copy, hide, lie, and crowd others out."""

import pytest
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.parties import BOND, FEE, LOT, PRIZE, sent
from tests.contracts.stage import CHAIN, Model, Phase, Verdict, VoidReason, ok, refused, verdict

VICTIM, ATTACKER = 2, 3
MODEL = Model()
ONE = {VICTIM: MODEL}
ROLES = {"victim": VICTIM, "attacker": ATTACKER}


@pytest.fixture
def ledger(pole):
    return books.opened(pole)


def with_bond_lost() -> dict[str, int]:
    """Return the gains of a round that the victim wins and the attacker pays its bond for."""
    return LOT | {"victim": PRIZE, "attacker": -BOND, "pool": LOT["pool"] + BOND}


def to_the_reveals(pole, round_id):
    stage.close(pole, round_id)
    stage.release(pole, round_id)


def test_a_commitment_that_its_copy_overtook_still_opens_for_its_maker_alone(pole, ledger):
    round_id = stage.training(pole)
    copied = stage.commitment_of(pole, round_id, VICTIM, MODEL)
    pole.chain.commit(round_id, copied, MODEL.train, sent(ATTACKER, BOND))
    stage.commit(pole, round_id, VICTIM, MODEL)
    to_the_reveals(pole, round_id)
    with refused("CommitmentMismatch"):
        stage.reveal(pole, round_id, ATTACKER, MODEL)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    stage.wait(CHAIN["revealWindow"])
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_a_model_seen_in_a_reveal_comes_too_late_to_be_committed(pole, ledger):
    round_id = stage.revealed(pole, ONE)
    with refused("WrongPhase", round_id, Phase.DRAW, Phase.TRAINING):
        stage.commit(pole, round_id, ATTACKER, MODEL)
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_place_kept_for_a_model_of_others_costs_its_bond(pole, ledger):
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.commit(pole, round_id, ATTACKER, Model(digest=b"\xee" * 32))
    to_the_reveals(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    with refused("CommitmentMismatch"):
        stage.reveal(pole, round_id, ATTACKER, MODEL)
    stage.wait(CHAIN["revealWindow"])
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_a_reveal_that_its_copy_overtook_is_not_hindered(pole, ledger):
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    to_the_reveals(pole, round_id)
    with refused("NoCommitment"):
        stage.reveal(pole, round_id, ATTACKER, MODEL)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_commitment_never_revealed_costs_its_bond_and_the_others_a_window(pole, ledger):
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.commit(pole, round_id, ATTACKER, Model(train=100))
    to_the_reveals(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    assert stage.phase(pole, round_id) is Phase.REVEAL
    stage.wait(CHAIN["revealWindow"])
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_all_places_taken_and_nothing_revealed_costs_all_the_bonds(pole):
    crowd = range(2, 2 + CHAIN["maxSolutions"])
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    for miner in crowd:
        stage.commit(pole, round_id, miner, MODEL)
    with refused("TooManySolutions"):
        stage.commit(pole, round_id, 7, MODEL)
    to_the_reveals(pole, round_id)
    stage.wait(CHAIN["revealWindow"])
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NOTHING_REVEALED
    bonds = len(crowd) * BOND
    assert ledger.gains(attacker=crowd) == {"data_node": -FEE, "attacker": -bonds, "pool": FEE + bonds}


@pytest.mark.parametrize(
    "found", [ok(90, 40), ok(85, 50), verdict(Verdict.MALFORMED), verdict(Verdict.UNAVAILABLE)]
)
def test_a_claim_that_is_not_true_costs_its_bond(pole, ledger, found):
    models = {VICTIM: Model(test=45), ATTACKER: Model(train=90, test=50)}
    round_id = stage.revealed(pole, models, requiredTrainAccuracy=8800)
    stage.vote(pole, round_id, {VICTIM: ok(90, 45), ATTACKER: found})
    stage.finalise(pole, round_id)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_the_commitment_of_an_earlier_round_opens_nothing_in_the_next(pole):
    old = stage.commitment_of(pole, stage.won(pole, {ATTACKER: MODEL}), ATTACKER, MODEL)
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    pole.chain.commit(round_id, old, MODEL.train, sent(ATTACKER, BOND))
    to_the_reveals(pole, round_id)
    with refused("CommitmentMismatch"):
        stage.reveal(pole, round_id, ATTACKER, MODEL)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    stage.wait(CHAIN["revealWindow"])
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_the_model_of_an_earlier_round_is_judged_as_what_it_is_under_the_new_seed(pole):
    stage.won(pole, {ATTACKER: MODEL})
    ledger = books.opened(pole)
    round_id = stage.revealed(pole, {VICTIM: MODEL, ATTACKER: MODEL})
    # Its file names the seed that it was trained for, so verifiers find no model of this round in it.
    stage.vote(pole, round_id, {VICTIM: ok(90, 45), ATTACKER: verdict(Verdict.MALFORMED)})
    stage.finalise(pole, round_id)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_who_claims_no_more_than_its_model_is_worth_risks_nothing_and_wins_nothing(pole, ledger):
    models = {VICTIM: MODEL, ATTACKER: Model(train=10, test=5)}
    round_id = stage.revealed(pole, models)
    parties.judged_fairly(pole, round_id, models)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_wallet_holds_one_place_however_often_it_commits(pole, ledger):
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.commit(pole, round_id, ATTACKER, Model(train=10, test=5))
    for _ in range(10):
        stage.commit(pole, round_id, ATTACKER, Model(train=10, test=5), bond=0)
    assert stage.field(pole.chain.round(round_id), "committed") == 2
    to_the_reveals(pole, round_id)
    for miner, model in {VICTIM: MODEL, ATTACKER: Model(train=10, test=5)}.items():
        stage.reveal(pole, round_id, miner, model)
    parties.judged_fairly(pole, round_id, {VICTIM: MODEL, ATTACKER: Model(train=10, test=5)})
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}
