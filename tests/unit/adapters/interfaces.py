"""The ABI of the contracts as the interface sources declare it, so that no build is needed."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "contracts" / "interfaces"


@cache
def source() -> str:
    """Return all interfaces, without comments."""
    text = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.sol")))
    return re.sub(r"///.*|//.*", "", text)


def errors() -> dict[str, list[tuple[str, str]]]:
    """Return each custom error's arguments as (type, name)."""
    return {
        name: [tuple(argument.split()) for argument in arguments.split(",") if argument.strip()]
        for name, arguments in re.findall(r"\berror (\w+)\(([^)]*)\)", source())
    }


def fields(struct: str) -> list[str]:
    """Return the names of a struct's fields, in order."""
    (body,) = re.findall(rf"\bstruct {struct} \{{([^}}]*)\}}", source())
    return [line.split()[-1] for line in body.split(";") if line.strip()]


def members(enum: str) -> list[str]:
    """Return the names of an enum's members, in order."""
    (body,) = re.findall(rf"\benum {enum} \{{([^}}]*)\}}", source())
    return [name.strip() for name in body.split(",") if name.strip()]


def error_abi(name: str) -> dict[str, object]:
    """Return a custom error's ABI entry."""
    enums = {"Phase": "uint8", "BallotStage": "uint8"}
    inputs = [
        {
            "name": argument,
            "type": enums.get(kind, kind),
            "internalType": f"enum {kind}" if kind in enums else kind,
        }
        for kind, argument in errors()[name]
    ]
    return {"type": "error", "name": name, "inputs": inputs}
