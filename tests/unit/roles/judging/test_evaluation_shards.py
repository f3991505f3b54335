"""Evaluation elsewhere: the predictions of this machine, some of them read again, labels never sent."""

from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.learning.evaluation.test_canonical import (
    CONVOLUTIONAL,
    SEED,
    random_features,
    random_model,
    specification,
)
from tests.unit.roles.conftest import numbers
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import AbandonedError, IntegrityError, PoleError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import PROCESSOR
from pole.learning.evaluation.canonical import CanonicalModel, read_samples
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.machine.threads import never
from pole.protocol.formats.tensors import MAX_HEADER_BYTES, TensorType, read_tensors, write_tensors
from pole.protocol.models.layers import Linear
from pole.protocol.models.metrics import AbsoluteError, Metric
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.models.work import evaluation_work
from pole.roles.judging import evaluation_shards
from pole.roles.judging.assessment import evaluate_model
from pole.roles.judging.evaluation_shards import (
    evaluate_rows,
    evaluation_shard,
    read_beside,
    read_elsewhere,
    rows_of_a_shard,
)
from pole.roles.ports import MAX_SHARD_BYTES, ShardResult, Shards, WorkShard
from pole.roles.receiving.samples import Samples
from pole.roles.support.slots import Others, Slots

COUNT = 300
SPEC = specification(Linear(name="logits", out_features=3))
MODEL, FEATURES = random_model(SPEC), random_features(SPEC, COUNT).astype(np.uint16)
LABELS = np.arange(COUNT) % 3
NONE = np.zeros(0, dtype=np.intp)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_shards, "SHARD_WORK", 2**14)
    monkeypatch.setattr(evaluation_shards, "WORK_OF_A_BYTE", 0)


def others(shards: Any, seed: int = 1) -> Others:
    return Others(shards, numbers(seed))


def changed(change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[bytes], bytes]:
    """Return the lie of a worker: its readings, changed."""

    def lie(result: bytes) -> bytes:
        types = {"readings": TensorType("I64", (-1,))}
        found = read_tensors(result, what="result", types=types, metadata={"work": "evaluation"})
        return write_tensors({"readings": change(found["readings"])}, {"work": "evaluation"})

    return lie


@pytest.fixture
def only_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's thread be busy with something else all the time."""

    def run(slots: Slots, here: Callable[[], Any], there: Callable[[Shards], Any]) -> Any:
        assert slots.count > 1
        assert slots._shards is not None
        return there(slots._shards)

    monkeypatch.setattr(Slots, "run", run)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"",
        changed(lambda found: found[1:]),
        changed(lambda found: found - 5),
        changed(lambda found: found + 3),
    ],
    ids=["nothing", "rows", "below", "above"],
)
def test_a_result_that_cannot_be_names_its_worker(answer: Callable[[bytes], bytes]) -> None:
    with pytest.raises(IntegrityError, match="worker-1"):
        read_elsewhere(FakeShards(answer=answer), MODEL, FEATURES, NONE)


def test_a_false_row_that_is_read_here_too_names_its_worker() -> None:
    liar = FakeShards(answer=changed(lambda found: (found + (np.arange(COUNT) == 7)) % 3))
    with pytest.raises(IntegrityError, match="worker-1 evaluated a model to other predictions"):
        read_elsewhere(liar, MODEL, FEATURES, np.array([3, 7]))
    read_elsewhere(liar, MODEL, FEATURES, np.array([3, 8]))


@pytest.mark.usefixtures("only_elsewhere")
def test_a_model_is_evaluated_here_alone_once_a_worker_was_found_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    liar = FakeShards(answer=changed(lambda found: (found + 1) % 3))
    found = read_beside(others(liar), MODEL, FEATURES, PROCESSOR, never)
    assert liar.sent
    assert np.array_equal(found, read_samples(MODEL, FEATURES))
    assert "The worker worker-1 evaluated a model to other predictions" in caplog.text


