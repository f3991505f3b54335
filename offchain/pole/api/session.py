"""One wallet at work, and what it is connected to.

The adapters are imported when a session is opened, so that nobody who only asks for help loads web3.
"""

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pole.api.settings import Settings
from pole.errors import InterruptError

if TYPE_CHECKING:
    from eth_account.signers.base import BaseAccount

    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.adapters.sending.chain import EthereumChain
    from pole.adapters.storage.ipfs import IpfsStore
    from pole.adapters.storage.journal import SqliteJournal
    from pole.adapters.wallet.secret_store import SecretStore

NOTHING_SENT: Final = "Nothing was sent."


@dataclass(frozen=True, slots=True)
class Session:
    """One wallet at work: its ports, the account that signs, its secrets at rest, and a folder of its own.

    `home` is this wallet's working folder, apart from those of other wallets and of other deployments:
    caches, shards and models go there. `secrets` keeps small secret files encrypted under the wallet's
    password. `interrupts` are what the user's own interrupt is raised as. `resources` are closed at the end.
    """

    chain: "EthereumChain"
    store: "IpfsStore"
    journal: "SqliteJournal"
    secrets: "SecretStore"
    home: Path
    account: "BaseAccount" = field(repr=False)
    interrupts: tuple[type[BaseException], ...] = (KeyboardInterrupt,)
    resources: ExitStack = field(default_factory=ExitStack, repr=False)

    def __enter__(self) -> Self:
        """Use the session as a context that closes its journal and what else it holds."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the journal; raises InterruptError, which says what was sent, where Ctrl-C ended the work."""
        try:
            if kind in self.interrupts:
                raise InterruptError(f"Interrupted. {_what_was_sent(self.journal)}")
        finally:
            self.journal.close()
            self.resources.close()


def _what_was_sent(journal: "SqliteJournal") -> str:
    from pole.adapters.storage.journal import SendState

    pending, made = journal.pending_sends(), journal.sends_made()
    mined = [send.hash for send in made if send.state is SendState.DONE]
    told = [f"Transaction {', '.join(mined)} was sent and mined."] if mined else []
    if pending:
        told.append(
            f"Transaction {pending[-1].hash} was signed and may be mined yet: call the same command again, "
            "which goes on with it."
        )
    return " ".join(told) or NOTHING_SENT


def open_reader(settings: Settings) -> "ChainReader":
    """Connect to the chain for reading only: no wallet, no password.

    Raises InputError for an unusable deployment file or another chain, UnreachableError when the node does
    not answer.
    """
    from pole.adapters.ethereum.chain_reader import open_chain_reader

    return open_chain_reader(settings.rpc, settings.deployment)


def open_store(settings: Settings) -> "IpfsStore":
    """Return the IPFS store; the daemon is first asked when it is used.

    Raises InputError for a malformed multiaddr.
    """
    from pole.adapters.storage.ipfs import IpfsStore

    return IpfsStore(settings.ipfs)


def open_session(
    settings: Settings,
    wallet_name: str,
    password: str,
    interrupts: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
    *,
    fee_ceiling: int | None = None,
) -> Session:
    """Unlock a wallet and connect it to the chain, the store and its journal.

    `fee_ceiling` is the most wei that are offered for a unit of gas, if another than FeePolicy's.
    Raises InputError for a missing wallet, a wrong password, an unusable deployment file, another chain, a
    journal that another chain wrote, or a data folder that is being backed up; UnreachableError when the node
    does not answer.
    """
    from pole.adapters.sending.chain import open_ethereum_chain
    from pole.adapters.sending.fees import FeePolicy
    from pole.adapters.signing.interfaces import signatures_in
    from pole.adapters.signing.remote_account import open_account
    from pole.adapters.storage.home_lock import present_in
    from pole.adapters.storage.journal import SqliteJournal
    from pole.adapters.wallet.secret_store import SecretStore

    # A signer that is asked for a signature is told which function is called; by then there is a reader.
    account = open_account(
        settings.home,
        wallet_name,
        password,
        lambda: signatures_in(each.abi for each in reader.deployment.contracts.values()),
    )
    reader = open_reader(settings)
    deployment = reader.deployment
    home = (
        settings.home
        / "work"
        / f"{deployment.chain_id}-{deployment.chain.address[2:10].lower()}-{account.address[2:10].lower()}"
    )
    with ExitStack() as stack:
        stack.enter_context(present_in(settings.home))
        journal = stack.enter_context(closing(SqliteJournal(home / "journal.sqlite")))
        policy = FeePolicy() if fee_ceiling is None else FeePolicy(ceiling=fee_ceiling)
        chain = open_ethereum_chain(reader, account, journal, locks=settings.home / "locks", policy=policy)
        secrets = SecretStore(settings.home / "secrets", password)
        store = open_store(settings)
        return Session(chain, store, journal, secrets, home, account, interrupts, stack.pop_all())
