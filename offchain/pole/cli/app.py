"""The tree of commands: which exist, what they are for, and where they are."""

from importlib.metadata import version
from typing import Any

import click

from pole.cli.context import remember_verbose
from pole.cli.lazy_group import LazyCommand, LazyGroup, RootGroup


def _group(name: str, summary: str, commands: dict[str, tuple[str, str]]) -> LazyGroup:
    entries: dict[str, LazyCommand | click.Command] = {
        command: LazyCommand(target, line) for command, (target, line) in commands.items()
    }
    return LazyGroup(name, entries, help=summary, no_args_is_help=True)


devnet = _group(
    "devnet",
    "A development network on this machine: an Ethereum chain (ganache) and an IPFS daemon.",
    {
        "up": ("pole.cli.devnet:up", "Start the chain and the IPFS daemon."),
        "down": ("pole.cli.devnet:down", "Stop what `up` started."),
        "status": ("pole.cli.devnet:status", "Tell what runs and where."),
    },
)
wallet = _group(
    "wallet",
    "Wallets: encrypted keystores under the data folder.",
    {
        "new": ("pole.cli.wallet:new", "Make a wallet."),
        "list": ("pole.cli.wallet:list_", "List the wallets."),
        "fund": ("pole.cli.wallet:fund", "Send ether from a development node's own account."),
    },
)
task = _group(
    "task",
    "Tasks: what is to be learned, for how much.",
    {
        "post": ("pole.cli.task_post:post", "Encrypt a data set, post a task on it and fund it."),
        "list": ("pole.cli.task:list_", "List the tasks."),
        "show": ("pole.cli.task:show", "Show one task."),
        "cancel": ("pole.cli.task:cancel", "Take a waiting task back."),
        "release": (
            "pole.cli.release:relay_release",
            "Relay a test set's release that its data node signed.",
        ),
    },
)
spec = _group(
    "spec",
    "Model specifications: what a task wants trained.",
    {
        "show": ("pole.cli.spec:show", "Show the layers, their cost, and what is disclosed."),
        "check": ("pole.cli.spec:check", "Check that a specification is usable."),
        "try": ("pole.cli.spec_try:try_", "Train on plain data and say what is reached."),
        "from-torch": ("pole.cli.spec_from_torch:from_torch", "Make one of a torch module."),
    },
)
data_node = _group(
    "data-node",
    "The data node: issues functional keys and releases test sets.",
    {
        "run": ("pole.cli.data_node:run", "Serve the tasks of a wallet."),
        "sign-release": ("pole.cli.release:sign_release", "Sign a test set's release for others to relay."),
        "share": ("pole.cli.key_sharing:share", "Share a task's master secret among key holders."),
        "drop-secret": ("pole.cli.key_sharing:drop_secret", "Remove a master secret that is shared."),
    },
)
key_holder = _group(
    "key-holder",
    "The key holder: makes functional keys with others, out of shares of a master secret.",
    {
        "new": ("pole.cli.key_holder:new", "Print the card that a data node needs."),
        "accept": ("pole.cli.key_holder:accept", "Check a share and keep it."),
        "run": ("pole.cli.key_holder:run", "Make partial keys when rounds open, and combine them."),
    },
)
data = _group(
    "data",
    "Data sets: fetching published ones, and what functional keys give away of them.",
    {
        "fetch": ("pole.cli.data_fetch:fetch", "Fetch published data sets from their publishers."),
        "budget": ("pole.cli.data:budget", "Show how much of each data set is given away."),
        "release": ("pole.cli.data:release", "Take a task that will never have keys out of the budget."),
        "privacy": ("pole.cli.data_privacy:privacy", "Show what projections reveal of the samples."),
    },
)
miner = _group(
    "miner",
    "The miner: trains on encrypted data and competes for rewards.",
    {"run": ("pole.cli.miner:run", "Take part in every round.")},
)
verifier = _group(
    "verifier",
    "The verifier: stakes, and re-evaluates what miners reveal.",
    {
        "stake": ("pole.cli.verifier:stake", "Take a seat."),
        "run": ("pole.cli.verifier_run:run", "Vote whenever the wallet is drawn."),
        "unstake": ("pole.cli.verifier:unstake", "Give the seat up."),
        "reclaim": ("pole.cli.verifier:reclaim", "Get the stake back after the unbonding time."),
        "leak": ("pole.cli.verifier:leak", "Void another member's vote by showing it."),
    },
)
chain = _group(
    "chain",
    "The chain of PoLe blocks.",
    {
        "log": ("pole.cli.chain:log", "Show the blocks."),
        "verify": ("pole.cli.chain:verify", "Check every block, record and payout from the events alone."),
        "prove": ("pole.cli.chain:prove", "Prove that a record is in a block."),
        "challenge": ("pole.cli.chain:challenge", "Call for a larger committee to judge anew."),
    },
)

main = RootGroup(
    "pole",
    {
        "devnet": devnet,
        "wallet": wallet,
        "task": task,
        "spec": spec,
        "data": data,
        "data-node": data_node,
        "key-holder": key_holder,
        "miner": miner,
        "verifier": verifier,
        "chain": chain,
        "withdraw": LazyCommand("pole.cli.withdraw:withdraw", "Pay a wallet's credit out to it."),
        "doctor": LazyCommand("pole.cli.doctor:doctor", "Check the set-up and say what to do."),
    },
    help="Proof of Learning: a blockchain whose proof of work is a trained model.",
    epilog="Example: pole doctor",
    no_args_is_help=True,
)


def _show_version(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"pole {version('pole')}")
        context.exit()


main.params += [
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version.",
    ),
    click.Option(
        ["--verbose"],
        is_flag=True,
        expose_value=False,
        callback=lambda context, _parameter, value: remember_verbose(context, value=value),
        help="Show the traceback of an error.",
    ),
]
