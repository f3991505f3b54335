"""Where steps round and limit, as `pole.learning.evaluation.fixed_point` does."""

from pole.learning.evaluation.fixed_point import CLAMP, WEIGHT_ONE
from pole.learning.exporting.program import Builder


def to_activations(build: Builder, sums: str) -> str:
    """Return sums of weight-activation products (grid 2^-22) as clamped activations (grid 2^-10)."""
    return clamp(build, build.apply("Round", build.divided(sums, WEIGHT_ONE)))


def clamp(build: Builder, values: str) -> str:
    """Return activations limited to their range."""
    return build.clipped(values, -CLAMP, CLAMP)
