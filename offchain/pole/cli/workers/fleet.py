"""`pole fleet up|drain|upgrade`: the workers of a file, served together."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.fleets import fleet_argument, open_fleet, pole_program, served_in, worker_environment
from pole.cli.common.output import print_done
from pole.cli.shell.signals import heed_signals
from pole.errors import InputError, PoleError

if TYPE_CHECKING:
    from pole.adapters.machine.fleet.fleet_file import Fleet, FleetWorker
    from pole.adapters.machine.fleet.request_files import Request, Requests
    from pole.adapters.machine.fleet.supervisor import Program, Supervisor

LOOK: Final = 0.2
"""Seconds between two looks at what others asked for."""
STOP_WITHIN: Final = 60.0
"""Seconds in which a worker has to end that was asked to, before it is killed; it resumes after either."""
SETTLED: Final = 5.0
"""Seconds for which a worker that was started anew has to run before the next one is asked."""

names_argument = click.argument("names", metavar="[NAME]...", nargs=-1)


@command(epilog="Example: pole fleet up fleet.toml")
@fleet_argument
@common_options
def up(settings: Settings, /, *, file: Path) -> None:
    """Start the workers of FILE, and serve them until SIGTERM, Ctrl-C or the end of the last one.

    One that fails is started again, after a pause that grows with each failure. One that ends by exit code 0,
    or 2 for what has to be corrected, is left alone. The exit code is 0 when all workers ended well, 2 when
    the file or a worker's configuration is bad, and 1 when a worker had to be killed.
    """
    from pole.adapters.machine.fleet.restarts import Restarts
    from pole.adapters.machine.fleet.supervisor import Supervisor
    from pole.adapters.storage.file_lock import sole_holder

    fleet = open_fleet(settings, file)
    requests = served_in(fleet)
    work = f"The fleet {fleet.name} of {fleet.shared.home} is up"
    with heed_signals() as asked, sole_holder(requests.folder / "lock", work):
        requests.clear()
        programs = _programs(fleet, requests)
        supervisor = Supervisor(programs, Restarts(), _Voice(programs, asked.stopping).say)
        _serve(supervisor, requests, asked.stopping)
    _require_good_ends(supervisor.codes())


@command(epilog="Example: pole fleet drain fleet.toml miner-1")
@fleet_argument
@names_argument
@json_option
@common_options
def drain(settings: Settings, /, *, file: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Have workers of a fleet that is up leave for good, and wait for their end; all without NAME.

    A miner joins no more rounds, and ends once its last one is settled. A verifier gives its seat up, and
    ends once no round can draw it any more. A data node ends when none of its tasks waits and none of its
    rounds is open, a key holder when no task counts on it. Each says what it waits for, and until when.
    Ctrl-C ends the waiting alone.
    """
    from pole.adapters.machine.fleet.request_files import Request

    fleet = open_fleet(settings, file)
    chosen = fleet.named(names)
    requests = served_in(fleet)
    for worker in chosen:
        requests.ask(worker.name, Request.DRAIN)
    for worker in chosen:
        _wait(fleet, requests, worker, Request.DRAIN)
    ended = [worker.name for worker in chosen]
    print_done(f"Ended with nothing at stake: {', '.join(ended)}.", {"drained": ended}, as_json=as_json)


@command(epilog="Example: pole fleet upgrade fleet.toml")
@fleet_argument
@names_argument
@json_option
@common_options
def upgrade(settings: Settings, /, *, file: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Start the workers of a fleet that is up anew, one after another; all without NAME.

    Each ends as soon as no open round has anything at stake, keeps its seat or tasks, and is started as the
    `pole` that is installed by then. One that is down is started. The first that does
    not stay up ends the upgrade, with exit code 1: those after it run on as they were.
    """
    from pole.adapters.machine.fleet.request_files import Request

    fleet = open_fleet(settings, file)
    requests = served_in(fleet)
    renewed: list[str] = []
    for worker in fleet.named(names):
        requests.ask(worker.name, Request.RENEW)
        _wait(fleet, requests, worker, Request.RENEW)
        _require_steady(requests, worker)
        renewed.append(worker.name)
    print_done(f"Started anew: {', '.join(renewed)}.", {"renewed": renewed}, as_json=as_json)


def _programs(fleet: "Fleet", requests: "Requests") -> list["Program"]:
    from pole.adapters.machine.fleet.supervisor import Program

    pole = pole_program()
    return [
        Program(
            worker.name,
            [pole, *worker.arguments],
            worker_environment(fleet, worker),
            requests.record(worker.name),
        )
        for worker in fleet.workers
    ]


def _serve(supervisor: "Supervisor", requests: "Requests", stopping: threading.Event) -> None:
    supervisor.start()
    try:
        while supervisor.is_served() and not stopping.wait(LOOK):
            supervisor.heed(requests)
    finally:
        supervisor.stop(STOP_WITHIN)
        requests.clear()


def _require_good_ends(codes: dict[str, int]) -> None:
    """Raise InputError where a worker's configuration is bad, PoleError where one ended otherwise ill."""
    from pole.adapters.machine.fleet.supervisor import end_of

    ill = {name: code for name, code in codes.items() if code != 0}
    told = ", ".join(f"{name} ({end_of(code)})" for name, code in ill.items())
    if InputError.exit_code in ill.values():
        raise InputError(f"Not all workers ended well: {told}. Correct what they said above.")
    if ill:
        raise PoleError(f"Not all workers ended well: {told}. What they had at stake waits for their return.")


def _wait(fleet: "Fleet", requests: "Requests", worker: "FleetWorker", request: "Request") -> None:
    """Wait until a request is done. Raises InputError where nobody serves the fleet."""
    from pole.adapters.storage.file_lock import is_held

    while requests.has(worker.name, request):
        if not is_held(requests.folder / "lock"):
            requests.drop(worker.name, request)
            raise InputError(f"The fleet {fleet.name} is not up: `pole fleet up {fleet.path}` first.")
        time.sleep(LOOK)


def _require_steady(requests: "Requests", worker: "FleetWorker") -> None:
    """Raise PoleError where a worker that was started anew ends soon."""
    from pole.adapters.machine.process import running_process

    deadline = time.monotonic() + SETTLED
    first = None
    while time.monotonic() < deadline:
        time.sleep(LOOK)
        running = running_process(requests.record(worker.name))
        first = first or running
        if first is not None and running != first:
            break
    else:
        if first is not None:
            return
    raise PoleError(f"The worker {worker.name} does not stay up: see what it says, then upgrade the others.")


class _Voice:
    """Prints what programs say, a line at a time, behind their names."""

    def __init__(self, programs: list["Program"], stopping: threading.Event) -> None:
        self._width = max(len(program.name) for program in programs)
        self._stopping = stopping
        self._lock = threading.Lock()

    def say(self, name: str, line: str) -> None:
        """Print a line; who reads no more of it ends the fleet, as it ends any program."""
        try:
            with self._lock:
                click.echo(f"{name:<{self._width}} | {line}")
        except BrokenPipeError:
            self._stopping.set()
