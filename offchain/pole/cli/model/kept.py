"""`pole model list` and `pole model get`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader, open_store
from pole.cli.common.output import percent, print_json, print_line, print_table
from pole.quoting import short_address

if TYPE_CHECKING:
    from pole.roles.models.collecting import Collected
    from pole.roles.models.record import ModelRecord


@command(name="list", epilog="Example: pole model list")
@json_option
@common_options
def list_(settings: Settings, /, *, as_json: bool) -> None:
    """List the models that are kept in the data folder; asks neither chain nor IPFS."""
    from pole.roles.models.folder import kept_models, models_folder

    found = list(kept_models(models_folder(settings.home)))
    if as_json:
        print_json([{"folder": str(folder), **_as_json(record)} for folder, record in found])
        return
    columns = ("task", "place", "round", "miner", "train", "test", "chain", "folder")
    empty = "There is no model: `pole model get TASK` fetches that of a round that has ended."
    print_table(columns, [_row(folder, record) for folder, record in found], empty=empty)


@command(epilog="Example: pole model get 1")
@click.argument("task_id", metavar="TASK", type=click.IntRange(1))
@click.option(
    "--place",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="1 for the winner's model; the others follow by the score that their miners claim.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the model.  [default: models/task-TASK in the data folder]",
)
@json_option
@common_options
def get(settings: Settings, /, *, task_id: int, place: int, out: Path | None, as_json: bool) -> None:
    """Fetch the model that the round on a TASK ended with, check it, and keep it.

    Checked are the block's header and the Merkle proof of the reveal against the contract's block hash, the
    file and the specification against their digests, and the model against specification and seed. No wallet
    is needed.
    """
    from pole.adapters.ethereum.results import result_of_task
    from pole.roles.models.collecting import Collector

    result = result_of_task(open_reader(settings), task_id)
    collected = Collector(open_store(settings), settings.home).collect(result, place=place, folder=out)
    if as_json:
        moved = None if collected.moved is None else str(collected.moved)
        print_json({"folder": str(collected.folder), "moved": moved, **_as_json(collected.record)})
        return
    _print_collected(collected)


def _print_collected(collected: "Collected") -> None:
    record, score = collected.record, collected.record.score
    if collected.moved is not None:
        print_line(f"Another model was in {collected.folder}: it is in {collected.moved} now.", err=True)
    test = f", test {percent(score.test, score.test_of)}" if score.test_of else ""
    print_line(
        f"The model of {record.miner} on task {record.task_id} is in {collected.folder}: training "
        f"{percent(score.train, score.train_of)}{test} by the {score.found_by}'s count. It is proven by "
        f"block {record.height}, 0x{record.block_hash.hex()}."
    )
    print_line(f"Next: pole model predict {record.task_id} --rows FILE --out predictions.csv")


def _row(folder: Path, record: "ModelRecord | None") -> tuple[object, ...]:
    if record is None:
        return ("?", "-", "-", "-", "-", "-", "-", f"{folder} (damaged: get it again)")
    score = record.score
    return (
        record.task_id,
        record.place,
        record.round_id,
        short_address(record.miner),
        percent(score.train, score.train_of),
        percent(score.test, score.test_of),
        f"{record.chain_id} {short_address(record.contract)}",
        folder,
    )


def _as_json(record: "ModelRecord | None") -> dict[str, Any]:
    if record is None:
        return {"damaged": True}
    score = record.score
    return {
        "chainId": record.chain_id,
        "contract": record.contract,
        "taskId": record.task_id,
        "round": record.round_id,
        "height": record.height,
        "place": record.place,
        "miner": record.miner,
        "modelDigest": f"0x{record.model_digest.hex()}",
        "trainCorrect": score.train,
        "trainTotal": score.train_of,
        "testCorrect": score.test,
        "testTotal": score.test_of,
        "foundBy": score.found_by,
    }
