"""What rank 0 says to the others, over gloo: a training's beginning, its cycles, its batches, its end.

Nothing is unpickled: a message is a vector of whole numbers, long enough for the rows of a batch, and what
follows it is text in JSON or tensors of known shapes. Those on GPUs go through NCCL.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any, Final

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pole.learning.parallel.meeting import Meeting, open_store
from pole.learning.parallel.norms import share_norms
from pole.learning.parallel.ranks import Compute, part_of

PATIENCE: Final = timedelta(days=7)
"""Longer than any training. A rank that died is noticed by its connection; rank 0 may judge for hours."""

HEAD: Final = 4
"""Numbers of a message before the rows: its kind, how many rows, the bits of the rate, the epoch."""


class _Kind(IntEnum):
    BEGIN = 1
    CYCLE = 2
    BATCH = 3
    END = 4


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is trained: a JSON object of rank 0's, the inputs (n, …) and the labels (n,), on the processor.

    `above` are the tensors that lead from these inputs to those of the network, if any. A batch has at most
    `batch` rows.
    """

    about: Mapping[str, Any]
    batch: int
    inputs: Tensor
    labels: Tensor
    above: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Cycle:
    """A new cycle by settings of rank 0's; its state has to be received next."""

    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sample numbers to learn at a rate, after so many epochs."""

    rows: Tensor
    rate: float
    epoch: int


Said = Beginning | Cycle | Batch | None


def connect(meeting: Meeting, rank: int, ranks: int, device: torch.device) -> None:
    """Make this process a rank of so many; it waits for the others."""
    store = open_store(meeting, ranks)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=PATIENCE)


class _Member:
    def __init__(self) -> None:
        self.rank, self.ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()

    def mean(self, loss: Tensor) -> Tensor:
        """Return the mean over all ranks."""
        total = loss.clone()
        torch.distributed.all_reduce(total)
        return total / self.ranks

    def _own(self, rows: Tensor) -> tuple[Tensor, float]:
        return part_of(rows, self.rank, self.ranks)

    def _shared(self, network: nn.Module) -> Compute:
        share_norms(network)
        device = next(network.parameters()).device
        ids = [device.index] if device.type == "cuda" else None
        # Norms keep their statistics equal without a broadcast of them.
        return DistributedDataParallel(network, device_ids=ids, broadcast_buffers=False)


class LeadingRank(_Member):
    """Rank 0: it says what comes next, and does its part.

    `about` is what the others learn of the training, whose batches have at most `batch` rows.
    """

    def __init__(self, about: Mapping[str, Any], batch: int) -> None:
        super().__init__()
        self.about, self.batch, self._begun = about, batch, False

    def join(self, network: nn.Module, inputs: Tensor, labels: Tensor, above: Sequence[Tensor]) -> Compute:
        """Give the others what they learn from, and return what computes the network together with them."""
        _say(HEAD, _Kind.BEGIN, self.batch)
        self._begun = True
        shapes = {"shape": list(inputs.shape), "above": [list(tensor.shape) for tensor in above]}
        _say_text(json.dumps({**self.about, **shapes}))
        for tensor in (inputs, labels, *above):
            torch.distributed.broadcast(tensor.cpu().contiguous(), 0)
        return self._shared(network)

    def begin_cycle(self, settings: Mapping[str, Any], state: Iterable[Tensor]) -> None:
        """Give the others settings and state."""
        _say(HEAD + self.batch, _Kind.CYCLE)
        _say_text(json.dumps(dict(settings)))
        share_state(state)

    def part(self, rows: Tensor, rate: float, epoch: int) -> tuple[Tensor, float]:
        """Let the others learn their parts of a batch, and return this one's."""
        _say(HEAD + self.batch, _Kind.BATCH, len(rows), _bits(rate), epoch, *rows.tolist())
        return self._own(rows)

    def end(self) -> None:
        """Let the others go, whether or not the training had begun."""
        _say(HEAD + (self.batch if self._begun else 0), _Kind.END)


class FollowingRank(_Member):
    """Another rank, which hears what to do by `hear`."""

    def join(self, network: nn.Module, inputs: Tensor, labels: Tensor, above: Sequence[Tensor]) -> Compute:
        """Return what computes the network together with the others."""
        return self._shared(network)

    def begin_cycle(self, settings: Mapping[str, Any], state: Iterable[Tensor]) -> None:
        """Take over rank 0's state."""
        share_state(state)

    def part(self, rows: Tensor, rate: float, epoch: int) -> tuple[Tensor, float]:
        """Return this rank's part of a batch that rank 0 has named; random numbers follow from the batch.

        So a training that goes on from a checkpoint, which has rank 0's random state, is the same one.
        """
        torch.manual_seed(zlib.crc32(rows.numpy().tobytes()) + self.rank)
        return self._own(rows)


def hear(batch: int) -> Said:
    """Wait for what rank 0 says next, and return it; None is the end.

    `batch` is how many rows a batch has at most, 0 before the training began.
    """
    message = torch.zeros(HEAD + batch, dtype=torch.int64)
    torch.distributed.broadcast(message, 0)
    kind, first, second, third = map(int, message[:HEAD])
    match kind:
        case _Kind.BEGIN:
            return _beginning(first)
        case _Kind.CYCLE:
            return Cycle(json.loads(_hear_text()))
        case _Kind.BATCH:
            return Batch(message[HEAD : HEAD + first], _number(second), third)
        case _:
            return None


def _beginning(batch: int) -> Beginning:
    about = json.loads(_hear_text())
    inputs, labels = torch.zeros(about["shape"]), torch.zeros(about["shape"][0], dtype=torch.int64)
    above = tuple(torch.zeros(shape) for shape in about["above"])
    for tensor in (inputs, labels, *above):
        torch.distributed.broadcast(tensor, 0)
    return Beginning(about, batch, inputs, labels, above)


def share_state(state: Iterable[Tensor]) -> None:
    """Give every rank the values that rank 0's tensors have."""
    for tensor in state:
        torch.distributed.broadcast(tensor.detach(), 0)


def _say(length: int, *numbers: int) -> None:
    message = torch.zeros(length, dtype=torch.int64)
    message[: len(numbers)] = torch.tensor(numbers)
    torch.distributed.broadcast(message, 0)


def _say_text(text: str) -> None:
    content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)
    torch.distributed.broadcast(torch.tensor([len(content)]), 0)
    torch.distributed.broadcast(content, 0)


def _hear_text() -> str:
    length = torch.zeros(1, dtype=torch.int64)
    torch.distributed.broadcast(length, 0)
    content = torch.zeros(int(length), dtype=torch.uint8)
    torch.distributed.broadcast(content, 0)
    return content.numpy().tobytes().decode()


def _bits(number: float) -> int:
    return int.from_bytes(struct.pack("<d", number), "little", signed=True)


def _number(bits: int) -> float:
    found: float = struct.unpack("<d", bits.to_bytes(8, "little", signed=True))[0]
    return found
