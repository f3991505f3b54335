"""A user's own training code: what it may do well, and all that it may do badly."""

import math
import os
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest
import torch

from pole.errors import AbandonedError, InputError
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.roles.judging.assessment import evaluate_model
from pole.roles.receiving.samples import Samples
from pole.roles.training import own_learner
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment, LearnerError, Trained
from pole.roles.training.own_learner import OwnLearner

SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(8,), classes=3)
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 60)
SAMPLES = Samples(100 * LABELS[:, None] + RANDOM.integers(0, 50, (60, 4)), LABELS)
ROUND = bytes([7]) * 32

TRAINED = """
for _ in range(60):
    parameters = list(job.network.parameters())
    gradients = torch.autograd.grad(job.loss(job.network(job.inputs), job.targets), parameters)
    for parameter, gradient in zip(parameters, gradients):
        parameter.data -= 0.5 * gradient
"""


@pytest.fixture(autouse=True)
def _without_the_compiler_which_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_learner, "LOADED", own_learner.LOADED[:1])


def learner(folder: Path, body: str, *, head: str = "") -> OwnLearner:
    """Return the learner of a file whose `train` has a body; line 6 is the body's first."""
    file = folder / "mine.py"
    text = f"import torch, os, sys, time\n{head}\nclass Mine:\n    interface = 1\n    def train(self, job):\n"
    file.write_text(text + indent(dedent(body).strip(), 8 * " "))
    return of(folder, f"{file}:Mine")


def of(folder: Path, source: str) -> OwnLearner:
    return OwnLearner(source, torch.device("cpu"), 1, folder / "training", time.monotonic, lambda: 5)


def train(own: OwnLearner, seconds: float = 60.0, *, over: bool = False) -> Trained:
    deadline = time.monotonic() + seconds
    return own.train(Assignment(SPEC, ROUND, SAMPLES, 50, deadline), stop=lambda: over)


@pytest.mark.parametrize("result", ["job.network", "job.network.state_dict()"])
def test_what_is_returned_is_evaluated_exactly_and_claimed(result: str, tmp_path: Path) -> None:
    trained = train(learner(tmp_path, f"{TRAINED}return {result}"))
    assert evaluate_model(trained.model, SPEC, ROUND, SAMPLES).correct == trained.train_correct >= 50


def test_a_canonical_model_may_come_out_as_well(tmp_path: Path) -> None:
    body = """
    import numpy as np
    from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
    from pole.learning.evaluation.features import fit_feature_map
    tensors = {name: np.zeros(shape, np.int32) for name, shape in tensor_shapes(job.specification).items()}
    return CanonicalModel(job.specification, job.seed, fit_feature_map(job.features), tensors)
    """
    assert train(learner(tmp_path, body)).train_correct == int((LABELS == 0).sum())


def test_the_best_of_what_was_reported_and_returned_is_used(tmp_path: Path) -> None:
    body = f"""{TRAINED}
(job.folder / "score").write_text(str(job.report(job.network)))
for parameter in job.network.parameters():
    torch.nn.init.zeros_(parameter)
return job.network
"""
    trained = train(learner(tmp_path, body))
    assert (tmp_path / "training" / f"{ROUND.hex()}.learner" / "score").read_text() == str(
        trained.train_correct
    )
    assert trained.train_correct >= 50


def test_checkpoints_are_found_again_and_those_of_other_rounds_deleted(tmp_path: Path) -> None:
    other = tmp_path / "training" / "00.learner"
    other.mkdir(parents=True)
    own = learner(tmp_path, "(job.folder / 'seen').touch(exist_ok=False)\nreturn job.network")
    train(own)
    assert not other.exists()
    with pytest.raises(LearnerError, match="File exists"):
        train(own)


def test_two_miners_do_not_start_from_one_network(tmp_path: Path) -> None:
    first = learner(tmp_path, "return job.network")
    second = OwnLearner(first.source, first.device, 1, first.folder, first.clock, lambda: 6)
    assert train(first).model == train(first).model != train(second).model


def test_what_it_notes_of_its_epochs_is_kept_with_the_scores_of_its_reports(tmp_path: Path) -> None:
    noted: list[Check] = []
    body = """
    job.note(1, 0.75)
    job.report(job.network)
    job.note(2, torch.tensor(0.5), 0.25)
    job.note(2, 9)
    job.note(3, float("nan"))
    return job.network
    """
    own, deadline = learner(tmp_path, body), time.monotonic() + 60
    trained = own.train(Assignment(SPEC, ROUND, SAMPLES, 50, deadline, noted.append), stop=lambda: False)
    told = [(check.epoch, check.loss, check.learning_rate, check.correct) for check in noted]
    score = trained.train_correct
    assert told[:3] == [(1, 0.75, None, None), (1, 0.75, None, score), (2, 0.5, 0.25, score)]
    assert [epoch for epoch, *_ in told[3:]] == [3, 3]
    assert all(loss is not None and math.isnan(loss) for _, loss, *_ in told[3:])


