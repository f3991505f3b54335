"""From a trained torch network to the canonical model that is shipped: folding, then rounding."""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import Floats, round_weights
from pole.learning.evaluation.steps import folded_norms
from pole.learning.networks.network import AddedPosition, Network, SelfAttention
from pole.protocol.models.graph import Node, readers
from pole.protocol.models.layers import (
    INPUT,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    Linear,
    MultiheadAttention,
    Position,
)
from pole.protocol.models.specification import ModelSpecification


def to_canonical(
    network: Network,
    specification: ModelSpecification,
    seed: bytes,
    feature_map: FeatureMap,
    whitening: Floats | None,
) -> CanonicalModel:
    """Return the canonical model of a trained network.

    `whitening` is the matrix that was applied to the normalised features in training, None where there was
    none; it is folded into the entry layer. Raises MalformedModelError where the weights are not finite or
    too large.
    """
    real = _real_tensors(network)
    entry = entry_layer(network.nodes)
    if whitening is not None and entry is not None:
        weight = real[f"{entry}.weight"]
        real[f"{entry}.weight"] = np.moveaxis(np.tensordot(weight, whitening, axes=(1, 0)), -1, 1)
    names = tensor_shapes(specification)
    return CanonicalModel(
        specification, seed, feature_map, {name: round_weights(real[name], name) for name in names}
    )


def entry_layer(nodes: tuple[Node, ...]) -> str | None:
    """Return the name of the layer that whitening can be folded into, or None.

    It is the Linear over (F,) features, or the Conv2d over (C, H, W) ones, that alone reads them, but for
    Dropout in between.
    """
    read_by, name = readers(nodes), INPUT
    while len(read_by[name]) == 1:
        node = read_by[name][0]
        if isinstance(node.layer, Linear | Conv2d):
            return node.layer.name
        flat_already = isinstance(node.layer, Flatten) and len(node.input_shapes[0]) == 1
        if not (flat_already or isinstance(node.layer, Dropout)):
            return None
        name = node.layer.name
    return None


def _real_tensors(network: Network) -> dict[str, Floats]:
    """Return float64 weights under the names of the canonical model, BatchNorm folded where it can be."""
    folded = folded_norms(network.nodes)
    real: dict[str, Floats] = {}
    for node in network.nodes:
        name, module = node.layer.name, network.module(node.layer.name)
        if isinstance(node.layer, Linear | Conv2d):
            weights = cast(nn.Linear | nn.Conv2d, module)
            real[f"{name}.weight"] = _to_numpy(weights.weight)
            # Without a bias of its own the layer gets the one that a folded BatchNorm brings, if any.
            own = weights.bias if weights.bias is not None else torch.zeros(len(weights.weight))
            real[f"{name}.bias"] = _to_numpy(own)
        elif isinstance(node.layer, BatchNorm1d | BatchNorm2d):
            scale, shift = _scale_and_shift(cast(nn.BatchNorm1d, module))
            if name in folded:
                target = folded[name]
                weight = real[f"{target}.weight"]
                real[f"{target}.weight"] = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
                real[f"{target}.bias"] = real[f"{target}.bias"] * scale + shift
            else:
                real[f"{name}.scale"], real[f"{name}.shift"] = scale, shift
        else:
            real |= {f"{name}.{part}": value for part, value in _other_tensors(node.layer, module).items()}
    return real


def _other_tensors(layer: Layer, module: nn.Module) -> dict[str, Floats]:
    match layer:
        case LayerNorm():
            norm = cast(nn.LayerNorm, module)
            return {"scale": _to_numpy(norm.weight), "shift": _to_numpy(norm.bias)}
        case Position():
            return {"position": _to_numpy(cast(AddedPosition, module).position)}
        case MultiheadAttention():
            own = cast(SelfAttention, module).attention
            tensors = {
                "in_proj_weight": own.in_proj_weight,
                "in_proj_bias": own.in_proj_bias,
                "out_proj_weight": own.out_proj.weight,
                "out_proj_bias": own.out_proj.bias,
            }
            return {
                name: _to_numpy(tensor)
                for name, tensor in tensors.items()
                if layer.bias or "bias" not in name
            }
    return {}


def _scale_and_shift(norm: nn.BatchNorm1d) -> tuple[Floats, Floats]:
    mean, variance = _to_numpy(cast(Tensor, norm.running_mean)), _to_numpy(cast(Tensor, norm.running_var))
    scale = _to_numpy(norm.weight) / np.sqrt(variance + norm.eps)
    return scale, _to_numpy(norm.bias) - mean * scale


def _to_numpy(tensor: Tensor) -> Floats:
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64)
