"""Credits: paid out only when they are fetched, for ever."""

from brownie import LibraryHarness, ReentrantRecipient, RefusingRecipient, accounts
from brownie.network.account import Account
from brownie.network.contract import ProjectContract
from tests.contracts.stage import Pole, refused

ACCOUNT = b"\x01" * 32


def credited(pole: Pole, payee: ProjectContract | Account, amount: int) -> None:
    pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[2], "value": amount})
    pole.reservoir.credit(ACCOUNT, payee, amount, {"from": accounts[2]})


def test_who_has_no_credit_withdraws_nothing(pole: Pole) -> None:
    with refused("NothingToWithdraw", accounts[3]):
        pole.reservoir.withdraw.call(accounts[3], {"from": accounts[3]})


def test_a_credit_can_be_withdrawn_once(pole: Pole) -> None:
    credited(pole, accounts[3], 5)
    pole.reservoir.withdraw(accounts[3], {"from": accounts[3]})
    with refused("NothingToWithdraw", accounts[3]):
        pole.reservoir.withdraw.call(accounts[3], {"from": accounts[3]})


def test_a_refused_withdrawal_keeps_the_credit_and_can_go_elsewhere(pole: Pole) -> None:
    unwilling = LibraryHarness.deploy({"from": accounts[0]})
    credited(pole, accounts[3], 5)
    with refused("WithdrawalRefused", unwilling, 5):
        pole.reservoir.withdraw.call(unwilling, {"from": accounts[3]})
    before = accounts[4].balance()
    pole.reservoir.withdraw(accounts[4], {"from": accounts[3]})
    assert accounts[4].balance() == before + 5
    assert pole.reservoir.creditOf(accounts[3]) == 0


def test_crediting_a_contract_that_takes_no_ether_stops_nobody(pole: Pole) -> None:
    payee = RefusingRecipient.deploy({"from": accounts[0]})
    credited(pole, payee, 7)
    assert pole.reservoir.creditOf(payee) == 7
    before = accounts[5].balance()
    payee.withdraw(pole.reservoir, accounts[5], {"from": accounts[0]})
    assert accounts[5].balance() == before + 7


def test_withdrawing_again_while_being_paid_yields_nothing_more(pole: Pole) -> None:
    before = pole.reservoir.balance(), pole.reservoir.total()
    credited(pole, accounts[6], 100)
    thief = ReentrantRecipient.deploy(pole.reservoir, {"from": accounts[0]})
    thief.earn({"from": accounts[0], "value": 40})
    thief.withdraw({"from": accounts[0]})
    assert thief.balance() == 40
    assert not thief.isPaidTwice()
    assert (pole.reservoir.balance(), pole.reservoir.total()) == (before[0] + 100, before[1] + 100)
