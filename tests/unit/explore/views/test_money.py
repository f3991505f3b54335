"""What is put into a round is paid out of it, and strangers cannot make it look otherwise."""

from typing import Any

import pytest
from tests.unit.explore.chains import TASK_LIST, where
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import CHAIN, COMMITTEE, FILES, VERIFIERS

from pole.adapters.history.pages import ChainEvent
from pole.explore.index.money import POOL, STAKES, TASKS
from pole.explore.index.stored import RESERVOIR, record_of, rows_of
from pole.explore.views.rounds.money import GIFT, MINER_BOND, RoundMoney, money_of
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import (
    Payouts,
    RecordData,
    SolutionCommitted,
    encode_record,
)
from pole.protocol.rounds.rent import rent
from pole.protocol.state import Payout, PayoutReason, PostedTask

TASK = PostedTask(7, DATA_NODE, TERMS, FILES)
RENT = rent(TERMS.reward, PARAMETERS.task_list)
STRANGER = "0x000000000000000000000000000000000000dEaD"
ROUND, OTHER = (number.to_bytes(32, "big") for number in (7, 8))
POOL_, STAKES_, TASKS_ = (bytes.fromhex(name[2:]) for name in (POOL, STAKES, TASKS))


def event(number: int, name: str, contract: str = RESERVOIR, transaction: int = 1, **told: Any) -> ChainEvent:
    return ChainEvent(1, number, transaction.to_bytes(32, "big"), contract, name, told)


def moved(number: int, name: str, told: dict[str, Any]) -> ChainEvent:
    return ChainEvent(1, number, b"\x00" * 31 + b"\x01", RESERVOIR, name, told)


def record(number: int, data: RecordData, transaction: int = 1) -> ChainEvent:
    kind, encoded = encode_record(data)
    told = {"height": 1, "index": number, "kind": int(kind), "data": encoded}
    return event(number, "Recorded", "Ledger", transaction, **told)


def deposit(number: int, account: bytes, of: str, amount: int, holder: str = CHAIN) -> ChainEvent:
    return moved(number, "Deposited", {"holder": holder, "account": account, "from": of, "amount": amount})


def transfer(number: int, source: tuple[str, bytes], target: tuple[str, bytes], amount: int) -> ChainEvent:
    names = {"fromHolder": source[0], "fromAccount": source[1], "toHolder": target[0], "toAccount": target[1]}
    return moved(number, "Transferred", {**names, "amount": amount})


def credit(number: int, source: tuple[str, bytes], payee: str, amount: int) -> ChainEvent:
    return event(number, "Credited", payee=payee, holder=source[0], account=source[1], amount=amount)


def committee(number: int, name: str, round_id: int = 7, transaction: int = 1, **told: Any) -> ChainEvent:
    ballot = {"ballotId": ballot_id(round_id, 0), "verifier": VERIFIERS[0]}
    return event(number, name, "VerifierCommittee", transaction, **ballot, **told)


def rounds_of(*events: ChainEvent) -> list[int | None]:
    rows = rows_of([(each, record_of(each)) for each in events], CHAIN, COMMITTEE)
    return [row["round_id"] for row in rows]


def money(*events: ChainEvent) -> RoundMoney:
    return money_of([(each, record_of(each)) for each in events], 7, TASK, where(PARAMETERS))


def test_money_is_of_the_round_whose_account_it_changes() -> None:
    assert rounds_of(
        deposit(0, ROUND, CHAIN, 5),
        transfer(1, (CHAIN, TASKS_), (CHAIN, OTHER), 5),
        transfer(2, (CHAIN, ROUND), (CHAIN, POOL_), 5),
        credit(3, (CHAIN, OTHER), MINERS[0], 5),
        deposit(4, POOL_, STRANGER, 5),
    ) == [7, 8, 7, 8, None]


def test_shared_accounts_pay_for_the_round_of_the_event_before() -> None:
    slashed = committee(0, "Slashed", amount=4)
    seat_left = event(1, "SeatLeft", "VerifierCommittee", verifier=VERIFIERS[0], stake=1)
    rest = transfer(2, (COMMITTEE, STAKES_), (CHAIN, POOL_), 4)
    rewarded = committee(3, "Rewarded", 8, amount=2)
    paid = credit(4, (COMMITTEE, STAKES_), VERIFIERS[0], 2)
    assert rounds_of(slashed, seat_left, rest, rewarded, paid) == [7, None, 7, 8, 8]


def test_the_pool_pays_for_the_round_whose_account_paid_before() -> None:
    own = credit(0, (CHAIN, ROUND), MINERS[0], 5)
    assert rounds_of(own, credit(1, (CHAIN, POOL_), MINERS[0], 6)) == [7, 7]


