"""What events say of money: the reservoir's accounts, and what each address was paid or paid, by day.

Every change is a sum of terms that can be taken out again, so that a block that is no more in the chain
leaves no trace.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from pole.adapters.history.pages import ChainEvent
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.records import Payouts, RecordData, RoundVoided, TallyChallenged
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.rent import rent
from pole.protocol.state import PayoutReason

CREDIT: Final = "credit"
"""The account that holds what a person may withdraw."""

TASKS, POOL, STAKES = (
    "0x" + keccak256(f"PoLe.{name}.v1".encode()).hex() for name in ("tasks", "pool", "stakes")
)
"""Names of accounts (contracts/libraries/encoding/Accounts.sol); anybody may have one of its own so named."""

Account = tuple[str, str]
"""Whose account it is, and its name."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The accounts that serve all rounds: of tasks that wait, the pool, and that of stakes."""

    tasks: Account
    pool: Account
    stakes: Account


DAY: Final = 86_400

Balances = Counter[Account]
"""Wei by account."""

Days = Mapping[tuple[str, int, str], tuple[int, int]]
"""Wei, and how often, by address, day since the epoch and kind."""

FEE: Final = "TASK_FEE"
"""What owners of tasks paid to the pool."""

OFFERED, BLOCK, VOID = "OFFERED", "BLOCK", "VOID"
"""Kinds of the network's days alone: rewards that new tasks offer, rounds with a block, rounds without."""

POOL_CHANGE, STAKES_CHANGE = "POOL", "STAKES"
"""Kinds of the network's days alone: by how much the pool and the stakes changed."""

GAS_PAID: Final = "GAS_PAID"
"""What senders of transactions paid Ethereum for gas, and for how many of them that is known."""

GAS: Final = "GAS"
"""A kind of the network's days alone: gas as far as it is known, and how many transactions there were."""

_OF_VERIFIERS: Final = {
    "Rewarded": ("VERIFICATION", "amount"),
    "Slashed": ("PENALTY", "amount"),
    "Reclaimed": ("RECLAIMED", "stake"),
}
_REFUNDS: Final = ("TaskCancelled", "TaskReplaced")

EARNED: Final = (
    *(PayoutReason.TASK_REWARD.name, PayoutReason.BLOCK_REWARD.name, PayoutReason.OMMER_INCLUSION.name),
    *(PayoutReason.OMMER_REWARD.name, PayoutReason.TRAINING_REWARD.name, PayoutReason.DATA_BOND_SHARE.name),
    *("VERIFICATION", "INFORMING"),
)
"""The kinds that are earnings; the others are stakes, bonds and prices, paid in or come back."""


def balance_changes(events: Iterable[ChainEvent]) -> Balances:
    """Return by how much events changed the accounts and credits of the reservoir."""
    changes: Balances = Counter()
    for event in events:
        told = event.arguments
        match event.contract, event.name:
            case "RewardReservoir", "Deposited":
                changes[told["holder"], account_name(told["account"])] += told["amount"]
            case "RewardReservoir", "Transferred":
                changes[told["fromHolder"], account_name(told["fromAccount"])] -= told["amount"]
                changes[told["toHolder"], account_name(told["toAccount"])] += told["amount"]
            case "RewardReservoir", "Credited":
                changes[told["holder"], account_name(told["account"])] -= told["amount"]
                changes[told["payee"], CREDIT] += told["amount"]
            case "RewardReservoir", "Withdrawn":
                changes[told["payee"], CREDIT] -= told["amount"]
    return changes


