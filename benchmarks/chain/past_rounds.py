"""A node whose every block holds the events of a round: what a worker's index keeps of the past."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.contracts.stateful.interface import artifacts
from tests.unit.adapters.fake_node import FakeNode
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.adapters.ethereum.deployment import CONTRACTS, DeployedContract, Deployment
from pole.adapters.ethereum.events.event_index import EVENTS, EventIndex
from pole.adapters.node.contract import Contract, canonical_type, signature_hash
from pole.protocol.encoding import abi

OF_A_ROUND: Final = {
    **{"Recorded": 25, "Withdrawn": 8, "VoteRevealed": 4, "Rewarded": 4},
    **{"BlockAppended": 1, "TaskPosted": 1, "TaskTaken": 1},
}
"""So many events has a round of `make demo`, with 3 miners and 5 verifiers."""
BYTES: Final = bytes(171)
"""As long as a record is there, in the mean."""
CID: Final = "b" * 59


class PastRounds(FakeNode):
    """Makes the events anew whenever it is asked for them, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        described = {
            name: DeployedContract(f"0x{number:040x}", 1, "0x", tuple(artifacts()[name].abi))
            for number, name in enumerate(CONTRACTS, 1)
        }
        self._contracts = {name: Contract(each.address, each.abi) for name, each in described.items()}
        self.index = EventIndex(
            self.node, Deployment(Path("none"), 1337, described, PARAMETERS), self._contracts
        )

    def end_round(self) -> int:
        """Let a round pass; return how many events the index has by then."""
        self.block += 1
        self.requests.clear()
        return sum(map(len, self.index.snapshot().values()))

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        return [log for block in range(first, last + 1) for log in self._logs(block)]

    def _logs(self, block: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for contract, names in EVENTS.items():
            for name in names:
                for _ in range(OF_A_ROUND.get(name, 0)):
                    found.append(self._log(contract, name, block, len(found)))
        return found

    def _log(self, contract: str, name: str, block: int, number: int) -> dict[str, Any]:
        described = self._contracts[contract]
        event = next(each for each in described.abi if each["type"] == "event" and each["name"] == name)
        indexed = [each for each in event["inputs"] if each["indexed"]]
        others = [each for each in event["inputs"] if not each["indexed"]]
        topics = [signature_hash(event), *(_encoded([each], block) for each in indexed)]
        return {
            "address": described.address,
            "topics": [f"0x{topic.hex()}" for topic in topics],
            "data": f"0x{_encoded(others, block).hex()}",
            "blockNumber": hex(block),
            "blockHash": self.block_hash(block),
            "transactionHash": f"0x{block * 2**8 + number:064x}",
            "transactionIndex": hex(number),
            "logIndex": hex(number),
        }


def _encoded(parameters: Sequence[Mapping[str, Any]], number: int) -> bytes:
    return abi.encode(
        [canonical_type(each) for each in parameters], [_value(each, number) for each in parameters]
    )


def _value(parameter: Mapping[str, Any], number: int) -> Any:
    if parameter["type"].endswith("[]"):
        return ()
    match parameter["type"]:
        case "tuple":
            return tuple(_value(each, number) for each in parameter["components"])
        case "string":
            return CID
        case "bytes":
            return BYTES
        case "address":
            return f"0x{number:040x}"
        case "bool":
            return True
        case fixed if fixed.startswith("bytes"):
            return number.to_bytes(int(fixed.removeprefix("bytes")))
        case whole:
            return number % 2 ** min(8, int(whole.removeprefix("uint")))
