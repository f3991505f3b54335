"""A development node signs for its own accounts by web3signer's methods, and is no code of ours."""

from pathlib import Path

from eth_account.messages import encode_defunct
from tests.integration.conftest import Devnet

from pole.adapters.signing.remote_account import open_remote_account
from pole.adapters.wallet.remote_wallet import RemoteKey, SignerKind, connect_wallet
from pole.adapters.wallet.secret_box import ScryptCost
from pole.api.session import open_session
from pole.api.settings import Settings


def test_a_wallet_whose_key_is_with_a_node_takes_a_seat_and_leaves_it(devnet: Devnet, tmp_path: Path) -> None:
    rpc = devnet.settings.rpc
    address = open_remote_account(RemoteKey("", SignerKind.WEB3SIGNER, rpc, 20)).accounts()[-1]
    key = RemoteKey(address, SignerKind.WEB3SIGNER, rpc, 20)
    connect_wallet(tmp_path, "alice", key, "password", cost=ScryptCost(2, 8, 1))
    settings = Settings(tmp_path, rpc, "/ip4/127.0.0.1/tcp/5001", devnet.deployment, None)
    with open_session(settings, "alice", "password") as session:
        assert session.chain.identity.address == address
        session.chain.stake(intent="stake")
        assert session.chain.stake_of(address).amount
        session.chain.unstake(intent="unstake")
        assert len(session.journal.sends_made()) == 2
        assert len(session.account.sign_message(encode_defunct(text="a card")).signature) == 65
