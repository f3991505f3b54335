"""What a verifier finds out about a model, as a vote; and votes as they are kept until they are revealed."""

import json
from dataclasses import dataclass

from pole.learning.fixed_point import MalformedModelError
from pole.protocol.formats.predictions import predictions_digest
from pole.protocol.model_spec import ModelSpecification
from pole.protocol.state import Verdict, Vote
from pole.roles.learner import Samples, evaluate_model

NO_PREDICTIONS = bytes(32)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What models are judged on: the training samples, or an audit sample, and the released test samples."""

    specification: ModelSpecification
    seed: bytes
    train: Samples
    test: Samples | None


def judge(model: bytes, evidence: Evidence) -> Vote:
    """Return the vote on a model's bytes: OK with what it predicts, or MALFORMED."""
    specification, seed = evidence.specification, evidence.seed
    try:
        train = evaluate_model(model, specification, seed, evidence.train)
        test = evidence.test and evaluate_model(model, specification, seed, evidence.test)
    except MalformedModelError:
        return without_numbers(Verdict.MALFORMED)
    digest = predictions_digest(train.predictions, test.predictions if test else None)
    return Vote(Verdict.OK, train.correct, test.correct if test else 0, digest)


def without_numbers(verdict: Verdict) -> Vote:
    """Return a vote that a model, or the data, cannot be evaluated."""
    return Vote(verdict, 0, 0, NO_PREDICTIONS)


def write_votes(votes: tuple[Vote, ...]) -> bytes:
    """Return votes as JSON."""
    rows = [
        [vote.verdict.value, vote.train_correct, vote.test_correct, vote.predictions.hex()] for vote in votes
    ]
    return json.dumps(rows).encode()


def read_votes(kept: bytes) -> tuple[Vote, ...]:
    """Return the votes that `write_votes` wrote."""
    rows = json.loads(kept)
    return tuple(
        Vote(Verdict(verdict), train, test, bytes.fromhex(digest)) for verdict, train, test, digest in rows
    )
