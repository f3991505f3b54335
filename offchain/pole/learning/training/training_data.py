"""What a training is given, and its data on the device.

There they are normalised as in canonical evaluation, and whitened where that can be folded.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pole.learning.evaluation.features import FeatureMap, fit_feature_map, normalised, whiten, whitening
from pole.learning.evaluation.fixed_point import Floats
from pole.learning.machine.disk_arrays import Allocate, in_memory
from pole.learning.machine.threads import Stop, never
from pole.learning.networks.export import entry_layer
from pole.learning.training.images.augmentation import augmented
from pole.learning.training.images.beneath import LayerAbove, layer_above, samples_beneath
from pole.learning.training.optimising.precision import laid_out
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.models.specification import ModelSpecification


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTask:
    """What to learn, and how.

    A network of the `specification` learns `labels` (n,) from `features` (n, *feature_shape), as integers.
    `seed` is the round's, written into the model; `settings` are the miner's own choice. Arrays as large as
    the features are made by `allocate`.
    """

    specification: ModelSpecification
    seed: bytes
    features: NDArray[np.integer[Any]]
    labels: NDArray[np.int64]
    settings: TrainingSettings
    allocate: Allocate = in_memory


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a network learns from and what its canonical model is judged on.

    `inputs` (float32) and `labels` are on the device. `feature_map` and `whitening` lead from the raw
    integers of `task` to `inputs`. Where there is a `layer`, `inputs` are centred samples instead, from which
    it leads to what the network sees.
    """

    task: TrainingTask
    feature_map: FeatureMap
    whitening: Floats | None
    inputs: Tensor
    labels: Tensor
    layer: LayerAbove | None = None

    def batch(self, settings: TrainingSettings, rows: Tensor, epoch: int) -> Tensor:
        """Return what the network sees of samples, given by their numbers, in an epoch."""
        found = augmented(self.inputs[rows], settings, rows=rows, epoch=epoch)
        if self.layer is not None:
            found = self.layer(found)
        return laid_out(found)


def prepare(task: TrainingTask, device: torch.device) -> TrainingData:
    """Return the data of a task ready for training.

    Whitening raises eigenvalues to the `whitening_floor` of the settings, as a part of the largest.
    """
    feature_map = fit_feature_map(task.features)
    values = normalised(task.features, feature_map, task.allocate)
    matrix = None
    if entry_layer(task.specification.nodes()) is not None:
        matrix = whitening(values, task.settings.whitening_floor)
        values = whiten(values, matrix, out=values)
    inputs = torch.from_numpy(values).to(device)
    return TrainingData(task, feature_map, matrix, inputs, torch.tensor(task.labels, device=device))


def with_samples(data: TrainingData, stop: Stop = never) -> TrainingData:
    """Return the data with samples for features, where images are mirrored and features show them whole.

    See `beneath`. Other data are returned as they are. Raises AbandonedError when `stop` says so.
    """
    task, device = data.task, data.inputs.device
    if not task.settings.flip:
        return data
    found = samples_beneath(task.features, task.specification, task.seed, stop)
    if found is None:
        return data
    mean = found.samples.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)[0].astype(np.float32)
    layer = layer_above(found, data.feature_map, data.whitening, mean)
    centred = np.subtract(found.samples, mean, out=found.samples)
    return replace(data, inputs=torch.from_numpy(centred).to(device), layer=layer.on(device))
