"""`pole spec show|check`; `from-torch` is in spec_from_torch.py."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json, print_table
from pole.cli.common.parameters import specification_argument
from pole.cli.common.worker import threads_option

if TYPE_CHECKING:
    from pole.protocol.models.specification import ModelSpecification
    from pole.roles.keys.preview import Preview
    from pole.roles.keys.remaining import Remaining


@command(epilog="Example: pole spec show examples/digits-mlp.json --data digits")
@specification_argument
@click.option("--data", help="Data set, by name or .npz file: tell what the keys would give away of it.")
@threads_option
@json_option
@common_options
def show(settings: Settings, /, *, file: Path, data: str | None, threads: int, as_json: bool) -> None:
    """Show what the model specification in FILE asks for: its layers, their cost, and what is disclosed."""
    from pole.api.terms import read_specification
    from pole.cli.common.disclosure import document_of, line_of_queries_left, lines_of, queries_left

    specification = read_specification(file)
    found = None if data is None else _preview(settings, data, specification, threads)
    left = () if found is None else queries_left(found, specification)
    if as_json:
        disclosure = {} if found is None else {"disclosure": document_of(found), "queriesLeft": _counts(left)}
        print_json(_as_json(specification) | disclosure)
        return
    columns = ("layer", "kind", "reads", "makes", "parameters", "multiplications")
    print_table(columns, _rows(specification), empty="")
    click.echo(f"\n{summary(specification)}")
    if found is not None:
        click.echo("\n" + "\n".join(lines_of(found)))
        if found.broken is not None:
            click.echo(f"This breaks the key budget's rule {found.broken.value!r}.")
        click.echo(line_of_queries_left(left, specification.mapping.queries))


def _counts(left: "tuple[Remaining, ...]") -> list[dict[str, Any]]:
    return [{"queries": each.queries, "stoppedBy": each.rule} for each in left]


def _preview(settings: Settings, data: str, specification: "ModelSpecification", threads: int) -> "Preview":
    from pole.api.budget import open_budget
    from pole.cli.common.data import read_data
    from pole.cli.common.training import use_threads
    from pole.learning.data.digest import data_set_digest
    from pole.roles.keys.preview import preview

    use_threads(threads)
    dataset, budget = read_data(data), open_budget(settings)
    data_set = budget.data_set_of(data_set_digest(dataset), title=dataset.name, name=None)
    return preview(dataset, specification, budget.tasks_of(data_set), data_set=data_set)


@command(epilog="Example: pole spec check examples/mnist-mlp.json")
@specification_argument
@common_options
def check(_settings: Settings, file: Path) -> None:
    """Check that FILE is a usable model specification; if not, the error says where and what to do."""
    from pole.api.terms import read_specification

    specification = read_specification(file)
    click.echo(f"{file} is usable: {len(specification.graph)} layers.\n{summary(specification)}")


def summary(specification: "ModelSpecification") -> str:
    """Return what a specification costs and discloses, in a few lines."""
    facts = _facts(specification)
    discloses = " So they disclose the data." if facts["discloses"] else ""
    metric = facts["metric"] if isinstance(facts["metric"], str) else facts["metric"]["name"]
    return (
        f"{facts['parameters']:,} parameters, a model file of at most {facts['modelBytes']:,} bytes, "
        f"{facts['multiplications']:,} multiplications a sample; metric {metric}.\n"
        f"A round's keys give away up to {facts['disclosedRank']} of {facts['dimension']} independent "
        f"functions of a sample.{discloses} Data that fill fewer dimensions disclose sooner: "
        "`pole spec show --data` tells.\n"
        f"Inner products, so logarithms to find, reach {facts['largestInnerProduct']:,} at most.\n"
        f"Digest {facts['digest']}"
    )


def _facts(specification: "ModelSpecification") -> dict[str, Any]:
    from pole.protocol.models.graph import count_multiplications, count_parameters
    from pole.protocol.models.specification import disclosed_rank, model_bytes_bound

    nodes, rank = specification.nodes(), disclosed_rank(specification)
    return {
        "parameters": count_parameters(nodes),
        "modelBytes": model_bytes_bound(specification),
        "multiplications": count_multiplications(nodes),
        "metric": specification.model_dump(mode="json")["metric"],
        "disclosedRank": rank,
        "dimension": specification.dimension,
        "discloses": rank >= specification.dimension - 1,
        "largestInnerProduct": specification.max_inner_product,
        "digest": f"0x{specification.digest().hex()}",
    }


def _rows(specification: "ModelSpecification") -> list[tuple[object, ...]]:
    columns = ("layer", "kind", "reads", "makes", "parameters", "multiplications")
    rows = []
    for row in _layers(specification):
        row["reads"] = ", ".join(row["reads"])
        row["makes"] = "x".join(map(str, row["makes"]))
        rows.append(tuple(f"{row[name]:,}" if isinstance(row[name], int) else row[name] for name in columns))
    return rows


def _layers(specification: "ModelSpecification") -> list[dict[str, Any]]:
    from pole.protocol.models.shapes import multiplication_count, parameter_count

    return [
        {
            "layer": node.layer.name,
            "kind": node.layer.op,
            "reads": list(node.inputs),
            "makes": list(node.shape),
            "parameters": parameter_count(node.layer, node.input_shapes[0]),
            "multiplications": multiplication_count(node.layer, node.input_shapes, node.shape),
        }
        for node in specification.nodes()
    ]


def _as_json(specification: "ModelSpecification") -> dict[str, Any]:
    from pole.protocol.mapping.layer import feature_shape

    features = {"features": list(feature_shape(specification))}
    return _facts(specification) | features | {"layers": _layers(specification)}
