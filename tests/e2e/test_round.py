"""One real round: processes, chain, IPFS, encryption, training, votes, money."""

import json
import os
import re

import numpy as np
import pytest
from scripts.demo.network import REPOSITORY, pole
from scripts.demo.report import read_outcome
from scripts.demo.setting import Setting
from tests.e2e.rounds import (
    DECRYPTING,
    Features,
    address,
    post_iris,
    wait_for_end,
    wait_for_features,
    worker,
)
from tests.rows import sorted_rows

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.history_source import read_history
from pole.learning.data.datasets import data_directory, load
from pole.learning.data.quantisation import apply, fit
from pole.protocol.mapping.layer import inner_products_in_clear, query_plan
from pole.protocol.models.specification import parse_specification
from pole.protocol.replay.history import verify_history
from pole.protocol.state import PayoutReason

ETHER = 10**18
FEATURES: Features = {}


@pytest.fixture(scope="module")
def played(setting: Setting) -> tuple[Setting, int]:
    round_id = post_iris(setting)
    wait_for_features(setting, round_id, FEATURES)
    wait_for_end(setting, round_id)
    setting.stage.wait_for(
        "withdrawals", lambda: not any(map(setting.reader.credit_of, setting.names)), patience=60
    )
    return setting, round_id


def test_the_round_ends_in_a_block_of_one_of_the_miners(played: tuple[Setting, int]) -> None:
    setting, round_id = played
    block = read_chain_log(setting.reader).blocks[-1]
    assert block.header.round_id == round_id
    assert setting.names[block.header.winner] in ("miner-1", "miner-2")
    assert block.header.train_correct >= 0.9 * block.train_total == 0.9 * 135
    assert block.test_total == 15


def test_the_money_went_where_it_belongs(played: tuple[Setting, int]) -> None:
    setting, _ = played
    outcome = read_outcome(setting.reader, read_chain_log(setting.reader))
    block = outcome.log.blocks[-1]
    paid = {payout.reason: payout.amount for payout in block.payouts if payout.payee == block.header.winner}
    assert paid[PayoutReason.TASK_REWARD] == ETHER * 9 // 10
    assert paid[PayoutReason.BLOCK_REWARD] == ETHER // 20
    assert outcome.withdrawn[block.header.winner] == sum(outcome.earnings[block.header.winner].values())
    verifiers = [outcome.withdrawn[address(setting, f"verifier-{number}")] for number in (1, 2, 3)]
    assert verifiers == [ETHER // 10 // 3] * 3


def test_every_decrypted_inner_product_is_that_of_the_plaintext(played: tuple[Setting, int]) -> None:
    setting, round_id = played
    specification = parse_specification((REPOSITORY / "examples" / "iris-mlp.json").read_bytes())
    plan = query_plan(specification, setting.reader.round(round_id).seed)
    iris = load("iris", data_directory(os.environ, REPOSITORY))
    quantisation = fit(iris.x_train, specification.input.bits)
    for part, x, y in (("train", iris.x_train, iris.y_train), ("test", iris.x_test, iris.y_test)):
        expected = inner_products_in_clear(plan, apply(quantisation, x).values)
        for name in DECRYPTING:
            found = FEATURES[name, part]
            assert np.array_equal(sorted_rows(found["features"], found["labels"]), sorted_rows(expected, y))


def test_what_a_round_needed_is_deleted_when_it_ends(played: tuple[Setting, int]) -> None:
    setting, round_id = played
    for name in DECRYPTING:
        assert not list(worker(setting, name).home.glob(f"work/*/rounds/{round_id}"))


def test_the_whole_chain_verifies_and_a_record_is_proven(played: tuple[Setting, int]) -> None:
    setting, _ = played
    report = verify_history(read_history(setting.reader))
    assert report.height == len(read_chain_log(setting.reader).blocks)
    environment = worker(setting, "miner-1").environment(setting.ground.place)
    proof = json.loads(pole(["chain", "prove", str(report.height), "0"], environment))
    assert proof["format"].startswith("pole.")


def test_nobody_else_can_read_what_workers_leave_and_the_backup_table_names_it(
    played: tuple[Setting, int],
) -> None:
    setting, _ = played
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    named = page.partition("## 7. What to back up")[2].partition("\n## ")[0]
    given = {"password", "deployment.json"}
    for member in setting.stage.cast:
        made = [path for path in member.home.rglob("*") if path.name not in given]
        assert {str(path): oct(path.stat().st_mode) for path in made if path.stat().st_mode & 0o077} == {}
        folders = [*member.home.iterdir(), *member.home.glob("work/*/*")]
        assert [path for path in folders if path.is_dir() and not re.search(rf"\b{path.name}\b", named)] == []


def test_workers_share_nothing_but_chain_and_store(played: tuple[Setting, int]) -> None:
    setting, _ = played
    for member in setting.stage.cast:
        own = str(member.home)
        others = [str(other.home) for other in setting.stage.cast if other is not member]
        environment = member.environment(setting.ground.place)
        assert any(own in value for value in environment.values())
        assert not any(other in value for value in environment.values() for other in others)
