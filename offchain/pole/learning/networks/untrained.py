"""The model that knows nothing: what a miner commits to before it has trained."""

import numpy as np

from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification


def untrained_model(specification: ModelSpecification, seed: bytes) -> bytes:
    """Return the file of the model whose weights are all zero, which any specification has.

    Raises MalformedModelError where it is larger than the specification allows, so that none can be smaller.
    """
    channels = feature_shape(specification)[:1]
    feature_map = FeatureMap(np.zeros(channels, np.int64), np.zeros(channels, np.float32))
    tensors = {name: np.zeros(shape, np.int32) for name, shape in tensor_shapes(specification).items()}
    return model_file.save(CanonicalModel(specification, seed, feature_map, tensors))
