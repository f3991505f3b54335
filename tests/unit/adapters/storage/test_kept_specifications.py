"""A task's specification is found where workers and commands keep it, and nothing else is taken for it."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.protocol.example_rounds import DATA_NODE, TERMS
from tests.unit.protocol.ledger import FILES

from pole.adapters.storage.kept_specifications import KeptSpecifications
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES
from pole.protocol.state import PostedTask

DOCUMENT = b'{"version":1}'
DIGEST = keccak256(DOCUMENT)
TASK = PostedTask(7, DATA_NODE, TERMS, replace(FILES, spec_digest=DIGEST))
PLACES = (
    f"files/{DIGEST.hex()}",
    f"work/1337-a-b/files/{DIGEST.hex()}",
    f"work/1337-a-b/tasks/{FILES.mpk_digest.hex()}/specification.json",
    f"work/1337-a-b/rounds/3/files/{DIGEST.hex()}",
    "models/task-7/specification.json",
)


def kept(home: Path, place: str, content: bytes) -> KeptSpecifications:
    path = home / place
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return KeptSpecifications([home.parent / "another", home])


@pytest.mark.parametrize("place", PLACES)
def test_a_specification_is_found_wherever_it_is(tmp_path: Path, place: str) -> None:
    assert kept(tmp_path, place, DOCUMENT).find(TASK, 3) == DOCUMENT


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("content", [b"", DOCUMENT + b" ", b"x" * (MAX_DOCUMENT_BYTES + 1)])
def test_another_file_in_its_place_is_none(tmp_path: Path, place: str, content: bytes) -> None:
    assert kept(tmp_path, place, content).find(TASK, 3) is None


def test_a_task_that_waits_has_no_round(tmp_path: Path) -> None:
    assert kept(tmp_path, PLACES[3], DOCUMENT).find(TASK, None) is None
    assert KeptSpecifications([tmp_path / "nowhere"]).find(TASK, 3) is None


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / PLACES[0]).mkdir(parents=True)
    assert kept(tmp_path, PLACES[4], DOCUMENT).find(TASK, 3) == DOCUMENT
