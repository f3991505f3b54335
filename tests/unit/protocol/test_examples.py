import json
import re
from pathlib import Path
from typing import get_args

import pytest

from pole.protocol.models.layers import Layer
from pole.protocol.models.specification import parse_specification

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "docs" / "model-specification.md").read_text()


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_a_specification(path: Path) -> None:
    parse_specification(path.read_bytes())


def test_the_specification_in_the_documentation_is_one() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found
    parse_specification(found[1])


def test_every_layer_and_argument_is_documented() -> None:
    for layer in get_args(get_args(Layer)[0]):
        row = next(
            line for line in PAGE.splitlines() if line.startswith("|") and f"`{layer.__name__}`" in line
        )
        for argument in layer.model_fields.keys() - {"name", "op", "inputs"}:
            assert f"`{argument}`" in row, json.dumps([layer.__name__, argument])
