"""What a task gives away, in three lines, and its owner's consent to it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pole.learning.privacy.disclosure import Disclosure
    from pole.learning.privacy.rules import Rule
    from pole.protocol.models.specification import ModelSpecification
    from pole.roles.keys.preview import Preview
    from pole.roles.keys.remaining import Remaining

RULES = ("rank", "numerical-rank", "entropy", "attack")
DRAWN = 12

consent_option = click.option(
    "--allow-disclosure",
    metavar="RULE",
    type=click.Choice(RULES),
    help="Accept that the keys break this rule of the budget, and those after it: rank, numerical-rank, "
    "entropy, attack (docs/privacy.md).",
)


def lines_of(preview: "Preview") -> tuple[str, str, str]:
    """Return what miners get of a data set: dimensions, what attacks recover, what is in the clear."""
    return _dimensions(preview), _attacks(preview), _clear(preview)


def queries_left(preview: "Preview", specification: "ModelSpecification") -> "tuple[Remaining, ...]":
    """Return how many query vectors a task of a specification's layer may have, and two tasks after it."""
    from pole.roles.keys.preview import views_before
    from pole.roles.keys.remaining import Layer, in_turn

    layer = Layer(specification.mapping, specification.input)
    return in_turn(preview.profile, views_before(preview.before), layer)


def line_of_queries_left(left: "tuple[Remaining, ...]", asked: int) -> str:
    """Return how often the data can still be asked, in one line."""
    first, second, third = (each.queries for each in left)
    stop = f"; the rule {left[0].rule.value!r} stops more" if left[0].rule is not None else ""
    taken = min(first, asked)
    return (
        f"Query vectors of such a layer that are left, attacks aside: {first} for this task{stop}. With "
        f"{taken} of them taken a second task on these data has {second} left, and then a third {third}."
    )


def consent_to(preview: "Preview", allowed: str | None, *, picture: Path | None) -> "Rule | None":
    """Show on standard error what a task would give away; return what its owner accepts.

    Where a rule is broken that was not `allowed`, the owner is asked, if there is a terminal to ask at.
    Pictures of what attacks see go to `picture`. Raises InputError where that file cannot be written.
    """
    from pole.learning.privacy.rules import Rule, covers, why

    for line in lines_of(preview):
        click.echo(line, err=True)
    if picture is not None:
        draw(preview.disclosure, preview.clear.shape, picture)
        click.echo(f"Pictures of samples and of what each attack makes of them: {picture}", err=True)
    consent, broken = None if allowed is None else Rule(allowed), preview.broken
    if broken is None:
        return consent
    measures = preview.measures
    click.echo(
        f"warning: this breaks the key budget's rule {broken.value!r}: "
        f"{why(broken, measures.data, measures.after)}.",
        err=True,
    )
    if covers(consent, broken):
        return consent
    if sys.stdin.isatty() and click.confirm(f"Allow {broken.value} to be broken, and post?", err=True):
        return broken
    return None


def draw(disclosure: "Disclosure", shape: tuple[int, ...], path: Path) -> None:
    """Write a picture: samples, and a row below for each attack. Raises InputError where it cannot be."""
    from pole.adapters.storage.private_file import write_private
    from pole.errors import InputError
    from pole.learning.privacy.pictures import contact_sheet, png

    made = (*disclosure.guesses[:1], *disclosure.attacks)
    rows = [disclosure.samples, *(each.samples for each in made)]
    try:
        write_private(path, png(contact_sheet([row[:DRAWN] for row in rows], shape)))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another --picture.") from error


def rows_of(disclosure: "Disclosure") -> tuple[str, ...]:
    """Return what the rows of the picture show, from above."""
    return ("samples", *(each.method for each in (*disclosure.guesses[:1], *disclosure.attacks)))


def document_of(preview: "Preview") -> dict[str, Any]:
    """Return a preview as JSON shows it."""
    data, after, attack = preview.measures.data, preview.measures.after, preview.attack
    return {
        "dataSet": preview.data_set,
        "dimension": data.dimension,
        "affineRank": data.affine_rank,
        "numericalRank": data.numerical_rank,
        "bits": data.bits,
        "measuredSamples": data.measured,
        "functions": after.functions,
        "answerBits": after.bits,
        "exactValues": attack.attack.exact,
        "exactValuesByGuessing": attack.guess.exact,
        "wholeSamples": attack.attack.whole,
        "error": attack.attack.mse,
        "errorByGuessing": attack.guess.mse,
        "equalSamples": preview.clear.equal,
        "breaks": preview.broken,
    }


def _dimensions(preview: "Preview") -> str:
    data, keys = preview.measures.data, preview.measures.after
    bound = "" if keys.exact else "at most "
    others = len(preview.before)
    beside = f", with {others} task{'s' * (others > 1)} before it," if others else ""
    part = f" (of {data.measured:,} samples)" if data.measured < data.samples else ""
    return (
        f"Miners get{beside} {bound}{keys.functions} independent functions of a sample and up to "
        f"{keys.bits} bits: {preview.data_set} has {data.dimension} columns, which fill {data.affine_rank} "
        f"dimensions, {data.numerical_rank} beyond rounding, and at most {data.bits} bits{part}."
    )


def _attacks(preview: "Preview") -> str:
    attack, guess = preview.attack.attack, preview.attack.guess
    return (
        f"Who knows {preview.disclosure.known:,} other samples gets {100 * attack.exact:.1f} % of the values "
        f"exactly ({100 * guess.exact:.1f} % by guessing) and {100 * attack.whole:.1f} % of the samples "
        f"whole; mean squared error {attack.mse:.2g} ({guess.mse:.2g} by guessing)."
    )


def _clear(preview: "Preview") -> str:
    clear = preview.clear
    shape = "x".join(map(str, clear.shape))
    twins = f"; {clear.equal:,} samples equal another, which their features show" if clear.equal else ""
    labels = "target" if clear.classes is None else "label"
    classes = "" if clear.classes is None else f" ({clear.classes} classes)"
    return (
        f"In the clear: the {labels} of every sample{classes}, {clear.samples:,} samples at "
        f"most, shape {shape}, {clear.bits} bits a value, bounds of the columns{twins}."
    )
