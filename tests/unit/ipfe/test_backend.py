"""Which code path is chosen, and what is said about it."""

import pytest

from pole.errors import InputError
from pole.ipfe import backend


def test_an_unknown_back_end_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(InputError, match=r"'neon' here; choose one of .*python"):
        backend.choose("neon")


def test_the_environment_names_the_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.VARIABLE, "python")
    assert backend.choose().name == "python"
    monkeypatch.setenv(backend.VARIABLE, "neon")
    with pytest.raises(InputError):
        backend.choose()


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.VARIABLE, "neon")
    assert backend.choose("python").name == "python"


def test_the_fastest_is_chosen_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    assert backend.choose().name == backend.available()[0]
    assert backend.available()[-1] == "python"


def test_without_a_native_kernel_it_says_what_is_slow_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    monkeypatch.setattr(backend, "NATIVE", [])
    assert backend.available() == ["python"]
    assert "install a C compiler" in backend.describe()


def test_plain_python_on_request_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    if not backend.NATIVE:
        pytest.skip("no native kernel here")
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    assert f"'{backend.available()[0]}'" in backend.describe()
    monkeypatch.setenv(backend.VARIABLE, "python")
    assert "POLE_IPFE_BACKEND asks for it" in backend.describe()
