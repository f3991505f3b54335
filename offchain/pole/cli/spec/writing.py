"""A specification as a file that people read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pole.errors import InputError

if TYPE_CHECKING:
    from pole.protocol.models.specification import ModelSpecification


def written(specification: "ModelSpecification") -> str:
    """Return a specification as people write it: a line for each layer, without what is default."""
    document = specification.model_dump(mode="json")
    layers = [
        {"name": layer.name, "op": layer.op}
        | layer.model_dump(mode="json", exclude={"name", "op"}, exclude_defaults=True)
        for layer in specification.graph
    ]
    graph = ",\n    ".join(map(json.dumps, layers))
    order = ("version", "input", "mapping", "graph", "classes", "metric", "max_parameters", "max_bytes")
    fields = (
        f'"{name}": ' + (f"[\n    {graph}\n  ]" if name == "graph" else json.dumps(document[name]))
        for name in order
    )
    return "{\n  " + ",\n  ".join(fields) + "\n}\n"


def require_folder(path: Path) -> None:
    """Raise InputError where a file cannot be made because its folder is not there."""
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written (there is no such folder): name another --out.")


def write_specification(path: Path, specification: "ModelSpecification") -> None:
    """Write a specification to a file; raises InputError where that cannot be."""
    try:
        path.write_text(written(specification), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another --out.") from error
