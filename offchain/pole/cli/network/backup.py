"""`pole backup` and `pole restore`."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option, read_password
from pole.cli.common.output import print_done, print_line

if TYPE_CHECKING:
    from pole.adapters.backup.contents import Contents

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@command(epilog="Example: pole backup pole-2026-12-01.backup")
@file_argument
@json_option
@common_options
def backup(settings: Settings, /, *, file: Path, as_json: bool) -> None:
    """Write what only this data folder has into FILE, encrypted: wallets, secrets, journals, key budget.

    Refused while a worker runs. The password asked for, or in --password-file, is the backup's: whoever
    restores it needs it, and the passwords of the wallets. FILE must not be there yet.
    """
    from pole.adapters.backup.making import make_backup

    password = read_password(settings, confirm=True)
    contents = make_backup(settings.home, file, password, now=int(time.time()))
    counted = _counted(contents)
    print_done(
        f"{file} holds {counted['wallets']} wallets, {counted['secrets']} secrets, {counted['journals']} "
        f"journals, and {counted['files']} files of {counted['bytes']:,} bytes in all.",
        {"file": str(file), **counted},
        as_json=as_json,
    )


@command(epilog="Example: pole restore pole-2026-12-01.backup --home restored")
@file_argument
@json_option
@common_options
def restore(settings: Settings, /, *, file: Path, as_json: bool) -> None:
    """Make a data folder of the backup FILE, where --home names one that is empty or not there.

    FILE is checked as a whole before anything is written. Never use a restored folder beside the one that
    was backed up: docs/wallets.md says what a backup does not know.
    """
    from pole.adapters.backup.restoring import restore_backup

    contents = restore_backup(settings.home, file, read_password(settings))
    made = datetime.fromtimestamp(contents.made, UTC).isoformat(timespec="seconds")
    print_done(
        f"{settings.home} is as it was at {made}. See that nobody works in the old one before you do here.",
        {"home": str(settings.home), "made": made, **_counted(contents)},
        as_json=as_json,
    )
    print_line(
        "warning: it does not know what was done since: votes and commitments, tasks posted, keys given. "
        "docs/wallets.md says what to look at first.",
        err=True,
    )


def _counted(contents: "Contents") -> dict[str, Any]:
    from pole.adapters.backup.contents import JOURNAL

    paths = [entry.path for entry in contents.files]
    return {
        "wallets": sum(path.startswith("wallets/") for path in paths),
        "secrets": sum(path.startswith("secrets/") for path in paths),
        "journals": sum(path.endswith(f"/{JOURNAL}") for path in paths),
        "files": len(paths),
        "bytes": sum(entry.size for entry in contents.files),
    }
