"""The tree of commands: which exist, what they are for, and where they are."""

from typing import Any

import click

from pole.cli.common.lazy_group import LazyCommand, LazyGroup, RootGroup


def _group(name: str, summary: str, commands: dict[str, tuple[str, str]]) -> LazyGroup:
    entries: dict[str, LazyCommand | click.Command] = {
        command: LazyCommand(target, line) for command, (target, line) in commands.items()
    }
    return LazyGroup(name, entries, help=summary, no_args_is_help=True)


devnet = _group(
    "devnet",
    "A development chain and IPFS daemon on this machine.",
    {
        "up": ("pole.cli.network.devnet:up", "Start the chain and the IPFS daemon."),
        "down": ("pole.cli.network.devnet:down", "Stop what `up` started."),
        "status": ("pole.cli.network.devnet:status", "Tell what runs and where."),
    },
)
deployment = _group(
    "deployment",
    "The contracts of a deployment file.",
    {"verify": ("pole.cli.network.deployment:verify", "Verify their source code on Sourcify.")},
)
wallet = _group(
    "wallet",
    "Wallets: encrypted keystores under the data folder.",
    {
        "new": ("pole.cli.network.wallet:new", "Make a wallet."),
        "list": ("pole.cli.network.wallet:list_", "List the wallets."),
        "import": ("pole.cli.network.wallet_files:import_", "Make a wallet of a keystore's key."),
        "export": ("pole.cli.network.wallet_files:export", "Write a wallet's key into a keystore."),
        "connect": (
            "pole.cli.network.wallet_files:connect",
            "Make a wallet whose key is with Clef or web3signer.",
        ),
        "fund": ("pole.cli.network.wallet:fund", "Send ether from a development node's own account."),
    },
)
task = _group(
    "task",
    "Tasks: what is to be learned, for how much.",
    {
        "post": ("pole.cli.task.post:post", "Encrypt a data set, post a task on it and fund it."),
        "list": ("pole.cli.task.tasks:list_", "List the tasks."),
        "show": ("pole.cli.task.tasks:show", "Show one task."),
        "watch": ("pole.cli.task.watch:watch", "Watch a task until its round has ended."),
        "cancel": ("pole.cli.task.tasks:cancel", "Take a waiting task back."),
        "release": (
            "pole.cli.task.release:relay_release",
            "Relay a test set's release that its data node signed.",
        ),
    },
)
spec = _group(
    "spec",
    "Model specifications: what a task wants trained.",
    {
        "show": ("pole.cli.spec.documents:show", "Show the layers, their cost, and what is disclosed."),
        "check": ("pole.cli.spec.documents:check", "Check that a specification is usable."),
        "suggest": ("pole.cli.spec.suggest:suggest", "Write one that suits a data set and its budget."),
        "try": ("pole.cli.spec.try_:try_", "Train on plain data and say what is reached."),
        "from-torch": ("pole.cli.spec.from_torch:from_torch", "Make one of a torch module."),
    },
)
data_node = _group(
    "data-node",
    "The data node: issues functional keys and releases test sets.",
    {
        "run": ("pole.cli.workers.data_node:run", "Serve the tasks of a wallet."),
        "sign-release": (
            "pole.cli.task.release:sign_release",
            "Sign a test set's release for others to relay.",
        ),
        "share": ("pole.cli.keys.sharing:share", "Share a task's master secret among key holders."),
        "drop-secret": ("pole.cli.keys.sharing:drop_secret", "Remove a master secret that is shared."),
    },
)
key_holder = _group(
    "key-holder",
    "The key holder: makes functional keys with others, from shares.",
    {
        "new": ("pole.cli.keys.holder:new", "Print the card that a data node needs."),
        "accept": ("pole.cli.keys.holder:accept", "Check a share and keep it."),
        "run": ("pole.cli.keys.holder:run", "Make partial keys when rounds open, and combine them."),
    },
)
data = _group(
    "data",
    "Data sets: your own and published ones, and what keys disclose.",
    {
        "prepare": ("pole.cli.data.prepare:prepare", "Make a data set of a table or of images."),
        "show": ("pole.cli.data.show:show", "Show what a data set holds, and what is wrong with it."),
        "fetch": ("pole.cli.data.fetch:fetch", "Fetch published data sets from their publishers."),
        "budget": ("pole.cli.data.sets:budget", "Show how much of each data set is given away."),
        "release": ("pole.cli.data.sets:release", "Take a task that will never have keys out of the budget."),
        "count": ("pole.cli.data.count:count", "Enter a task whose keys are out in the budget."),
        "privacy": ("pole.cli.data.privacy:privacy", "Show what projections reveal of the samples."),
    },
)
model = _group(
    "model",
    "Models that rounds ended with: kept, used, exported.",
    {
        "list": ("pole.cli.model.kept:list_", "List the models that are kept here."),
        "get": ("pole.cli.model.kept:get", "Fetch the model of a round that has ended, and check it."),
        "predict": ("pole.cli.model.predict:predict", "Predict new rows, features, or ciphertexts."),
        "encrypt": ("pole.cli.model.encrypt:encrypt", "Encrypt new rows for others to predict."),
        "report": ("pole.cli.model.report:report", "Show how good a model is."),
        "card": ("pole.cli.model.card:card", "Write its card, a README for Hugging Face."),
        "export": ("pole.cli.model.export:export", "Write it for onnxruntime, torch or scikit-learn."),
    },
)
miner = _group(
    "miner",
    "The miner: trains on encrypted data and competes for rewards.",
    {
        "run": ("pole.cli.workers.miner.run:run", "Take part in every round."),
        "try": ("pole.cli.workers.miner.try_:try_", "Train on plain data, to try a recipe or your own code."),
        "assist": ("pole.cli.workers.miner.assist:assist", "Help a miner on another machine to train."),
        "history": ("pole.cli.workers.history:miner_history", "Show what rounds paid and cost, and why."),
    },
)
verifier = _group(
    "verifier",
    "The verifier: stakes, and re-evaluates what miners reveal.",
    {
        "stake": ("pole.cli.workers.verifier:stake", "Take a seat."),
        "run": ("pole.cli.workers.verifier_run:run", "Vote whenever the wallet is drawn."),
        "unstake": ("pole.cli.workers.verifier:unstake", "Give the seat up."),
        "reclaim": (
            "pole.cli.workers.verifier:reclaim",
            "Get the stake back when no round can draw the seat.",
        ),
        "history": ("pole.cli.workers.history:verifier_history", "Show what rounds paid and cost, and why."),
        "estimate": (
            "pole.cli.workers.estimate:estimate",
            "Show what a seat earned here in the last rounds.",
        ),
        "leak": ("pole.cli.workers.verifier:leak", "Void another member's vote by showing it."),
    },
)
fleet = _group(
    "fleet",
    "Many workers on one machine, by one file.",
    {
        "up": ("pole.cli.workers.fleet:up", "Start workers, and start again those that fail."),
        "drain": ("pole.cli.workers.fleet:drain", "Have workers finish what they have begun, and end."),
        "upgrade": ("pole.cli.workers.fleet:upgrade", "Drain workers and start them anew, one by one."),
        "units": ("pole.cli.workers.fleet_files:units", "Write systemd units."),
        "container": ("pole.cli.workers.fleet_files:container", "Write a Containerfile."),
    },
)
cluster = _group(
    "cluster",
    "Other machines that work beside this one.",
    {
        "certificates": (
            "pole.cli.workers.cluster:certificates",
            "Make the certificates of its machines.",
        ),
        "scheduler": ("pole.cli.workers.cluster:scheduler", "Hand shards to the workers."),
        "worker": ("pole.cli.workers.cluster:worker", "Work on shards."),
        "status": ("pole.cli.workers.cluster:status", "Show the workers."),
    },
)
chain = _group(
    "chain",
    "The chain of PoLe blocks.",
    {
        "log": ("pole.cli.network.chain:log", "Show the blocks."),
        "verify": (
            "pole.cli.network.chain:verify",
            "Check every block, record and payout from the events alone.",
        ),
        "prove": ("pole.cli.network.chain:prove", "Prove that a record is in a block."),
        "check": ("pole.cli.network.chain:check", "Check a proof that a record is in a block."),
        "export": ("pole.cli.network.chain_export:export", "Write everything that happened as tables."),
        "challenge": ("pole.cli.network.chain:challenge", "Call for a larger committee to judge anew."),
    },
)

