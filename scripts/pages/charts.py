"""Line charts as SVG documents, by matplotlib: the same bytes for the same values.

Words stay words, in whatever sans-serif letters the reader has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Plot

INCHES: Final = (8.0, 4.0)
COLOURS: Final = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#57606a", "#bf3989", "#1b7c83")
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    # Names inside the document are hashes, salted at random unless told.
    "svg.hashsalt": "pole",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.axisbelow": True,
    "axes.edgecolor": "#d8dee4",
    "axes.grid": True,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "grid.color": "#d8dee4",
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.right": False,
    "axes.spines.top": False,
}

Points = Sequence[tuple[float, float]]
Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True)
class Axes:
    """The titles, ranges and scales of a chart; x is a count, the range of y the data's where left out."""

    title: str
    x: str
    y: str
    y_bottom: float | None = None
    y_top: float | None = None
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"


def lines(axes: Axes, curves: Mapping[str, Points]) -> str:
    """Return an SVG document with a line a name, or a dot for one of a single point."""
    # Commands that draw nothing need not wait for it.
    from matplotlib import style
    from matplotlib.figure import Figure

    # A reader's own settings of matplotlib change nothing.
    with style.context(["default", STYLE]):
        figure = Figure(INCHES, layout="constrained")
        plot = figure.add_subplot()
        for number, (name, points) in enumerate(curves.items()):
            plot.plot(
                *zip(*points, strict=True),
                label=name,
                color=COLOURS[number % len(COLOURS)],
                # Where two lines lie upon each other, both are seen.
                linestyle=("-", "--")[number % 2],
                marker="o" if len(points) == 1 else "",
            )
        _set(plot, axes)
        figure.legend(loc="outside right upper", frameon=False)
        document = StringIO()
        figure.savefig(document, format="svg", metadata={"Date": None, "Creator": None})
    return document.getvalue()


def _set(plot: "Plot", axes: Axes) -> None:
    plot.set(title=axes.title, xlabel=axes.x, ylabel=axes.y, xscale=axes.x_scale, yscale=axes.y_scale)
    plot.set_ylim(axes.y_bottom, axes.y_top)
    plot.xaxis.set_major_formatter("{x:,.0f}")
    if axes.x_scale == "linear":
        plot.locator_params(axis="x", integer=True)
