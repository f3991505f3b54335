"""`pole data budget|release`; `privacy` is in data_privacy.py."""

from typing import TYPE_CHECKING, Any

import click

from pole.api.budget import open_budget
from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json, print_table

if TYPE_CHECKING:
    from pole.roles.keys.budget import Spending
    from pole.roles.keys.ledger import LedgerEntry

EMPTY = "Nothing was given away: no task was posted from this data folder."


@command(epilog="Example: pole data budget --tasks")
@click.option("--tasks", is_flag=True, help="List the tasks instead of the data sets.")
@json_option
@common_options
def budget(settings: Settings, /, *, tasks: bool, as_json: bool) -> None:
    """Show how much of each data set its functional keys give away.

    Counted are independent exact functions of a sample: those given by keys that were issued, and those that
    tasks without keys will add at most. They are held against the dimensions that the samples fill, and those
    that they fill by more than rounding; what answers carry against the bits that a sample has. `pole task
    post` refuses what breaks a rule without consent, and so do data nodes (docs/privacy.md).
    """
    key_budget = open_budget(settings)
    spendings, entries = key_budget.spendings(), key_budget.ledger.entries()
    if as_json:
        print_json({"dataSets": [_spending(s) for s in spendings], "tasks": [_entry(e) for e in entries]})
    elif tasks:
        of_tasks = ("master key", "data set", "gives", "bits", "keys", "allowed")
        print_table(of_tasks, [_task_row(entry) for entry in entries], empty=EMPTY)
    else:
        columns = ("data set", "given", "waiting", "dimensions", "beyond rounding", "bits", "of", "tasks")
        print_table(columns, [_row(each) for each in spendings], empty=EMPTY)


@command(epilog=f"Example: pole data release {'5e' * 32}")
@click.argument("master_key", metavar="MASTER_KEY")
@common_options
def release(settings: Settings, master_key: str) -> None:
    """Take the task of MASTER_KEY out of the budget because it will never have keys.

    `pole task cancel` does so by itself; this is for a task that ended without keys, or was prepared and
    never posted. MASTER_KEY is the digest that `pole data budget --tasks` shows. What keys were issued for
    stays counted.
    """
    open_budget(settings).release(_digest(master_key))
    click.echo("Taken out of the budget.")


def _digest(text: str) -> bytes:
    from pole.errors import InputError

    try:
        digest = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise InputError(f"{text!r} is no digest: give 64 hex digits.") from error
    if len(digest) != 32:
        raise InputError(f"A digest has 64 hex digits, not {2 * len(digest)}: give all of them.")
    return digest


def _row(spending: "Spending") -> tuple[object, ...]:
    given = str(spending.given) if spending.exact else f"at most {spending.given}"
    data = spending.data
    if data is None:
        return (spending.data_set, given, spending.waiting, spending.dimension, "-", "-", "-", spending.tasks)
    ranks = (data.affine_rank, data.numerical_rank)
    return (spending.data_set, given, spending.waiting, *ranks, spending.bits, data.bits, spending.tasks)


def _task_row(entry: "LedgerEntry") -> tuple[object, ...]:
    keys = f"round {entry.given.round_id}" if entry.given else "waiting"
    bits = entry.measures.alone.bits if entry.measures else "-"
    allowed = entry.consent.value if entry.consent else "nothing"
    return (entry.mpk_digest.hex(), entry.data_set, _gives(entry), bits, keys, allowed)


def _gives(entry: "LedgerEntry") -> int:
    from pole.protocol.models.specification import disclosed_rank

    return entry.measures.alone.functions if entry.measures else disclosed_rank(entry.specification)


def _spending(spending: "Spending") -> dict[str, Any]:
    data = spending.data
    return {
        "dataSet": spending.data_set,
        "dimension": spending.dimension,
        "affineRank": data and data.affine_rank,
        "numericalRank": data and data.numerical_rank,
        "given": spending.given,
        "exact": spending.exact,
        "waiting": spending.waiting,
        "bits": data and data.bits,
        "answerBits": data and spending.bits,
        "tasks": spending.tasks,
    }


def _entry(entry: "LedgerEntry") -> dict[str, Any]:
    return {
        "mpkDigest": f"0x{entry.mpk_digest.hex()}",
        "dataSet": entry.data_set,
        "dataDigest": f"0x{entry.data_digest.hex()}",
        "specDigest": f"0x{entry.specification.digest().hex()}",
        "givesAtMost": _gives(entry),
        "allowed": entry.consent,
        "seed": entry.given and f"0x{entry.given.seed.hex()}",
        "round": entry.given and entry.given.round_id,
    }
