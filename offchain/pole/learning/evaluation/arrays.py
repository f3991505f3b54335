"""Where canonical evaluation computes: with NumPy on the processor, or with torch on a CUDA device.

The layers are written once, in the operations of the Python array API standard
(https://data-apis.org/array-api/2023.12/), and every one of them is exact or correctly rounded by IEEE 754,
so both give the same bits. (Not so torch on the processor: its square roots are off by a bit now and then.)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation.convolutions import fastest
from pole.learning.machine.threads import Stop, allowed_threads, beside_each_other, one_by_one

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Any
"""A NumPy array or a torch tensor; both have the methods `round`, `clip`, `sum`, `reshape` and `swapaxes`."""

DEVICE_SHARE: Final = 16
"""A device works on this many times as many values at once as a thread of the processor."""


@dataclass(frozen=True, slots=True)
class Place:
    """How arrays get to where they are computed and back, how many parts it works on at once, and their size.

    `side_by_side` does a piece of work for every part of a data set, until it is told to stop; the parts have
    `share` times the size that suits a thread of the processor. `path` is the code path that takes linear and
    convolutional layers (pole.learning.evaluation.convolutions); where it is None, float64 takes all.
    """

    put: Callable[[NDArray[Any]], Array]
    take: Callable[[Array], NDArray[Any]]
    side_by_side: Callable[[Callable[[slice], None], Iterable[slice], Stop], None]
    threads: Callable[[], int]
    share: int
    path: str | None = None


def _same(values: NDArray[Any]) -> NDArray[Any]:
    return values


PROCESSOR: Final = Place(_same, _same, beside_each_other, allowed_threads, 1, fastest())
"""NumPy and the native kernel, on as many threads as are allowed."""


def place_of(device: "torch.device") -> Place:
    """Return where to evaluate for a network on `device`: there if it is a CUDA device, else the processor.

    Other devices have no float64. A worker asks `pole.learning.evaluation.fixed_point` first whether a device
    is exact.
    """
    if device.type != "cuda":
        return PROCESSOR
    return on_device(device)


def on_device(device: "torch.device") -> Place:
    """Return a place that computes by torch on `device`, part after part."""
    import torch

    def put(values: NDArray[Any]) -> torch.Tensor:
        # A copy of what is read-only: torch knows no such arrays.
        return torch.from_numpy(np.require(values, requirements=("C", "W"))).to(device)

    def take(values: torch.Tensor) -> NDArray[Any]:
        found: NDArray[Any] = values.cpu().numpy()
        return found

    return Place(put, take, one_by_one, lambda: 1, DEVICE_SHARE)


def at_once(values: Array, on_processor: int) -> int:
    """Return how many values to work on at once where `values` are, from the number for a thread."""
    return on_processor if isinstance(values, np.ndarray) else DEVICE_SHARE * on_processor
