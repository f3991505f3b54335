"""The chain grows when nobody has anything to train: idle rounds of real processes, without any data node."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from rich.console import Console
from scripts.demo.cast import Place, Worker, hand_out, make_cast
from scripts.demo.fleet import Fleet
from scripts.demo.network import (
    REPOSITORY,
    free_ports,
    fund,
    make_wallets,
    parameters_with,
    prepare_ground,
    take_seats,
)
from scripts.demo.play import Stage
from scripts.demo.setting import WALLET_WEI
from scripts.demo.story import Story

from pole.adapters.ethereum.chain_log import ChainLog, read_chain_log
from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader
from pole.adapters.ethereum.history_source import read_history
from pole.protocol.replay.history import verify_history
from pole.protocol.state import PayoutReason

IDLE = {
    "idleTimeLimit": 40,
    "idleTrainCount": 2000,
    "idleTestCount": 500,
    "idleTrainAccuracy": 8500,
    "idleTestAccuracy": 0,
}
BLOCKS = 2
PATIENCE = 420.0


def start(stage: Stage, worker: Worker, place: Place) -> None:
    options = ("--poll", "0.5", *(("--idle", "1") if worker.role == "miner" else ()))
    stage.fleet.start(worker.name, worker.run_command(*options), worker.environment(place), REPOSITORY)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChainReader, ChainLog]]:
    folder = tmp_path_factory.mktemp("idle")
    ground = prepare_ground(folder / "network", block_time=1, ports=free_ports())
    with ExitStack() as at_end:
        at_end.callback(ground.down)
        ground.up()
        ground.deploy(parameters_with(folder, taskList=IDLE))
        cast = make_cast(ground.folder, data_nodes=0, miners=2, verifiers=3)
        addresses = make_wallets(cast, ground.place)
        hand_out(ground.place.deployment, cast)
        fund(addresses.values(), ground.place, WALLET_WEI)
        ground.endow("1")
        story = Story(Console(width=140))
        fleet = at_end.enter_context(Fleet(ground.folder / "logs", story.hear))
        stage = Stage(ground.place, fleet, story, cast)
        take_seats(stage.of_role("verifier"), ground.place)
        for worker in cast:
            start(stage, worker, ground.place)
        reader = open_chain_reader(ground.place.rpc, ground.place.deployment)
        stage.wait_for(
            "two idle blocks", lambda: len(read_chain_log(reader).blocks) >= BLOCKS, patience=PATIENCE
        )
        yield reader, read_chain_log(reader)


def test_the_chain_grows_by_idle_blocks_alone(grown: tuple[ChainReader, ChainLog]) -> None:
    _, log = grown
    for block in log.blocks[:BLOCKS]:
        assert block.header.task_id == 0
        assert block.header.train_correct >= 0.85 * block.train_total == 0.85 * 2000
        assert block.header.test_correct > 0.5 * block.test_total == 0.5 * 500


def test_the_winners_got_the_block_reward_less_the_verifiers_fee(
    grown: tuple[ChainReader, ChainLog],
) -> None:
    reader, log = grown
    parameters = reader.deployment.parameters.chain
    fee = parameters.block_reward * parameters.verification_fee_bps // 10_000
    for block in log.blocks[:BLOCKS]:
        paid = {
            payout.reason: payout.amount for payout in block.payouts if payout.payee == block.header.winner
        }
        assert paid[PayoutReason.TASK_REWARD] == parameters.block_reward - fee
        assert PayoutReason.BLOCK_REWARD not in paid


def test_a_chain_of_idle_rounds_verifies(grown: tuple[ChainReader, ChainLog]) -> None:
    reader, _ = grown
    assert verify_history(read_history(reader)).height >= BLOCKS
