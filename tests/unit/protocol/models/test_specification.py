import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping
from pole.protocol.models.layers import Dropout
from pole.protocol.models.specification import (
    MAX_DOCUMENT_BYTES,
    Input,
    ModelSpecification,
    disclosed_rank,
    mlp,
    model_bytes_bound,
    parse_specification,
)

Document = dict[str, object]


LINEAR: Document = {"kind": "linear", "bits": 3, "queries": 16}


def document(**changes: object) -> Document:
    whole = {
        "version": 1,
        "input": {"shape": [8, 8], "bits": 4},
        "mapping": {"kind": "linear", "bits": 3, "queries": 16},
        "graph": [
            {"name": "hidden", "op": "Linear", "out_features": 12, "bias": False},
            {"name": "norm", "op": "BatchNorm1d"},
            {"name": "relu", "op": "ReLU"},
            {"name": "logits", "op": "Linear", "out_features": 10},
        ],
        "classes": 10,
        "metric": "accuracy",
        "max_parameters": 1000,
        "max_bytes": 10000,
    }
    return {**whole, **changes}


def parse(**changes: object) -> ModelSpecification:
    return parse_specification(json.dumps(document(**changes)))


def image(*layers: Document, shape: tuple[int, ...] = (3, 8, 8)) -> Document:
    return document(
        input={"shape": list(shape), "bits": 4},
        mapping={"kind": "conv", "bits": 3, "queries": 2, "kernel": [3, 3]},
        graph=[
            *layers,
            {"name": "flat", "op": "Flatten"},
            {"name": "logits", "op": "Linear", "out_features": 10},
        ],
        max_parameters=100_000,
        max_bytes=1_000_000,
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": 3}, r"version: input should be 1"),
        ({"version": 2}, r"Version 2 .* is for mapping layers with noise: set version to 1"),
        ({"version": 2, "mapping": {**LINEAR, "noise": 0}}, r"Version 2 .* is for mapping layers with noise"),
        ({"mapping": {**LINEAR, "noise": 5}}, r"Version 1 .* has no noise in its mapping layer: set version"),
        ({"version": 2, "mapping": {**LINEAR, "noise": 2**16 + 1}}, r"mapping.linear.noise"),
        ({"version": 2, "mapping": {**LINEAR, "noise": -1}}, r"mapping.linear.noise"),
        ({"version": 2, "mapping": {**LINEAR, "noise": 1.5}}, r"mapping.linear.noise"),
        (
            {
                "version": 2,
                "input": {"shape": [128, 128], "bits": 4},
                "mapping": {"kind": "conv", "bits": 3, "queries": 4, "kernel": [3, 3], "noise": 1},
            },
            r"has 81920 encrypted values, more than the 65536 allowed; ask for fewer queries or windows",
        ),
        ({"extra": 1}, r"field extra that PoLe does not know"),
        ({"metric": "loss"}, r"metric.*: input should be 'accuracy', 'macro_f1' or 'auc'"),
        ({"metric": {"name": "mean_absolute_error"}}, r"lacks the field metric.*scale"),
        ({"metric": {"name": "mse", "scale": 5}}, r"metric.*name: input should be 'mean_absolute_error'"),
        ({"metric": {"name": "mean_absolute_error", "scale": 0}}, r"metric.*scale: .*greater than"),
        ({"metric": {"name": "mean_absolute_error", "scale": 5}}, r"makes \[10\] instead of one value, as"),
        ({"metric": "auc"}, r"'auc' ranks samples of two classes.*has 10"),
        ({"classes": 1}, r"classes: .*greater than or equal to 2"),
        ({"classes": "10"}, r"classes: input should be a valid integer"),
        ({"classes": 9}, r"makes \[10\] instead of one value for each of the 9 classes"),
        ({"graph": []}, r"graph: .*at least 1 item"),
        ({"graph": [{"name": "x", "op": "LSTM"}]}, r"knows no 'LSTM' at graph\[0\]; use one of .*'Linear'"),
        ({"graph": [{"name": "x"}]}, r"lacks 'op' at graph\[0\]"),
        ({"graph": [{"name": "X.y", "op": "ReLU"}]}, r"graph\[0\].*name: string should match pattern"),
        ({"graph": [{"name": "input", "op": "ReLU"}]}, r"cannot call a second layer 'input'"),
        ({"graph": [{"name": "features", "op": "ReLU"}]}, r"cannot call a second layer 'features'"),
        (
            {"graph": [{"name": "x", "op": "Linear", "out_features": -5}]},
            r"graph\[0\].*out_features: .*greater than 0",
        ),
        ({"graph": [{"name": "x", "op": "Linear"}]}, r"lacks the field graph\[0\].*out_features"),
        ({"graph": [{"name": "x", "op": "Dropout", "p": 1.0}]}, r"less than 1"),
        ({"graph": [{"name": "x", "op": "LeakyReLU", "negative_slope": 0.01}]}, r"multiple of 1/4096"),
        ({"graph": [{"name": "x", "op": "ReLU", "inputs": ["y"]}]}, r"reads 'y', which no layer before it"),
        (
            {"graph": [{"name": "x", "op": "ReLU", "inputs": ["input", "input"]}]},
            r"'x' \(ReLU\).*takes one input, not 2",
        ),
        ({"graph": [{"name": "x", "op": "Add"}]}, r"joins two or more layers, not 1"),
        (
            {"graph": [{"name": "x", "op": "Conv2d", "out_channels": 2, "kernel_size": 3}]},
            r"\(channels, height, width\) input but gets \[16\]",
        ),
        (
            {"max_parameters": 100},
            r"up to 346 trainable parameters, more than the 100 allowed.*max_parameters",
        ),
        ({"max_parameters": 10**9}, r"max_parameters: .*less than or equal to 50000000"),
        ({"max_bytes": 1000}, r"bytes in a model file, more than the 1000 allowed.*raise max_bytes"),
        ({"input": {"shape": [], "bits": 8}}, r"input.shape"),
        ({"input": {"shape": [4, 0], "bits": 8}}, r"input.shape\[1\]: .*greater than 0"),
        ({"input": {"shape": [64], "bits": 9}}, r"input.bits: .*less than or equal to 8"),
        ({"input": {"shape": [1000, 1000], "bits": 8}}, r"1000000 values, more than the 65536"),
        ({"mapping": {"kind": "fourier", "bits": 3, "queries": 4}}, r"knows no 'fourier' at mapping"),
        ({"mapping": {"kind": "linear", "bits": 3, "queries": 0}}, r"mapping.linear.queries"),
        ({"mapping": {"kind": "linear", "bits": 1, "queries": 65}}, r"repeat from number 64 on.*asks for 65"),
        (
            {"mapping": {"kind": "blocks", "bits": 3, "queries": 4, "tile": [3, 4]}},
            r"Tiles of 3x4 do not cut a 8x8 image",
        ),
        (
            {"mapping": {"kind": "conv", "bits": 3, "queries": 1, "kernel": [2, 3]}},
            r"cannot be padded evenly",
        ),
        (
            {"mapping": {"kind": "conv", "bits": 3, "queries": 1, "kernel": [9, 9], "padding": "valid"}},
            r"kernel of 9x9 does not fit",
        ),
        (
            {
                "input": {"shape": [64], "bits": 4},
                "mapping": {"kind": "conv", "bits": 3, "queries": 1, "kernel": [3, 3]},
            },
            r"need an image as input",
        ),
        (
            {
                "input": {"shape": [60000], "bits": 8},
                "mapping": {"kind": "linear", "bits": 16, "queries": 16},
            },
            r"too large to decrypt",
        ),
        (
            {
                "version": 2,
                "input": {"shape": [32960], "bits": 8},
                "mapping": {"kind": "linear", "bits": 9, "queries": 16, "noise": 2**16},
            },
            r"Inner products up to 4295901376 are too large to decrypt; .* or less noise",
        ),
    ],
)
def test_an_unusable_document_is_one_sentence_with_the_place(changes: Document, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        parse(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        b"\xff\xfe",
        "[" * 50_000,
        json.dumps(document())[:-1],
        json.dumps(document()).replace('"classes": 10', '"classes": NaN'),
        json.dumps(document()).replace('"classes": 10', '"classes": 10, "classes": 10'),
    ],
)
def test_broken_json_is_an_input_error(text: bytes | str) -> None:
    with pytest.raises(InputError):
        parse_specification(text)


