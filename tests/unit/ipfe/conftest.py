"""Every test that asks for `path` runs on each code path that this machine has."""

import pytest

from pole.ipfe import backend


@pytest.fixture(params=backend.available())
def path(request: pytest.FixtureRequest) -> str:
    """The name of a code path."""
    return str(request.param)
