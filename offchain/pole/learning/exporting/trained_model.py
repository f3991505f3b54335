"""A trained model in the clear: samples in, logits, labels and probabilities out, as its committee counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget, NumberTarget, Preparation
from pole.learning.data.quantisation import Quantisation, apply
from pole.learning.evaluation.canonical import CanonicalModel, logits
from pole.protocol.mapping.kinds import largest_noise
from pole.protocol.mapping.layer import arrange, data_plan, inner_products_in_clear
from pole.protocol.models.metrics import LOGIT_ONE, AbsoluteError, predictions, readings

Samples = NDArray[Any]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A canonical model, how samples were quantised for it, and how rows became samples, where that is known.

    Raises InputError where they do not belong together.
    """

    model: CanonicalModel
    quantisation: Quantisation
    preparation: Preparation | None = None

    def __post_init__(self) -> None:
        specification, preparation = self.model.specification, self.preparation
        if preparation is None:
            return
        if preparation.input_shape != specification.input.shape:
            raise InputError(
                f"The preparation makes samples of the shape {list(preparation.input_shape)}, but the model "
                f"takes {list(specification.input.shape)}: it is that of another task."
            )
        if preparation.target.classes > specification.classes:
            raise InputError(
                f"The preparation names {preparation.target.classes} labels, but the model knows "
                f"{specification.classes}: it is that of another task."
            )

    @property
    def is_regression(self) -> bool:
        """Return whether the model predicts numbers: steps of its target's grid."""
        return isinstance(self.model.specification.metric, AbsoluteError)

    @property
    def noise_shift(self) -> int:
        """Return what noise adds to a feature on average, and samples in the clear get as a constant."""
        return largest_noise(self.model.specification.mapping) // 2

    def features(self, samples: Samples) -> Integers:
        """Return the features (n, *feature_shape) of samples (n, *input_shape) as their owner has them.

        They are those that decryption gives; with noise in the mapping layer, those with its mean. Raises
        InputError for samples of another shape or with values that are no numbers.
        """
        specification = self.model.specification
        if samples.shape[1:] != specification.input.shape:
            raise InputError(
                f"The samples have the shape {list(samples.shape[1:])}, but the model takes "
                f"{list(specification.input.shape)}: they are those of another task."
            )
        plan = data_plan(specification, self.model.seed)
        quantised = apply(self.quantisation, samples).values
        return arrange(inner_products_in_clear(plan, quantised), specification) + self.noise_shift

    def logits(self, samples: Samples) -> Integers:
        """Return the logits (n, outputs) of samples, in multiples of 2^-10, by canonical evaluation."""
        return logits(self.model, self.features(samples))

    def labels(self, found: Integers) -> Integers:
        """Return the predicted labels (n,) of logits: classes, or steps of the target's grid."""
        specification = self.model.specification
        read = readings(specification.metric, found, specification.classes)
        return predictions(specification.metric, read).astype(np.int64)

    def probabilities(self, found: Integers) -> NDArray[np.float64]:
        """Return the softmax (n, classes) of logits; raises InputError for a regression, which has none."""
        if self.is_regression:
            raise InputError("A regression predicts a number: it has no probabilities of classes.")
        scaled = found / LOGIT_ONE
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)

    def names(self) -> tuple[str, ...]:
        """Return the name of each class: its owner's where it is known, else its number."""
        target = None if self.preparation is None else self.preparation.target
        known = target.names if isinstance(target, ClassTarget) else ()
        return (*known, *(str(label) for label in range(len(known), self.model.specification.classes)))

    def values(self, labels: Integers) -> NDArray[np.float64]:
        """Return the numbers that steps of a regression's grid stand for; the steps where it is not known."""
        target = None if self.preparation is None else self.preparation.target
        if isinstance(target, NumberTarget):
            return np.asarray(target.low + labels * target.step, dtype=np.float64)
        return labels.astype(np.float64)
