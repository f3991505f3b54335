"""The connection to an Ethereum node.

Whether it answers, and whether it is the chain of the deployment file.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import Web3Exception

from pole.adapters.ethereum.deployment import Deployment
from pole.adapters.node.http import HttpPost
from pole.adapters.node.provider import NodeProvider, Words, web3_over
from pole.adapters.transport.loopback import is_loopback
from pole.errors import InputError, UnreachableError
from pole.quoting import reason

T = TypeVar("T")


def connect(url: str) -> Web3:
    """Return a web3 of the node at `url`; nothing is sent yet.

    A node of this machine needs no scheme: `127.0.0.1:8546`. Raises InputError for a URL that is not HTTP.
    """
    parts = _parts(url)
    if parts is None:
        # Not shown: what is no URL may hold a key all the same.
        raise InputError(
            "--rpc is no HTTP URL of an Ethereum node: give one that begins with http:// or https://, like "
            "--rpc http://127.0.0.1:8546."
        )
    is_ours = is_loopback(parts.hostname or "")
    advice = "start one with `pole devnet up`" if is_ours else "check that it runs and that you may use it"
    return web3_over(NodeProvider(HttpPost(parts.geturl()), Words(shown_url(url), advice)))


def _parts(url: str) -> SplitResult | None:
    """Return the parts of an HTTP URL, completed for a host of this machine; None where it is none."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port
    except ValueError:
        return None
    is_complete = "://" in url or is_loopback(parts.hostname or "")
    return parts if is_complete and parts.scheme in {"http", "https"} and parts.hostname else None


def shown_url(url: str) -> str:
    """Return the URL as it may be printed: providers put API keys into its user, path and query."""
    parts = _parts(url)
    if parts is None:
        return "no URL"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def check_deployment(w3: Web3, deployment: Deployment) -> None:
    """Check that the node is on the deployment's chain and that the contracts' code is there.

    Raises InputError when it is not, UnreachableError when the node does not answer.
    """
    chain_id = w3.eth.chain_id
    if chain_id != deployment.chain_id:
        raise InputError(
            f"The node is on chain {chain_id}, but {deployment.path} is of chain {deployment.chain_id}: name "
            "the right node with --rpc or the right file with --deployment."
        )
    for name, contract in deployment.contracts.items():
        code = w3.eth.get_code(Web3.to_checksum_address(contract.address))
        if not code or "0x" + keccak(code).hex() != contract.code_hash:
            raise InputError(
                f"{name} of {deployment.path} is not at {contract.address} on this chain, which was probably "
                "reset: deploy again with `tools/brownie run deploy --network devnet`."
            )


@contextmanager
def node_answers() -> Iterator[None]:
    """Turn what web3 raises about what a node answered, which has the right shape, into UnreachableError.

    A view function that reverts, a transaction that is not there, bytes that are no encoding of their type.
    """
    try:
        yield
    except (Web3Exception, DecodingError, OverflowError, UnicodeError) as error:
        raise UnreachableError(f"The Ethereum node does not serve the request: {reason(error)}.") from error


def balance_of(w3: Web3, address: str) -> int:
    """Return the ether of an address itself, in wei. Raises UnreachableError."""
    with node_answers():
        return w3.eth.get_balance(Web3.to_checksum_address(address))


def in_one_request(w3: Web3, calls: list[Callable[[], Any]]) -> list[Any]:
    """Return the results of read-only calls that travel as one HTTP request. Raises UnreachableError."""
    with node_answers(), w3.batch_requests() as batch:
        for call in calls:
            batch.add(call())
        return list(batch.execute())
