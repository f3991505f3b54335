"""`pole key-holder new|accept|run`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.api.wallets import DEVELOPMENT_CHAINS
from pole.cli.common.context import (
    Session,
    Settings,
    command,
    common_options,
    open_session,
    read_password,
    require_strong_wallet,
    wallet_option,
    warn_of_light_wallet,
)
from pole.cli.common.parameters import content_of
from pole.cli.common.worker import (
    WorkerOptions,
    confirmations_of,
    confirmations_option,
    serve,
    settlement_of,
    worker_options,
)
from pole.cli.shell.signals import Asked

if TYPE_CHECKING:
    from pole.protocol.formats.key_sharing import SealedShare
    from pole.protocol.formats.shared_task import SharedTask
    from pole.protocol.models.specification import ModelSpecification
    from pole.roles.keys.combiner import KeyCombiner
    from pole.roles.keys.sharing import TaskSharing
    from pole.roles.support.draining import Participant


@command(epilog="Example: pole key-holder new --wallet alice")
@wallet_option
@common_options
def new(settings: Settings, wallet: str) -> None:
    """Print the card of a wallet: its address and the key that shares are sealed to, signed.

    The key is made when the wallet has none yet, and kept encrypted under the wallet's password. The card is
    public: send it to the data node, which should know the address by another way.
    """
    from pole.adapters.signing.remote_account import open_account
    from pole.adapters.wallet.holder_card import write_card
    from pole.adapters.wallet.secret_store import SecretStore
    from pole.adapters.wallet.share_box import public_sealing_key
    from pole.api.key_secrets import sealing_key_of

    password = read_password(settings)
    account = open_account(settings.home, wallet, password)
    warn_of_light_wallet(settings, wallet)
    private = sealing_key_of(SecretStore(settings.home / "secrets", password), account.address)
    click.echo(write_card(account, public_sealing_key(private)).decode())


@command(epilog="Example: pole key-holder accept share-2.json --wallet alice")
@click.argument("file", type=click.Path(path_type=Path))
@wallet_option
@common_options
def accept(settings: Settings, file: Path, wallet: str) -> None:
    """Open the sealed share FILE, check it against the sharing on the chain, and keep it.

    Says which task the share is for: `pole key-holder run` serves that task alone. The share is kept
    encrypted under the wallet's password. What is printed is a receipt, signed by the wallet: send it to the
    data node, which needs it to remove its master secret.
    """
    from pole.adapters.wallet.share_receipt import write_receipt
    from pole.protocol.formats.key_sharing import ShareReceipt, read_sealed_share

    sealed = read_sealed_share(content_of(file))
    with open_session(settings, wallet, read_password(settings)) as session:
        require_strong_wallet(settings, wallet, session.chain.identity.chain_id)
        index = _accept(session, sealed)
        receipt = ShareReceipt(session.account.address, sealed.sharing_digest, sealed.task)
        click.echo(write_receipt(session.account, receipt).decode())
    click.echo(
        f"The share fits: this wallet is holder {index}. Send what is printed to the data node, and serve "
        f"the task with: pole key-holder run --wallet {wallet}",
        err=True,
    )


@command(epilog="Example: pole key-holder run --wallet alice")
@wallet_option
@confirmations_option
@worker_options
@common_options
def run(settings: Settings, options: WorkerOptions, /, wallet: str, confirmations: int | None) -> None:
    """Announce partial keys whenever a round opens of a task that this wallet accepted a share for.

    Where the wallet is the task's delegate, or posted the task, it also checks what the holders announce,
    combines what is right and posts the keys. It needs a share for the first and none for the second.
    """
    from pole.api.budget import open_seeds
    from pole.api.key_secrets import open_share
    from pole.roles.memory import KeyHolderMemory
    from pole.roles.workers import tables
    from pole.roles.workers.key_holder.key_holder import KeyHolder

    def key_holder(session: Session, _asked: Asked) -> "Participant":
        if session.chain.identity.chain_id not in DEVELOPMENT_CHAINS:
            warn_of_light_wallet(settings, wallet)
        role = KeyHolder(
            chain=session.chain,
            store=session.store,
            memory=KeyHolderMemory(session.journal),
            seeds=open_seeds(settings),
            home=session.home,
            settlement=settlement_of(session, options),
            combiner=_combiner_of(session, settings),
            open_share=lambda digest: open_share(session.secrets, session.account.address, digest),
            confirmations=confirmations_of(session.chain.parameters, confirmations),
        )
        return tables.key_holder(role)

    serve(settings, options, wallet, key_holder)


def _accept(session: Session, sealed: "SealedShare") -> int:
    """Check a share, say what it serves, and keep it; return the holder's number."""
    from pole.adapters.wallet.share_box import open_sealed, public_sealing_key
    from pole.api.key_secrets import save_share, sealing_key_of
    from pole.protocol.formats.key_sharing import Holder, write_share
    from pole.roles.keys.sharing import accept_share, fetch_specification

    address, task = session.account.address, sealed.task
    found = _sharing_of(session, task)
    private = sealing_key_of(session.secrets, address)
    holder = Holder(address, public_sealing_key(private))
    share = accept_share(found, sealed, holder, lambda box, context: open_sealed(private, box, context))
    describe_share(task, fetch_specification(session.store, session.home / "files", found))
    content = write_share(share.scalars, task=task, sharing_digest=found.digest, index=share.index)
    save_share(session.secrets, address, found.digest, content)
    return share.index


def _sharing_of(session: Session, task: "SharedTask") -> "TaskSharing":
    from pole.errors import InputError
    from pole.roles.keys.sharing import read_task_sharing, require_shared_task

    require_shared_task(session.chain, session.chain.task(task.task_id), task)
    found = read_task_sharing(session.chain, session.store, session.home / "files", task.task_id)
    if found is None:
        raise InputError(
            f"The chain names no sharing of task {task.task_id} yet: wait until the data node's transaction "
            "is mined, then try again."
        )
    return found


def describe_share(task: "SharedTask", specification: "ModelSpecification") -> None:
    """Say on standard error what a share serves, and warn where that is the data itself."""
    from pole.protocol.models.specification import disclosed_rank

    opened, dimension = disclosed_rank(specification), specification.dimension
    click.echo(
        f"This share serves {task}, and nothing else: {task.key_count} functional keys, once, which give "
        f"away up to {opened} of {dimension} independent functions of a sample.",
        err=True,
    )
    if opened >= dimension - 1:
        click.echo(
            "warning: these keys alone disclose the data: once they are out, anybody can compute the "
            "samples.",
            err=True,
        )


def _combiner_of(session: Session, settings: Settings) -> "KeyCombiner":
    import os

    from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
    from pole.roles.keys.combiner import KeyCombiner

    # A holder may announce what nobody has: waiting for it must not cost the key window.
    impatient = IpfsPolicy(first_byte_within=4, fetch_within=20, attempts=1)
    return KeyCombiner(
        chain=session.chain,
        store=session.store,
        partial_store=IpfsStore(settings.ipfs, policy=impatient),
        home=session.home,
        random_bytes=os.urandom,
    )
