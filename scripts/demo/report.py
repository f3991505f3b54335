"""What came of it: the blocks, who was paid what, and whether everything checks out."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pole.adapters.ethereum.chain_log import ChainLog
from pole.adapters.ethereum.chain_reader import ChainReader
from pole.protocol.amounts import ether

FROM_COMMITTEE: Final = "verification fee"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The chain's log, everybody's earnings in wei by reason, and what was withdrawn by address."""

    log: ChainLog
    earnings: Mapping[str, Mapping[str, int]]
    withdrawn: Mapping[str, int]


def read_outcome(reader: ChainReader, log: ChainLog) -> Outcome:
    """Return what the events say."""
    earnings: dict[str, Counter[str]] = defaultdict(Counter)
    for block in log.blocks:
        for payout in block.payouts:
            earnings[payout.payee][payout.reason.name.lower().replace("_", " ")] += payout.amount
    for name, sign in (("Rewarded", 1), ("Slashed", -1)):
        for event in reader.index.events(name):
            reason = FROM_COMMITTEE if sign > 0 else "slashed"
            earnings[event.arguments["verifier"]][reason] += sign * event.arguments["amount"]
    withdrawn: Counter[str] = Counter()
    for event in reader.index.events("Withdrawn"):
        withdrawn[event.arguments["payee"]] += event.arguments["amount"]
    return Outcome(log, earnings, withdrawn)


def show_blocks(
    console: Console, outcome: Outcome, names: Mapping[str, str], titles: Mapping[int, str]
) -> None:
    """Print the table of blocks; `names` is by address, `titles` by task."""
    columns = ("height", "task", "winner", "train", "test", "ommers", "reward", "gas")
    table = Table(*columns, title="Blocks", title_justify="left")
    for block in outcome.log.blocks:
        header = block.header
        table.add_row(
            str(header.height),
            f"{header.task_id}: {titles.get(header.task_id, '')}",
            names.get(header.winner, header.winner),
            _part(header.train_correct, block.train_total),
            _part(header.test_correct, block.test_total),
            ", ".join(f"{names.get(o.miner, o.miner)} of {o.height}" for o in block.ommers) or "-",
            ether(block.winner_reward),
            f"{block.gas_used:,}",
        )
    console.print(table)
    for round_id, reason in outcome.log.void_rounds.items():
        console.print(f"Round {round_id} ended without a block: {reason.name}.")


def show_money(console: Console, outcome: Outcome, names: Mapping[str, str]) -> None:
    """Print who earned what, and what has been withdrawn."""
    table = Table("who", "earned or got back", "withdrawn", title="Payments", title_justify="left")
    for address, name in names.items():
        reasons = outcome.earnings.get(address, {})
        told = ", ".join(f"{reason} {ether(amount)}" for reason, amount in reasons.items() if amount)
        table.add_row(name, told or "-", ether(outcome.withdrawn.get(address, 0)))
    console.print(table)


def as_json(outcome: Outcome, names: Mapping[str, str], extra: Mapping[str, Any]) -> str:
    """Return the outcome as JSON; amounts are wei, as strings."""
    blocks = [
        {
            "height": block.header.height,
            "round": block.header.round_id,
            "task": block.header.task_id,
            "winner": names.get(block.header.winner, block.header.winner),
            "trainCorrect": block.header.train_correct,
            "trainTotal": block.train_total,
            "testCorrect": block.header.test_correct,
            "testTotal": block.test_total,
            "ommers": [{"height": o.height, "miner": names.get(o.miner, o.miner)} for o in block.ommers],
            "winnerReward": str(block.winner_reward),
            "gasUsed": block.gas_used,
        }
        for block in outcome.log.blocks
    ]
    money = {
        name: {
            "earned": {r: str(amount) for r, amount in outcome.earnings.get(address, {}).items()},
            "withdrawn": str(outcome.withdrawn.get(address, 0)),
        }
        for address, name in names.items()
    }
    voided = {str(number): reason.name for number, reason in outcome.log.void_rounds.items()}
    return json.dumps({"blocks": blocks, "voidRounds": voided, "money": money, **extra}, indent=2) + "\n"


def _part(correct: int, total: int) -> str:
    return f"{100 * correct / total:.2f} %  ({correct}/{total})" if total else "-"
