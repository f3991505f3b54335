"""What the commands of `pole fleet` share: the file, checked before anything starts, and who serves it."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from pole.cli.common.context import Settings
from pole.cli.shell.mistakes import sentence_of
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.adapters.machine.fleet.fleet_file import Fleet, FleetWorker
    from pole.adapters.machine.fleet.request_files import Requests

fleet_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))

_NOT_THEIRS: Final = frozenset({"POLE_PROFILE", "POLE_WALLET", "NOTIFY_SOCKET"})
"""Variables of this process that would say something else than the file, or speak for its supervisor."""


def open_fleet(settings: Settings, file: Path) -> "Fleet":
    """Return the fleet of a file; what it leaves out is as for every other command.

    Raises InputError where it, a file that it names or an option of a worker is unusable.
    """
    from pole.adapters.machine.fleet.fleet_file import Shared, load_fleet

    shared = Shared(
        home=settings.home,
        rpc=settings.rpc,
        ipfs=settings.ipfs,
        deployment=settings.deployment,
        password_file=settings.password_file,
    )
    fleet = load_fleet(file, shared)
    for worker in fleet.workers:
        _require_options(worker)
    return fleet


def served_in(fleet: "Fleet") -> "Requests":
    """Return where who serves a fleet is asked for something."""
    from pole.adapters.machine.fleet.request_files import Requests

    return Requests(fleet.shared.home / "fleets" / fleet.name)


def pole_program() -> str:
    """Return the path of the `pole` that is installed beside this Python, else of the first one on the path.

    Raises InputError where there is none.
    """
    beside = Path(sys.executable).with_name("pole")
    found = str(beside) if beside.is_file() else shutil.which("pole")
    if found is None:
        raise InputError("There is no program `pole` beside this Python: install the package with pip.")
    return found


def worker_environment(fleet: "Fleet", worker: "FleetWorker") -> dict[str, str]:
    """Return this process's environment with what a worker is to know of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    return kept | fleet.settings(worker)


def _require_options(worker: "FleetWorker") -> None:
    root = click.get_current_context().find_root()
    group = cast("click.Group", cast("click.Group", root.command).get_command(root, worker.role))
    run = cast("click.Command", group.get_command(root, "run"))
    try:
        run.make_context(f"pole {worker.role} run", list(worker.arguments[2:]))
    except click.ClickException as error:
        raise InputError(f"The options of worker {worker.name} are wrong: {sentence_of(error)}") from error
