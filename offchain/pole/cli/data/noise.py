"""`pole data privacy --noise`: what noise on features costs a learner and an attacker."""

from collections.abc import Sequence
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.output import print_json, print_table

if TYPE_CHECKING:
    from pole.learning.privacy.noise import TradeOff

MAX_DEVIATION = 2**16


class Deviations(click.ParamType[tuple[int, ...]]):
    """Standard deviations, separated by commas."""

    name = "deviations"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the deviations in ascending order, 0 first: what there is without noise."""
        if isinstance(value, tuple):
            return value
        parts = value.split(",")
        if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= MAX_DEVIATION for part in parts):
            self.fail(f"give whole numbers from 1 to {MAX_DEVIATION} with commas between, such as 10,30,100.")
        return (0, *sorted({int(part) for part in parts}))


def show(found: Sequence["TradeOff"], *, classifies: bool, picture: Path | None, as_json: bool) -> None:
    """Print what each noise does, as a table or JSON, and draw it. Raises InputError for a bad picture."""
    if picture is not None:
        _draw(found, classifies=classifies, path=picture)
    if as_json:
        print_json({"noise": [_document(each) for each in found]})
        return
    learner = "accuracy" if classifies else "explained"
    columns = ("noise", learner, "attacker's error", "by guessing", "exact values", "epsilon", "of own data")
    print_table(columns, [_row(each) for each in found], empty="")
    click.echo(
        f"\n{learner}: of a linear model, a lower bound on what miners reach. epsilon: a guarantee for one "
        "sample's input and one task, at delta 1e-5; of own data: the same number for your samples, which "
        "guarantees nothing. Labels are not covered (docs/privacy.md)."
    )


def _row(each: "TradeOff") -> tuple[object, ...]:
    attack, guess = each.attack.attack, each.attack.guess
    return (
        each.noise or "none",
        f"{100 * each.learner:.1f} %",
        f"{attack.mse:.2g}",
        f"{guess.mse:.2g}",
        f"{100 * attack.exact:.1f} %",
        _epsilon(each.epsilon_any),
        _epsilon(each.epsilon_own),
    )


def _epsilon(value: float) -> str:
    return "none" if isinf(value) else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _document(each: "TradeOff") -> dict[str, Any]:
    # JSON has no infinity.
    return {
        "deviation": each.noise,
        "learner": each.learner,
        "error": each.attack.attack.mse,
        "errorByGuessing": each.attack.guess.mse,
        "exactValues": each.attack.attack.exact,
        "epsilon": None if isinf(each.epsilon_any) else each.epsilon_any,
        "epsilonOfOwnData": None if isinf(each.epsilon_own) else each.epsilon_own,
    }


def _draw(found: Sequence["TradeOff"], *, classifies: bool, path: Path) -> None:
    from pole.errors import InputError

    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "matplotlib draws the chart and is not here: install pole with the extra 'figures', or leave "
            "--picture out."
        ) from error
    figure = Figure((7, 4), layout="constrained")
    plot = figure.add_subplot()
    plot.plot([each.attack.attack.mse for each in found], [each.learner for each in found], marker="o")
    for each in found:
        place = (each.attack.attack.mse, each.learner)
        plot.annotate(str(each.noise or "no noise"), place, xytext=(4, 4), textcoords="offset points")
    plot.axvline(found[0].attack.guess.mse, linestyle="--", color="grey", label="guessing")
    score = "accuracy" if classifies else "explained variance"
    plot.set(xlabel="attacker's mean squared error", ylabel=f"{score} of a linear learner", xscale="log")
    plot.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be drawn ({error}): name a .png or .svg file.") from error
