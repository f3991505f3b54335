import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.evaluation.model_file import load, save
from pole.protocol.formats.tensors import write_tensors
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.layers import (
    Flatten,
    LayerNorm,
    Linear,
    MultiheadAttention,
    Position,
    Unflatten,
)
from pole.protocol.models.specification import ModelSpecification, mlp, model_bytes_bound

SEED = bytes(range(32))
SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=6), hidden=(5,), classes=3)


def model(spec: ModelSpecification = SPEC) -> CanonicalModel:
    random = np.random.default_rng(0)
    tensors = {
        name: random.integers(-9999, 9999, shape, dtype=np.int32)
        for name, shape in tensor_shapes(spec).items()
    }
    offset, scale = random.integers(0, 99, 6, dtype=np.int64), random.uniform(0.1, 1, 6).astype(np.float32)
    return CanonicalModel(spec, SEED, FeatureMap(offset, scale), tensors)


FILE = save(model())


def header_of(file: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def metadata(**changes: str) -> dict[str, str]:
    return {**header_of(FILE)[0]["__metadata__"], **changes}


def rewritten(
    change: dict[str, NDArray[Any]] | None = None,
    drop: Sequence[str] = (),
    extra_metadata: dict[str, str] | None = None,
) -> bytes:
    tensors = {name: part for name, part in load_safetensors(FILE).items() if name not in drop}
    return save_safetensors({**tensors, **(change or {})}, metadata=metadata(**(extra_metadata or {})))


def changed(*, scale: float = 1.0, weight: int = 1) -> bytes:
    parts = {**load_safetensors(FILE)}
    parts["features.scale"] = np.full(6, scale, dtype=np.float32)
    parts["logits.weight"] = np.full((3, 5), weight, dtype=np.int32)
    return write_tensors(parts, metadata())


@pytest.mark.parametrize(
    "file", [b"", b"\x00", bytes(8), b"PK\x03\x04" + bytes(60), b"\x80\x04cos\nsystem\n", FILE[8:]]
)
def test_what_is_no_safetensors_is_malformed(file: bytes) -> None:
    with pytest.raises(MalformedModelError, match="model file"):
        load(file, SPEC, SEED)


def test_a_file_beyond_its_limit_is_malformed_before_it_is_parsed() -> None:
    with pytest.raises(MalformedModelError, match=r"more than the .* its specification allows"):
        load(bytes(SPEC.max_bytes + 1), SPEC, SEED)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (rewritten(drop=["logits.bias"]), "missing or unknown tensors"),
        (rewritten(drop=["features.scale"]), "missing or unknown tensors"),
        (rewritten({"more": np.zeros(2, dtype=np.int32)}), "unknown tensors: 'more'"),
        (rewritten({"logits.bias": np.zeros((3, 1), dtype=np.int32)}), r"shape \[3, 1\]"),
        (rewritten({"logits.bias": np.zeros(3, dtype=np.float32)}), "must be of type I32"),
        (rewritten({"logits.bias": np.zeros(3, dtype=np.float16)}), "must be of type I32"),
        (rewritten({"features.offset": np.zeros(6, dtype=np.int32)}), "must be of type I64"),
        (rewritten({"features.offset": np.zeros(0, dtype=np.int64)}), r"\[6\] is needed"),
        (changed(scale=np.nan), "not numbers"),
        (changed(scale=np.inf), "not numbers"),
        (changed(weight=2**31 - 1), r"beyond 2\^53"),
        (rewritten(extra_metadata={"seed": "00" * 32}), "is needed"),
        (rewritten(extra_metadata={"specification": "00" * 32}), "is needed"),
        (rewritten(extra_metadata={"format": "pole.other"}), "pole.other.* is needed"),
        (rewritten(extra_metadata={"version": "2"}), "is needed"),
        (rewritten(extra_metadata={"note": "hello"}), "hello.* is needed"),
        (save_safetensors(load_safetensors(FILE), metadata=metadata()), "canonical encoding"),
    ],
    # safetensors orders metadata anew in every process, but all processes must know a test by one name.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_model_that_is_not_the_one_asked_for_is_malformed(file: bytes, sentence: str) -> None:
    with pytest.raises(MalformedModelError, match=sentence):
        load(file, SPEC, SEED)


