"""`pole chain export`."""

from pathlib import Path

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader
from pole.cli.common.output import print_json, print_table
from pole.errors import InputError

database_option = click.option(
    "--database",
    metavar="DSN",
    envvar="POLE_DATABASE",
    help="Database of the index, such as postgresql+psycopg://user@host/name.  [default: a file in the data "
    "folder; env: POLE_DATABASE]",
)


@command(epilog="Example: pole chain export --to parquet --out tables")
@click.option(
    "--to", "_kind", type=click.Choice(["parquet"]), default="parquet", show_default=True, help="Format."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the files, which is made.",
)
@database_option
@json_option
@common_options
def export(settings: Settings, /, *, _kind: str, out: Path, database: str | None, as_json: bool) -> None:
    """Write everything that happened as tables.

    A file for every kind of record, and one for every table of the index: events, rounds, tasks, solutions,
    seats, payouts, blocks and more (docs/explorer.md). What is new on the chain is read first.
    """
    from pole.adapters.history.pages import EventPages
    from pole.explore.index.opening import open_index

    try:
        from pole.explore.export.parquet import write_tables
    except ModuleNotFoundError as error:
        raise InputError(
            "Parquet is written by pyarrow, which is not here: install pole with the extra 'tables'."
        ) from error

    reader = open_reader(settings)
    index = open_index(reader.deployment, settings.home, database)
    index.catch_up(EventPages(reader))
    written = write_tables(index.engine, out)
    if as_json:
        print_json([{"file": str(each.file), "rows": each.rows} for each in written])
        return
    print_table(("file", "rows"), [(each.file, each.rows) for each in written], empty="Nothing was written.")
