"""The rows of Ethereum transactions: what their receipts say of gas, and what that adds to the days."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pole.adapters.history.pages import EventPage
from pole.explore.index.money import DAY, GAS, GAS_PAID, Days

Row = Mapping[str, Any]


def transaction_rows(page: EventPage) -> list[Row]:
    """Return the rows of the transactions that a page has events of; what has no receipt is unknown."""
    receipts = {each.transaction: each for each in page.receipts}
    found = {}
    for block, transaction in dict.fromkeys((event.block, event.transaction) for event in page.events):
        told = receipts.get(transaction)
        found[transaction] = {
            "block": block,
            "transaction": transaction,
            "sender": told.sender if told else None,
            "gas": told.gas if told else None,
            "price": told.price if told else None,
            "paid": told.gas * told.price if told else None,
        }
    return list(found.values())


def gas_days(rows: Iterable[Row], times: Mapping[int, int]) -> Days:
    """Return what transactions add to their senders' days; `times` are those of their Ethereum blocks."""
    sums: Counter[tuple[str, int, str]] = Counter()
    often: Counter[tuple[str, int, str]] = Counter()
    for row in rows:
        if row["sender"]:
            key = (row["sender"], times[row["block"]] // DAY, GAS_PAID)
            sums[key] += row["paid"]
            often[key] += 1
    return {key: (sums[key], often[key]) for key in often}


def gas_changes(rows: Iterable[Row], times: Mapping[int, int]) -> Mapping[tuple[int, str], tuple[int, int]]:
    """Return what transactions add to the network's days: wei or gas, and how often, by day and kind."""
    sums: Counter[tuple[int, str]] = Counter()
    often: Counter[tuple[int, str]] = Counter()
    for row in rows:
        day = times[row["block"]] // DAY
        sums[day, GAS] += row["gas"] or 0
        often[day, GAS] += 1
        if row["sender"]:
            sums[day, GAS_PAID] += row["paid"]
            often[day, GAS_PAID] += 1
    return {key: (sums[key], often[key]) for key in often}
