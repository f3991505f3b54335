"""What a model predicts, by the canonical evaluation, and what a verifier makes of it: a vote."""

from dataclasses import dataclass

from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.canonical import Evaluation, evaluate, worth
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.machine.threads import Stop, never
from pole.protocol.formats.predictions import predictions_digest
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import Round, Verdict, Vote
from pole.roles.judging.evaluation_shards import read_beside
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.samples import Samples
from pole.roles.support.slots import Others

NO_PREDICTIONS = bytes(32)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What models are judged on: the training samples and the released test samples."""

    specification: ModelSpecification
    seed: bytes
    train: Samples
    test: Samples | None


def gather(data: RoundData, open_round: Round, *, stop: Stop) -> Evidence:
    """Return the evidence of a round whose committee was drawn; raises what RoundData's methods raise."""
    return Evidence(
        specification=data.specification(open_round),
        seed=open_round.seed,
        train=data.training_set(open_round, stop=stop),
        test=data.test_set(open_round, stop=stop),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What a model does on the evidence, in every ballot alike; `train` is None where it is malformed."""

    train: Evaluation | None
    test: Evaluation | None


def assess(
    model: bytes,
    evidence: Evidence,
    place: Place = PROCESSOR,
    *,
    stop: Stop = never,
    others: Others | None = None,
) -> Assessment:
    """Return what a model's bytes predict on the evidence; raises AbandonedError.

    It is computed at `place`, and by `others` beside it.
    """
    specification, seed = evidence.specification, evidence.seed
    try:
        train = evaluate_model(model, specification, seed, evidence.train, place, stop, others)
        test = None
        if evidence.test is not None:
            test = evaluate_model(model, specification, seed, evidence.test, place, stop, others)
    except MalformedModelError:
        return Assessment(None, None)
    return Assessment(train, test)


def vote_on(assessment: Assessment, attempt: int) -> Vote:
    """Return the vote on a model in the ballot of an attempt: OK with what it predicts, or MALFORMED."""
    train, test = assessment.train, assessment.test
    if train is None:
        return without_numbers(Verdict.MALFORMED)
    digest = predictions_digest(attempt, train.predictions, test.predictions if test else None)
    return Vote(Verdict.OK, train.correct, test.correct if test else 0, digest)


def without_numbers(verdict: Verdict) -> Vote:
    """Return a vote that a model, or the data, cannot be evaluated."""
    return Vote(verdict, 0, 0, NO_PREDICTIONS)


def evaluate_model(
    model: bytes,
    specification: ModelSpecification,
    seed: bytes,
    samples: Samples,
    place: Place = PROCESSOR,
    stop: Stop = never,
    others: Others | None = None,
) -> Evaluation:
    """Return what a model file predicts on samples, by the canonical evaluation, computed at `place`.

    Parts of it are computed by `others` where there are any, which changes no bit of it. Raises
    MalformedModelError when the bytes are no model of this specification and seed, and AbandonedError when
    `stop` says so on the way.
    """
    loaded = model_file.load(model, specification, seed)
    if others is None:
        return evaluate(loaded, samples.features, samples.labels, place, stop)
    found = read_beside(others, loaded, samples.features, place, stop)
    return worth(specification, found, samples.labels)
