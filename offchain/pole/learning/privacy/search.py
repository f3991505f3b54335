"""A search for samples that have given answers: meeting in the middle, over the states that columns take.

Columns that share no query vector are searched apart. One-hot groups count as one column. The attacker knows
which states there are, and how frequent they are, from samples of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.privacy.information import one_hot_groups

MAX_STATES: Final = 2**20
"""States of each half that are listed; beyond them there is no search."""
MAX_LOOKUPS: Final = 2**23
MAX_PAIRS: Final = 2**16
"""States that fit one sample's answers; of more even the likeliest is a guess."""
MULTIPLIER: Final = 2**64 // 7 * 2 + 1

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """All states of some columns: their values (s, c), their answers (s, R) and log2 of their likelihood."""

    values: Whole
    answers: Whole
    likelihood: Floats


def search(matrix: Whole, known: NDArray[np.uint8], answers: Whole, estimates: Floats) -> Floats | None:
    """Return reconstructions of the first samples (m, D), None where the states are too many to list.

    `matrix` (R, D) are the query vectors, `answers` (n, R) whole and without noise, `estimates` (n, D) what
    is taken for columns whose part cannot be searched, and where no state that was seen has the answers. Of
    several states that fit the likeliest is taken. There are m <= n samples, as many as 2^23 lookups
    allow.
    """
    parts = [part for part in _parts(matrix) if _states(known, part) is not None]
    halves = [(part, *_halves(matrix, known, part)) for part in parts]
    if not halves:
        return None
    lookups = max(len(left.values) for _, left, _ in halves)
    count = min(len(answers), max(1, MAX_LOOKUPS // (lookups * len(halves))))
    found = estimates[:count].copy()
    for part, left, right in halves:
        rows = np.flatnonzero(matrix[:, part].any(axis=1))
        _meet(left, right, answers[:count][:, rows], part, found)
    return found


def _parts(matrix: Whole) -> Iterator[NDArray[np.intp]]:
    """Yield the connected columns: those that query vectors have in common."""
    reads = matrix != 0
    left = reads.any(axis=0)
    while left.any():
        part = np.arange(len(left)) == left.argmax()
        while True:
            wider = reads[reads[:, part].any(axis=1)].any(axis=0)
            if np.array_equal(wider, part):
                break
            part = wider
        left = left & ~part
        yield np.flatnonzero(part)


def _groups(known: NDArray[np.uint8], part: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    grouped = [part[list(group)] for group in one_hot_groups(known[:, part])]
    taken = {int(column) for group in grouped for column in group}
    return grouped + [np.array([column]) for column in part if int(column) not in taken]


def _states(known: NDArray[np.uint8], part: NDArray[np.intp]) -> int | None:
    """Return how many states the larger half of a part has, None for too many."""
    if len(part) > 2 * MAX_STATES.bit_length() and len(_groups(known, part)) > 2 * MAX_STATES.bit_length():
        return None
    sizes = [len(np.unique(known[:, group], axis=0)) for group in _groups(known, part)]
    halves = _split(sizes)
    largest = max(float(np.prod([float(sizes[i]) for i in half])) for half in halves)
    return int(largest) if largest <= MAX_STATES else None


def _split(sizes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the numbers of the groups in two halves with about as many states."""
    halves: tuple[list[int], list[int]] = ([], [])
    states = [1.0, 1.0]
    for number in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        smaller = 0 if states[0] <= states[1] else 1
        halves[smaller].append(number)
        states[smaller] *= sizes[number]
    return halves


def _halves(matrix: Whole, known: NDArray[np.uint8], part: NDArray[np.intp]) -> tuple[_Half, _Half]:
    rows = np.flatnonzero(matrix[:, part].any(axis=1))
    groups = _groups(known, part)
    tables = [np.unique(known[:, group], axis=0, return_counts=True) for group in groups]
    place = {int(column): index for index, column in enumerate(part)}
    first, second = _split([len(states) for states, _ in tables])

    def listed(numbers: list[int]) -> _Half:
        half = _Half(
            np.zeros((1, len(part)), dtype=np.int64), np.zeros((1, len(rows)), dtype=np.int64), np.zeros(1)
        )
        for number in numbers:
            states, counts = tables[number]
            columns = [place[int(column)] for column in groups[number]]
            half = _with(half, states.astype(np.int64), counts, columns, matrix[rows][:, groups[number]])
        return half

    return listed(first), listed(second)


def _with(half: _Half, states: Whole, counts: NDArray[np.intp], columns: list[int], weights: Whole) -> _Half:
    """Return a half with the states of one more group."""
    repeated = np.repeat(np.arange(len(half.values)), len(states))
    chosen = np.tile(np.arange(len(states)), len(half.values))
    values = half.values[repeated]
    values[:, columns] = states[chosen]
    return _Half(
        values,
        half.answers[repeated] + (states @ weights.T)[chosen],
        half.likelihood[repeated] + np.log2(counts / counts.sum())[chosen],
    )


def _meet(left: _Half, right: _Half, answers: Whole, part: NDArray[np.intp], found: Floats) -> None:
    """Write the likeliest states with these answers (n, R) into `found` (n, D)."""
    # A sum of hashes is the hash of the sum, so halves that meet are found by one number.
    weights = np.array([pow(MULTIPLIER, i + 1, 2**64) for i in range(answers.shape[1])], dtype=np.uint64)
    hashed, wanted = right.answers.astype(np.uint64) @ weights, answers.astype(np.uint64) @ weights
    order = np.argsort(hashed, kind="stable")
    lefts = left.answers.astype(np.uint64) @ weights
    # What is looked up comes in order, too, which caches like: many times faster.
    order_of_lefts = np.argsort(lefts, kind="stable")[::-1]
    hashed, lefts = hashed[order], lefts[order_of_lefts]
    for number, target in enumerate(wanted):
        pairs = _pairs(hashed, target - lefts)
        if pairs is None:
            continue
        ours, theirs = order_of_lefts[pairs[0]], order[pairs[1]]
        fits = (left.answers[ours] + right.answers[theirs] == answers[number]).all(axis=1)
        if fits.any():
            likelihood = np.where(fits, left.likelihood[ours] + right.likelihood[theirs], -np.inf)
            best = int(likelihood.argmax())
            found[number, part] = left.values[ours[best]] + right.values[theirs[best]]


def _pairs(
    hashed: NDArray[np.uint64], remaining: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return which numbers of `remaining` are where in the sorted `hashed`, None for too many to weigh."""
    begin = np.searchsorted(hashed, remaining, "left")
    met = np.flatnonzero(hashed[np.minimum(begin, len(hashed) - 1)] == remaining)
    begin, counts = begin[met], np.searchsorted(hashed, remaining[met], "right") - begin[met]
    total = int(counts.sum())
    if total > MAX_PAIRS:
        return None
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(met, counts), np.repeat(begin, counts) + within
