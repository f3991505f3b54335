"""`pole data count`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader, open_store
from pole.cli.common.output import print_done
from pole.errors import InputError
from pole.quoting import quoted

if TYPE_CHECKING:
    from pole.protocol.models.specification import ModelSpecification
    from pole.protocol.state import TaskFiles


@command(epilog="Example: pole data count 3 --data penguins.pole")
@click.argument("task_id", metavar="TASK", type=click.IntRange(1))
@click.option("--data", metavar="DATA", help="The data set that the task was posted on, as it was posted.")
@click.option("--data-name", metavar="NAME", help="Name under which the data counts, if it was given one.")
@json_option
@common_options
def count(
    settings: Settings, /, *, task_id: int, data: str | None, data_name: str | None, as_json: bool
) -> None:
    """Enter TASK, whose keys are out, in the key budget of the data that it was posted on.

    For tasks that the key ledger does not know: those posted after the backup that this data folder was
    restored from, or from another data folder. The chain says which keys were given, you say of which data.
    """
    from pole.api.budget import open_budget
    from pole.api.counting import entry_of, uncounted_tasks

    missing = {each.task.task_id: each for each in uncounted_tasks(settings, open_reader(settings))}
    if task_id not in missing:
        raise InputError(
            f"Task {task_id} is no task of a wallet here whose keys are out and not counted: these are "
            f"{', '.join(map(str, missing)) or 'none'}."
        )
    specification = _specification(settings, missing[task_id].task.files)
    dataset = None
    if data is not None:
        from pole.cli.common.data import read_data

        dataset = read_data(data)
    entry = entry_of(settings, missing[task_id], specification, dataset, data_name)
    open_budget(settings).enter(entry)
    print_done(
        f"Task {task_id} counts for the data set {quoted(entry.data_set)} from now on.",
        {"task": task_id, "dataSet": entry.data_set, "mpkDigest": f"0x{entry.mpk_digest.hex()}"},
        as_json=as_json,
    )


def _specification(settings: Settings, files: "TaskFiles") -> "ModelSpecification":
    from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, parse_specification
    from pole.roles.support.files import Wanted, fetch

    wanted = Wanted(files.spec_cid, files.spec_digest, MAX_DOCUMENT_BYTES)
    with TemporaryDirectory() as folder:
        return parse_specification(fetch(open_store(settings), wanted, Path(folder)))
