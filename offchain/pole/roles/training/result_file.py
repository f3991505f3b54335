"""What a user's learner returns or reports, as a model file."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pole.errors import InputError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel
from pole.learning.networks.export import to_canonical
from pole.learning.networks.network import Network
from pole.learning.training.training_data import TrainingData
from pole.quoting import differing


def result_file(result: object, data: TrainingData) -> bytes:
    """Return the model file of a module of the specification's network, its state, or a canonical model.

    Raises InputError for anything else and for another network, MalformedModelError for weights that no
    model file holds.
    """
    if isinstance(result, CanonicalModel):
        if (result.specification, result.seed) != (data.task.specification, data.task.seed):
            raise InputError("The canonical model is of another specification or seed than the job's.")
        return model_file.save(result)
    state = result.state_dict() if isinstance(result, nn.Module) else result
    if not isinstance(state, Mapping):
        raise InputError(
            f"A {type(result).__name__} is no model: return a module of the job's network, its state_dict() "
            "or a CanonicalModel."
        )
    network = _network(state, data)
    return model_file.save(
        to_canonical(network, data.task.specification, data.task.seed, data.feature_map, data.whitening)
    )


def _network(state: Mapping[object, object], data: TrainingData) -> Network:
    network = Network(data.task.specification)
    expected = network.state_dict()
    given = {str(name): value for name, value in state.items()}
    if given.keys() != expected.keys():
        raise InputError(
            f"The module is not the specification's network, since these parameters are missing or unknown: "
            f"{differing(given, expected)}; train job.network, or a module with the same names."
        )
    for name, value in given.items():
        if not isinstance(value, Tensor) or value.shape != expected[name].shape:
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise InputError(
                f"The parameter {name} is {shape}, but the specification's network has "
                f"{tuple(expected[name].shape)}; train job.network, or a module of the same shapes."
            )
        if not bool(torch.isfinite(value).all()):
            raise InputError(
                f"The parameter {name} is not finite; stop before the training diverges, or learn slower."
            )
    network.load_state_dict(given)
    return network
