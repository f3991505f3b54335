"""How long a round takes beside its training: python -m benchmarks.chain.rounds main .

Starts a devnet with a data node, 3 miners and 5 verifiers as processes, and has them play rounds on Iris, one
after the other. The workers of every version that is named play, in turn, on the same contracts. The time of
a round is that from one finalise to the next, less its training: from the block with the functional keys to
that with the last commitment. Requests are counted on their way to the node, a batch as one.
"""

import os
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any, Final

import click
import requests
from rich.console import Console
from scripts.demo.network import REPOSITORY, free_ports, parameters_with, prepare_ground
from scripts.demo.play import rounds_ended
from scripts.demo.setting import Setting, set_up
from scripts.demo.story import Story
from scripts.demo.tasks import Task, post_tasks

from benchmarks.chain.lanes import counted
from benchmarks.common.revisions import checked_out
from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import to_record
from pole.adapters.machine.devnet import ChainProgram
from pole.adapters.node.contract import Contract
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.records import RecordData, VoteCommitted, VoteRevealed, decode_record

CAST: Final = {"data_nodes": 1, "miners": 3, "verifiers": 5}
STEPS: Final = (
    *("RoundOpened", "SeedDrawn", "KeysPosted", "SolutionCommitted", "SubmissionsClosed"),
    *("TestSetReleased", "SolutionRevealed", "DrawArmed", "CommitteeDrawn", "VoteCommitted"),
    *("VoteRevealed", "Payouts"),
)
KEEPERS: Final = ("openRound", "arm", "draw", "closeSubmissions", "endTestRelease", "endVotes", "finalise")
WORKING_TREE: Final = "."
SENT_TO: Final = ("PoLeChain", "VerifierCommittee")
SHOWN: Final = 8
PATIENCE: Final = 60.0
BLOCKS_OF_A_ROUND: Final = 40

Steps = dict[str, tuple[int, int]]
"""For each step of a round the Ethereum block and the time of its last record."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Rounds in turn, requests by method, the seconds of all, and keepers' transactions and their success."""

    rounds: tuple[Steps, ...]
    requests: Counter[str]
    seconds: int
    sent: Counter[tuple[str, bool]]


@click.command(epilog="Example: python -m benchmarks.chain.rounds --chain anvil --rounds 6 main .")
@click.argument("versions", nargs=-1)
@click.option("--chain", type=click.Choice([each.value for each in ChainProgram]), default="ganache")
@click.option("--block-time", type=click.FloatRange(0.5), default=1.0, show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=6, show_default=True)
def main(*, versions: tuple[str, ...], chain: str, block_time: float, rounds: int) -> None:
    """Print blocks and seconds of a round by step, requests, and what keepers sent in vain.

    VERSIONS are revisions of git, each checked out and measured in turn; "." is the working tree.
    """
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {datetime.now(UTC):%Y-%m-%d}, {chain}, blocks of {block_time:g} s")
    for version in versions or (WORKING_TREE,):
        with workers_of(version):
            show(version, measure(ChainProgram(chain), block_time, rounds))


@contextmanager
def workers_of(version: str) -> Iterator[None]:
    """Have the commands that are started inside run the code of a version."""
    if version == WORKING_TREE:
        yield
        return
    folder = checked_out(version)
    os.environ["PYTHONPATH"] = str(folder / "offchain")
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]


def measure(chain: ChainProgram, block_time: float, rounds: int) -> Measured:
    """Play rounds of one lane."""
    folder = REPOSITORY / "build" / "benchmark-rounds"
    ground = replace(prepare_ground(folder, block_time=block_time, ports=free_ports()), chain=chain)
    with ExitStack() as at_end:
        node = at_end.enter_context(counted(ground.place.rpc))
        ground = replace(ground, place=replace(ground.place, rpc=node.url))
        parameters = parameters_with(folder, committee={"lanes": 1})
        story = Story(Console(quiet=True))
        setting = set_up(story, ground, at_end, CAST, stays=False, parameters=parameters)
        options = ("--train-accuracy", "80", "--allow-disclosure", "rank", "--min-time", "1")
        for _ in post_tasks(
            [Task("iris", "Iris", "8 query vectors", "1", 60, options)] * rounds,
            setting.stage.of_role("data-node"),
            ground.place,
        ):
            pass
        patience = (PATIENCE + BLOCKS_OF_A_ROUND * block_time) * rounds
        _wait(setting, 1, patience)
        before, opened = Counter(node.asked), setting.reader.w3.eth.get_block("latest")
        _wait(setting, rounds, patience)
        asked, ended = node.asked - before, setting.reader.w3.eth.get_block("latest")
        seconds = ended["timestamp"] - opened["timestamp"]
        sent = keepers_of(setting.reader, node.url, opened["number"], ended["number"])
        return Measured(steps_of(setting.reader), asked, seconds, sent)