config = _group(
    "config",
    "Profiles: where things are on each network that you work with.",
    {
        "set": ("pole.cli.settings.config:set_", "Keep a setting in a profile."),
        "unset": ("pole.cli.settings.config:unset", "Take a setting out of a profile."),
        "use": ("pole.cli.settings.config:use", "Use a profile from now on."),
        "list": ("pole.cli.settings.config:list_", "List the profiles."),
        "show": ("pole.cli.settings.config:show", "Show each setting, and where it comes from."),
    },
)
completion = _group(
    "completion",
    "Completion of commands and options in your shell.",
    {
        "install": ("pole.cli.settings.completion:install", "Install it for a shell."),
        "show": ("pole.cli.settings.completion:show", "Print the script that a shell loads."),
    },
)

main = RootGroup(
    "pole",
    {
        "devnet": devnet,
        "deployment": deployment,
        "wallet": wallet,
        "task": task,
        "spec": spec,
        "data": data,
        "model": model,
        "data-node": data_node,
        "key-holder": key_holder,
        "miner": miner,
        "verifier": verifier,
        "fleet": fleet,
        "cluster": cluster,
        "chain": chain,
        "config": config,
        "completion": completion,
        "explore": LazyCommand("pole.cli.network.explore:explore", "Show what happens as pages."),
        "withdraw": LazyCommand("pole.cli.network.withdraw:withdraw", "Pay a wallet's credit out to it."),
        "backup": LazyCommand("pole.cli.network.backup:backup", "Back up what only this data folder has."),
        "restore": LazyCommand("pole.cli.network.backup:restore", "Make a data folder of a backup."),
        "doctor": LazyCommand("pole.cli.network.doctor:doctor", "Check the set-up and say what to do."),
    },
    help="Proof of Learning: a blockchain whose proof of work is a trained model.",
    epilog="Example: pole doctor",
    no_args_is_help=True,
)


def _show_version(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version

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
]
