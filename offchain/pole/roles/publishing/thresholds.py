"""What a required accuracy is worth: one that a constant answer reaches pays for nothing learned."""

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.models.metrics import AbsoluteError, Metric, score
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.roles.publishing.preparation import TaskRequest

ONE_PERCENT: Final = BASIS_POINTS // 100


def score_of_one_answer(metric: Metric, labels: NDArray[np.int64]) -> Fraction:
    """Return the share of the highest score that the best constant answer has on labels (n,); 0 of none.

    The best is the most common class, of a regression the median.
    """
    if not len(labels):
        return Fraction(0)
    ordered = np.sort(np.asarray(labels, dtype=np.int64))
    answer = (
        ordered[len(ordered) // 2] if isinstance(metric, AbsoluteError) else np.bincount(ordered).argmax()
    )
    return Fraction(score(metric, np.full(len(ordered), answer), ordered), len(ordered))


def doubts_about(request: TaskRequest) -> tuple[str, ...]:
    """Return a sentence for each required accuracy that is under 1 %, or that one answer for all reaches."""
    terms, dataset = request.terms, request.dataset
    required = (
        ("training", terms.required_train_accuracy, dataset.y_train),
        ("test", terms.required_test_accuracy, dataset.y_test),
    )
    doubts = []
    for what, threshold, labels in required:
        reached = score_of_one_answer(request.specification.metric, labels)
        if 0 < threshold < ONE_PERCENT:
            doubts.append(f"The required {what} accuracy is {threshold / 100:g} %, which is less than 1 %.")
        elif 0 < threshold <= reached * BASIS_POINTS:
            doubts.append(
                f"The required {what} accuracy is {threshold / 100:g} %, and the same answer for all samples "
                f"reaches {float(100 * reached):.1f} %."
            )
    return tuple(doubts)
