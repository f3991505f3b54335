"""`pole data-node share|drop-secret`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    open_session,
    read_password,
    require_strong_wallet,
    wallet_option,
)
from pole.cli.common.output import print_json
from pole.cli.common.parameters import content_of
from pole.errors import InputError, PoleError

if TYPE_CHECKING:
    from pole.protocol.formats.key_sharing import Holder, SealedShare, ShareReceipt


@command(
    epilog="Example: pole data-node share 1 --wallet data-1 --threshold 2 --holder alice.json "
    "--holder bob.json --holder carol.json --out shares"
)
@click.argument("task_id", type=click.IntRange(1))
@wallet_option
@click.option("--threshold", type=click.IntRange(1), required=True, help="Holders that make keys together.")
@click.option(
    "--holder",
    "cards",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="CARD",
    help="File of a holder's card, made by `pole key-holder new`; once for each holder.",
)
@click.option("--delegate", metavar="ADDRESS", help="Who posts the keys.  [default: the first holder]")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the shares."
)
@json_option
@common_options
def share(
    settings: Settings,
    /,
    *,
    task_id: int,
    wallet: str,
    threshold: int,
    cards: tuple[Path, ...],
    delegate: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Share the master secret of task TASK_ID, so that its keys can be issued while the data node is offline.

    Writes one sealed share for each holder, to be sent by any way, and names the sharing on the chain. The
    data bond stands for the keys that the delegate posts. Any THRESHOLD holders together can read the data.
    Holders make keys for this task and its specification alone. Sharing again replaces the sharing, and every
    holder needs its new file; it takes no old share back.
    """
    import os

    from pole.adapters.wallet.share_box import seal_to
    from pole.api.key_secrets import open_master_secret
    from pole.roles.keys.dealing import Dealer, SharingRequest
    from pole.roles.publishing.task_folder import TaskFolder

    holders = tuple(_read_card(path) for path in cards)
    poster = _delegate(delegate, holders)
    with open_session(settings, wallet, read_password(settings)) as session:
        require_strong_wallet(settings, wallet, session.chain.identity.chain_id)
        mpk_digest = session.chain.task(task_id).files.mpk_digest
        secret = open_master_secret(session.secrets, mpk_digest)
        specification = TaskFolder.of(session.home, mpk_digest).read_specification()
        request = SharingRequest(task_id, specification, holders, threshold, poster)
        dealer = Dealer(session.chain, session.store, session.home, seal_to, os.urandom)
        ref = dealer.deal(request, secret, lambda sealed: _write(sealed, out))
    files = {holder.address: str(_path(out, index)) for index, holder in enumerate(holders, start=1)}
    if as_json:
        print_json({"sharingCid": ref.cid, "delegate": request.delegate, "files": files})
        return
    for address, path in files.items():
        click.echo(f"{path}  for {address}: pole key-holder accept {Path(path).name}")
    click.echo(
        f"Any {threshold} of {len(holders)} make the keys now, and {request.delegate} posts them. With the "
        "receipts that they send back, the secret need not stay: pole data-node drop-secret "
        f"{task_id} --wallet {wallet} --receipt FILE"
    )


@command(
    name="drop-secret",
    epilog="Example: pole data-node drop-secret 1 --wallet data-1 --receipt alice.receipt "
    "--receipt bob.receipt --receipt carol.receipt --yes",
)
@click.argument("task_id", type=click.IntRange(1))
@wallet_option
@click.option(
    "--receipt",
    "receipts",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="What a holder's `pole key-holder accept` printed; of as many holders as make keys, or more.",
)
@click.option("--yes", is_flag=True, help="Remove it without asking.")
@common_options
def drop_secret(
    settings: Settings, /, *, task_id: int, wallet: str, receipts: tuple[Path, ...], yes: bool
) -> None:
    """Remove the master secret of task TASK_ID from this machine, once enough holders took in their shares.

    There is no way back: when fewer holders than the threshold serve the round, or nobody posts the keys that
    they make, it has none, and the data bond is lost. The delegate posts them, and so does `pole key-holder
    run` with the data node's wallet. Training and test set are encrypted already and need the secret no more.
    """
    from pole.api.key_secrets import remove_master_secret
    from pole.roles.keys.dealing import count_receipts
    from pole.roles.keys.dealing import drop_secret as drop
    from pole.roles.keys.sharing import read_task_sharing

    accepted = [_read_receipt(path) for path in receipts]
    with open_session(settings, wallet, read_password(settings)) as session:
        found = read_task_sharing(session.chain, session.store, session.home / "files", task_id)
        if found is None:
            raise InputError(
                f"The secret of task {task_id} is not shared: share it first (`pole data-node share`)."
            )
        count, threshold = count_receipts(found, accepted), found.sharing.threshold
        click.echo(
            f"{count} of {len(found.sharing.holders)} holders took in their shares, and {threshold} make the "
            f"keys: the round has them as long as at most {count - threshold} of these {count} are away, and "
            f"{found.delegation.delegate} is there to post them, or this wallet: pole key-holder run "
            f"--wallet {wallet}"
        )
        if not yes and not click.confirm("There is no way back. Remove the master secret?"):
            raise PoleError("Not removed: the master secret stays on this machine.")
        drop(
            session.chain,
            session.journal,
            found,
            lambda digest: remove_master_secret(session.secrets, digest),
        )
    click.echo(f"The master secret of task {task_id} is gone from this machine; its holders issue the keys.")


def _read_receipt(path: Path) -> "ShareReceipt":
    from pole.adapters.wallet.share_receipt import read_receipt
    from pole.errors import IntegrityError

    try:
        return read_receipt(content_of(path).strip())
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error}") from error


def _read_card(path: Path) -> "Holder":
    from pole.adapters.wallet.holder_card import read_card
    from pole.errors import IntegrityError

    try:
        return read_card(content_of(path).strip())
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error}") from error


def _delegate(given: str | None, holders: Sequence["Holder"]) -> str:
    from pole.protocol.encoding.hashing import address, is_address

    if given is None:
        return holders[0].address
    if not is_address(given) or address(given) != given:
        raise InputError(f"{given!r} is no address with its EIP-55 checksum: correct --delegate.")
    return given


def _write(sealed: Sequence["SealedShare"], out: Path) -> None:
    from pole.protocol.formats.key_sharing import write_sealed_share
    from pole.roles.support.files import write_durably

    for each in sealed:
        write_durably(_path(out, each.index), write_sealed_share(each))


def _path(out: Path, index: int) -> Path:
    return out / f"share-{index}.json"
