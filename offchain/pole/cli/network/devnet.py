"""`pole devnet`: the development network on this machine."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_done, print_json, print_table
from pole.cli.common.parameters import Duration

if TYPE_CHECKING:
    from pole.adapters.machine.devnet import ServiceState


def _port_option(
    name: str, default: int, purpose: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        name, type=click.IntRange(1, 65535), default=default, show_default=True, help=f"Port of {purpose}."
    )


@command(epilog="Example: pole devnet up --block-time 1")
@click.option(
    "--chain",
    "program",
    type=click.Choice(["ganache", "anvil"]),
    default="ganache",
    show_default=True,
    help="What runs the chain; each has a chain of its own.",
)
@_port_option("--rpc-port", 8546, "the chain")
@_port_option("--ipfs-port", 5001, "the IPFS API")
@_port_option("--swarm-port", 4001, "IPFS's swarm")
@click.option(
    "--block-time",
    type=Duration(0, 60),
    default=1,
    show_default=True,
    help="Time between blocks; 0 mines each transaction at once.",
)
@click.option(
    "--mnemonic", default=None, help="Words of the chain's own accounts; they are play money, not a secret."
)
@click.option("--fresh", is_flag=True, help="Begin a new chain and an empty IPFS repository.")
@json_option
@common_options
def up(
    settings: Settings,
    /,
    *,
    program: str,
    rpc_port: int,
    ipfs_port: int,
    swarm_port: int,
    block_time: float,
    mnemonic: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Start a chain and an IPFS daemon, and wait until both answer.

    What runs already is left alone: a second `up` changes nothing, and an IPFS daemon of yours on the same
    port is used as it is. anvil writes its whole chain down every second: a kill costs that second's blocks,
    and a chain of days is for ganache.
    """
    from pole.adapters.machine import devnet

    folder = settings.home / "devnet"
    programs = devnet.programs_folder()
    network = devnet.DevnetSettings(
        folder,
        programs,
        rpc_port,
        ipfs_port,
        swarm_port,
        block_time,
        chain=devnet.ChainProgram(program),
    )
    if mnemonic:
        network = replace(network, mnemonic=mnemonic)
    if fresh:
        devnet.stop_devnet(folder)
        devnet.wipe_devnet(folder)
    chain = devnet.start_chain(network)
    try:
        daemon = devnet.start_ipfs(network)
    except BaseException:
        # A half-started network, also after Ctrl-C, would only be in the way.
        if chain:
            devnet.stop_devnet(folder)
        raise
    print_done(
        f"chain  {network.rpc}  {'started' if chain else 'runs already'}\n"
        f"ipfs   {network.ipfs}  {'started' if daemon else 'answers already'}",
        {
            "chain": {"address": network.rpc, "started": chain is not None},
            "ipfs": {"address": network.ipfs, "started": daemon is not None},
        },
        as_json=as_json,
    )


@command(epilog="Example: pole devnet down")
@json_option
@common_options
def down(settings: Settings, /, *, as_json: bool) -> None:
    """Stop what `pole devnet up` started.

    The chain and the IPFS repository stay on disk for the next start.
    """
    from pole.adapters.machine.devnet import stop_devnet

    stopped = stop_devnet(settings.home / "devnet")
    told = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running."
    print_done(told, {"stopped": stopped}, as_json=as_json)


@command(epilog="Example: pole devnet status --json")
@json_option
@common_options
def status(settings: Settings, /, *, as_json: bool) -> None:
    """Tell what runs and where; the exit code is 3 when the chain or the IPFS daemon does not answer."""
    from pole.adapters.machine.devnet import devnet_state

    services = devnet_state(settings.home / "devnet", rpc=settings.rpc, ipfs=settings.ipfs)
    if as_json:
        print_json([_as_json(service) for service in services])
    else:
        columns = ("service", "address", "state", "process", "log")
        print_table(columns, [_row(service) for service in services], empty="")
    if not all(service.answers for service in services):
        click.get_current_context().exit(3)


def _as_json(service: "ServiceState") -> dict[str, Any]:
    return {
        "name": service.name,
        "address": service.address,
        "answers": service.answers,
        "pid": service.process.pid if service.process else None,
        "log": str(service.log),
    }


def _row(service: "ServiceState") -> tuple[object, ...]:
    state = "answers" if service.answers else "silent"
    process = f"ours, process {service.process.pid}" if service.process else "not ours"
    return service.name, service.address, state, process, service.log
