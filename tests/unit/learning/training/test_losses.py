import numpy as np
import pytest
import torch
from torch.nn import functional

from pole.learning.training.losses import loss_of
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.layers import Linear
from pole.protocol.models.metrics import LOGIT_ONE, AbsoluteError, Metric, readings
from pole.protocol.models.specification import Input, ModelSpecification


def specification(metric: Metric, classes: int) -> ModelSpecification:
    outputs = 1 if isinstance(metric, AbsoluteError) else classes
    return ModelSpecification(
        input=Input(shape=(4,), bits=8),
        mapping=LinearMapping(bits=8, queries=4),
        graph=(Linear(name="logits", out_features=outputs),),
        classes=classes,
        metric=metric,
        max_parameters=100,
        max_bytes=10_000,
    )


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "auc"])
def test_classes_are_learned_by_smoothed_cross_entropy(metric: Metric) -> None:
    logits, labels = torch.randn(9, 2), torch.arange(9) % 2
    found = loss_of(specification(metric, 2), 0.1)(logits, labels)
    assert torch.equal(found, functional.cross_entropy(logits, labels, label_smoothing=0.1))


def test_the_output_that_costs_nothing_is_the_one_read_as_the_label() -> None:
    metric = AbsoluteError(name="mean_absolute_error", scale=50)
    outputs = torch.zeros(300, 1, requires_grad=True)
    labels = torch.arange(300)
    loss = loss_of(specification(metric, 300), 0.1)
    # By hand: torch.optim brings the compiler of torch, whose import takes seconds.
    for _ in range(400):
        [slope] = torch.autograd.grad(loss(outputs, labels), outputs)
        outputs = (outputs - 30.0 * slope).detach().requires_grad_()
    steps = np.rint(outputs.detach().numpy() * LOGIT_ONE).astype(np.int64)
    assert readings(metric, steps, 300).tolist() == labels.tolist()
