"""`pole key-holder new|accept|run`."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import (
    DEVELOPMENT_CHAINS,
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

if TYPE_CHECKING:
    from pole.protocol.formats.key_sharing import SealedShare
    from pole.roles.keys.combiner import KeyCombiner
    from pole.roles.loop import Role


@command(epilog="Example: pole key-holder new --wallet alice")
@wallet_option
@common_options
def new(settings: Settings, wallet: str) -> None:
    """Print the card of a wallet: its address and the key that shares are sealed to, signed.

    The key is made when the wallet has none yet, and kept encrypted under the wallet's password. The card is
    public: send it to the data node, which should know the address by another way.
    """
    from pole.adapters.wallet.holder_card import write_card
    from pole.adapters.wallet.keystore import unlock_wallet
    from pole.adapters.wallet.secret_store import SecretStore
    from pole.adapters.wallet.share_box import public_sealing_key
    from pole.cli.common.holder_secrets import sealing_key_of

    password = read_password(settings)
    account = unlock_wallet(settings.home, wallet, password)
    warn_of_light_wallet(settings, wallet)
    private = sealing_key_of(SecretStore(settings.home / "secrets", password), account.address)
    click.echo(write_card(account, public_sealing_key(private)).decode())


@command(epilog="Example: pole key-holder accept share-2.json --wallet alice")
@click.argument("file", type=click.Path(path_type=Path))
@wallet_option
@common_options
def accept(settings: Settings, file: Path, wallet: str) -> None:
    """Open the sealed share FILE, check it against the sharing on the chain, and keep it.

    It is kept encrypted under the wallet's password; FILE can be deleted then.
    """
    from pole.protocol.formats.key_sharing import read_sealed_share

    sealed = read_sealed_share(content_of(file))
    with open_session(settings, wallet, read_password(settings)) as session:
        require_strong_wallet(settings, wallet, session.chain.identity.chain_id)
        index = _accept(session, sealed)
    click.echo(
        f"The share fits: this wallet is holder {index} of task {sealed.task_id}. "
        f"Serve it with: pole key-holder run --wallet {wallet}"
    )


@command(epilog="Example: pole key-holder run --wallet alice")
@wallet_option
@confirmations_option
@worker_options
@common_options
def run(settings: Settings, options: WorkerOptions, /, wallet: str, confirmations: int | None) -> None:
    """Announce partial keys whenever a round of a shared task opens.

    Where the wallet is the task's delegate, it also checks what the holders announce, combines what is right
    and posts the keys. It needs a share for the first and none for the second.
    """
    from pole.cli.common.holder_secrets import open_share
    from pole.roles.memory import KeyHolderMemory
    from pole.roles.workers import tables
    from pole.roles.workers.key_holder.key_holder import KeyHolder

    def key_holder(session: Session, _stopping: threading.Event) -> "Role":
        if session.chain.identity.chain_id not in DEVELOPMENT_CHAINS:
            warn_of_light_wallet(settings, wallet)
        role = KeyHolder(
            chain=session.chain,
            store=session.store,
            memory=KeyHolderMemory(session.journal),
            home=session.home,
            settlement=settlement_of(session, options),
            combiner=_combiner_of(session, settings),
            open_share=lambda digest: open_share(session.secrets, session.account.address, digest),
            confirmations=confirmations_of(session.chain.identity.chain_id, confirmations),
        )
        return tables.key_holder(role)

    serve(settings, options, wallet, key_holder)


def _accept(session: Session, sealed: "SealedShare") -> int:
    """Check a share and keep it; return the holder's number."""
    from pole.adapters.wallet.share_box import open_sealed, public_sealing_key
    from pole.cli.common.holder_secrets import save_share, sealing_key_of
    from pole.errors import InputError
    from pole.protocol.formats.key_sharing import Holder, write_share
    from pole.roles.keys.sharing import accept_share, read_task_sharing

    address = session.account.address
    folder = session.home / "files"
    found = read_task_sharing(session.chain, session.store, folder, sealed.task_id)
    if found is None:
        raise InputError(
            f"The chain names no sharing of task {sealed.task_id} yet: wait until the data node's "
            "transaction is mined, then try again."
        )
    private = sealing_key_of(session.secrets, address)
    holder = Holder(address, public_sealing_key(private))
    share = accept_share(found, sealed, holder, lambda box, context: open_sealed(private, box, context))
    content = write_share(share.scalars, sharing_digest=found.digest, index=share.index)
    save_share(session.secrets, address, found.digest, content)
    return share.index


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
