"""Transactions that return once they are mined, on a chain that answers before."""

import time
from typing import Any


def wait_for_blocks(provider: Any) -> None:
    """Let a transaction return with its block: for a while anvil has none, and brownie takes it for lost."""
    ask = provider.make_request

    def ask_and_wait(method: str, parameters: Any) -> Any:
        answer = ask(method, parameters)
        if method in ("eth_sendTransaction", "eth_sendRawTransaction") and "result" in answer:
            while ask("eth_getTransactionReceipt", [answer["result"]])["result"] is None:
                time.sleep(0.001)
        return answer

    provider.make_request = ask_and_wait
    provider._request_func_cache = (None, None)
