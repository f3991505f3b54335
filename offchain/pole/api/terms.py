"""From what a task is to be to a request: the data set, the specification and the terms."""

from collections.abc import Mapping
from pathlib import Path

from pole.errors import InputError
from pole.learning.data.datasets import DataSet, subset
from pole.learning.privacy.rules import Rule
from pole.protocol.models.specification import (
    MAX_DOCUMENT_BYTES,
    ModelSpecification,
    parse_specification,
)
from pole.protocol.models.work import judging_work
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.state import TaskTerms
from pole.roles.publishing.preparation import TaskRequest
from pole.roles.support.files import read_bounded

SPLIT_SEED = 0


def request_of(
    specification: ModelSpecification,
    dataset: DataSet,
    terms: Mapping[str, float | None],
    parameters: TaskListParameters,
) -> TaskRequest:
    """Return what was asked for, with the minimum bond and fee where none were named; raises InputError."""
    reward = _amount(terms["reward"], 0)
    minimum_fee = -(-reward * parameters.fee_bps // BASIS_POINTS)
    return TaskRequest(
        dataset=dataset,
        specification=specification,
        terms=TaskTerms(
            reward=reward,
            data_bond=_amount(terms["data_bond"], parameters.min_data_bond),
            fee=_amount(terms["fee"], minimum_fee),
            time_limit=_whole(terms["time_limit"], 0),
            min_training_time=_whole(terms["min_time"], 0),
            min_solutions=_whole(terms["min_solutions"], 1),
            required_train_accuracy=_basis_points(terms["train_accuracy"]),
            required_test_accuracy=_basis_points(terms["test_accuracy"]),
            train_count=len(dataset.x_train),
            test_count=len(dataset.x_test),
            work=judging_work(specification),
        ),
    )


def taken(dataset: DataSet, train: int | None, test: int | None) -> DataSet:
    """Return so many samples of a data set, all where no number is named; raises InputError for too many."""
    if train is None and test is None:
        return dataset
    return subset(dataset, train or len(dataset.x_train), test or len(dataset.x_test), SPLIT_SEED)


def read_specification(path: Path) -> ModelSpecification:
    """Return the specification in a file; raises InputError where it is unusable."""
    try:
        document = read_bounded(path, MAX_DOCUMENT_BYTES)
    except OSError as error:
        raise InputError(
            f"The specification {path} cannot be read ({error.strerror}); name another file."
        ) from error
    return parse_specification(document)


def consent_of(allowed: str | None) -> Rule | None:
    """Return the rule of the key budget that a name allows to be broken; raises InputError for others."""
    if allowed is not None and allowed not in list(Rule):
        raise InputError(f"The key budget has no rule {allowed!r}: it has {', '.join(Rule)}.")
    return None if allowed is None else Rule(allowed)


def _amount(value: object, default: int) -> int:
    # As it is: it knows the unit that was typed, in which it is refused.
    return value if isinstance(value, int) else default


def _whole(value: float | None, default: int) -> int:
    return default if value is None else int(value)


def _basis_points(percent: float | None) -> int:
    return round((percent or 0) * 100)