def test_a_key_that_stands_twice_is_refused() -> None:
    text = json.dumps(document()).replace('"bits": 4', '"bits": 4, "bits": 8')
    with pytest.raises(InputError, match="a key stands twice"):
        parse_specification(text)


def test_a_document_of_megabytes_is_refused_before_it_is_read() -> None:
    with pytest.raises(InputError, match="longer than"):
        parse_specification(" " * (MAX_DOCUMENT_BYTES + 1))


@pytest.mark.parametrize("width", [10**7, 10**30])
def test_a_giant_layer_is_refused_before_any_memory_is_taken(width: int) -> None:
    with pytest.raises(InputError):
        parse(
            graph=[
                {"name": "a", "op": "Linear", "out_features": width},
                {"name": "b", "op": "Linear", "out_features": 10},
            ],
            max_parameters=50_000_000,
        )


def test_a_small_network_with_giant_activations_is_refused() -> None:
    wide = {"name": "a", "op": "Conv2d", "out_channels": 5000, "kernel_size": 1, "bias": False}
    whole = image(wide, {"name": "b", "op": "AvgPool2d", "kernel_size": 32}, shape=(3, 32, 32))
    with pytest.raises(InputError, match="values a sample in its layers"):
        parse_specification(json.dumps(whole))


@pytest.mark.parametrize(("kernel", "padding"), [(1, 1), (3, 3), (1, 50_000), (32, 2**60)])
def test_a_convolution_that_would_see_nothing_but_padding_is_refused(kernel: int, padding: int) -> None:
    layer = {"name": "a", "op": "Conv2d", "out_channels": 1, "kernel_size": kernel, "padding": padding}
    with pytest.raises(InputError, match="would see nothing but padding; use less than the kernel"):
        parse_specification(json.dumps(image({**layer, "stride": padding})))


