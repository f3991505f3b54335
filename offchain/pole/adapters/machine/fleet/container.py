"""A fleet in a container: how its image is built, and the fleet's file with the paths that it has there."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from pole.adapters.machine.fleet.fleet_file import Fleet

INSIDE: Final = PurePosixPath("/pole")
SECRETS: Final = PurePosixPath("/run/secrets")

CONTAINERFILE: Final = """\
# An image with `pole`, whose only job is a fleet. Build it in the checkout, which is its context.
FROM docker.io/library/python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install --no-install-recommends --yes gcc libc6-dev
WORKDIR /source
COPY pyproject.toml setup.py requirements.lock README.md LICENSE ./
COPY offchain offchain
RUN python -m venv /opt/pole \\
    && /opt/pole/bin/pip install --no-cache-dir --constraint requirements.lock .

FROM docker.io/library/python:3.11-slim-bookworm
COPY --from=build /opt/pole /opt/pole
RUN useradd --uid 10001 --home-dir /pole --create-home pole
USER pole
ENV PATH=/opt/pole/bin:$PATH XDG_CACHE_HOME=/tmp
STOPSIGNAL SIGTERM
ENTRYPOINT ["pole", "fleet"]
CMD ["up", "/pole/fleet.toml"]
"""


def container(fleet: Fleet) -> dict[str, str]:
    """Return the files by name: how the image is built, and the fleet as it is in there."""
    return {"Containerfile": CONTAINERFILE, "fleet.toml": _fleet_inside(fleet)}


def steps(fleet: Fleet, folder: Path) -> tuple[str, ...]:
    """Return the commands that build the image from the checkout and run it, with the files in `folder`."""
    image = f"pole-{fleet.name}"
    mounts = [word for mount in _mounts(fleet, folder) for word in ("--volume", mount)]
    run = [
        *("podman", "run", "--detach", "--name", image, "--init", "--network", "host", "--userns", "keep-id"),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),  # noqa: S108
        *("--security-opt", "no-new-privileges", "--stop-timeout", "90", *mounts, image),
    ]
    build = ["podman", "build", "--file", str(folder / "Containerfile"), "--tag", image, "."]
    return (shlex.join(build), shlex.join(run))


def _mounts(fleet: Fleet, folder: Path) -> Iterator[str]:
    yield f"{folder / 'fleet.toml'}:{INSIDE / 'fleet.toml'}:ro"
    yield f"{fleet.shared.deployment}:{INSIDE / 'deployment.json'}:ro"
    for home, inside in _homes(fleet).items():
        yield f"{home}:{inside}"
    for worker in fleet.workers:
        yield f"{worker.password_file}:{SECRETS / worker.name}:ro"


def _homes(fleet: Fleet) -> dict[Path, PurePosixPath]:
    """Return where each home is inside; the fleet's own is the first."""
    homes = dict.fromkeys((fleet.shared.home, *(worker.home for worker in fleet.workers)))
    return {home: INSIDE / "homes" / str(number) for number, home in enumerate(homes, 1)}


def _fleet_inside(fleet: Fleet) -> str:
    homes = _homes(fleet)
    shared = {
        "home": str(homes[fleet.shared.home]),
        "rpc": fleet.shared.rpc,
        "ipfs": fleet.shared.ipfs,
        "deployment": str(INSIDE / "deployment.json"),
    }
    parts = [_table(shared)]
    for worker in fleet.workers:
        own = {
            "name": worker.name,
            "role": worker.role,
            "wallet": worker.wallet,
            "home": str(homes[worker.home]),
            "password-file": str(SECRETS / worker.name),
            "options": list(worker.options),
        }
        parts.append("[[worker]]\n" + _table(own))
    return "\n".join(parts)


def _table(values: Mapping[str, str | Sequence[str]]) -> str:
    # Text that is printable is written in JSON as in TOML.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
