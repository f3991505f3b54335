"""web3 on the boundary to a node: what sends is written with it."""

from collections.abc import Callable, Sequence
from typing import Any

from eth_abi.codec import ABICodec
from web3 import Web3
from web3._utils.abi import build_strict_registry
from web3._utils.rpc_abi import RPC
from web3.exceptions import MethodUnavailable
from web3.middleware import AttributeDictMiddleware, ExtraDataToPOAMiddleware
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pole.adapters.node.node import Node, Post
from pole.adapters.node.refusals import NoSuchMethodError


class NodeProvider(JSONBaseProvider):
    """web3's way to a node; what that raises passes through web3 as it is."""

    global_ccip_read_enabled = False
    """A contract's answer must not make us ask any address for more (EIP-3668)."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    @property
    def post(self) -> Post:
        """Return what the node's requests go over."""
        return self.node.post

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request."""
        try:
            return _response(self.node.request(method, params))
        except NoSuchMethodError as error:
            if method != RPC.eth_maxPriorityFeePerGas:
                raise
            # web3 works the usual tip out of the last blocks then.
            raise MethodUnavailable(str(error)) from error

    def make_batch_request(
        self, batch_requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send several requests as one."""
        return [_response(result) for result in self.node.request_all(batch_requests)]


def web3_over(node: Node) -> Web3:
    """Return a web3 that sends nothing of its own accord: one request, or batch of them, a call.

    Its usual middlewares would ask for the chain's id before each call, for a price of gas, and for names.
    """
    w3 = Web3(
        NodeProvider(node),
        middleware=[
            # Blocks of proof of authority have more in that field than web3 accepts under its usual name.
            (ExtraDataToPOAMiddleware, "extra data"),
            (AttributeDictMiddleware, "attributes"),
        ],
    )
    w3.codec = ABICodec(build_strict_registry())
    return w3


def at_once(w3: Web3, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return the results of read-only calls of web3 that travel as one request; raises what one would."""
    with w3.batch_requests() as batch:
        for call in calls:
            batch.add(call())
        return list(batch.execute())


def _response(result: Any) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 1, "result": result}
