"""Rows that are encrypted: what does not open is told, and what opens is what the rows give in the clear."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, TEST, Stage, dataset, numbers, specification
from tests.unit.roles.results import result_of

from pole.errors import InputError, IntegrityError
from pole.protocol.state import Phase
from pole.roles.models.collecting import Collector
from pole.roles.models.folder import KeptModel, open_model
from pole.roles.models.sealed_rows import SealedRows


def bought(stage: Stage, seed: int = 1) -> KeptModel:
    stage.post(seed)
    stage.play(Phase.FINAL)
    result = result_of(stage.world, 1)
    assert result is not None
    return open_model(Collector(stage.store, stage.path).collect(result).folder)


def sealed(stage: Stage, kept: KeptModel) -> SealedRows:
    return SealedRows(kept.record, stage.chain(MINERS[0]), stage.store, stage.path / "scratch")


def test_rows_under_another_master_key_are_told(stage: Stage, tmp_path: Path) -> None:
    kept = bought(stage)
    other = Stage(tmp_path / "other")
    foreign = sealed(other, bought(other, seed=2)).seal(kept.trained, dataset().x_test, numbers(3))
    with pytest.raises(IntegrityError, match="is encrypted under another master key"):
        sealed(stage, kept).open(foreign)


def test_what_is_no_shard_is_told(stage: Stage) -> None:
    kept = bought(stage)
    content = sealed(stage, kept).seal(kept.trained, dataset().x_test, numbers(3))
    for wrong in (b"", content[:-1], content + b"\0", b"x" * len(content)):
        with pytest.raises(IntegrityError):
            sealed(stage, kept).open(wrong)


def test_a_round_that_released_no_test_set_has_none(stage: Stage) -> None:
    kept = bought(stage)
    stage.world.tests.clear()
    with pytest.raises(InputError, match="released no test set"):
        sealed(stage, kept).test_set()


def test_new_rows_open_to_the_features_that_they_have_in_the_clear(stage: Stage) -> None:
    kept = bought(stage)
    rows = sealed(stage, kept)
    content = rows.seal(kept.trained, dataset().x_test, numbers(3))
    assert np.array_equal(rows.open(content), kept.trained.features(dataset().x_test))
    assert rows.seal(kept.trained, dataset().x_test, numbers(4)) != content


def test_with_noise_they_have_noise_and_its_mean_is_the_shift(stage: Stage) -> None:
    stage.specification = specification(noise=2)
    kept = bought(stage)
    rows = sealed(stage, kept)
    many = np.repeat(dataset().x_test[:1], 60, axis=0)
    found = rows.open(rows.seal(kept.trained, many, numbers(3)))
    clear = kept.trained.features(many)
    assert len(np.unique(found[:, 0])) > 1
    assert np.abs(found.mean(axis=0) - clear[0]).max() < 1.5


def test_the_test_set_is_what_the_committee_saw(stage: Stage) -> None:
    kept = bought(stage)
    samples = sealed(stage, kept).test_set()
    labels = kept.trained.labels(kept.trained.logits(dataset().x_test))
    assert len(samples.labels) == TEST
    assert int((labels == dataset().y_test).sum()) == kept.record.score.test
