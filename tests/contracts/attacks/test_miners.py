"""Miners that copy, hide, lie, and crowd others out."""

import pytest
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import BOND, FEE, LOT, PRIZE, sent
from tests.contracts.stage import CHAIN, VERIFICATION_FEE, Model, Pole, ok, refused, verdict

from pole.protocol.state import Phase, Verdict, VoidReason, Vote

VICTIM, ATTACKER = 2, 3
MODEL = Model(digest=b"\x0d" * 32)
"""A model that is copied as it is: whoever has it has the same bytes."""
ONE = {VICTIM: MODEL}
ROLES = {"victim": VICTIM, "attacker": ATTACKER}


@pytest.fixture
def ledger(pole: Pole) -> Books:
    return books.opened(pole)


def with_bond_lost() -> dict[str, int]:
    """Return the gains of a round that the victim wins and the attacker pays its bond for."""
    return LOT | {"victim": PRIZE, "attacker": -BOND, "pool": LOT["pool"] + BOND}


def to_the_reveals(pole: Pole, round_id: int) -> None:
    stage.close(pole, round_id)
    stage.release(pole, round_id)


def test_a_commitment_that_its_copy_overtook_still_opens_for_its_maker_alone(
    pole: Pole, ledger: Books
) -> None:
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


def test_a_model_seen_in_a_reveal_comes_too_late_to_be_committed(pole: Pole, ledger: Books) -> None:
    round_id = stage.revealed(pole, ONE)
    with refused("WrongPhase", round_id, Phase.DRAW, Phase.TRAINING):
        stage.commit(pole, round_id, ATTACKER, MODEL)
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_place_kept_for_a_model_of_others_costs_its_bond(pole: Pole, ledger: Books) -> None:
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


def test_a_reveal_that_its_copy_overtook_is_not_hindered(pole: Pole, ledger: Books) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    to_the_reveals(pole, round_id)
    with refused("NoCommitment"):
        stage.reveal(pole, round_id, ATTACKER, MODEL)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_commitment_never_revealed_costs_its_bond_and_the_others_a_window(
    pole: Pole, ledger: Books
) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.commit(pole, round_id, ATTACKER, Model(train=100))
    to_the_reveals(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    assert stage.phase(pole, round_id) is Phase.REVEAL
    stage.wait(CHAIN["revealWindow"])
    parties.judged_fairly(pole, round_id, ONE)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_all_places_taken_and_nothing_revealed_costs_all_the_bonds(pole: Pole) -> None:
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
    "found", [ok(90, 40), ok(90, 49), ok(85, 50), verdict(Verdict.MALFORMED), verdict(Verdict.UNAVAILABLE)]
)
def test_a_claim_that_is_not_true_costs_its_bond_and_wins_nothing(
    pole: Pole, ledger: Books, found: Vote
) -> None:
    models = {VICTIM: Model(test=45), ATTACKER: Model(train=90, test=50)}
    round_id = stage.revealed(pole, models, requiredTrainAccuracy=8800)
    stage.vote(pole, round_id, {VICTIM: ok(90, 45), ATTACKER: found})
    stage.finalise(pole, round_id)
    expected = with_bond_lost()
    if found.verdict is Verdict.UNAVAILABLE:
        # Nobody is paid for what nobody could have.
        expected["verifiers"] -= VERIFICATION_FEE // 2
        expected["pool"] += VERIFICATION_FEE // 2
    assert ledger.gains(**ROLES) == expected


CROWD = range(3, 2 + CHAIN["maxSolutions"])
BOASTS = {VICTIM: MODEL} | {miner: Model(train=90, test=50) for miner in CROWD}


@pytest.mark.parametrize("found", [ok(90, 49), ok(10, 5), verdict(Verdict.MALFORMED)])
def test_a_crowd_of_false_claims_costs_every_bond_and_stops_nobody(
    pole: Pole, ledger: Books, found: Vote
) -> None:
    round_id = stage.revealed(pole, BOASTS)
    stage.vote(pole, round_id, dict.fromkeys(CROWD, found) | {VICTIM: ok(90, 45)})
    stage.finalise(pole, round_id)
    lost = len(CROWD) * BOND
    # Parts of the fee that do not divide by the votes are the pool's.
    paid = VERIFICATION_FEE // 16 * 16
    rest = VERIFICATION_FEE - paid
    assert ledger.gains(victim=VICTIM, attacker=CROWD) == LOT | {
        "victim": PRIZE,
        "attacker": -lost,
        "verifiers": paid,
        "pool": LOT["pool"] + lost + rest,
    }


FILLED = range(3, 3 + CHAIN["maxSolutions"])


