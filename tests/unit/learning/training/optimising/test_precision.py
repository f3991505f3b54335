import pytest
import torch
from torch import Tensor

from pole.learning.training.optimising import precision
from pole.learning.training.optimising.precision import computes_in_bfloat16, laid_out
from pole.learning.training.recipe import TrainingSettings

VECTORS, IMAGES = torch.zeros(5, 7), torch.zeros(5, 2, 3, 4)


@pytest.mark.parametrize(
    ("capabilities", "inputs", "mixed", "expected"),
    [
        ({"avx512_bf16": True}, IMAGES, True, True),
        ({"amx_bf16": True, "avx512_bf16": False}, IMAGES, True, True),
        ({"avx512_bf16": False, "avx512_f": True}, IMAGES, True, False),
        ({}, IMAGES, True, False),
        ({"avx512_bf16": True}, IMAGES, False, False),
        ({"avx512_bf16": True}, VECTORS, True, False),
    ],
)
def test_a_processor_computes_images_in_bfloat16_where_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch,
    capabilities: dict[str, bool],
    inputs: Tensor,
    mixed: bool,
    expected: bool,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert computes_in_bfloat16(TrainingSettings(mixed_precision=mixed), inputs) is expected


@pytest.mark.parametrize("inputs", [VECTORS, IMAGES], ids=["vectors", "images"])
def test_a_gpu_computes_both_in_bfloat16(monkeypatch: pytest.MonkeyPatch, inputs: Tensor) -> None:
    class OnGpu:
        device, ndim = torch.device("cuda"), inputs.ndim

    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    assert computes_in_bfloat16(TrainingSettings(), OnGpu())  # type: ignore[arg-type]
    assert not computes_in_bfloat16(TrainingSettings(mixed_precision=False), OnGpu())  # type: ignore[arg-type]


def test_images_lie_with_their_channels_last_and_keep_their_values() -> None:
    images = torch.rand(2, 3, 4, 5)
    found = laid_out(images)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, images)
    assert laid_out(VECTORS) is VECTORS
