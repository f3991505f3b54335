"""`pole explore`."""

from pathlib import Path

import click

from pole.cli.common.context import Settings, command, common_options, open_reader
from pole.cli.common.output import print_line
from pole.cli.network.chain_export import database_option


@command(epilog="Example: pole explore --open")
@click.option("--open", "opens", is_flag=True, help="Open the first page in a browser.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8600,
    show_default=True,
    help="Port; 0: any that is free.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--data-folder",
    "homes",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another data folder on this machine whose miners' trainings are shown, and where specifications "
    "of tasks are looked for, beside --home; may be given again.",
)
@database_option
@common_options
def explore(
    settings: Settings,
    /,
    *,
    opens: bool,
    port: int,
    host: str,
    homes: tuple[Path, ...],
    database: str | None,
) -> None:
    """Show what happens on the network as pages, until Ctrl-C.

    Lanes, tasks, rounds, votes, blocks and accounts, as they happen. Nothing is sent, and no wallet is
    needed. The pages are for this machine alone, unless --host says otherwise; each has a twin in JSON, whose
    path ends in .json (docs/explorer.md). How your own miners train is shown to this machine alone, whatever
    --host says.
    """
    from pole.adapters.history.pages import EventPages
    from pole.adapters.history.trainings import TrainingFiles
    from pole.adapters.storage.kept_specifications import KeptSpecifications
    from pole.explore.index.opening import open_index
    from pole.explore.server.app import application
    from pole.explore.server.serving import is_loopback, listen, names_of, serve, url_of

    reader = open_reader(settings)
    index = open_index(reader.deployment, settings.home, database)
    source = EventPages(reader)
    listening = listen(host, port)
    url = url_of(listening)
    if not is_loopback(host):
        print_line(
            f"warning: whoever reaches this machine on {host} sees these pages, and can keep it busy: they "
            "have no password. Nothing of your wallets is on them, and trainings are shown to this machine "
            "alone.",
            err=True,
        )

    def begin() -> None:
        print_line(f"Pages are at {url}; Ctrl-C ends.")
        if opens:
            click.launch(url)

    folders = (settings.home, *homes)
    files, kept = TrainingFiles(folders), KeptSpecifications(folders)
    app = application(
        index,
        lambda: index.catch_up(source),
        names_of(host),
        miners=files.miners,
        find_specification=kept.find,
    )
    serve(app, listening, begin)