def entries(
    event: ChainEvent, record: RecordData | None, limits: TaskListParameters
) -> list[tuple[str, str, int]]:
    """Return what an event paid or cost by itself: address, kind and wei."""
    told = event.arguments
    match record:
        case Payouts():
            return [(each.payee, each.reason.name, each.amount) for each in record.payouts]
        case TallyChallenged():
            return [(record.challenger, "CHALLENGE", record.bond)]
    if event.name in _OF_VERIFIERS:
        kind, amount = _OF_VERIFIERS[event.name]
        return [(told["verifier"], kind, told[amount])]
    if event.name == "VoteLeaked":
        return [(told["informer"], "INFORMING", told["reward"])]
    if event.name == "Withdrawn":
        return [(told["payee"], "WITHDRAWN", told["amount"])]
    if event.name == "TaskPosted":
        terms = told["terms"]
        deposit = terms["reward"] + terms["dataBond"] + rent(terms["reward"], limits)
        return [(told["owner"], "TASK_DEPOSIT", deposit), (told["owner"], FEE, terms["fee"])]
    if event.name in _REFUNDS:
        return [(told["owner"], "TASK_REFUND", told["refund"])]
    return []


def day_changes(
    happened: Sequence[tuple[ChainEvent, RecordData | None]],
    times: Mapping[int, int],
    shared: Shared,
    limits: TaskListParameters,
) -> Days:
    """Return what events, of whole transactions, add to each address's days; `times` are of their blocks."""
    sums: dict[tuple[str, int, str], tuple[int, int]] = {}
    for (event, record), after in zip_longest(happened, [each for each, _ in happened[1:]]):
        found = entries(event, record, limits)
        if event.name == "Staked":
            found.append((event.arguments["verifier"], "STAKED", _staked(event, after, shared)))
        for address, kind, amount in found:
            key = (address, times[event.block] // DAY, kind)
            before, often = sums.get(key, (0, 0))
            sums[key] = (before + amount, often + 1)
    return sums


def _staked(event: ChainEvent, after: ChainEvent | None, shared: Shared) -> int:
    """Return what a verifier paid for its seat: what its stake lacked, which the next event puts to stakes.

    `Staked` itself tells the whole stake, most of which is there already when a seat is taken again.
    """
    if after is None or after.transaction != event.transaction or after.name != "Deposited":
        return 0
    told, (holder, account) = after.arguments, shared.stakes
    is_its_own = (told["holder"], told["from"], account_name(told["account"])) == (holder, holder, account)
    return int(told["amount"]) if is_its_own else 0


def total_changes(days: Days) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Return what changes of accounts' days add to their totals: wei, and how often, by address and kind."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for (address, _, kind), (amount, often) in days.items():
        before, often_before = sums.get((address, kind), (0, 0))
        sums[address, kind] = (before + amount, often_before + often)
    return sums


def network_changes(
    happened: Iterable[tuple[ChainEvent, RecordData | None]],
    times: Mapping[int, int],
    days: Days,
    shared: Shared,
) -> Mapping[tuple[int, str], tuple[int, int]]:
    """Return what events add to the network's days: wei, and how often, by day and kind.

    `days` is what they add to all accounts' days. Beside their kinds there are the rewards that new
    tasks offer, rounds that ended with a block or void, and by how much the pool and the stakes changed.
    """
    sums: dict[tuple[int, str], tuple[int, int]] = {}

    def add(day: int, kind: str, amount: int, often: int) -> None:
        before, times_before = sums.get((day, kind), (0, 0))
        sums[day, kind] = (before + amount, times_before + often)

    for (_, day, kind), (amount, often) in days.items():
        add(day, kind, amount, often)
    for event, record in happened:
        day = times[event.block] // DAY
        for kind, amount in _network_entries(event, record, shared):
            add(day, kind, amount, 1)
    return sums


def _network_entries(
    event: ChainEvent, record: RecordData | None, shared: Shared
) -> Iterator[tuple[str, int]]:
    told = event.arguments
    if event.name == "TaskPosted":
        yield OFFERED, told["terms"]["reward"]
    elif event.name == "BlockAppended" and told["header"]["height"]:
        yield BLOCK, 0
    elif isinstance(record, RoundVoided):
        yield VOID, 0
    changes = balance_changes([event])
    for kind, account in ((POOL_CHANGE, shared.pool), (STAKES_CHANGE, shared.stakes)):
        if changes[account]:
            yield kind, changes[account]


def account_name(name: bytes) -> str:
    """Return the name of an account as tables have it."""
    return "0x" + name.hex()
