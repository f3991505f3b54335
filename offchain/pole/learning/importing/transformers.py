"""torch.nn's attention and transformer encoders, taken apart into layers of a model specification."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from pole.learning.importing.layers import Flow, LayerList
from pole.learning.importing.trace import UnsupportedError

ACTIVATIONS = {functional.relu: nn.ReLU, torch.relu: nn.ReLU, functional.gelu: nn.GELU}


def add_attention(layers: LayerList, module: nn.MultiheadAttention, hint: str, flow: Flow) -> Flow:
    """Append self-attention over a flow of tokens."""
    if type(module) is not nn.MultiheadAttention:
        raise UnsupportedError(f"attention must be an nn.MultiheadAttention, not {type(module).__name__}")
    one_size = module.embed_dim == module.kdim == module.vdim
    if not module.batch_first or not one_size or module.bias_k is not None or module.add_zero_attn:
        raise UnsupportedError(
            "a MultiheadAttention must have batch_first=True, one embedding size, and no add_bias_kv or "
            "add_zero_attn"
        )
    return layers.add(
        "MultiheadAttention",
        hint,
        flow,
        source=module,
        num_heads=module.num_heads,
        dropout=float(module.dropout),
        bias=module.in_proj_bias is not None,
    )


def add_encoder(layers: LayerList, module: nn.TransformerEncoder, hint: str, flow: Flow) -> Flow:
    """Append a stack of encoder layers, and its last norm where it has one."""
    for number, layer in enumerate(module.layers):
        if type(layer) is not nn.TransformerEncoderLayer:
            raise UnsupportedError("a TransformerEncoder must consist of nn.TransformerEncoderLayer")
        flow = add_encoder_layer(layers, layer, f"{hint}_{number}", flow)
    return flow if module.norm is None else layers.add_module(module.norm, f"{hint}_norm", flow)


def add_encoder_layer(layers: LayerList, module: nn.TransformerEncoderLayer, hint: str, flow: Flow) -> Flow:
    """Append attention and feed-forward, each with its residual and its norm before or after."""

    def attend(inner: Flow) -> Flow:
        attended = add_attention(layers, module.self_attn, f"{hint}_attention", inner)
        return layers.add_module(module.dropout1, f"{hint}_dropout1", attended)

    def feed_forward(inner: Flow) -> Flow:
        wide = layers.add_module(module.linear1, f"{hint}_linear1", inner)
        active = layers.add_module(_activation(module), f"{hint}_activation", wide)
        dropped = layers.add_module(module.dropout, f"{hint}_dropout", active)
        narrow = layers.add_module(module.linear2, f"{hint}_linear2", dropped)
        return layers.add_module(module.dropout2, f"{hint}_dropout2", narrow)

    for number, (block, norm) in enumerate(((attend, module.norm1), (feed_forward, module.norm2)), start=1):
        inner = layers.add_module(norm, f"{hint}_norm{number}", flow) if module.norm_first else flow
        flow = layers.add("Add", f"{hint}_sum{number}", flow, block(inner))
        if not module.norm_first:
            flow = layers.add_module(norm, f"{hint}_norm{number}", flow)
    return flow


def _activation(module: nn.TransformerEncoderLayer) -> nn.Module:
    activation: Any = module.activation
    if isinstance(activation, nn.Module):
        return activation
    if activation not in ACTIVATIONS:
        raise UnsupportedError("a TransformerEncoderLayer must have the activation 'relu' or 'gelu'")
    made: nn.Module = ACTIVATIONS[activation]()
    return made
