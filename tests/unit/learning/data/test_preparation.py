"""The document of a preparation: what it holds comes back, and what is none is refused in a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.learning.data.preparation import (
    CategoryColumn,
    ClassTarget,
    NumberColumn,
    NumberTarget,
    Preparation,
    TableSource,
    TruthColumn,
    parse_preparation,
    value_names,
)

NAMES = st.text(min_size=1, max_size=8)
REALS = st.floats(-1e9, 1e9)
COLUMNS = st.one_of(
    st.builds(
        lambda n, low, w, f, i: NumberColumn(name=n, low=low, high=low + w, fill=f, indicator=i),
        NAMES,
        REALS,
        st.floats(1, 1e9),
        REALS,
        st.booleans(),
    ),
    st.builds(lambda n, f: TruthColumn(name=n, fill=f), NAMES, st.booleans()),
    st.builds(
        lambda n, v: CategoryColumn(name=n, values=tuple(v)),
        NAMES,
        st.lists(st.text(max_size=5), min_size=1, max_size=5, unique=True),
    ),
)
TARGETS = st.one_of(
    st.builds(
        lambda n, v: ClassTarget(column=n, names=tuple(v)),
        NAMES,
        st.lists(st.text(max_size=5), min_size=2, max_size=5, unique=True),
    ),
    st.builds(
        lambda n, low, step: NumberTarget(column=n, low=low, step=step, steps=100),
        NAMES,
        REALS,
        st.floats(1e-6, 1e6),
    ),
)
PREPARATIONS = st.builds(
    lambda columns, target: Preparation(source=TableSource(columns=tuple(columns)), target=target),
    st.lists(COLUMNS, min_size=1, max_size=6, unique_by=lambda column: column.name),
    TARGETS,
)


def example() -> dict[str, Any]:
    columns = (
        NumberColumn(name="age", low=0, high=100, fill=40, indicator=True),
        CategoryColumn(name="town", values=("Bern", "Zürich")),
    )
    target = ClassTarget(column="churned", names=("no", "yes"))
    return json.loads(Preparation(source=TableSource(columns=columns), target=target).canonical_bytes())


@given(PREPARATIONS)
def test_a_preparation_comes_back_from_its_own_bytes(preparation: Preparation) -> None:
    assert parse_preparation(preparation.canonical_bytes()) == preparation


def test_values_are_named_by_their_column_and_by_what_they_tell() -> None:
    preparation = parse_preparation(json.dumps(example()))
    assert isinstance(preparation.source, TableSource)
    assert preparation.input_shape == (4,)
    assert list(value_names(preparation.source)) == ["age", "age is missing", "town=Bern", "town=Zürich"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("source", "columns"), []),
        (("source", "columns", 0, "high"), 0.0),
        (("source", "columns", 0, "low"), "0"),
        (("source", "columns", 1, "values"), ["Bern", "Bern"]),
        (("source", "columns", 1, "name"), "age"),
        (("source", "columns", 1, "kind"), "text"),
        (("target", "names"), ["no"]),
        (("target", "names"), ["no", "no"]),
        (("encoder",), "module.py"),
        (("more",), 1),
    ],
)
def test_what_is_no_preparation_is_refused_in_a_sentence(path: tuple[Any, ...], value: Any) -> None:
    document = example()
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(InputError, match=r"^The preparation .*\.$"):
        parse_preparation(json.dumps(document))


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b'{"format": 1, "format": 1}', b"\xff"])
def test_what_is_no_json_is_refused_in_a_sentence(text: bytes) -> None:
    with pytest.raises(InputError, match=r"^The preparation .*\.$"):
        parse_preparation(text)
