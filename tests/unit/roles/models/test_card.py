"""The card of a model: valid front matter, whatever strangers wrote, and nothing of the preparation."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.unit.roles.models.kept import NAMES, OF_IMAGES, OF_PRICES, OF_TABLE, TABLE, keep_model

from pole.errors import InputError
from pole.learning.data.preparation import Preparation
from pole.roles.models.card import card_of
from pole.roles.models.folder import KeptModel, open_model


def parts(card: str) -> tuple[dict[str, Any], str]:
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptModel:
    return open_model(keep_model(tmp_path_factory.mktemp("home")))


def test_a_card_says_nothing_of_the_preparation(kept: KeptModel) -> None:
    card = card_of(kept, licence="mit")
    private = [*NAMES[1:], *(column.name for column in TABLE.columns), "Bern"]
    assert [text for text in private if f" {text} " in card or f'"{text}"' in card] == []


@pytest.mark.parametrize("licence", ["", "a b", "mit\nlicense: gpl", "{x", "é", "x" * 65])
def test_a_licence_that_is_no_identifier_is_refused(kept: KeptModel, licence: str) -> None:
    with pytest.raises(InputError, match="is no licence as Hugging Face calls them"):
        card_of(kept, licence=licence)


def test_a_card_tells_score_proof_and_what_is_disclosed(kept: KeptModel) -> None:
    front, body = parts(card_of(kept, licence="mit"))
    assert set(front) == {"license", "library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    results = front["model-index"][0]["results"]
    assert [each["metrics"][0]["value"] for each in results] == [0.8, 0.9]
    assert "A committee of 3 staked verifiers found it" in body
    record = kept.record
    for told in (record.block_hash, record.model_digest, record.seed, record.spec_digest):
        assert f"`0x{told.hex()}`" in body
    assert "open up to 3 independent sums of the 9 values" in body


@pytest.mark.parametrize(
    ("preparation", "pipeline", "metric", "value"),
    [
        (OF_TABLE, "tabular-classification", "accuracy", 0.8),
        (OF_IMAGES, "image-classification", "accuracy", 0.8),
        (OF_PRICES, "tabular-regression", "mae", 1.0),
    ],
)
def test_the_kind_of_task_is_as_hugging_face_calls_it(
    tmp_path: Path, preparation: Preparation, pipeline: str, metric: str, value: float
) -> None:
    front, _ = parts(card_of(open_model(keep_model(tmp_path, preparation)), licence="mit"))
    found = front["model-index"][0]["results"][0]["metrics"][0]
    assert (front["pipeline_tag"], found["type"], found["value"]) == (pipeline, metric, value)
