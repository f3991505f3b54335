"""The example for CIFAR-10 and its recipe, on a few images made up: trained, evaluated and exported."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import fit
from pole.learning.evaluation.canonical import logits
from pole.learning.exporting.lowering import of_samples
from pole.learning.exporting.onnx_file import OnnxModel, write_onnx
from pole.learning.exporting.trained_model import TrainedModel
from pole.learning.networks.network import Network
from pole.learning.training.recipe import TrainingSettings, read_recipe
from pole.learning.training.rehearsal import features_in_clear
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress
from pole.protocol.models.specification import parse_specification

EXAMPLES = Path(__file__).parents[4] / "examples"
SPEC = parse_specification((EXAMPLES / "cifar10.json").read_bytes())
SEED = bytes(range(32))


def recipe() -> TrainingSettings:
    return read_recipe((EXAMPLES / "recipes" / "cifar10.toml").read_text())


def images() -> DataSet:
    """Return images of two classes that a glance tells apart: dark and bright ones."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    pixels = random.integers(0, 128, (40, 3, 32, 32)) + 127 * labels[:, None, None, None]
    return DataSet(
        "made up", pixels[:30].astype(np.uint8), labels[:30], pixels[30:].astype(np.uint8), labels[30:], 10
    )


@pytest.mark.parametrize("path", sorted((EXAMPLES / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_examples_is_one(path: Path) -> None:
    assert read_recipe(path.read_text()) != TrainingSettings()


def test_the_specification_allows_no_more_than_its_network_needs() -> None:
    assert sum(each.numel() for each in Network(SPEC).parameters()) == SPEC.max_parameters


def test_it_learns_a_few_images_and_its_onnx_file_says_the_same_to_the_bit(tmp_path: Path) -> None:
    data, losses = images(), list[float]()
    learned, unseen = features_in_clear(data, SPEC, SEED, np.random.default_rng(0).bytes)

    def note(progress: Progress) -> None:
        losses.append(progress.loss)

    result = train(
        TrainingTask(SPEC, SEED, learned, data.y_train, replace(recipe(), epochs=6, learning_rate=0.01)),
        StopRule(0, math.inf, clock=lambda: 0.0, stop=lambda: False),
        random_seed=1,
        device=torch.device("cpu"),
        report=note,
    )
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    trained = TrainedModel(result.candidate.model, fit(data.x_train, 8, data.bounds))
    path = tmp_path / "model.onnx"
    path.write_bytes(write_onnx(of_samples(trained), {}))
    found = OnnxModel(path).run({"samples": data.x_test.astype(np.float64)})
    assert np.array_equal(found["logits"], logits(result.candidate.model, unseen))