@pytest.mark.parametrize("shards", [FakeShards(lasts=0), FakeShards(lasts=2), FakeShards(fails=True)])
def test_a_cluster_that_fails_costs_time_alone(shards: FakeShards) -> None:
    found = read_beside(others(shards), MODEL, FEATURES, PROCESSOR, never)
    assert np.array_equal(found, read_samples(MODEL, FEATURES))


class Stalling:
    """A worker that never answers until the test ends."""

    def __init__(self) -> None:
        self.ends = Event()

    def at_once(self) -> int:
        return 1

    def run(self, shard: WorkShard) -> ShardResult:
        self.ends.wait(60)
        return ShardResult(evaluate_rows(shard.content), "worker-1")


def test_a_worker_that_never_answers_is_not_waited_for() -> None:
    stalling = Stalling()
    try:
        found = read_beside(others(stalling), MODEL, FEATURES, PROCESSOR, never)
    finally:
        stalling.ends.set()
    assert np.array_equal(found, read_samples(MODEL, FEATURES))


def test_who_is_told_to_stop_waits_for_no_worker() -> None:
    stalling = Stalling()
    try:
        with pytest.raises(AbandonedError):
            read_beside(others(stalling), MODEL, FEATURES, PROCESSOR, lambda: True)
    finally:
        stalling.ends.set()


def test_little_work_is_not_sent_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_shards, "SHARD_WORK", 2**33)
    shards = FakeShards()
    read_beside(others(shards), MODEL, FEATURES, PROCESSOR, never)
    assert not shards.sent


@given(
    model_bytes=st.integers(0, MAX_SHARD_BYTES + 10),
    shard_work=st.integers(1, 2**37),
    work_of_a_byte=st.integers(0, 2**7),
)
def test_a_shard_is_the_smallest_that_is_worth_its_way(
    model_bytes: int, shard_work: int, work_of_a_byte: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_shards, "SHARD_WORK", shard_work)
        patch.setattr(evaluation_shards, "WORK_OF_A_BYTE", work_of_a_byte)
        rows = rows_of_a_shard(SPEC, model_bytes, FEATURES)
    a_row, work = FEATURES[0].nbytes, evaluation_work(SPEC)
    room = (MAX_SHARD_BYTES - MAX_HEADER_BYTES - model_bytes) // a_row

    def is_worth_it(rows: int) -> bool:
        gained = rows * (work - work_of_a_byte * a_row)
        return gained >= max(shard_work, work_of_a_byte * model_bytes)

    assert rows == 0 or not is_worth_it(rows - 1)
    assert is_worth_it(rows) if rows else not (room > 0 and is_worth_it(room))


@pytest.mark.usefixtures("only_elsewhere")
@pytest.mark.parametrize("work_of_a_byte", [0, 2**20])
def test_a_network_that_does_little_with_its_features_is_evaluated_here(
    monkeypatch: pytest.MonkeyPatch, work_of_a_byte: int
) -> None:
    monkeypatch.setattr(evaluation_shards, "WORK_OF_A_BYTE", work_of_a_byte)
    shards = FakeShards()
    found = read_beside(others(shards), MODEL, FEATURES, PROCESSOR, never)
    assert bool(shards.sent) == (work_of_a_byte == 0)
    assert np.array_equal(found, read_samples(MODEL, FEATURES))


class Unasked(FakeShards):
    """A cluster that nobody should ask for anything."""

    def at_once(self) -> int:
        pytest.fail("it was asked, which takes a minute where it is away")


def test_a_cluster_is_not_even_asked_for_what_is_evaluated_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_shards, "SHARD_WORK", 2**40)
    found = read_beside(others(Unasked()), MODEL, FEATURES, PROCESSOR, never)
    assert np.array_equal(found, read_samples(MODEL, FEATURES))


def test_a_model_that_leaves_no_room_for_samples_is_evaluated_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_shards, "MAX_SHARD_BYTES", 2**18 + 100)
    shards = FakeShards()
    found = read_beside(others(shards), MODEL, FEATURES, PROCESSOR, never)
    assert not shards.sent
    assert np.array_equal(found, read_samples(MODEL, FEATURES))


