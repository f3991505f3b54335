"""How much memory a set of samples takes once it is decrypted, and how much it may take.

Every worker holds all features of a set. The bound follows from a task's specification and terms alone, so
that all find the same tasks too large, before anything of a set is fetched.
"""

from math import prod
from typing import Final

from pole.errors import InputError
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification

MAX_SET_BYTES: Final = 2**32
LABEL_BYTES: Final = 8
_SIZES: Final = ((2**16, 2), (2**31, 4), (2**63, 8))


def sample_bytes(specification: ModelSpecification) -> int:
    """Return the bytes of one sample: features of 2, 4 or 8 each, as their bound asks, and its label."""
    each = next(size for limit, size in _SIZES if specification.max_inner_product < limit)
    return prod(feature_shape(specification)) * each + LABEL_BYTES


def check_set_size(specification: ModelSpecification, *, train_count: int, test_count: int) -> None:
    """Raise InputError where the training or test set of a task takes more than MAX_SET_BYTES."""
    maximum = MAX_SET_BYTES // sample_bytes(specification)
    for part, count in (("training", train_count), ("test", test_count)):
        if count > maximum:
            raise InputError(
                f"The {part} set has {count} samples, but with the features of this mapping layer {maximum} "
                "fit into the 4 GiB that a set may take; take fewer samples or queries."
            )
