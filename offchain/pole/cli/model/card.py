"""`pole model card`."""

from pathlib import Path

import click

from pole.cli.common.context import Settings, command, common_options
from pole.cli.common.output import print_line


@command(epilog="Example: pole model card 1 --licence mit")
@click.argument("task", metavar="TASK")
@click.option(
    "--licence",
    default="unknown",
    show_default=True,
    help="Licence, as Hugging Face calls it, such as mit or cc-by-4.0; the chain knows of none.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: README.md in the model's folder]",
)
@common_options
def card(settings: Settings, task: str, licence: str, out: Path | None) -> None:
    """Write the card of the model of a TASK: what it is, who found its score, its proof, what is disclosed.

    It begins with the front matter that Hugging Face reads, and says nothing of the preparation: the names of
    columns and classes are the owner's to tell.
    """
    from pole.roles.models.card import card_of
    from pole.roles.models.folder import find_model
    from pole.roles.support.files import write_whole

    kept = find_model(settings.home, task)
    path = out or kept.folder / "README.md"
    write_whole(path, card_of(kept, licence=licence).encode())
    print_line(f"The card is in {path}.")