def test_a_malformed_model_is_found_out_here() -> None:
    shards = FakeShards()
    samples = Samples(FEATURES, LABELS)
    with pytest.raises(MalformedModelError):
        evaluate_model(b"no model", SPEC, SEED, samples, others=others(shards))
    assert not shards.sent


METRICS: list[Metric] = ["accuracy", "macro_f1", "auc", AbsoluteError(name="mean_absolute_error", scale=9)]


def judged_by(metric: Metric) -> ModelSpecification:
    if isinstance(metric, AbsoluteError):
        graph = (Linear(name="logits", out_features=1),)
        return SPEC.model_copy(update={"metric": metric, "classes": 40, "graph": graph})
    classes = 2 if metric == "auc" else 3
    found = specification(Linear(name="logits", out_features=classes), classes=classes)
    return found.model_copy(update={"metric": metric})


@pytest.mark.usefixtures("only_elsewhere")
@pytest.mark.parametrize("metric", METRICS, ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "i8", ">i4", "i2"])
def test_a_score_is_that_of_this_machine_whatever_the_metric(metric: Metric, dtype: str) -> None:
    spec = judged_by(metric)
    model = model_file.save(random_model(spec, 2))
    features = (random_features(spec, COUNT) % 120).astype(dtype)
    samples = Samples(features, LABELS % min(spec.classes, 3))
    shards = FakeShards()
    beside = evaluate_model(model, spec, SEED, samples, others=others(shards))
    here = evaluate_model(model, spec, SEED, samples)
    assert len(shards.sent) > 1
    assert beside.correct == here.correct
    assert beside.predictions.dtype == here.predictions.dtype
    assert np.array_equal(beside.predictions, here.predictions)


@pytest.mark.usefixtures("only_elsewhere")
def test_labels_are_in_no_shard() -> None:
    shards = FakeShards()
    labels = np.random.default_rng(3).integers(0, 3, COUNT)
    evaluate_model(model_file.save(MODEL), SPEC, SEED, Samples(FEATURES, labels), others=others(shards))
    assert all(
        labels[:20].astype(kind).tobytes() not in each.content for each in shards.sent for kind in "Bhiq"
    )
    assert shards.sent


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 9), seed=st.integers(0, 99))
def test_convolutions_are_read_as_here(count: int, seed: int) -> None:
    model = random_model(CONVOLUTIONAL, seed, 300)
    features = random_features(CONVOLUTIONAL, count, seed)
    found = read_elsewhere(FakeShards(), model, features, np.arange(count))
    assert np.array_equal(found, read_samples(model, features))


def test_which_rows_are_checked_follows_from_randomness_alone() -> None:
    drawn = [others(FakeShards(), seed).rows_to_check(COUNT, 32) for seed in range(50)]
    assert all(1 <= len(rows) <= 10 and rows.max() < COUNT for rows in drawn)
    assert len({int(row) for rows in drawn for row in rows}) > 200


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 3000), byte=st.integers(0, 255), cut=st.integers(0, 8))
def test_any_other_bytes_are_one_of_our_errors_or_a_result(at: int, byte: int, cut: int) -> None:
    content = bytearray(evaluation_shard(MODEL, FEATURES[:9]).content)
    content[at % len(content)] = byte
    try:
        evaluate_rows(bytes(content[: len(content) - cut]))
    except PoleError:
        return


def test_a_shard_does_not_show_its_features() -> None:
    assert "content" not in repr(evaluation_shard(MODEL, FEATURES))


def test_a_model_is_the_same_after_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[CanonicalModel] = []

    def noted(model: CanonicalModel, features: NDArray[Any]) -> NDArray[Any]:
        seen.append(model)
        return read_samples(model, features)

    monkeypatch.setattr(evaluation_shards, "read_samples", noted)
    evaluate_rows(evaluation_shard(MODEL, FEATURES).content)
    assert model_file.save(seen[0]) == model_file.save(MODEL)