def test_what_is_no_rounds_is_of_none() -> None:
    reclaimed = event(1, "Reclaimed", "VerifierCommittee", verifier=VERIFIERS[0], stake=4)
    assert rounds_of(
        committee(0, "Slashed", amount=4), reclaimed, credit(2, (COMMITTEE, STAKES_), VERIFIERS[0], 4)
    ) == [7, None, None]
    apart = event(1, "Credited", transaction=2, payee=STRANGER, holder=CHAIN, account=POOL_, amount=1)
    assert rounds_of(committee(0, "Slashed", amount=4), apart) == [7, None]


def test_accounts_of_a_strangers_own_are_of_no_round() -> None:
    assert rounds_of(
        committee(0, "Slashed", amount=4),
        deposit(1, ROUND, STRANGER, 5, holder=STRANGER),
        transfer(2, (STRANGER, ROUND), (CHAIN, POOL_), 5),
        credit(3, (STRANGER, STAKES_), STRANGER, 5),
        deposit(4, b"\xff" * 32, STRANGER, 5),
        deposit(5, bytes(32), STRANGER, 5),
    ) == [7, None, None, None, None, None]


def test_a_task_is_put_in_by_its_owner_in_parts() -> None:
    due = TERMS.reward + TERMS.data_bond + RENT
    found = money(transfer(0, (TASK_LIST, TASKS_), (CHAIN, ROUND), due))
    assert {(line.who, line.what): line.paid_in for line in found.lines if line.who} == {
        (DATA_NODE, "TASK_FEE"): TERMS.fee,
        (DATA_NODE, "REWARD"): TERMS.reward,
        (DATA_NODE, "DATA_BOND"): TERMS.data_bond,
        (DATA_NODE, "RENT"): RENT,
    }
    assert found.held == due


@pytest.mark.parametrize("account", [POOL_, STAKES_, TASKS_, ROUND, OTHER])
def test_what_strangers_put_in_is_a_gift_whatever_they_call_their_account(account: bytes) -> None:
    found = money(transfer(0, (STRANGER, account), (CHAIN, ROUND), 1))
    lines = {(line.who, line.what): (line.paid_in, line.paid_out) for line in found.lines if line.who}
    assert lines == {(DATA_NODE, "TASK_FEE"): (TERMS.fee, 0), (STRANGER, GIFT): (1, 0)}
    assert found.held == 1


def test_what_a_round_pays_an_account_named_like_the_pool_is_no_rest() -> None:
    found = money(
        transfer(0, (CHAIN, ROUND), (STRANGER, POOL_), 1), credit(1, (STRANGER, POOL_), STRANGER, 1)
    )
    lines = {(line.who, line.what): (line.paid_in, line.paid_out) for line in found.lines}
    assert ("", "REST") not in lines
    assert lines[STRANGER, GIFT] == (0, 1)


def test_a_bond_is_of_the_miner_who_committed() -> None:
    committed = record(0, SolutionCommitted(7, MINERS[1], b"\x01" * 32, 95))
    found = money(committed, deposit(1, ROUND, CHAIN, 9), deposit(2, ROUND, STRANGER, 3))
    lines = {(line.who, line.what): line.paid_in for line in found.lines}
    assert lines[MINERS[1], MINER_BOND] == 9
    assert lines[STRANGER, GIFT] == 3


def test_credits_have_the_reasons_that_payouts_give() -> None:
    payouts = (
        Payout(MINERS[0], PayoutReason.TASK_REWARD, 5),
        Payout(MINERS[0], PayoutReason.MINER_BOND, 5),
        Payout(MINERS[0], PayoutReason.BLOCK_REWARD, 6),
    )
    found = money(
        credit(0, (CHAIN, ROUND), MINERS[0], 5),
        credit(1, (CHAIN, ROUND), MINERS[0], 5),
        credit(2, (CHAIN, POOL_), MINERS[0], 6),
        record(3, Payouts(7, payouts)),
    )
    lines = {(line.who, line.what): (line.paid_in, line.paid_out) for line in found.lines}
    assert lines[MINERS[0], "TASK_REWARD"] == lines[MINERS[0], MINER_BOND] == (0, 5)
    assert lines["", "BLOCK_REWARD"] == (6, 0)
    assert lines[MINERS[0], "BLOCK_REWARD"] == (0, 6)
    assert found.held == -10


def test_who_sends_a_closed_account_money_has_no_part_in_the_round() -> None:
    ended = (deposit(0, ROUND, STRANGER, 4), record(1, Payouts(7, ())))
    assert money(*ended, deposit(2, ROUND, STRANGER, 1)) == money(*ended)
