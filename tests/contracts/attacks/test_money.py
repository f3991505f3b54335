"""Ether that is forced in, refused, asked for twice, or somebody else's."""

import pytest
from brownie import Intruder, LibraryHarness, accounts, web3
from brownie.network.contract import ProjectContract
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks.parties import FEE, LOT, PRIZE, sent
from tests.contracts.stage import ETHER, POOL, SEAT, STAKES, STRANGER, TASKS, Model, Pole, refused

from pole.protocol.encoding.commitments import solution_commitment

VICTIM = 2
MODELS = {VICTIM: Model()}
# PUSH20 an address, SELFDESTRUCT: what this code is created with goes there, asked or not.
FORCE = "0x73{}ff"
EARNED = 5 * ETHER


def force(address: ProjectContract, amount: int) -> None:
    accounts[STRANGER].transfer(data=FORCE.format(str(address)[2:]), amount=amount)


def test_ether_forced_into_the_contracts_is_lost_and_changes_nothing(pole: Pole) -> None:
    ledger = books.opened(pole)
    contracts = (pole.reservoir, pole.ledger, pole.task_list, pole.committee, pole.chain)
    for contract in contracts:
        force(contract, 7)
        assert contract.balance() >= 7
    round_id = stage.revealed(pole, MODELS)
    parties.judged_fairly(pole, round_id, MODELS)
    assert pole.reservoir.balance() == pole.reservoir.total() + 7
    gains = ledger.gains(victim=VICTIM, attacker=STRANGER)
    assert gains == LOT | {"victim": PRIZE, "attacker": -35, "nobody": 35}


@pytest.mark.parametrize("account", [POOL, STAKES, TASKS], ids=["pool", "stakes", "tasks"])
def test_nobody_takes_what_accounts_of_the_contracts_hold(pole: Pole, account: bytes) -> None:
    stage.post(pole)
    with refused("InsufficientBalance", accounts[STRANGER], account, 0, 1):
        pole.reservoir.credit.call(account, accounts[STRANGER], 1, sent(STRANGER))
    with refused("InsufficientBalance", accounts[STRANGER], account, 0, 1):
        pole.reservoir.transfer.call(account, accounts[STRANGER], account, 1, sent(STRANGER))


@pytest.fixture
def intruder(pole: Pole) -> ProjectContract:
    """Return a contract with five ether of credit, a seat given up, and a task."""
    made = Intruder.deploy(sent(STRANGER))
    deposit = pole.reservoir.deposit.encode_input(made, POOL)
    made.act(pole.reservoir, deposit, sent(STRANGER, EARNED))
    made.act(pole.reservoir, pole.reservoir.credit.encode_input(POOL, made, EARNED), sent(STRANGER))
    made.act(pole.committee, pole.committee.stake.encode_input(), sent(STRANGER, SEAT))
    terms, files, task = stage.post_call(pole, by=STRANGER)
    made.act(pole.task_list, pole.task_list.post.encode_input(terms, files), task)
    return made


AGAIN = {
    "withdraw": lambda pole, own: (pole.reservoir, pole.reservoir.withdraw.encode_input(own)),
    "credit": lambda pole, own: (pole.reservoir, pole.reservoir.credit.encode_input(POOL, own, EARNED)),
    "transfer": lambda pole, own: (
        pole.reservoir,
        pole.reservoir.transfer.encode_input(POOL, own, POOL, EARNED),
    ),
    "unstake": lambda pole, own: (pole.committee, pole.committee.unstake.encode_input()),
    "reclaim": lambda pole, own: (pole.committee, pole.committee.reclaim.encode_input()),
    "cancel": lambda pole, own: (pole.task_list, pole.task_list.cancel.encode_input(1)),
    "openRound": lambda pole, own: (pole.chain, pole.chain.openRound.encode_input(0)),
    "finalise": lambda pole, own: (pole.chain, pole.chain.finalise.encode_input(0)),
}
ALLOWED = {"unstake", "cancel", "openRound"}
"""What anybody in the intruder's place may do at any time, and once."""


@pytest.mark.parametrize("call", AGAIN)
def test_a_call_made_while_being_paid_gets_what_it_would_get_at_any_other_time(
    pole: Pole, intruder: ProjectContract, call: str
) -> None:
    pool = stage.pool(pole)
    intruder.plan(*AGAIN[call](pole, intruder), sent(STRANGER))
    intruder.act(pole.reservoir, pole.reservoir.withdraw.encode_input(intruder), sent(STRANGER))
    assert intruder.payments() == 1
    assert intruder.isLetIn() is (call in ALLOWED)
    assert intruder.balance() == EARNED
    assert pole.reservoir.creditOf(intruder) == (stage.TERMS["reward"] + stage.TERMS["dataBond"]) * (
        call == "cancel"
    )
    assert pole.committee.stakeOf(intruder)[0] == SEAT
    assert pole.reservoir.balance() == pole.reservoir.total()
    assert stage.pool(pole) == pool


def test_no_code_of_those_who_are_paid_runs_when_a_round_ends(pole: Pole) -> None:
    winner = Intruder.deploy(sent(STRANGER))
    round_id = stage.training(pole)
    model = Model(digest=b"\x0d" * 32)
    commitment = solution_commitment(
        chain_id=web3.eth.chain_id,
        chain_address=pole.chain.address,
        round_id=round_id,
        miner=winner.address,
        model_digest=stage.digest_of(VICTIM, model),
        claimed_train_correct=model.train,
        salt=model.salt,
    )
    data = pole.chain.commit.encode_input(round_id, commitment, model.train)
    winner.act(pole.chain, data, sent(STRANGER, parties.BOND))
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    data = pole.chain.reveal.encode_input(round_id, "bafy", model.digest, model.test, model.salt)
    winner.act(pole.chain, data, sent(STRANGER))
    members = stage.draw(pole, round_id)
    votes = {member: [stage.ok(model.train, model.test)] for member in members}
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert winner.payments() == 0
    assert pole.reservoir.creditOf(winner) == PRIZE + parties.BOND


def test_a_recipient_that_takes_no_ether_harms_itself_alone(pole: Pole) -> None:
    ledger = books.opened(pole)
    refusing = LibraryHarness.deploy(sent(STRANGER))
    pole.reservoir.deposit(accounts[STRANGER], POOL, sent(STRANGER, EARNED))
    pole.reservoir.credit(POOL, accounts[STRANGER], EARNED, sent(STRANGER))
    with refused("WithdrawalRefused", refusing, EARNED):
        pole.reservoir.withdraw(refusing, sent(STRANGER))
    assert stage.credit(pole, STRANGER) == EARNED
    stage.won(pole, MODELS)
    assert ledger.gains(victim=VICTIM) == LOT | {"victim": PRIZE}


def test_what_is_paid_for_others_is_a_gift(pole: Pole) -> None:
    ledger = books.opened(pole)
    round_id = stage.training(pole)
    pole.reservoir.deposit(pole.chain, round_id.to_bytes(32, "big"), sent(STRANGER, 77))
    stage.wait(stage.CHAIN["graceWindow"])
    stage.finalise(pole, round_id)
    assert ledger.gains(attacker=STRANGER) == {"attacker": -77, "data_node": -FEE, "pool": FEE + 77}
