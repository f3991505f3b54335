"""A small convolutional encoder of digits, trained on one half of them, and the other half as a data set.

python examples/encoder.py --folder build/encoder
pole data prepare build/encoder/digits.npz --encoder build/encoder/digits-encoder.onnx --out digits.pole

The encoder turns an image into 32 numbers before anything is quantised or encrypted, on its owner's machine.
What it learned from the first half makes few query vectors enough for the second.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import nn

SIDE, CHANNELS, WIDTH, CLASSES = 8, 16, 32, 10
EPOCHS, BATCH = 40, 64
ENCODER, DATA = "digits-encoder.onnx", "digits.npz"

Array = NDArray[np.float64]


def halves() -> tuple[tuple[Array, NDArray[np.int64]], tuple[Array, NDArray[np.int64]]]:
    """Return scikit-learn's digits (n, 8, 8) from 0 to 1 and their labels, in two halves."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    images = digits.images / 16
    return (images[first], digits.target[first]), (images[second], digits.target[second])


def train(images: Array, labels: NDArray[np.int64]) -> nn.Sequential:
    """Return a network that tells the digits, whose layers but the last are the encoder."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(CHANNELS * (SIDE // 2) ** 2, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, CLASSES),
    )
    x, y = torch.from_numpy(images).float()[:, None], torch.from_numpy(labels)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):  # type: ignore[no-untyped-call]
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()


def write(network: nn.Sequential, path: Path) -> None:
    """Write all layers but the last as an ONNX file, which takes rows (n, 8, 8) and returns (n, 32)."""
    names = ("conv.weight", "conv.bias", "linear.weight", "linear.bias")
    parameters = [*network[0].parameters(), *network[4].parameters()]
    weights = [
        numpy_helper.from_array(each.detach().numpy(), name)
        for name, each in zip(names, parameters, strict=True)
    ]
    axis = numpy_helper.from_array(np.array([1]), "axis")
    nodes = [
        helper.make_node("Unsqueeze", ["rows", "axis"], ["images"]),
        helper.make_node("Conv", ["images", *names[:2]], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", *names[2:]], ["e"], transB=1),
        helper.make_node("Relu", ["e"], ["values"]),
    ]
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, SIDE, SIDE])
    values = helper.make_tensor_value_info("values", TensorProto.FLOAT, [None, WIDTH])
    graph = helper.make_graph(nodes, "encoder", [rows], [values], [*weights, axis])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), str(path))


def make(folder: Path) -> None:
    """Write the encoder and the half of the digits that it has not seen."""
    folder.mkdir(parents=True, exist_ok=True)
    seen, unseen = halves()
    write(train(*seen), folder / ENCODER)
    np.savez(folder / DATA, x=unseen[0], y=unseen[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    make(parser.parse_args().folder)
