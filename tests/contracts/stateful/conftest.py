import pytest


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Take the place of the fixture above: these tests bring a chain of their own."""
