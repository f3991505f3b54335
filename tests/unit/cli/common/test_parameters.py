"""Durations, percentages and amounts as they are typed."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from pole.cli.common.parameters import ETHER, GAS_PRICE, PERCENT, Duration, Since, WholeSeconds


def taken(kind: click.ParamType[float] | click.ParamType[int], text: str) -> float:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800)),
        *(("1.5h", 5400), ("1h 5s", 3605), (" 10 ", 10), (".5", 0.5), ("2H", 7200)),
    ],
)
def test_a_duration_is_seconds_or_parts_with_units(text: str, seconds: float) -> None:
    assert taken(Duration(), text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "5 minutes", "1h30", "30m1h", "-5", "5x", "inf", "nan", "1e3", "1m1m"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration: write seconds, or parts such as 5m"):
        taken(Duration(), text)


def test_a_duration_has_bounds_that_are_told_in_seconds() -> None:
    with pytest.raises(click.BadParameter, match="'2m' is 120 seconds, but must be at most 60"):
        taken(Duration(0, 60), "2m")
    with pytest.raises(click.BadParameter, match="'0' is 0 seconds, but must be at least 1"):
        taken(WholeSeconds(1), "0")
    with pytest.raises(click.BadParameter, match=r"'0\.5' is 0\.5 seconds: contracts count whole ones"):
        taken(WholeSeconds(), "0.5")


@pytest.mark.parametrize(
    ("text", "percent"), [("95", 95), ("97.5", 97.5), ("95%", 95), ("95 %", 95), ("0", 0)]
)
def test_a_percentage_may_have_its_sign(text: str, percent: float) -> None:
    assert taken(PERCENT, text) == percent


@pytest.mark.parametrize(
    ("text", "meant"), [("0.95", "95"), (".5", "50"), ("0.975", "97.5"), ("0.001", "0.1")]
)
def test_a_share_is_never_taken_for_a_percentage(text: str, meant: str) -> None:
    with pytest.raises(click.BadParameter, match=f"write {meant} for {meant} %"):
        taken(PERCENT, text)
    assert taken(PERCENT, f"{text}%") == float(text)


@pytest.mark.parametrize("text", ["", "%", "101", "-1", "nan", "inf", "9,5", "9e1", "1000", "95%%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no percentage"):
        taken(PERCENT, text)


@given(st.text(), st.sampled_from([Duration(1, 100), WholeSeconds(), PERCENT, ETHER, GAS_PRICE]))
@example("\x1d4", WholeSeconds())
@example("4\x1f", GAS_PRICE)
def test_any_text_is_taken_or_refused_in_a_sentence(text: str, kind: click.ParamType[float]) -> None:
    try:
        assert taken(kind, text) >= 0
    except click.BadParameter as error:
        assert error.message.endswith(".")  # noqa: PT017


def test_a_refusal_names_the_option() -> None:
    from pole.cli import main

    call: Callable[..., str] = lambda *words: CliRunner().invoke(main, words).stderr  # noqa: E731
    amount = call("wallet", "fund", "x", "--amount", "1.5 wei")
    assert (
        amount == "error: --amount: '1.5 wei' is no amount of ether that can be paid: wei has no decimals.\n"
    )
    share = call("spec", "try", "x", "--data", "iris", "--train-accuracy", "0.95")
    assert (
        share == "error: --train-accuracy: 0.95 reads as 0.95 %: write 95 for 95 %, or 0.95% to say that.\n"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2026-11-29", 1_795_910_400), (" 1970-01-02 ", 86_400), ("7d", 395_200), ("10", 999_990)],
)
def test_since_is_a_date_in_utc_or_a_length_of_time_before_now(text: str, seconds: float) -> None:
    assert taken(Since(lambda: 1_000_000), text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "29.11.2026", "2026-11-29T10:00", "-1d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no time: write a date such as 2026-11-29, or 7d"):
        taken(Since(lambda: 1_000_000), text)
