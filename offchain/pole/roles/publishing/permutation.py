"""In which order samples are published: another one in every task, so that their places say nothing."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

KEY_BYTES = 8


def random_permutation(count: int, random_bytes: Callable[[int], bytes]) -> NDArray[np.int64]:
    """Return the numbers 0 to `count` - 1 in an order drawn uniformly from all that there are.

    `random_bytes(n)` must return n bytes from a cryptographic generator. Numbers are sorted by random keys of
    64 bits, which are drawn again where two are equal: distinct keys come in every order equally often. That
    is one draw but for one in 2^65 / count^2.
    """
    while True:
        keys = np.frombuffer(random_bytes(KEY_BYTES * count), dtype="<u8")
        order = np.argsort(keys)
        if np.all(np.diff(keys[order]) > 0):
            return order
