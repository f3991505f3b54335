"""`pole data-node sign-release` and `pole task release`."""

from pathlib import Path

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.common.output import print_done
from pole.cli.common.parameters import content_of
from pole.errors import InputError


@command(epilog="Example: pole data-node sign-release 3 --wallet data-1 --out release.json")
@click.argument("round_id", metavar="ROUND", type=click.IntRange(1))
@wallet_option
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File of the release."
)
@common_options
def sign_release(settings: Settings, round_id: int, wallet: str, out: Path) -> None:
    """Sign the release of ROUND's test set for others to relay, and put the test set on IPFS.

    Sends nothing and costs no gas. Possible once submissions are closed. The signature counts while its time
    is within five minutes of the Ethereum block that takes it.
    """
    from eth_account.signers.local import LocalAccount
    from eth_typing import Hash32

    from pole.protocol.encoding.release_signature import TOLERANCE
    from pole.protocol.formats.signed_release import write_signed_release
    from pole.roles.publishing.release import sign_release as sign
    from pole.roles.support.files import write_durably

    with open_session(settings, wallet, read_password(settings)) as session:
        if not isinstance(session.account, LocalAccount):
            raise InputError(
                f"The key of {wallet} is with a signer, which signs no releases: let the data node release "
                "the test set by its own transaction."
            )
        release = sign(
            session.chain,
            session.store,
            session.home,
            lambda digest: bytes(session.account.unsafe_sign_hash(Hash32(digest)).signature),
            round_id=round_id,
        )
        write_durably(out, write_signed_release(release))
        click.echo(f"{out} holds the signed release: relay it with `pole task release` within {TOLERANCE} s.")


@command(epilog="Example: pole task release --file release.json --wallet alice")
@wallet_option
@click.option(
    "--file",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Release that the data node signed with `pole data-node sign-release`.",
)
@json_option
@common_options
def relay_release(settings: Settings, /, *, wallet: str, path: Path, as_json: bool) -> None:
    """Release a round's test set with the data node's signature, from any wallet."""
    from pole.protocol.formats.signed_release import read_signed_release

    release = read_signed_release(content_of(path))
    with open_session(settings, wallet, read_password(settings)) as session:
        session.chain.release_test_set_for(release, intent=f"relay/{release.round_id}/{release.timestamp}")
        print_done(
            f"The test set of round {release.round_id} is released as {release.test.cid}.",
            {"round": release.round_id, "cid": release.test.cid},
            as_json=as_json,
        )
