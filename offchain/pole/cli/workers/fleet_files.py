"""`pole fleet units|container`: what else is made of the file of a fleet."""

import getpass
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.fleets import fleet_argument, open_fleet, pole_program
from pole.cli.common.output import print_done

to_option = click.option(
    "--to",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write the files to.",
)


@command(epilog="Example: pole fleet units fleet.toml --to units")
@fleet_argument
@to_option
@click.option("--user", help="User whom the workers run as.  [default: who calls the command]")
@json_option
@common_options
def units(settings: Settings, /, *, file: Path, folder: Path, user: str | None, as_json: bool) -> None:
    """Write systemd units for the workers of FILE, and say how they are installed.

    Each worker is a service of its own, hardened, with its password as a credential; a target holds them
    together. systemd starts again what fails, and not what ends by exit code 0 or 2.
    """
    from pole.adapters.machine.fleet import units as systemd

    fleet = open_fleet(settings, file)
    files = systemd.units(fleet, pole_program(), user or getpass.getuser())
    _write(folder, files)
    _print(folder, files, systemd.steps(fleet), as_json=as_json)


@command(epilog="Example: pole fleet container fleet.toml --to container")
@fleet_argument
@to_option
@json_option
@common_options
def container(settings: Settings, /, *, file: Path, folder: Path, as_json: bool) -> None:
    """Write a Containerfile and the fleet with its paths in there, and say how it is built and run.

    One container runs `pole fleet up`. Homes, password files and deployment are mounted into it, and are no
    part of the image.
    """
    from pole.adapters.machine.fleet import container as image

    fleet = open_fleet(settings, file)
    files = image.container(fleet)
    _write(folder, files)
    _print(folder, files, image.steps(fleet, folder.absolute()), as_json=as_json)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files for their owner alone: URLs in them may hold a provider's key."""
    from pole.adapters.storage.private_file import write_private

    for name, content in files.items():
        write_private(folder / name, content.encode())


def _print(folder: Path, files: Mapping[str, str], steps: Sequence[str], *, as_json: bool) -> None:
    written = [str(folder / name) for name in files]
    told = "\n".join((f"Written to {folder}: {', '.join(files)}. Then:", *steps))
    print_done(told, {"files": written, "steps": list(steps)}, as_json=as_json)
