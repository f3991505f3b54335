import numpy as np
import pytest
from experiments.problems.data import Layer, original, round_seed, secure, split, unseen_features
from experiments.problems.networks import (
    CSML_1_VALID,
    CSML_4,
    QUADRANTS_64,
    cnn_of_projections,
    iris_mlp,
    mnist_mlp,
    pixels,
    small_cnn,
    transformer_of_tiles,
    vgg16,
)
from experiments.problems.victims import BETTER, PAPER, Variant

from pole.learning.data.datasets import DataSet
from pole.learning.networks.export import entry_layer
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping
from pole.protocol.mapping.layer import feature_shape, query_plan
from pole.protocol.models.graph import count_parameters
from pole.protocol.models.layers import Conv2d, Linear
from pole.protocol.models.specification import ModelSpecification, check_specification


def images(count: int = 6, shape: tuple[int, int] = (28, 28)) -> DataSet:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (2 * count, *shape), dtype=np.uint8)
    y = np.arange(2 * count) % 10
    return DataSet("images", x[:count], y[:count], x[count:], y[count:], 10)


def test_seeds_of_rounds_differ_and_are_always_the_same() -> None:
    assert len({round_seed(number) for number in range(100)}) == 100
    assert round_seed(5) == round_seed(5)
    assert len(round_seed(0)) == 32


def test_features_are_inner_products_with_the_query_vectors() -> None:
    data, specification = split("iris", 3), iris_mlp(8)
    problem = secure(data, Layer(specification, round_seed(1)))
    vectors = query_plan(specification, round_seed(1)).vectors.astype(np.int64)
    # Iris has one decimal and is encrypted times ten.
    expected = np.rint(10 * data.x_train).astype(np.int64) @ vectors.T
    assert np.array_equal(problem.x_train, expected)
    assert np.array_equal(unseen_features(data, Layer(specification, round_seed(1))), problem.x_test)


def test_signed_features_have_digits_around_zero() -> None:
    data, specification = images(), mnist_mlp(PAPER["linear 128"].specification.mapping)
    signed = secure(data, Layer(specification, round_seed(2), signed=True))
    vectors = 2 * query_plan(specification, round_seed(2)).vectors.astype(np.int64) - 7
    assert np.array_equal(signed.x_train, data.x_train.reshape(6, -1).astype(np.int64) @ vectors.T)


def test_the_original_problem_has_the_samples_themselves() -> None:
    data = images()
    problem = original(data, mnist_mlp(pixels((784,))), (784,))
    assert np.array_equal(problem.x_train, data.x_train.reshape(6, 784))


@pytest.mark.parametrize("variant", [*PAPER.values(), *BETTER.values()], ids=[*PAPER, *BETTER])
def test_every_layer_that_is_attacked_is_a_valid_specification(variant: Variant) -> None:
    check_specification(variant.specification)


def test_the_papers_layers_have_the_papers_sizes() -> None:
    assert feature_shape(vgg16((3, 32, 32), CSML_1_VALID)) == (3, 30, 30)
    assert feature_shape(vgg16((3, 32, 32), CSML_4)) == (12, 32, 32)
    assert feature_shape(vgg16((1, 28, 28), QUADRANTS_64)) == (256,)


@pytest.mark.parametrize(
    ("shape", "mapping", "count"),
    [
        ((1, 28, 28), QUADRANTS_64, 17),
        ((3, 32, 32), CSML_1_VALID, 16),
        ((3, 32, 32), pixels((3, 32, 32)), 16),
    ],
)
def test_vgg_16_has_sixteen_layers_with_weights_and_one_that_lays_out_vectors(
    shape: tuple[int, int, int], mapping: BlocksMapping | ConvMapping, count: int
) -> None:
    layers = [node.layer for node in vgg16(shape, mapping).nodes()]
    assert sum(isinstance(layer, Conv2d | Linear) for layer in layers) == count


@pytest.mark.parametrize(
    "specification",
    [
        vgg16((1, 28, 28), QUADRANTS_64),
        cnn_of_projections(QUADRANTS_64),
        transformer_of_tiles(QUADRANTS_64),
        vgg16((3, 32, 32), CSML_4),
        small_cnn((28, 28), CSML_4),
    ],
)
def test_features_are_whitened_also_where_they_are_laid_out(specification: ModelSpecification) -> None:
    check_specification(specification)
    first = specification.nodes()[0].layer
    assert entry_layer(specification.nodes()) == first.name


def test_a_narrower_vgg_16_has_about_as_many_fewer_parameters() -> None:
    whole, quarter = (
        count_parameters(vgg16((3, 32, 32), CSML_4, narrower=narrower).nodes()) for narrower in (1, 4)
    )
    assert 15e6 < whole < 16e6
    assert 15 < whole / quarter < 17


def test_the_small_network_takes_images_of_both_data_sets() -> None:
    for shape in ((28, 28), (3, 32, 32)):
        assert small_cnn(shape, CSML_4).nodes()[-1].shape == (10,)