def test_reports_alone_count_as_epochs(tmp_path: Path) -> None:
    noted: list[Check] = []
    own, deadline = learner(tmp_path, "job.report(job.network)\nreturn job.network"), time.monotonic() + 60
    own.train(Assignment(SPEC, ROUND, SAMPLES, 50, deadline, noted.append), stop=lambda: False)
    assert [(check.epoch, check.loss) for check in noted] == [(1, None), (2, None)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "job.note('first', 0.5)",
            r"failed, line 6 of mine\.py: An epoch, its loss and its learning rate are",
        ),
        ("raise ValueError('no\\nmore')", r"failed, line 6 of mine\.py: no; correct it\.$"),
        ("sys.exit(0)", r"failed, line 6 of mine\.py: it ends the program"),
        ("os._exit(3)", r"ended its process \(exit code 3\)\.$"),
        ("os.kill(os.getpid(), 11)", r"ended its process \(exit code -11\)\.$"),
        ("return None", "returned nothing and reported nothing"),
        ("return 0.97", r"The result of .*, line 5 of mine\.py, cannot be used: A float is no model: return"),
        ("return torch.nn.Linear(4, 3)", "is not the specification's network, since .* missing or unknown"),
        (
            "state = job.network.state_dict()\nname = next(iter(state))\n"
            "return {**state, name: torch.zeros(2, 2)}",
            r"The parameter steps.*weight is \(2, 2\), but the specification's network has \(8, 4\)",
        ),
        (
            "torch.nn.init.constant_(job.network.steps[0].weight, float('nan'))\nreturn job.network",
            r"The parameter steps.*weight is not finite",
        ),
        (
            "torch.nn.init.constant_(job.network.steps[0].weight, 1e30)\nreturn job.network",
            "too large for a model file",
        ),
        ("x = 1\njob.report('model')", r"failed, line 7 of mine\.py: A str is no model"),
    ],
)
def test_a_bad_learner_loses_its_round_by_a_sentence(body: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(LearnerError, match=told) as found:
        train(learner(tmp_path, body))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(1e6)", "os.fork()\ntime.sleep(1e6)"])
def test_a_learner_that_never_returns_is_ended_by_the_deadline(body: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(LearnerError, match=r"did not return in time and was ended; let it return when"):
        train(learner(tmp_path, body), seconds=0.7)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("end", ["while True: pass", "raise ValueError('late')", "os._exit(1)"])
def test_what_was_reported_before_a_bad_end_is_used_and_the_end_is_told(
    end: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reported = tmp_path / "training" / f"{ROUND.hex()}.learner" / "reported"
    touch = "(job.folder / 'reported').touch()"
    own = learner(tmp_path, f"{TRAINED}job.report(job.network)\n{touch}\n{end}")
    # The deadline comes once there is a report, however slow this machine is.
    own = replace(own, clock=lambda: time.monotonic() + 1000 * reported.exists())
    assert train(own).train_correct >= 50
    assert "Its best report so far is used." in caplog.text


def test_a_learner_is_told_to_stop_before_its_time_is_over(tmp_path: Path) -> None:
    body = "while not job.stop(): time.sleep(0.01)\nassert job.seconds_left() == 0\nreturn job.network"
    # The worker's clock goes slowly: what a learner has left to return does not depend on this machine.
    own = replace(learner(tmp_path, body), clock=lambda: time.monotonic() / 100)
    deadline = own.clock() + 0.5
    assignment = Assignment(SPEC, ROUND, SAMPLES, 50, deadline)
    assert own.train(assignment, stop=lambda: False).train_correct >= 0
    assert own.clock() < deadline


def test_a_learner_is_told_when_the_round_is_over_and_may_keep_a_checkpoint(tmp_path: Path) -> None:
    body = "while not job.stop(): pass\n(job.folder / 'kept').touch()\nreturn job.network"
    with pytest.raises(AbandonedError):
        train(learner(tmp_path, body), over=True)
    assert (tmp_path / "training" / f"{ROUND.hex()}.learner" / "kept").exists()


def test_a_learner_that_does_not_stop_when_the_round_is_over_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_learner, "SPARE", 0.2)
    with pytest.raises(AbandonedError):
        train(learner(tmp_path, "while True: pass"), over=True)


@pytest.mark.parametrize(
    ("head", "name", "told"),
    [
        ("", "Other", r"mine\.py has no function or class 'Other'"),
        ("thing = 3", "thing", r"mine\.py has no function or class 'thing'"),
        ("raise OSError('gone')", "Mine", r"mine\.py failed, line 2 of mine\.py: gone; correct it\.$"),
        ("os._exit(4)", "Mine", r"ended its process \(exit code 4\) when it was loaded"),
        ("def thing(a): pass", "thing", r"cannot be made, line 2 of mine\.py: .* missing 1 required"),
        ("class Bare: pass", "Bare", r"has no method train\(job\)"),
        (
            "class Old:\n    train = print\n    interface = 0",
            "Old",
            r"has the interface 0, but this PoLe knows 1",
        ),
    ],
)
def test_a_learner_that_cannot_be_made_is_refused_before_anything_is_spent(
    head: str, name: str, told: str, tmp_path: Path
) -> None:
    learner(tmp_path, "return job.network", head=head)
    with pytest.raises(InputError, match=told):
        of(tmp_path, f"{tmp_path / 'mine.py'}:{name}").check()


def test_a_missing_file_and_an_unknown_entry_point_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no Python file"):
        of(tmp_path, f"{tmp_path / 'none.py'}:Mine").check()
    with pytest.raises(InputError, match=r"No installed package has a learner 'quick' \(there are: none\)"):
        of(tmp_path, "quick").check()


def test_an_installed_package_offers_a_learner_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = learner(tmp_path, "return job.network")
    folder = tmp_path / "mine-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[pole.learners]\nquick = mine:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    by_name = of(tmp_path, "quick")
    by_name.check()
    assert train(by_name).model == train(made).model


class Deadly:
    """What ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_a_process_that_ends_while_it_is_given_the_samples_ends_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more_than_a_pipe_holds = np.zeros(10**7, np.uint8)
    monkeypatch.setattr(own_learner, "Order", lambda *_: (Deadly(), more_than_a_pipe_holds))
    with pytest.raises(LearnerError, match=r"mine\.py:Mine ended before it had all that it needs"):
        train(learner(tmp_path, "return None"))