@pytest.mark.parametrize(
    "layer",
    [
        {"op": "Conv2d", "out_channels": 1, "kernel_size": 32, "stride": 63, "padding": 31},
        {"op": "MaxPool2d", "kernel_size": 32, "stride": 32, "padding": 16},
    ],
)
def test_a_small_image_with_a_giant_padding_is_refused(layer: Document) -> None:
    whole = image({"name": "a", **layer}, shape=(6000, 1, 1))
    whole |= {"max_parameters": 50_000_000, "max_bytes": 200_000_000}
    with pytest.raises(InputError, match="values a sample in its layers"):
        parse_specification(json.dumps(whole))


@pytest.mark.parametrize("op", ["Conv2d", "MaxPool2d", "AvgPool2d"])
def test_a_kernel_that_would_be_slid_place_by_place_is_refused(op: str) -> None:
    layer = {"name": "a", "op": op, "kernel_size": 33} | ({"out_channels": 1} if op == "Conv2d" else {})
    with pytest.raises(InputError, match=r"kernel_size: input should be less than or equal to 32"):
        parse_specification(json.dumps(image(layer, shape=(3, 64, 64))))


def test_a_layer_that_nobody_reads_is_refused() -> None:
    with pytest.raises(InputError, match="No layer of the model specification reads layer 'lost'"):
        parse(
            graph=[
                {"name": "lost", "op": "ReLU"},
                {"name": "logits", "op": "Linear", "out_features": 10, "inputs": ["input"]},
            ]
        )


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([{"name": "a", "op": "MaxPool2d", "kernel_size": 9}], "kernel of 9, larger than its input"),
        ([{"name": "a", "op": "Linear", "out_features": 2}], r"needs a \(features,\) .*input.*Flatten"),
        ([{"name": "a", "op": "BatchNorm1d"}], r"needs a \(features,\) input"),
        (
            [
                {"name": "a", "op": "MaxPool2d", "kernel_size": 2},
                {"name": "b", "op": "Add", "inputs": ["a", "input"]},
            ],
            r"adds \[6, 4, 4\] and \[6, 8, 8\], which differ",
        ),
        (
            [
                {"name": "a", "op": "MaxPool2d", "kernel_size": 2},
                {"name": "b", "op": "Concat", "inputs": ["a", "input"]},
            ],
            "may differ in the first dimension only",
        ),
    ],
)
def test_layers_that_do_not_fit_are_named(layers: list[Document], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_specification(json.dumps(image(*layers)))


def test_shapes_flow_through_a_graph_with_branches() -> None:
    whole = image(
        {"name": "a", "op": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
        {"name": "b", "op": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1, "inputs": ["input"]},
        {"name": "sum", "op": "Add", "inputs": ["a", "b"]},
        {"name": "all", "op": "Concat", "inputs": ["sum", "input"]},
        {"name": "norm", "op": "BatchNorm2d"},
        {"name": "pool", "op": "AvgPool2d", "kernel_size": 3, "stride": 2},
    )
    spec = parse_specification(json.dumps(whole))
    assert [node.shape for node in spec.nodes()] == [
        (4, 8, 8),
        (4, 8, 8),
        (4, 8, 8),
        (10, 8, 8),
        (10, 8, 8),
        (10, 3, 3),
        (90,),
        (10,),
    ]


def test_a_specification_without_noise_keeps_the_name_it_always_had() -> None:
    example = Path(__file__).parents[4] / "examples" / "iris-mlp.json"
    spec = parse_specification(example.read_bytes())
    assert spec.digest().hex() == "4a2d1a6870902b2ba249197e971aa57a1486c77ec9c8c2a098537ea060f077e3"
    none = json.loads(example.read_bytes())
    none["mapping"]["noise"] = 0
    assert parse_specification(json.dumps(none)).canonical_bytes() == spec.canonical_bytes()
    assert b"noise" not in spec.canonical_bytes()


def test_noise_is_part_of_the_name_and_adds_a_column_for_each_feature() -> None:
    noisy = parse(version=2, mapping={**LINEAR, "noise": 5})
    assert b'"noise":5' in noisy.canonical_bytes()
    assert parse_specification(noisy.canonical_bytes()) == noisy
    assert (noisy.dimension, noisy.columns) == (64, 80)
    assert noisy.max_inner_product == parse().max_inner_product + 80
    assert disclosed_rank(noisy) == disclosed_rank(parse())
    tiles: Document = {"kind": "blocks", "bits": 3, "queries": 4, "tile": [4, 4]}
    assert parse(version=2, mapping={**tiles, "noise": 1}).columns == 64 + 4 * 4
    assert parse(mapping=tiles).columns == 64


def test_canonical_bytes_do_not_depend_on_how_the_document_was_written() -> None:
    spec = parse()
    loose = json.dumps(dict(reversed(document().items())), indent=3)
    assert parse_specification(loose).canonical_bytes() == spec.canonical_bytes()
    assert parse_specification(spec.canonical_bytes()) == spec
    assert b" " not in spec.canonical_bytes()
    assert spec.digest() == keccak256(spec.canonical_bytes())


def test_the_digest_of_a_specification_never_changes() -> None:
    assert parse().digest().hex() == "ae82c092834eb48211f20d27667a338f9c119603130c05669e0b287d7ba25664"


def test_a_whole_number_and_a_float_of_one_value_are_one_specification() -> None:
    def with_slope(slope: float) -> ModelSpecification:
        return parse(
            graph=[
                {"name": "act", "op": "LeakyReLU", "negative_slope": slope},
                {"name": "logits", "op": "Linear", "out_features": 10},
            ]
        )

    assert with_slope(0).canonical_bytes() == with_slope(0.0).canonical_bytes()


def test_an_mlp_is_limited_to_what_it_needs_and_survives_its_own_bytes() -> None:
    spec = mlp(
        input_shape=(28, 28),
        input_bits=8,
        mapping=BlocksMapping(bits=3, queries=32, tile=(14, 14)),
        hidden=(512, 256),
        classes=10,
        dropout=0.2,
    )
    assert spec.max_parameters == 128 * 512 + 2 * 512 + 512 * 256 + 2 * 256 + 256 * 10 + 10
    assert spec.max_bytes == model_bytes_bound(spec)
    assert parse_specification(spec.canonical_bytes()) == spec
    assert sum(isinstance(layer, Dropout) for layer in spec.graph) == 2


def test_an_impossible_mlp_is_an_input_error() -> None:
    with pytest.raises(InputError, match="out_features"):
        mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(0,), classes=3)


def specification(shape: tuple[int, ...], mapping: Mapping) -> ModelSpecification:
    return ModelSpecification.model_construct(input=Input(shape=shape, bits=8), mapping=mapping)


@pytest.mark.parametrize(
    ("shape", "mapping", "rank"),
    [
        ((4,), LinearMapping(bits=8, queries=3), 3),
        ((4,), LinearMapping(bits=8, queries=4), 4),
        ((4,), LinearMapping(bits=8, queries=16), 4),
        ((28, 28), LinearMapping(bits=3, queries=128), 128),
        ((28, 28), BlocksMapping(bits=3, queries=32, tile=(14, 14)), 128),
        ((28, 28), BlocksMapping(bits=3, queries=16, tile=(4, 4)), 784),
        ((28, 28), BlocksMapping(bits=3, queries=40, tile=(4, 4)), 784),
        ((3, 32, 32), ConvMapping(bits=3, queries=1, kernel=(3, 3)), 3072),
        ((3, 32, 32), ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid"), 2700),
        ((3, 32, 32), ConvMapping(bits=3, queries=2, kernel=(3, 3), padding="valid"), 3072),
    ],
)
def test_what_one_round_of_a_specification_gives_away_at_most(
    shape: tuple[int, ...], mapping: Mapping, rank: int
) -> None:
    assert disclosed_rank(specification(shape, mapping)) == rank


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), junk=JSON)
def test_any_junk_anywhere_is_an_input_error_or_a_specification(data: st.DataObject, junk: object) -> None:
    whole = document()
    place: Any = whole
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = junk
        break
    try:
        spec = parse_specification(json.dumps(whole))
    except InputError:
        return
    assert parse_specification(spec.canonical_bytes()) == spec
