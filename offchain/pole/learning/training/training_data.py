"""Training data on the device: normalised as in canonical evaluation, whitened where that can be folded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pole.learning.evaluation.features import FeatureMap, fit_feature_map, normalised, whiten, whitening
from pole.learning.evaluation.fixed_point import Floats
from pole.learning.networks.export import entry_layer
from pole.protocol.models.specification import ModelSpecification


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a network learns from and what its canonical model is judged on.

    `inputs` (float32) and `labels` are on the device. `features` and `truth` are the raw integers and
    labels; `feature_map` and `whitening` lead from them to `inputs`.
    """

    features: NDArray[np.integer[Any]]
    truth: NDArray[np.int64]
    feature_map: FeatureMap
    whitening: Floats | None
    inputs: Tensor
    labels: Tensor


def prepare(
    features: NDArray[np.integer[Any]],
    labels: NDArray[np.int64],
    specification: ModelSpecification,
    *,
    floor: float,
    device: torch.device,
) -> TrainingData:
    """Return features (n, ...) and labels (n,) ready for training.

    Whitening raises eigenvalues to `floor` of the largest.
    """
    feature_map = fit_feature_map(features)
    values = normalised(features, feature_map)
    matrix = None
    if entry_layer(specification.nodes()) is not None:
        matrix = whitening(values, floor)
        values = whiten(values, matrix)
    inputs = torch.from_numpy(values).to(device)
    return TrainingData(features, labels, feature_map, matrix, inputs, torch.tensor(labels, device=device))
