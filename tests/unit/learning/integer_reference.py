"""Canonical evaluation once more: every layer in Python integers and plain loops, one sample at a time."""

import math

import numpy as np

from pole.learning.fixed_point import CLAMP


def logits_by_hand(model, sample):
    """Return the logits of one sample as a list of integers."""
    normalised = model.feature_map.apply(sample[None])[0]
    values = {"input": normalised.astype(np.int64).astype(object)}
    for node in model.specification.nodes():
        inputs = [values[name] for name in node.inputs]
        values[node.layer.name] = LAYERS[node.layer.op](node.layer, inputs, model.tensors)
    return [int(value) for value in values["logits"]]


def on_grid(total):
    """Round total / 2^12 half to even, and clamp."""
    quotient, rest = divmod(int(total), 4096)
    rounded = quotient + (rest > 2048 or (rest == 2048 and quotient % 2 == 1))
    return max(-CLAMP, min(CLAMP, rounded))


def each(function, x):
    return np.array([function(int(value)) for value in x.ravel()], dtype=object).reshape(x.shape)


def elementwise(function):
    return lambda layer, inputs, tensors: each(lambda value: function(layer, value), inputs[0])


def tabulated(function):
    return elementwise(lambda layer, step: round(function(step / 1024) * 1024))


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def windows(x, size, step):
    """Return the windows of each channel: an object array (channels, height, width) of arrays."""
    height, width = ((side - size) // step + 1 for side in x.shape[1:])
    found = np.empty((len(x), height, width), dtype=object)
    for c, i, j in np.ndindex(found.shape):
        found[c, i, j] = x[c, i * step : i * step + size, j * step : j * step + size]
    return found


def pooled(function):
    def pool(layer, inputs, tensors):
        found = windows(inputs[0], layer.kernel_size, layer.stride or layer.kernel_size)
        return np.array([function(cells.ravel()) for cells in found.ravel()], dtype=object).reshape(
            found.shape
        )

    return pool


def bias_of(layer, tensors, count):
    return [int(b) * 1024 for b in tensors.get(f"{layer.name}.bias", np.zeros(count, dtype=np.int32))]


def linear(layer, inputs, tensors):
    weight = tensors[f"{layer.name}.weight"].astype(object)
    bias = bias_of(layer, tensors, len(weight))
    return np.array(
        [on_grid((row * inputs[0]).sum() + b) for row, b in zip(weight, bias, strict=True)], dtype=object
    )


def conv2d(layer, inputs, tensors):
    weight = tensors[f"{layer.name}.weight"].astype(object)
    padding = ((0, 0), (layer.padding, layer.padding), (layer.padding, layer.padding))
    found = windows(np.pad(inputs[0], padding), layer.kernel_size, layer.stride)
    bias = bias_of(layer, tensors, len(weight))
    out = np.empty((len(weight), *found.shape[1:]), dtype=object)
    for o, i, j in np.ndindex(out.shape):
        out[o, i, j] = on_grid(
            sum((found[c, i, j] * weight[o, c]).sum() for c in range(len(found))) + bias[o]
        )
    return out


def norm(layer, inputs, tensors):
    x = inputs[0]
    if f"{layer.name}.scale" not in tensors:
        return x
    scale, shift = (tensors[f"{layer.name}.{part}"] for part in ("scale", "shift"))
    out = np.empty(x.shape, dtype=object)
    for place in np.ndindex(x.shape):
        out[place] = on_grid(x[place] * int(scale[place[0]]) + int(shift[place[0]]) * 1024)
    return out


LAYERS = {
    "Linear": linear,
    "Conv2d": conv2d,
    "BatchNorm1d": norm,
    "BatchNorm2d": norm,
    "MaxPool2d": pooled(max),
    "AvgPool2d": pooled(lambda cells: round(sum(cells) / len(cells))),
    "Add": lambda layer, inputs, tensors: each(
        lambda v: max(-CLAMP, min(CLAMP, v)), sum(inputs[1:], start=inputs[0])
    ),
    "Concat": lambda layer, inputs, tensors: np.concatenate(inputs),
    "Flatten": lambda layer, inputs, tensors: inputs[0].ravel(),
    "Dropout": lambda layer, inputs, tensors: inputs[0],
    "ReLU": elementwise(lambda layer, value: max(0, value)),
    "LeakyReLU": elementwise(lambda layer, v: v if v >= 0 else round(v * layer.negative_slope)),
    "Tanh": tabulated(math.tanh),
    "Sigmoid": tabulated(logistic),
    "GELU": tabulated(lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2))),
}
