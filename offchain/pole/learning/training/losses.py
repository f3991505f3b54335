"""What training makes small, for each metric: differentiable stands-ins for scores."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from pole.protocol.models.metrics import TARGET_RANGE, AbsoluteError
from pole.protocol.models.specification import ModelSpecification

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(specification: ModelSpecification, label_smoothing: float) -> Loss:
    """Return the loss of logits (n, outputs) beside labels, int64 (n,).

    Cross-entropy of the classes, in regression the absolute error (with a quadratic bottom) of the output
    beside the label's place on the grid, where label smoothing has no meaning.
    """
    if isinstance(specification.metric, AbsoluteError):
        return _grid_error(specification.classes)
    return lambda logits, labels: functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)


def _grid_error(classes: int) -> Loss:
    step = TARGET_RANGE / classes

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        targets = (labels.to(outputs.dtype) + 0.5) * step - TARGET_RANGE / 2
        return functional.smooth_l1_loss(outputs[:, 0], targets, beta=0.1)

    return loss