def _wait(setting: Setting, rounds: int, patience: float) -> None:
    setting.stage.wait_for("rounds", lambda: rounds_ended(setting.reader) >= rounds, patience=patience)


def steps_of(reader: ChainReader) -> tuple[Steps, ...]:
    """Return when the steps of each round were taken, oldest round first."""
    found: dict[int, Steps] = {}
    times: dict[int, int] = {}
    for event in reader.index.events("Recorded"):
        decoded = decode_record(to_record(event.arguments))
        round_id = _round_of(decoded)
        if event.block not in times:
            times[event.block] = reader.w3.eth.get_block(event.block)["timestamp"]
        if round_id:
            found.setdefault(round_id, {})[type(decoded).__name__] = (event.block, times[event.block])
    return tuple(found.values())


def _round_of(decoded: RecordData) -> int:
    if isinstance(decoded, VoteCommitted | VoteRevealed):
        return round_and_attempt(decoded.ballot_id)[0]
    return getattr(decoded, "round_id", 0)


def keepers_of(reader: ChainReader, rpc: str, first: int, last: int) -> Counter[tuple[str, bool]]:
    """Return how many transactions that anybody may send are in these blocks, by function and success."""
    contracts = {reader.contracts[name].address.lower(): reader.contracts[name] for name in SENT_TO}
    sent: Counter[tuple[str, bool]] = Counter()
    for number in range(first, last + 1):
        for transaction in ask(rpc, "eth_getBlockByNumber", [hex(number), True])["transactions"]:
            contract = contracts.get((transaction["to"] or "").lower())
            if contract is not None:
                data = bytes.fromhex(transaction["input"].removeprefix("0x"))
                receipt = ask(rpc, "eth_getTransactionReceipt", [transaction["hash"]])
                for function in _functions_of(contract, data):
                    sent[function, int(receipt["status"], 16) == 1] += 1
    return sent


def _functions_of(contract: Contract, data: bytes) -> list[str]:
    """Return the keepers' function that data calls, if it does."""
    named = {entry["name"] for entry in contract.abi if entry["type"] == "function"}
    return [each for each in KEEPERS if each in named and contract.arguments(each, data) is not None]


def ask(rpc: str, method: str, parameters: list[Any]) -> Any:
    """Return what the node answers."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return requests.post(rpc, json=body, timeout=PATIENCE).json()["result"]


def show(version: str, measured: Measured) -> None:
    """Print the table of one version."""
    rounds = [each for each in measured.rounds if "Payouts" in each]
    blocks, seconds, trained = [], [], []
    for before, own in pairwise(rounds):
        blocks.append(own["Payouts"][0] - before["Payouts"][0])
        seconds.append(own["Payouts"][1] - before["Payouts"][1])
        trained.append(own["SolutionCommitted"][1] - own["KeysPosted"][1])
    less = [whole - training for whole, training in zip(seconds, trained, strict=True)]
    print(f"\n{version}: {len(blocks)} rounds, finalise to finalise")
    print(f"  blocks                 {_spread(blocks)}")
    print(f"  seconds                {_spread(seconds)}")
    print(f"  seconds less training  {_spread(less)}")
    each = measured.seconds * sum(CAST.values())
    print(f"  requests/(worker·s)    {measured.requests.total() / each:.2f}")
    for methods, count in measured.requests.most_common(SHOWN):
        print(f"    {count / each:.2f}  {methods}")
    wasted = sum(count for (_, succeeded), count in measured.sent.items() if not succeeded)
    total = measured.sent.total()
    print(f"  keepers' transactions  {total}, of which reverted {wasted} ({wasted / max(total, 1):.1%})")
    for function in sorted({function for function, succeeded in measured.sent if not succeeded}):
        print(f"    {function}: {measured.sent[function, False]}")
    for earlier, later in pairwise(STEPS):
        _show_step(earlier, later, rounds[1:])
    opening = [own["RoundOpened"][0] - before["Payouts"][0] for before, own in pairwise(rounds)]
    print(f"  {'Payouts of the last -> RoundOpened':40} {_spread(opening)}", flush=True)


def _show_step(earlier: str, later: str, rounds: list[Steps]) -> None:
    taken = [each[later][0] - each[earlier][0] for each in rounds if earlier in each and later in each]
    if taken:
        print(f"  {earlier + ' -> ' + later:40} {_spread(taken)}")


def _spread(values: list[int]) -> str:
    return f"{median(values):g} ({min(values)} to {max(values)})" if values else "none"


if __name__ == "__main__":
    main()
