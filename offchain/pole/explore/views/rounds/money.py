"""What was put into a round and what was paid out of it: the reservoir's own movements, which sum to zero.

A round has an account of its own. Fees of committees and penalties of their members are in the stakes'
account for the time between, and block rewards come out of the pool.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import or_, select

from pole.adapters.history.pages import ChainEvent
from pole.explore.index.money import FEE, Account, account_name
from pole.explore.index.rounds import Where
from pole.explore.index.stored import RESERVOIR, event_of, record_of
from pole.explore.schema import events
from pole.explore.views.looking import Ether, Look
from pole.protocol.encoding.records import (
    Payouts,
    RecordData,
    SolutionCommitted,
    SolutionDisplaced,
    TallyChallenged,
)
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.rent import rent
from pole.protocol.state import PayoutReason, PostedTask, RecordKind

REWARD, RENT, PENALTY, VERIFICATION, INFORMING, REST, GIFT = (
    *("REWARD", "RENT", "PENALTY", "VERIFICATION", "INFORMING", "REST", "GIFT"),
)
DATA_BOND, MINER_BOND, CHALLENGE_BOND = (
    reason.name for reason in (PayoutReason.DATA_BOND, PayoutReason.MINER_BOND, PayoutReason.CHALLENGE_BOND)
)
_SAME: Final = {PayoutReason.REWARD_REFUND.name: REWARD, PayoutReason.RENT_REFUND.name: RENT}
"""Reasons of payouts that give back what was put in under another name."""

_RECORDS: Final = (
    RecordKind.SOLUTION_COMMITTED,
    RecordKind.SOLUTION_DISPLACED,
    RecordKind.TALLY_CHALLENGED,
    RecordKind.PAYOUTS,
)
_COMMITTEE: Final = ("Slashed", "Rewarded", "VoteLeaked")


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """What somebody put into a round and was paid out of it for one reason; `who` is "" for the pool."""

    who: str
    what: str
    paid_in: Ether
    paid_out: Ether


@dataclass(frozen=True, slots=True)
class RoundMoney:
    """All money of a round. `held` is what it has of it still: nothing where it has ended."""

    lines: tuple[MoneyLine, ...]
    paid_in: Ether
    paid_out: Ether
    held: Ether


@dataclass
class _Book:
    """Wei put in and paid out, by who and why, in the order of their first entries."""

    entries: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def put_in(self, who: str, what: str, amount: int) -> None:
        before = self.entries.get((who, what), (0, 0))
        self.entries[who, what] = (before[0] + amount, before[1])

    def pay(self, who: str, what: str, amount: int) -> None:
        before = self.entries.get((who, what), (0, 0))
        self.entries[who, what] = (before[0], before[1] + amount)


def round_money(look: Look, round_id: int, task: PostedTask) -> RoundMoney:
    """Return the money of a round on a task."""
    happened = [(event, record_of(event)) for event in _events(look, round_id)]
    return money_of(happened, round_id, task, look.where)


def money_of(
    happened: Sequence[tuple[ChainEvent, RecordData | None]],
    round_id: int,
    task: PostedTask,
    where: Where,
) -> RoundMoney:
    """Return what the events of a round say of its money, up to its payouts where they were made."""
    happened, book = _until_payouts(happened), _Book()
    own = (where.chain_address, f"0x{round_id:064x}")
    if task.terms.fee:
        book.put_in(task.owner, FEE, task.terms.fee)
        book.pay("", FEE, task.terms.fee)
    reasons = _reasons(happened)
    for transaction in _by_transaction(happened):
        records: list[RecordData] = []
        for event, record in transaction:
            if record is not None:
                records.append(record)
            elif event.name == "Deposited":
                book.put_in(*_depositor(event, records), event.arguments["amount"])
            elif event.name == "Transferred":
                _transfer(book, event, task, where, own)
            elif event.name == "Credited":
                _credit(book, event, records, reasons, where.shared.pool)
            elif event.name == "Slashed":
                book.put_in(event.arguments["verifier"], PENALTY, event.arguments["amount"])
    return _summed(book)


def _events(look: Look, round_id: int) -> list[ChainEvent]:
    wanted = or_(
        events.c.contract == RESERVOIR, events.c.name.in_(_COMMITTEE), events.c.kind.in_(map(int, _RECORDS))
    )
    asked = select(events).where(events.c.round_id == round_id, wanted)
    return [event_of(row) for row in look.rows(asked.order_by(events.c.block, events.c.log_index))]


def _until_payouts(
    happened: Sequence[tuple[ChainEvent, RecordData | None]],
) -> list[tuple[ChainEvent, RecordData | None]]:
    """Return what happened up to the payouts: whoever sends a closed account money has no part in them."""
    ends = [place for place, (_, record) in enumerate(happened) if isinstance(record, Payouts)]
    return list(happened[: ends[0] + 1] if ends else happened)


def _by_transaction(
    happened: Iterable[tuple[ChainEvent, RecordData | None]],
) -> Iterator[list[tuple[ChainEvent, RecordData | None]]]:
    found: dict[bytes, list[tuple[ChainEvent, RecordData | None]]] = {}
    for event, record in happened:
        found.setdefault(event.transaction, []).append((event, record))
    yield from found.values()


def _reasons(happened: Iterable[tuple[ChainEvent, RecordData | None]]) -> dict[tuple[str, int], list[str]]:
    """Return why each payee is credited each amount, as payouts and the committee say."""
    found: dict[tuple[str, int], list[str]] = {}
    for event, record in happened:
        told = event.arguments
        if isinstance(record, Payouts):
            for payout in record.payouts:
                reason = _SAME.get(payout.reason.name, payout.reason.name)
                found.setdefault((payout.payee, payout.amount), []).append(reason)
        elif event.name == "Rewarded":
            found.setdefault((told["verifier"], told["amount"]), []).append(VERIFICATION)
        elif event.name == "VoteLeaked":
            found.setdefault((told["informer"], told["reward"]), []).append(INFORMING)
    return found


def _depositor(event: ChainEvent, records: Sequence[RecordData]) -> tuple[str, str]:
    """Return who a deposit is of, and what for: the chain makes those of whom a record named just before."""
    told = event.arguments
    if told["from"] == told["holder"]:
        for record in reversed(records):
            match record:
                case SolutionCommitted():
                    return record.miner, MINER_BOND
                case TallyChallenged():
                    return record.challenger, CHALLENGE_BOND
    return told["from"], GIFT


def _transfer(book: _Book, event: ChainEvent, task: PostedTask, where: Where, own: Account) -> None:
    told, shared = event.arguments, where.shared
    source, target = ((told[f"{end}Holder"], account_name(told[f"{end}Account"])) for end in ("from", "to"))
    amount = told["amount"]
    if source == shared.tasks and target == own:
        _escrow(book, task, amount, where.parameters.task_list)
    elif source == shared.pool:
        book.put_in("", REWARD, amount)
    elif target == shared.pool:
        book.pay("", REST, amount)
    elif target == own and source != shared.stakes:
        book.put_in(told["fromHolder"], GIFT, amount)


def _escrow(book: _Book, task: PostedTask, amount: int, limits: TaskListParameters) -> None:
    terms = task.terms
    parts = {REWARD: terms.reward, DATA_BOND: terms.data_bond, RENT: rent(terms.reward, limits)}
    if sum(parts.values()) != amount:
        parts = {REWARD: amount}
    for what, part in parts.items():
        if part:
            book.put_in(task.owner, what, part)


def _credit(
    book: _Book,
    event: ChainEvent,
    records: Sequence[RecordData],
    reasons: dict[tuple[str, int], list[str]],
    pool: Account,
) -> None:
    told = event.arguments
    payee, amount = told["payee"], told["amount"]
    newest = records[-1] if records else None
    known = reasons.get((payee, amount), [])
    if isinstance(newest, SolutionDisplaced) and newest.miner == payee:
        why = MINER_BOND
    else:
        why = known.pop(0) if known else GIFT
    if (told["holder"], account_name(told["account"])) == pool:
        book.put_in("", why, amount)
    book.pay(payee, why, amount)


def _summed(book: _Book) -> RoundMoney:
    lines = tuple(
        MoneyLine(who, what, Ether(paid_in), Ether(paid_out))
        for (who, what), (paid_in, paid_out) in book.entries.items()
    )
    paid_in, paid_out = sum(line.paid_in for line in lines), sum(line.paid_out for line in lines)
    return RoundMoney(lines, Ether(paid_in), Ether(paid_out), Ether(paid_in - paid_out))
