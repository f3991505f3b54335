"""The connection to an Ethereum node.

Whether it answers, and whether it is the chain of the deployment file.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from pole.adapters.ethereum.deployment import Deployment
from pole.adapters.node.http import HttpPost
from pole.adapters.node.node import Node, Words
from pole.adapters.node.questions import Question, balance, chain_id, code
from pole.adapters.node.refusals import NodeRefusalError, UnservedError
from pole.adapters.transport.loopback import is_loopback
from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.quoting import reason

if TYPE_CHECKING:
    from web3 import Web3


def connect(url: str) -> "Web3":
    """Return a web3 of the node at `url`, to send with. Raises what `open_node` raises."""
    from pole.adapters.node.provider import web3_over

    return web3_over(open_node(url))


def open_node(url: str) -> Node:
    """Return the node at `url`; nothing is sent yet.

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
    return Node(HttpPost(parts.geturl()), Words(shown_url(url), advice))


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


def check_deployment(node: Node, deployment: Deployment) -> None:
    """Check that the node is on the deployment's chain and that the contracts' code is there.

    Raises InputError when it is not, UnreachableError when the node does not answer.
    """
    with node_answers():
        found, *codes = node.ask_all(
            [chain_id(), *(code(each.address) for each in deployment.contracts.values())]
        )
    if found != deployment.chain_id:
        raise InputError(
            f"The node is on chain {found}, but {deployment.path} is of chain {deployment.chain_id}: name "
            "the right node with --rpc or the right file with --deployment."
        )
    for (name, contract), there in zip(deployment.contracts.items(), codes, strict=True):
        if not there or f"0x{keccak256(there).hex()}" != contract.code_hash:
            raise InputError(
                f"{name} of {deployment.path} is not at {contract.address} on this chain, which was probably "
                "reset: deploy again with `tools/brownie run deploy --network devnet`."
            )


@contextmanager
def node_answers() -> Iterator[None]:
    """Turn what a node refuses, where nobody has anything to make of it, into UnservedError."""
    try:
        yield
    except NodeRefusalError as error:
        raise UnservedError(f"The Ethereum node does not serve the request: {reason(error)}.") from error


def balance_of(node: Node, address: str) -> int:
    """Return the ether of an address itself, in wei. Raises UnreachableError."""
    with node_answers():
        return node.ask(balance(address))


def in_one_request(node: Node, questions: Sequence[Question[Any]]) -> list[Any]:
    """Return the answers to questions that travel as one HTTP request. Raises UnreachableError."""
    with node_answers():
        return node.ask_all(questions)
