"""Evaluation as the roles see it: model bytes in, predictions out."""

from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.canonical import Evaluation, evaluate
from pole.learning.threads import Stop, never
from pole.protocol.models.specification import ModelSpecification
from pole.roles.receiving.samples import Samples


def evaluate_model(
    model: bytes,
    specification: ModelSpecification,
    seed: bytes,
    samples: Samples,
    place: Place = PROCESSOR,
    stop: Stop = never,
) -> Evaluation:
    """Return what a model file predicts on samples, by the canonical evaluation, computed at `place`.

    Raises MalformedModelError when the bytes are no model of this specification and seed, and AbandonedError
    when `stop` says so on the way.
    """
    loaded = model_file.load(model, specification, seed)
    return evaluate(loaded, samples.features, samples.labels, place, stop)
