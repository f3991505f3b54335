"""One real round: processes, chain, IPFS, encryption, training, votes, money."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from scripts.demo.network import REPOSITORY, pole
from scripts.demo.report import read_outcome
from scripts.demo.setting import Setting
from tests.browsing import CHROMIUM, KINDS, MILLISECONDS, kind_of
from tests.e2e.rounds import (
    DECRYPTING,
    Features,
    address,
    post_iris,
    wait_for_end,
    wait_for_event,
    wait_for_features,
    worker,
)
from tests.e2e.watching import Watched, watched
from tests.rows import sorted_rows

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.history_source import read_history
from pole.learning.data.datasets import data_directory, load
from pole.learning.data.quantisation import apply, fit
from pole.learning.exporting.onnx_file import OnnxModel
from pole.protocol.mapping.layer import inner_products_in_clear, query_plan
from pole.protocol.models.specification import parse_specification
from pole.protocol.replay.history import verify_history
from pole.protocol.state import PayoutReason, Phase

ETHER = 10**18
FEATURES: Features = {}


@pytest.fixture(scope="module")
def open_page(setting: Setting) -> Iterator[Watched | None]:
    """The first page of the explorer, open before the round is; None where there is no browser."""
    with watched(setting) if CHROMIUM else nullcontext() as page:
        yield page


@pytest.fixture(scope="module")
def played(setting: Setting, open_page: Watched | None) -> tuple[Setting, int]:
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


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_an_open_page_shows_the_round_from_its_opening_to_its_block(
    played: tuple[Setting, int], open_page: Watched
) -> None:
    setting, round_id = played
    height = read_chain_log(setting.reader).blocks[-1].header.height
    blocks = open_page.page.get_by_role("region", name="Newest blocks")
    expect(blocks.get_by_role("link", name=str(height), exact=True).first).to_be_visible(timeout=MILLISECONDS)
    order = [f"{round_id} {phase.name.lower().replace('_', ' ')}" for phase in Phase]
    # Kept in the page itself, which a reload would have lost.
    shown = [told for told in open_page.phases() if told in order]
    assert shown == sorted(shown, key=order.index)
    assert {order[Phase.TRAINING], order[Phase.FINAL]} <= set(shown)
    assert len(shown) >= 5
    assert open_page.watch.complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
@pytest.mark.usefixtures("played")
def test_every_link_leads_to_a_page_of_the_round(open_page: Watched) -> None:
    kinds = {kind_of(url) for url in open_page.follow_every_link()}
    assert kinds >= KINDS.keys() - {"/search"}
    assert open_page.watch.complaints == []


def test_the_money_went_where_it_belongs(played: tuple[Setting, int]) -> None:
    setting, _ = played
    outcome = read_outcome(setting.reader, read_chain_log(setting.reader))
    block = outcome.log.blocks[-1]
    paid = {payout.reason: payout.amount for payout in block.payouts if payout.payee == block.header.winner}
    assert paid[PayoutReason.TASK_REWARD] == ETHER * 9 // 10
    assert paid[PayoutReason.BLOCK_REWARD] == ETHER // 20
    assert outcome.withdrawn[block.header.winner] == sum(outcome.earnings[block.header.winner].values())
    verifiers = [outcome.withdrawn[address(setting, f"verifier-{number}")] for number in (1, 2, 3)]
    # A part for each vote: two models, three seats.
    assert verifiers == [ETHER // 10 // 6 * 2] * 3


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


def test_the_data_node_keeps_the_model_that_won(played: tuple[Setting, int]) -> None:
    setting, round_id = played
    wait_for_event(setting, "data-1", "model-kept", round=round_id)
    header = read_chain_log(setting.reader).blocks[-1].header
    owner = worker(setting, "data-1")
    [listed] = json.loads(pole(["model", "list", "--json"], owner.environment(setting.ground.place)))
    assert listed["folder"] == str(owner.home / "models" / f"task-{header.task_id}")
    assert listed["modelDigest"] == f"0x{header.model_digest.hex()}"
    assert (listed["miner"], listed["testCorrect"]) == (header.winner, header.test_correct)


def test_an_exported_model_gives_the_committees_own_count(
    played: tuple[Setting, int], tmp_path: Path
) -> None:
    setting, _ = played
    header = read_chain_log(setting.reader).blocks[-1].header
    task, home = str(header.task_id), ("--home", str(tmp_path / "stranger"))
    environment = worker(setting, "verifier-1").environment(setting.ground.place)
    kept = json.loads(pole(["model", "get", task, "--json", *home], environment))
    assert kept["modelDigest"] == f"0x{header.model_digest.hex()}"
    iris = load("iris", data_directory(os.environ, REPOSITORY))
    np.save(tmp_path / "test.npy", iris.x_test)
    for kind in ("onnx", "torch", "python"):
        rows = ("--rows", str(tmp_path / "test.npy"))
        told = json.loads(pole(["model", "export", task, "--to", kind, "--json", *rows, *home], environment))
        assert told["rowsChecked"] == 1024 + len(iris.x_test)
    found = OnnxModel(Path(kept["folder"]) / "model.onnx").run({"samples": iris.x_test})
    assert int((found["label"] == iris.y_test).sum()) == header.test_correct
    report = json.loads(pole(["model", "report", task, "--json", *home], environment))
    assert (report["samples"], report["score"]) == (len(iris.x_test), header.test_correct)


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
