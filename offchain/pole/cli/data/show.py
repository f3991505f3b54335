"""`pole data show`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pole.api.budget import open_budget
from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import percent, print_json, print_line, print_table

if TYPE_CHECKING:
    from pole.learning.data.datasets import DataSet
    from pole.learning.data.inspection import Inspection
    from pole.learning.data.preparation import Preparation
    from pole.learning.privacy.measure import DataMeasure
    from pole.roles.keys.preview import Preview

BITS: Final = 8
FEW_CLASSES: Final = 20
SHOWN: Final = 64
"""Values of a sample, and classes, up to which each has a line."""


@command(epilog="Example: pole data show customers.pole --spec customers.json")
@click.argument("name")
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="File of a model specification: say what its keys would disclose.",
)
@json_option
@common_options
def show(settings: Settings, /, *, name: str, spec: Path | None, as_json: bool) -> None:
    """Show what a data set holds, and what is wrong with it.

    NAME is that of a published data set, or a .pole or .npz file. Tells classes, columns, how many values lie
    at the ends of their range, samples that stand twice or on both sides, and the affine rank: how many
    independent functions of a sample tell all of it, which the budget of keys counts against.
    """
    from pole.api.terms import read_specification
    from pole.cli.common.data import read_data
    from pole.learning.data.inspection import advice, inspect
    from pole.learning.privacy.measure import profile

    dataset = read_data(name)
    specification = None if spec is None else read_specification(spec)
    found = inspect(dataset)
    measure = profile(dataset, BITS if specification is None else specification.input.bits).measure
    sentences = [*dataset.advice, *advice(found, classifies=_classifies(dataset, found))]
    disclosed = None if specification is None else _preview(settings, dataset, specification)
    if as_json:
        print_json(_document(dataset, found, measure, sentences, disclosed))
        return
    _print(dataset, found, measure)
    for sentence in sentences or ["Nothing is amiss."]:
        print_line(f"- {sentence}")
    if disclosed is not None:
        _print_disclosure(disclosed)


def _classifies(dataset: "DataSet", found: "Inspection") -> bool:
    """Return whether labels are classes: many with gaps between them are the steps of a number."""
    from pole.learning.data.preparation import ClassTarget

    if dataset.preparation is not None:
        return isinstance(dataset.preparation.target, ClassTarget)
    return dataset.classes <= FEW_CLASSES or bool(found.train_counts.all())


def _preview(settings: Settings, dataset: "DataSet", specification: Any) -> "Preview":
    from pole.learning.data.digest import data_set_digest
    from pole.roles.keys.preview import preview

    budget = open_budget(settings)
    known = budget.data_set_of(data_set_digest(dataset), title=dataset.name, name=None)
    return preview(dataset, specification, budget.tasks_of(known), data_set=known)


def _print(dataset: "DataSet", found: "Inspection", measure: "DataMeasure") -> None:
    from pole.cli.data.prepare import target_line

    shape = "x".join(map(str, dataset.input_shape))
    print_line(
        f"{dataset.name}: {len(dataset.x_train):,} samples to train and {len(dataset.x_test):,} to test."
    )
    print_line(f"A sample is {shape}: {_source(dataset.preparation)}{_encoder(dataset.preparation)}.")
    if dataset.preparation is not None:
        print_line(target_line(dataset, dataset.preparation.target))
    print_line(
        f"The samples fill {measure.affine_rank} of {measure.dimension} dimensions (affine rank), "
        f"{measure.numerical_rank} beyond rounding; a sample has at most {measure.bits} bits."
    )
    names = _class_names(dataset)
    if len(names) <= SHOWN:
        click.echo()
        print_table(("class", "to train", "", "to test", ""), _class_rows(names, found), empty="")
    if measure.dimension <= SHOWN:
        click.echo()
        columns = ("value", "lowest", "mean", "highest", "at an end")
        print_table(columns, _value_rows(dataset, found), empty="")
    click.echo()


def _source(preparation: "Preparation | None") -> str:
    if preparation is None:
        return "numbers as the file has them"
    match preparation.source.kind:
        case "table":
            columns = preparation.source.columns
            return f"{len(columns)} columns of a table"
        case "images":
            return "images, grey" if preparation.source.channels == 1 else "images in three colours"
        case "text":
            return "texts"
        case _:
            return "arrays of numbers"


def _encoder(preparation: "Preparation | None") -> str:
    if preparation is None or preparation.encoder is None:
        return ""
    return f", encoded by {preparation.encoder.name} ({preparation.encoder.digest[:16]}…)"


def _class_names(dataset: "DataSet") -> list[str]:
    from pole.learning.data.preparation import ClassTarget, NumberTarget

    target = None if dataset.preparation is None else dataset.preparation.target
    if isinstance(target, ClassTarget):
        return list(target.names)
    if isinstance(target, NumberTarget):
        return [f"{target.low + target.step * label:g}" for label in range(target.steps)]
    return [str(label) for label in range(dataset.classes)]


def _class_rows(names: list[str], found: "Inspection") -> list[tuple[object, ...]]:
    train, test = found.train_counts.tolist(), found.test_counts.tolist()
    return [
        (name, f"{ours:,}", percent(ours, sum(train)), f"{theirs:,}", percent(theirs, sum(test)))
        for name, ours, theirs in zip(names, train, test, strict=True)
    ]


def _value_rows(dataset: "DataSet", found: "Inspection") -> list[tuple[object, ...]]:
    from pole.learning.data.preparation import TableSource, value_names

    samples = dataset.x_train.reshape(len(dataset.x_train), -1)
    preparation = dataset.preparation
    names = [str(place) for place in range(samples.shape[1])]
    if preparation is not None and preparation.encoder is None:
        source = preparation.source
        names = list(value_names(source)) if isinstance(source, TableSource) else names
    ends = zip(samples.min(axis=0), samples.mean(axis=0), samples.max(axis=0), found.at_ends, strict=True)
    return [
        (name, f"{low:.4g}", f"{mean:.4g}", f"{high:.4g}", _share(int(at_end), len(samples)))
        for name, (low, mean, high, at_end) in zip(names, ends, strict=True)
    ]


def _share(at_end: int, samples: int) -> str:
    """Return the share of values at an end, "-" for those that are nowhere else, as names and truths are."""
    return "-" if at_end == samples else percent(at_end, samples)


def _print_disclosure(disclosed: "Preview") -> None:
    from pole.cli.common.disclosure import lines_of
    from pole.learning.privacy.rules import why

    click.echo()
    for line in lines_of(disclosed):
        print_line(line)
    if disclosed.broken is not None:
        measures = disclosed.measures
        print_line(
            f"This breaks the key budget's rule {disclosed.broken.value!r}: "
            f"{why(disclosed.broken, measures.data, measures.after)}."
        )


def _document(
    dataset: "DataSet",
    found: "Inspection",
    measure: "DataMeasure",
    sentences: list[str],
    disclosed: "Preview | None",
) -> dict[str, Any]:
    from pole.cli.common.disclosure import document_of

    preparation = dataset.preparation
    return {
        "name": dataset.name,
        "trainCount": len(dataset.x_train),
        "testCount": len(dataset.x_test),
        "inputShape": list(dataset.input_shape),
        "classes": dataset.classes,
        "trainClassCounts": found.train_counts.tolist(),
        "testClassCounts": found.test_counts.tolist(),
        "target": None if preparation is None else preparation.target.model_dump(mode="json"),
        "affineRank": measure.affine_rank,
        "numericalRank": measure.numerical_rank,
        "bits": measure.bits,
        "constant": found.constant.tolist(),
        "atAnEnd": found.at_ends.tolist(),
        "equalTrain": found.equal_train,
        "equalTest": found.equal_test,
        "equalAcross": found.equal_across,
        "contradicting": found.contradicting,
        "advice": sentences,
        "disclosure": None if disclosed is None else document_of(disclosed),
    }