def test_who_ends_training_by_a_false_claim_pays_the_committee_and_keeps_no_bond(
    pole: Pole, ledger: Books
) -> None:
    door, *crowd = FILLED
    models = {door: Model(train=80, test=0)} | dict.fromkeys(crowd, Model(train=10, test=5))
    round_id = stage.revealed(pole, models)
    stage.vote(pole, round_id, stage.as_claimed(models) | {door: ok(10, 0)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.THRESHOLD_MISSED
    paid = VERIFICATION_FEE // 16 * 16
    assert ledger.gains(attacker=[door, *crowd]) == {
        "data_node": -FEE,
        "verifiers": paid,
        "attacker": -BOND,
        "pool": FEE + BOND - paid,
    }


def test_all_places_taken_with_low_true_claims_keep_no_higher_claim_out_and_cost_nothing(
    pole: Pole, ledger: Books
) -> None:
    junk = Model(train=10, test=5)
    round_id = stage.training(pole)
    for miner in FILLED:
        stage.commit(pole, round_id, miner, junk)
    stage.commit(pole, round_id, VICTIM, MODEL)
    to_the_reveals(pole, round_id)
    models = {VICTIM: MODEL} | dict.fromkeys(list(FILLED)[:-1], junk)
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    parties.judged_fairly(pole, round_id, models)
    assert ledger.gains(victim=VICTIM, attacker=FILLED) == LOT | {"victim": PRIZE}


@pytest.mark.parametrize("closed", [True, False])
def test_all_places_taken_with_false_high_claims_cost_more_than_the_reward(
    pole: Pole, ledger: Books, closed: bool
) -> None:
    boast = Model(train=100, test=50)
    round_id = stage.training(pole)
    for miner in FILLED:
        stage.commit(pole, round_id, miner, boast)
    with refused("TooManySolutions", round_id, len(FILLED), 101):
        stage.commit(pole, round_id, VICTIM, MODEL)
    if closed:
        to_the_reveals(pole, round_id)
    else:
        stage.wait(stage.TERMS["timeLimit"])
        stage.release(pole, round_id)
    for miner in FILLED:
        stage.reveal(pole, round_id, miner, boast)
    stage.vote(pole, round_id, dict.fromkeys(FILLED, ok(10, 5)))
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    bonds = len(FILLED) * BOND
    assert bonds > stage.TERMS["reward"]
    paid = VERIFICATION_FEE // 16 * 16
    gains = {"data_node": -FEE, "attacker": -bonds, "verifiers": paid, "pool": FEE + bonds - paid}
    assert ledger.gains(victim=VICTIM, attacker=FILLED) == gains


def test_who_pushes_a_miner_out_with_a_claim_that_is_not_true_pays_its_bond_and_wins_nothing(
    pole: Pole, ledger: Books
) -> None:
    models = {4: Model(train=91, test=44), 5: Model(train=92, test=43), 6: Model(train=93, test=46)}
    round_id = stage.training(pole)
    for miner, model in (ONE | models).items():
        stage.commit(pole, round_id, miner, model)
    boast = Model(train=100, test=50)
    stage.commit(pole, round_id, ATTACKER, boast)
    to_the_reveals(pole, round_id)
    models |= {ATTACKER: boast}
    for miner, model in models.items():
        stage.reveal(pole, round_id, miner, model)
    stage.vote(pole, round_id, stage.as_claimed(models) | {ATTACKER: ok(10, 5)})
    stage.finalise(pole, round_id)
    expected = LOT | {"other": PRIZE, "attacker": -BOND, "pool": LOT["pool"] + BOND}
    assert ledger.gains(victim=VICTIM, attacker=ATTACKER, other=6) == expected


def test_an_equal_model_that_came_first_with_a_false_claim_costs_its_bond_and_keeps_no_truth_from_winning(
    pole: Pole, ledger: Books
) -> None:
    lie = Model(train=100, test=50, digest=MODEL.digest)
    round_id = stage.revealed(pole, {ATTACKER: lie, VICTIM: MODEL})
    # One choice, of which the attacker's place is the first.
    stage.vote(pole, round_id, {ATTACKER: ok(MODEL.train, MODEL.test)})
    stage.finalise(pole, round_id)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_one_model_in_all_wallets_with_false_claims_costs_every_bond(pole: Pole, ledger: Books) -> None:
    boast = Model(train=100, test=50, digest=b"\x0e" * 32)
    round_id = stage.revealed(pole, dict.fromkeys(FILLED, boast))
    stage.vote(pole, round_id, dict.fromkeys(FILLED, ok(10, 5)))
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    bonds = len(FILLED) * BOND
    assert ledger.gains(attacker=FILLED) == {
        "data_node": -FEE,
        "attacker": -bonds,
        "verifiers": VERIFICATION_FEE,
        "pool": FEE + bonds - VERIFICATION_FEE,
    }


def test_the_commitment_of_an_earlier_round_opens_nothing_in_the_next(pole: Pole) -> None:
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


def test_the_model_of_an_earlier_round_is_judged_as_what_it_is_under_the_new_seed(pole: Pole) -> None:
    stage.won(pole, {ATTACKER: MODEL})
    ledger = books.opened(pole)
    round_id = stage.revealed(pole, {VICTIM: Model(), ATTACKER: MODEL})
    # Its file names the seed that it was trained for, so verifiers find no model of this round in it.
    stage.vote(pole, round_id, {VICTIM: ok(90, 45), ATTACKER: verdict(Verdict.MALFORMED)})
    stage.finalise(pole, round_id)
    assert ledger.gains(**ROLES) == with_bond_lost()


def test_who_claims_no_more_than_its_model_is_worth_risks_nothing_and_wins_nothing(
    pole: Pole, ledger: Books
) -> None:
    models = {VICTIM: MODEL, ATTACKER: Model(train=10, test=5)}
    round_id = stage.revealed(pole, models)
    parties.judged_fairly(pole, round_id, models)
    assert ledger.gains(**ROLES) == LOT | {"victim": PRIZE}


def test_a_wallet_holds_one_place_however_often_it_commits(pole: Pole, ledger: Books) -> None:
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