def test_a_model_for_another_seed_is_malformed() -> None:
    with pytest.raises(MalformedModelError, match="seed"):
        load(FILE, SPEC, bytes(32))


def test_a_model_for_another_specification_is_malformed() -> None:
    other = mlp(
        input_shape=(4,), input_bits=7, mapping=LinearMapping(bits=8, queries=6), hidden=(5,), classes=3
    )
    with pytest.raises(MalformedModelError, match="specification"):
        load(FILE, other, SEED)


def test_a_file_without_metadata_is_malformed() -> None:
    with pytest.raises(MalformedModelError, match="carries None"):
        load(save_safetensors(load_safetensors(FILE)), SPEC, SEED)


def test_a_model_survives_its_file_bit_for_bit() -> None:
    loaded = load(FILE, SPEC, SEED)
    assert save(loaded) == FILE
    assert {name: part.tolist() for name, part in loaded.tensors.items()} == {
        name: part.tolist() for name, part in model().tensors.items()
    }


def test_attention_norms_and_positions_survive_the_file_and_fit_the_bound() -> None:
    graph = (
        Unflatten(name="a" * 32, unflattened_size=(2, 6)),
        *(Position(name=f"position_{number:023}") for number in range(3)),
        *(MultiheadAttention(name=f"attention_{number:022}", num_heads=2) for number in range(9)),
        *(LayerNorm(name=f"norm_{number:027}") for number in range(9)),
        Flatten(name="flat"),
        Linear(name="logits", out_features=3),
    )
    change = {"graph": graph, "mapping": LinearMapping(bits=8, queries=12), "max_bytes": 2**20}
    spec = SPEC.model_copy(update=change)
    random = np.random.default_rng(0)
    tensors = {
        name: random.integers(-9999, 9999, shape, dtype=np.int32)
        for name, shape in tensor_shapes(spec).items()
    }
    feature_map = FeatureMap(np.zeros(12, dtype=np.int64), np.ones(12, dtype=np.float32))
    file = save(CanonicalModel(spec, SEED, feature_map, tensors))
    assert save(load(file, spec, SEED)) == file
    assert len(file) <= model_bytes_bound(spec)


def test_any_safetensors_reader_can_read_a_model_file() -> None:
    tensors = load_safetensors(FILE)
    assert np.array_equal(tensors["logits.weight"], model().tensors["logits.weight"])
    assert header_of(FILE)[0]["__metadata__"]["format"] == "pole.model"


def test_the_file_does_not_depend_on_the_order_of_tensors() -> None:
    first = model()
    turned = CanonicalModel(SPEC, SEED, first.feature_map, dict(reversed(list(first.tensors.items()))))
    assert save(turned) == FILE


def test_the_limit_of_a_specification_leaves_room_for_its_model() -> None:
    assert len(FILE) <= SPEC.max_bytes


@pytest.mark.parametrize("length", range(0, len(FILE), 7))
def test_a_truncated_file_is_malformed(length: int) -> None:
    with pytest.raises(MalformedModelError):
        load(FILE[:length], SPEC, SEED)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_another_model_or_malformed(place: int, bit: int) -> None:
    flipped = bytearray(FILE)
    flipped[place] ^= 1 << bit
    try:
        loaded = load(bytes(flipped), SPEC, SEED)
    except MalformedModelError:
        return
    assert save(loaded) == bytes(flipped)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_malformed(file: bytes) -> None:
    with pytest.raises(MalformedModelError):
        load(file, SPEC, SEED)
