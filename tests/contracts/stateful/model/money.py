"""The reservoir: accounts of anybody, credits that are fetched."""

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model.system import NOBODY, Call, System, need

NAME = "RewardReservoir"


def deposit(system: System, call: Call, holder: str, account: bytes) -> Values:
    put(system, call.sender, holder, account, call.value)
    _note_gift(system, holder, account, call.value)
    return ()


def transfer(system: System, call: Call, source: bytes, holder: str, account: bytes, amount: int) -> Values:
    move(system, call.sender, source, holder, account, amount)
    _note_gift(system, holder, account, amount)
    return ()


def credit(system: System, call: Call, source: bytes, payee: str, amount: int) -> Values:
    pay(system, call.sender, source, payee, amount)
    return ()


def withdraw(system: System, call: Call, recipient: str) -> Values:
    amount = system.books.credits[call.sender]
    need(amount, "NothingToWithdraw", call.sender)
    need(recipient not in system.refusing, "WithdrawalRefused", recipient, amount)
    system.books.credits[call.sender] = 0
    system.report(NAME, "Withdrawn", call.sender, recipient, amount)
    return (amount,)


def _note_gift(system: System, holder: str, account: bytes, amount: int) -> None:
    """Remember what anybody put where its holder does not count on it, or is nobody."""
    if holder in (*system.addresses.values(), NOBODY):
        system.books.gifts[holder, account] += amount


# What the other contracts do with it.


def put(system: System, sender: str, holder: str, account: bytes, amount: int) -> None:
    system.books.balances[holder, account] += amount
    system.report(NAME, "Deposited", holder, account, sender, amount)


def move(system: System, holder: str, source: bytes, to: str, account: bytes, amount: int) -> None:
    _take(system, holder, source, amount)
    system.books.balances[to, account] += amount
    system.report(NAME, "Transferred", holder, source, to, account, amount)


def pay(system: System, holder: str, source: bytes, payee: str, amount: int) -> None:
    _take(system, holder, source, amount)
    system.books.credits[payee] += amount
    system.report(NAME, "Credited", payee, holder, source, amount)


def _take(system: System, holder: str, source: bytes, amount: int) -> None:
    held = system.books.balances[holder, source]
    need(held >= amount, "InsufficientBalance", holder, source, held, amount)
    system.books.balances[holder, source] = held - amount
