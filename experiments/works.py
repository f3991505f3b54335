"""What `pole cluster worker --works experiments.works` adds to the works of a worker."""

from collections.abc import Mapping
from typing import Final

WORKS: Final[Mapping[str, str]] = {"experiment": "experiments.measuring:measure"}
