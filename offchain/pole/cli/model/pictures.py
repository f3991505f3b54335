"""The picture of `pole model report`, by matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pole.errors import InputError

if TYPE_CHECKING:
    from pole.roles.models.reporting import Classification, Regression, Report

MAX_NAMED = 20


def draw(found: "Report", path: Path) -> None:
    """Draw confusion and calibration, or predictions and residuals, into a PNG or SVG file.

    Raises InputError where matplotlib is not here, or the file cannot be written.
    """
    from pole.roles.models.reporting import Classification

    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "matplotlib draws the picture and is not here: install pole with the extra 'figures', or leave "
            "--picture out."
        ) from error
    figure = Figure((10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    if isinstance(found.quality, Classification):
        _draw_confusion(figure, left, found.quality)
        _draw_calibration(right, found.quality)
    else:
        _draw_residuals(left, right, found.quality)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be drawn ({error}): name a .png or .svg file.") from error


def _draw_confusion(figure: Any, plot: Any, quality: "Classification") -> None:
    image = plot.imshow(quality.confusion, cmap="Blues")
    figure.colorbar(image, ax=plot, label="samples")
    plot.set(xlabel="predicted", ylabel="class", title=f"accuracy {100 * quality.accuracy:.1f} %")
    if len(quality.classes) <= MAX_NAMED:
        # A dollar sign would begin a formula.
        names = [each.name[:16].replace("$", r"\$") for each in quality.classes]
        plot.set_xticks(range(len(names)), names, rotation=90)
        plot.set_yticks(range(len(names)), names)


def _draw_calibration(plot: Any, quality: "Classification") -> None:
    plot.plot([0, 1], [0, 1], linestyle="--", color="grey", label="as it should be")
    sure = [each.confidence for each in quality.calibration]
    plot.plot(sure, [each.accuracy for each in quality.calibration], marker="o", label="found")
    plot.set(xlabel="probability of the prediction", ylabel="share that is right", title="calibration")
    plot.legend()


def _draw_residuals(left: Any, right: Any, quality: "Regression") -> None:
    unit = f" ({quality.unit})".replace("$", r"\$") if quality.unit else ""
    left.scatter(quality.truths, quality.truths + quality.residuals, s=8)
    ends = [float(quality.truths.min()), float(quality.truths.max())]
    left.plot(ends, ends, linestyle="--", color="grey")
    left.set(xlabel=f"truth{unit}", ylabel=f"prediction{unit}")
    right.hist(quality.residuals, bins=30)
    right.set(xlabel=f"prediction less truth{unit}", ylabel="samples")
