"""Miners that copy, hide, lie, and crowd others out."""

import pytest
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import BOND, FEE, LOT, PRIZE, sent
from tests.contracts.stage import CHAIN, VERIFICATION_FEE, Model, Pole, ok, refused, verdict

from pole.protocol.state import Phase, Verdict, VoidReason, Vote

VICTIM, ATTACKER = 2, 3
MODEL = Model()
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
    assert ledger.gains(**ROLES) == with_bond_lost()


CROWD = range(3, 3 + CHAIN["judgedSolutions"])
BOASTS = {VICTIM: MODEL} | {miner: Model(train=90, test=50) for miner in CROWD}


@pytest.mark.parametrize("found", [ok(90, 49), ok(10, 5), verdict(Verdict.MALFORMED)])
def test_crowding_the_judged_places_costs_every_bond_wins_nothing_and_the_data_node_its_fee_alone(
    pole: Pole, ledger: Books, found: Vote
) -> None:
    round_id = stage.revealed(pole, BOASTS)
    stage.vote(pole, round_id, dict.fromkeys(CROWD, found))
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    bonds = len(CROWD) * BOND
    gains = {"data_node": -FEE, "attacker": -bonds, "verifiers": bonds, "pool": FEE}
    assert ledger.gains(victim=VICTIM, attacker=CROWD) == gains


def test_bonds_that_grow_with_the_reward_pay_the_committee_that_a_crowd_keeps_busy_in_full() -> None:
    pole = stage.set_up(chain={"minerBondBps": 334})
    bond = stage.TERMS["reward"] * 334 // 10_000
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    for miner, model in BOASTS.items():
        stage.commit(pole, round_id, miner, model, bond=bond)
    to_the_reveals(pole, round_id)
    for miner, model in BOASTS.items():
        stage.reveal(pole, round_id, miner, model)
    stage.vote(pole, round_id, dict.fromkeys(CROWD, ok(90, 49)))
    stage.finalise(pole, round_id)
    lost = len(CROWD) * bond
    assert ledger.gains(victim=VICTIM, attacker=CROWD) == {
        "data_node": -FEE,
        "attacker": -lost,
        "verifiers": VERIFICATION_FEE,
        "pool": FEE + lost - VERIFICATION_FEE,
    }


def test_a_crowd_that_leaves_one_judged_place_loses_its_bonds_and_stops_nobody(
    pole: Pole, ledger: Books
) -> None:
    models = {VICTIM: MODEL, 4: Model(test=50), 5: Model(test=50)}
    round_id = stage.revealed(pole, models)
    stage.vote(pole, round_id, {VICTIM: ok(90, 45), 4: ok(90, 49), 5: ok(90, 49)})
    stage.finalise(pole, round_id)
    expected = LOT | {"victim": PRIZE, "attacker": -2 * BOND, "pool": LOT["pool"] + 2 * BOND}
    assert ledger.gains(victim=VICTIM, attacker=[4, 5]) == expected


FILLED = range(3, 3 + CHAIN["maxSolutions"])


def test_who_ends_training_by_a_false_claim_is_judged_before_junk_and_pays_the_committee_first(
    pole: Pole, ledger: Books
) -> None:
    door, *crowd = range(3, 3 + CHAIN["maxSolutions"])
    models = {door: Model(train=80, test=0)} | dict.fromkeys(crowd, Model(train=10, test=5))
    round_id = stage.revealed(pole, models)
    found = stage.as_claimed(models) | {door: ok(10, 0)}
    stage.draw(pole, round_id)
    assert len(stage.judged(pole, round_id)) == CHAIN["judgedSolutions"] < len(models)
    members = list(pole.committee.members(stage.ballot(pole, round_id)))
    votes = dict.fromkeys(members, stage.ballot_of(pole, round_id, found))
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.THRESHOLD_MISSED
    assert ledger.gains(attacker=[door, *crowd]) == {
        "data_node": -FEE - VERIFICATION_FEE + BOND,
        "verifiers": VERIFICATION_FEE,
        "attacker": -BOND,
        "pool": FEE,
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
    stage.vote(pole, round_id, stage.as_claimed(models))
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM, attacker=FILLED) == LOT | {"victim": PRIZE}


@pytest.mark.parametrize("closed", [True, False])
def test_all_places_taken_with_false_high_claims_cost_the_bonds_of_all_that_are_judged(
    pole: Pole, ledger: Books, closed: bool
) -> None:
    boast = Model(train=100, test=50)
    round_id = stage.training(pole)
    for miner in FILLED:
        stage.commit(pole, round_id, miner, boast)
    with refused("TooManySolutions", round_id, len(FILLED), 101):
        stage.commit(pole, round_id, VICTIM, MODEL)
    if not closed:
        stage.wait(stage.TERMS["timeLimit"])
        stage.release(pole, round_id)
    else:
        to_the_reveals(pole, round_id)
    for miner in FILLED:
        stage.reveal(pole, round_id, miner, boast)
    stage.vote(pole, round_id, dict.fromkeys(FILLED, ok(10, 5)))
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NONE_QUALIFIED
    bonds = CHAIN["judgedSolutions"] * BOND
    gains = {"data_node": -FEE, "attacker": -bonds, "verifiers": bonds, "pool": FEE}
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
    round_id = stage.revealed(pole, {VICTIM: MODEL, ATTACKER: MODEL})
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
