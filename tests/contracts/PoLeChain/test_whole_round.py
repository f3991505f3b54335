"""Whole rounds that end in a block."""

from tests.contracts import stage
from tests.contracts.stage import CHAIN, READY_BOND, TERMS, VERIFICATION_FEE, HistoryCheck, Model, Pole

from pole.protocol.state import Phase


def test_the_best_verified_model_becomes_the_next_block(pole: Pole, history_holds: HistoryCheck) -> None:
    models = {2: Model(train=90, test=40), 3: Model(train=85, test=45)}
    round_id = stage.won(pole, models)

    assert stage.phase(pole, round_id) is Phase.FINAL
    assert pole.ledger.height() == 1
    reward = TERMS["reward"] - VERIFICATION_FEE + CHAIN["blockReward"]
    assert stage.credit(pole, 3) == reward + READY_BOND
    assert stage.credit(pole, 2) == READY_BOND
    assert stage.credit(pole, stage.DATA_NODE) == TERMS["dataBond"]
    assert history_holds().height == 1
