"""`pole miner assist`."""

import click

from pole.cli.common.context import Settings, command, common_options
from pole.cli.common.log import start_log
from pole.cli.common.worker import processes_option, threads_option
from pole.cli.shell.signals import heed_signals


@command(epilog="Example: pole miner assist 10.0.0.1:29500 --processes 4")
@click.argument("address", metavar="ADDRESS")
@click.option("--device", help="Device of torch to train on.  [default: a GPU if there is one]")
@threads_option
@processes_option
@click.option("--json-log", is_flag=True, help="Log one JSON object a line.")
@common_options
def assist(
    settings: Settings,
    /,
    *,
    address: str,
    device: str | None,
    threads: int,
    processes: int,
    json_log: bool,
) -> None:
    """Help with the trainings of a miner on another machine, which runs with --meet ADDRESS.

    It needs no wallet, chain or data: the miner sends what it learns from. Nothing of this is encrypted, and
    nobody is asked for a password: let both be on a network of your own.
    """
    start_log(as_json=json_log)
    from pole.cli.common.training import devices_of_ranks, use_threads
    from pole.learning.parallel.meeting import parse_endpoint
    from pole.roles.training.parallel.assistant import Assistant

    endpoint = parse_endpoint(address)
    use_threads(threads)
    devices = devices_of_ranks(device, processes)
    with heed_signals() as asked:
        Assistant(endpoint, devices, threads, settings.home / "assistant").run(asked.stopping.is_set)
