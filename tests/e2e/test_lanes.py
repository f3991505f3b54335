"""Four rounds side by side, one of them occupied by an attacker: the other three end in blocks."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from eth_typing import ChecksumAddress
from rich.console import Console
from scripts.demo.network import free_ports, parameters_with, pole, prepare_ground
from scripts.demo.play import rounds_ended
from scripts.demo.setting import Setting, set_up
from scripts.demo.story import Story
from scripts.demo.tasks import Task, post_tasks
from tests.e2e.rounds import PATIENCE, wait_for_event, wait_for_phase
from web3.contract import Contract

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.connection import connect
from pole.adapters.ethereum.history_source import read_history
from pole.protocol.replay.history import verify_history
from pole.protocol.state import Phase, VoidReason

LANES = 4
GRACE = 60
ETHER = 10**18
REWARD = 2 * ETHER
GARBAGE = b"\x66" * 32
# Nobody closes before all four train.
OPTIONS = ("--train-accuracy", "90", "--allow-disclosure", "rank", "--min-time", "30")
IRIS = Task("iris", "Iris", "8 query vectors", "1", 150, OPTIONS)


@dataclass(frozen=True)
class Attacker:
    """A wallet that the node signs for, and the contracts that it calls, through their ABIs alone."""

    address: ChecksumAddress
    tasks: Contract
    chain: Contract
    reservoir: Contract

    def occupy(self) -> None:
        """Post the most valuable task, of files that nobody has."""
        terms = (REWARD, ETHER // 10, 150, 0, REWARD // 100, 1, 9000, 0, 135, 15, 1000)
        files = ("bafy-spec", GARBAGE, "bafy-train", GARBAGE, GARBAGE, GARBAGE)
        rent, _ = self.tasks.functions.rentOf(terms).call()
        paid = REWARD + ETHER // 10 + REWARD // 100 + rent
        self._send(self.tasks.functions.post(terms, files), paid)

    def post_garbage_keys(self, round_id: int) -> None:
        self._send(self.chain.functions.postFunctionalKeys(round_id, "bafy-keys", GARBAGE), 0)

    def credit(self) -> int:
        return int(self.reservoir.functions.creditOf(self.address).call())

    def _send(self, call: Any, value: int) -> None:
        w3 = self.chain.w3
        sent = call.transact({"from": self.address, "value": value, "gas": 1_000_000})
        assert w3.eth.wait_for_transaction_receipt(sent)["status"] == 1


@dataclass(frozen=True)
class Played:
    setting: Setting
    attacker: Attacker
    attacked: int


def attacker_on(setting: Setting) -> Attacker:
    w3 = connect(setting.ground.place.rpc)
    described = json.loads(setting.ground.place.deployment.read_text())["contracts"]

    def contract(name: str) -> Contract:
        return w3.eth.contract(address=described[name]["address"], abi=described[name]["abi"])

    tasks, chain, reservoir = map(contract, ("TaskList", "PoLeChain", "RewardReservoir"))
    people: Sequence[ChecksumAddress] = w3.eth.accounts
    return Attacker(people[-1], tasks, chain, reservoir)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("lanes")
    ground = prepare_ground(folder / "network", block_time=1, ports=free_ports())
    changes: dict[str, Any] = {
        "committee": {"lanes": LANES, "penalty": "0.125"},
        "chain": {"graceWindow": GRACE},
    }
    counts = {"data_nodes": 1, "miners": 2, "verifiers": 3}
    with ExitStack() as at_end:
        parameters = parameters_with(folder, **changes)
        story = Story(Console(width=140))
        setting = set_up(story, ground, at_end, counts, stays=False, parameters=parameters)
        attacker = attacker_on(setting)
        # Nobody works while tasks are posted, so that all four rounds open at once.
        for worker in setting.stage.cast:
            setting.stage.fleet.pause(worker.name)
        attacker.occupy()
        posted = post_tasks([IRIS] * (LANES - 1), setting.stage.of_role("data-node"), ground.place)
        assert len(list(posted)) == LANES - 1
        for worker in setting.stage.cast:
            setting.stage.fleet.resume(worker.name)
        attacked = setting.reader.moments()[0].next_round
        wait_for_phase(setting, attacked, Phase.KEYS)
        attacker.post_garbage_keys(attacked)
        setting.stage.wait_for(
            "four rounds that train at the same time",
            lambda: all(moment.phase is Phase.TRAINING for moment in setting.reader.moments()),
            patience=PATIENCE,
        )
        setting.stage.wait_for(
            "all rounds to end", lambda: rounds_ended(setting.reader) == LANES, patience=2 * PATIENCE
        )
        yield Played(setting, attacker, attacked)


def test_an_occupied_lane_ends_soon_and_costs_its_attacker_fee_and_rent(played: Played) -> None:
    reader, attacker = played.setting.reader, played.attacker
    ended = reader.round(played.attacked)
    assert ended.void_reason is VoidReason.NO_COMMITMENT
    terms = attacker.tasks.functions.task(ended.task_id).call()[2]
    rent, duration = attacker.tasks.functions.rentOf(terms).call()
    returned = attacker.credit() - REWARD - ETHER // 10
    assert rent * (duration - 4 * GRACE) // duration < returned < rent * (duration - GRACE) // duration


def test_the_other_three_lanes_end_in_blocks(played: Played) -> None:
    log = read_chain_log(played.setting.reader)
    blocks = {block.header.round_id % LANES for block in log.blocks}
    assert blocks == set(range(LANES)) - {played.attacked % LANES}
    assert set(log.void_rounds) == {played.attacked}


def test_the_data_node_keeps_every_model_whatever_body_its_reveal_is_in(played: Played) -> None:
    for block in read_chain_log(played.setting.reader).blocks:
        wait_for_event(played.setting, "data-1", "model-kept", round=block.header.round_id)


def test_the_chain_of_interleaved_rounds_verifies(played: Played) -> None:
    setting = played.setting
    assert verify_history(read_history(setting.reader)).height == LANES - 1
    environment = setting.stage.cast[0].environment(setting.ground.place)
    assert f"up to height {LANES - 1}," in pole(["chain", "verify"], environment)
