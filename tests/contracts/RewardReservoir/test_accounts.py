"""Accounts of holders: who can move what."""

import pytest
from brownie import accounts
from brownie.exceptions import VirtualMachineError
from tests.contracts.stage import SEAT, STAKES, ZERO, Pole, refused

ACCOUNT = b"\x01" * 32
OTHER = b"\x02" * 32


def test_nobody_can_take_out_of_an_account_of_somebody_else(pole: Pole) -> None:
    pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[2], "value": 5})
    with refused("InsufficientBalance", accounts[3], ACCOUNT, 0, 1):
        pole.reservoir.transfer.call(ACCOUNT, accounts[3], ACCOUNT, 1, {"from": accounts[3]})
    with refused("InsufficientBalance", accounts[3], ACCOUNT, 0, 1):
        pole.reservoir.credit.call(ACCOUNT, accounts[3], 1, {"from": accounts[3]})


def test_a_holder_cannot_move_more_than_an_account_holds(pole: Pole) -> None:
    pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[2], "value": 5})
    with refused("InsufficientBalance", accounts[2], ACCOUNT, 5, 6):
        pole.reservoir.transfer.call(ACCOUNT, accounts[3], ACCOUNT, 6, {"from": accounts[2]})
    with refused("InsufficientBalance", accounts[2], ACCOUNT, 5, 6):
        pole.reservoir.credit.call(ACCOUNT, accounts[3], 6, {"from": accounts[2]})


def test_ether_sent_without_saying_for_whom_is_refused(pole: Pole) -> None:
    before = pole.reservoir.balance()
    with pytest.raises(VirtualMachineError):
        accounts[2].transfer(pole.reservoir, 5)
    assert pole.reservoir.balance() == before


def test_anybody_can_deposit_for_any_holder(pole: Pole) -> None:
    before = pole.reservoir.total()
    deposited = pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[3], "value": 5})
    assert pole.reservoir.balanceOf(accounts[2], ACCOUNT) == 5
    assert pole.reservoir.total() == before + 5
    assert deposited.events["Deposited"] == {
        "holder": accounts[2],
        "account": "0x" + ACCOUNT.hex(),
        "from": accounts[3],
        "amount": 5,
    }


def test_a_holder_moves_ether_between_accounts(pole: Pole) -> None:
    pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[2], "value": 5})
    before = pole.reservoir.total()
    pole.reservoir.transfer(ACCOUNT, accounts[3], OTHER, 3, {"from": accounts[2]})
    assert pole.reservoir.balanceOf(accounts[2], ACCOUNT) == 2
    assert pole.reservoir.balanceOf(accounts[3], OTHER) == 3
    assert pole.reservoir.total() == before


def test_a_transfer_to_the_same_account_changes_nothing(pole: Pole) -> None:
    pole.reservoir.deposit(accounts[2], ACCOUNT, {"from": accounts[2], "value": 5})
    pole.reservoir.transfer(ACCOUNT, accounts[2], ACCOUNT, 5, {"from": accounts[2]})
    assert pole.reservoir.balanceOf(accounts[2], ACCOUNT) == 5


def test_what_a_stranger_deposits_into_a_stake_or_round_account_disturbs_no_books(pole: Pole) -> None:
    pole.reservoir.deposit(pole.committee, STAKES, {"from": accounts[16], "value": 1})
    pole.committee.unstake({"from": accounts[8]})
    assert pole.committee.stakeOf(accounts[8])[0] == SEAT
    assert pole.reservoir.creditOf(ZERO) == 0
