"""`pole spec from-torch`."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options
from pole.cli.common.output import print_line
from pole.cli.spec.documents import summary
from pole.cli.spec.writing import write_specification, written
from pole.errors import InputError
from pole.protocol.mapping.kinds import MAX_QUERIES
from pole.protocol.models.metrics import MAX_SCALE

if TYPE_CHECKING:
    from pole.learning.importing.export import Wanted
    from pole.protocol.mapping.kinds import Mapping
    from pole.protocol.models.metrics import Metric
    from pole.protocol.models.specification import ModelSpecification


class Shape(click.ParamType[tuple[int, ...]]):
    """Whole numbers with an x between them; the command gets a tuple."""

    name = "shape"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the sizes; fails where the text is no shape."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(size) for size in value.split("x"))
        except ValueError:
            self.fail(f"{value!r} is no shape: write 4, 28x28 or 3x32x32.", param, ctx)


SHAPE = Shape()
METRICS = ("accuracy", "macro_f1", "auc", "mean_absolute_error")
MINIMUM = click.IntRange(min=1)


@command(
    epilog="Example: pole spec from-torch examples/transformer.py:make --input 28x28 --mapping blocks "
    "--tile 14x14 --queries 32 --out spec.json"
)
@click.argument("module", metavar="MODULE.PY:FACTORY")
@click.option("--input", "shape", type=SHAPE, required=True, help="Shape of a sample: 4, 28x28 or 3x32x32.")
@click.option(
    "--bits", type=click.IntRange(1, 8), default=8, show_default=True, help="Bits of each value of a sample."
)
@click.option(
    "--mapping",
    type=click.Choice(["linear", "blocks", "conv"]),
    default="linear",
    show_default=True,
    help="Kind of secure mapping layer.",
)
@click.option(
    "--queries",
    type=click.IntRange(1, MAX_QUERIES),
    default=32,
    show_default=True,
    help="Query vectors of the layer.",
)
@click.option(
    "--weight-bits",
    type=click.IntRange(1, 16),
    default=3,
    show_default=True,
    help="Bits of each weight of a query vector.",
)
@click.option("--tile", type=SHAPE, help="Tile of `blocks`, such as 14x14.")
@click.option("--kernel", type=SHAPE, help="Filter of `conv`, such as 3x3.")
@click.option(
    "--padding",
    type=click.Choice(["same", "valid"]),
    default="same",
    show_default=True,
    help="Padding of `conv`.",
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="accuracy",
    show_default=True,
    help="What models are scored by.",
)
@click.option(
    "--classes", type=MINIMUM, help="Classes, or steps of the target's grid.  [default: the outputs]"
)
@click.option(
    "--scale", type=click.IntRange(1, MAX_SCALE), help="Mean absolute error, in steps, that scores 0."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: print]"
)
@common_options
def from_torch(
    _settings: Settings, /, *, module: str, shape: tuple[int, ...], out: Path | None, **options: Any
) -> None:
    """Make a model specification of a torch module of one's own.

    FACTORY is a function or class in MODULE.PY that is called without arguments and gives an nn.Module,
    which takes the features that the mapping layer makes (samples first) and returns logits, one for each
    class. This runs MODULE.PY with all your rights: use it on your own code only. All of it that no layer of
    a specification stands for is listed, with its lines and what to use instead. Weights are not taken over.
    """
    from pole.learning.importing.export import Wanted

    file, _, factory = module.rpartition(":")
    if not file:
        raise InputError(f"{module!r} names no factory; write it as module.py:factory.")
    wanted = Wanted(shape, options["bits"], _mapping(options), _metric(options), options["classes"])
    with redirect_stdout(sys.stderr):
        specification = _exported(Path(file), factory, wanted)
    if out is None:
        click.echo(written(specification), nl=False)
    else:
        write_specification(out, specification)
    click.echo(summary(specification), err=True)


def _exported(file: Path, factory: str, wanted: "Wanted") -> "ModelSpecification":
    """Return the specification; lists what stands in its way, each on a line, where that is more than one."""
    from pole.learning.importing.export import export
    from pole.learning.importing.trace import UnsupportedError
    from pole.learning.importing.user_file import make_module

    module = make_module(file, factory)
    try:
        return export(module, wanted).specification
    except UnsupportedError as error:
        if len(error.obstacles) == 1:
            raise
        for number, obstacle in enumerate(error.obstacles, start=1):
            print_line(f"{number}. {obstacle}.", err=True)
        raise InputError(
            f"{factory}() of {file} cannot be exported for the {len(error.obstacles)} reasons above: correct "
            "them."
        ) from error


def _mapping(options: dict[str, Any]) -> "Mapping":
    from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping

    common = {"bits": options["weight_bits"], "queries": options["queries"]}
    match options["mapping"]:
        case "blocks":
            return BlocksMapping(**common, tile=_sides(options, "tile"))
        case "conv":
            return ConvMapping(**common, kernel=_sides(options, "kernel"), padding=options["padding"])
        case _:
            return LinearMapping(**common)


def _sides(options: dict[str, Any], name: str) -> tuple[int, int]:
    sides: tuple[int, ...] = options[name] or ()
    if len(sides) != 2 or min(sides) < 1:
        raise InputError(f"The mapping {options['mapping']} needs --{name}, height and width, such as 3x3.")
    return sides[0], sides[1]


def _metric(options: dict[str, Any]) -> "Metric":
    from pole.protocol.models.metrics import ABSOLUTE_ERROR, AbsoluteError

    name, scale = options["metric"], options["scale"]
    if name != ABSOLUTE_ERROR:
        chosen: Metric = name
        return chosen
    if scale is None or options["classes"] is None:
        raise InputError(f"The metric {name} needs --scale and --classes, the steps of the target's grid.")
    return AbsoluteError(name=name, scale=scale)
