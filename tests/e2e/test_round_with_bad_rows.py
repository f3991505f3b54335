"""Rows that do not decrypt drive nobody out of a round: their features are 0 for everybody alike."""

import json
import os
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from scripts.demo.network import REPOSITORY, step
from scripts.demo.setting import Setting
from tests.e2e.rounds import IRIS, PATIENCE, lone, wait_for_end, worker

from pole.adapters.ethereum.chain_log import LoggedBlock, read_chain_log
from pole.learning.data.datasets import data_directory, load
from pole.learning.data.quantisation import apply, fit
from pole.protocol.mapping.layer import inner_products_in_clear, query_plan
from pole.protocol.models.specification import parse_specification
from pole.roles.judging.assessment import evaluate_model
from pole.roles.receiving.samples import Samples
from pole.roles.support.files import read_with_digest

TRAIN, TEST = 135, 15
MINERS, VERIFIERS = ("miner-1", "miner-2"), ("verifier-1", "verifier-2", "verifier-3")
# `pole task post` of a data node that spoils rows of what it has encrypted.
SPOILING = """
import json, sys
from dataclasses import replace
import numpy as np
from pole.cli import main
from pole.roles.publishing import encryption, placed_shards

spoiled, written = json.loads(sys.argv.pop(1)), encryption.write_shard

def write(shard):
    ct = shard.ct.copy()
    for row in spoiled[str(len(ct))]["no point"]:
        ct[row, 2] = 255
    for row in spoiled[str(len(ct))]["out of range"]:
        ct[row, 2] = ct[row, 1]
    return written(replace(shard, ct=ct))

encryption.write_shard = write
# In the order of the plaintext, so that the test knows which rows are spoiled.
placed_shards.random_permutation = lambda count, _: np.arange(count)
main()
"""


@dataclass(frozen=True)
class Spoiled:
    """Which rows of training and test set do not decrypt, for either reason."""

    title: str
    no_point: dict[int, list[int]]
    out_of_range: dict[int, list[int]]

    def rows(self, count: int) -> list[int]:
        """Return all bad rows of the set with so many rows."""
        return self.no_point[count] + self.out_of_range[count]

    def post(self, setting: Setting) -> int:
        """Post the task; return the number of the round that will take it."""
        next_round = lone(setting).next_round
        [owner] = setting.stage.of_role("data-node")
        kinds = {
            count: {"no point": self.no_point[count], "out of range": self.out_of_range[count]}
            for count in (TRAIN, TEST)
        }
        command = [sys.executable, "-c", SPOILING, json.dumps(kinds), *IRIS.post_command(owner)]
        step(
            [*command, "--train-accuracy", "50", "--time-limit", "40"],
            owner.environment(setting.ground.place),
        )
        return next_round


CASES = (
    Spoiled("a row", {TRAIN: [77], TEST: []}, {TRAIN: [], TEST: []}),
    Spoiled("half of all rows", {TRAIN: [*range(0, 34)], TEST: [3]}, {TRAIN: [*range(60, 94)], TEST: [9]}),
)


@dataclass(frozen=True)
class Played:
    """A round on a spoiled set: its block, what workers decrypted, and the winner's model."""

    case: Spoiled
    setting: Setting
    round_id: int
    block: LoggedBlock
    decrypted: dict[tuple[str, str], dict[str, NDArray[np.int64]]]
    model: bytes


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.title)
def played(request: pytest.FixtureRequest, setting: Setting) -> Played:
    case: Spoiled = request.param
    round_id = case.post(setting)
    wanted = {(name, part) for name in MINERS + VERIFIERS for part in ("train", "test")}
    decrypted: dict[tuple[str, str], dict[str, NDArray[np.int64]]] = {}
    models: dict[str, bytes] = {}

    def collect() -> bool:
        """Note what workers have on disk, which they delete when the round ends."""
        for name, part in wanted:
            rounds = f"work/*/rounds/{round_id}"
            for path in worker(setting, name).home.glob(f"{rounds}/{part}-*/00000"):
                content = read_with_digest(path)
                assert content is not None
                decrypted[name, part] = load_tensors(content)
            for path in worker(setting, name).home.glob(f"{rounds}/models/*.safetensors"):
                models[path.stem] = path.read_bytes()
        return decrypted.keys() == wanted

    setting.stage.wait_for("features", collect, patience=PATIENCE)
    wait_for_end(setting, round_id)
    block = read_chain_log(setting.reader).blocks[-1]
    model = setting.reader.models(round_id)[block.header.winner]
    return Played(case, setting, round_id, block, decrypted, models[model.digest.hex()])


def in_clear(played: Played) -> dict[str, Samples]:
    """What everybody should have of both sets, from the plaintext."""
    specification = parse_specification((REPOSITORY / "examples" / "iris-mlp.json").read_bytes())
    plan = query_plan(specification, played.setting.reader.round(played.round_id).seed)
    iris = load("iris", data_directory(os.environ, REPOSITORY))
    quantisation = fit(iris.x_train, specification.input.bits)
    sets = {}
    for part, x, y in (("train", iris.x_train, iris.y_train), ("test", iris.x_test, iris.y_test)):
        features = inner_products_in_clear(plan, apply(quantisation, x).values).reshape(len(x), -1)
        features[played.case.rows(len(x))] = 0
        sets[part] = Samples(features, y)
    return sets


def test_honest_miners_mine_it_and_one_of_them_wins(played: Played) -> None:
    assert played.block.header.round_id == played.round_id
    assert played.setting.names[played.block.header.winner] in MINERS
    solutions = played.setting.reader.solutions(played.round_id)
    assert sorted(played.setting.names[solution.miner] for solution in solutions) == [*MINERS]


def test_everybody_decrypts_the_same_with_zeros_for_the_bad_rows(played: Played) -> None:
    expected = in_clear(played)
    for (_, part), tensors in played.decrypted.items():
        assert np.array_equal(tensors["features"], expected[part].features)
        assert np.array_equal(tensors["labels"], expected[part].labels)


def test_the_committee_counts_what_the_canonical_evaluation_of_those_features_gives(played: Played) -> None:
    specification = parse_specification((REPOSITORY / "examples" / "iris-mlp.json").read_bytes())
    seed, expected = played.setting.reader.round(played.round_id).seed, in_clear(played)
    counted = [
        evaluate_model(played.model, specification, seed, expected[part]).correct
        for part in ("train", "test")
    ]
    header = played.block.header
    assert [header.train_correct, header.test_correct] == counted


def test_miners_and_verifiers_say_how_many_rows_do_not_decrypt(played: Played) -> None:
    bad, heard = played.case.rows(TRAIN), played.setting.stage.story.heard
    for name in MINERS:
        assert heard(name, "not-decrypted", part="train", samples=len(bad), shard=0, row=min(bad))
    if played.case.rows(TEST):
        for name in MINERS + VERIFIERS:
            assert heard(name, "not-decrypted", part="test", samples=len(played.case.rows(TEST)))
