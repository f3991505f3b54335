"""PoLe: decentralised machine learning that pays for verified results (Lan, Liu, Li 2020).

What is for users of Python is found here by name and loaded when it is used: `pole.prepare`, `pole.data`,
`pole.suggest`, `pole.try_out`, `pole.connect`, `pole.load`, `pole.PoleError`,
`pole.TrainingJob`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pole.api.data import data as data
    from pole.api.data import prepare as prepare
    from pole.api.data import specification as specification
    from pole.api.model import Model as Model
    from pole.api.model import load as load
    from pole.api.network import Network as Network
    from pole.api.network import connect as connect
    from pole.api.suggesting import suggest as suggest
    from pole.api.suggesting import try_out as try_out
    from pole.errors import PoleError as PoleError
    from pole.roles.training.job import TrainingJob as TrainingJob

_PUBLIC: Final = {
    "data": "pole.api.data",
    "prepare": "pole.api.data",
    "specification": "pole.api.data",
    "Model": "pole.api.model",
    "load": "pole.api.model",
    "Network": "pole.api.network",
    "connect": "pole.api.network",
    "suggest": "pole.api.suggesting",
    "try_out": "pole.api.suggesting",
    "PoleError": "pole.errors",
    "TrainingJob": "pole.roles.training.job",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pole' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
