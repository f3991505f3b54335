"""A fleet in a container: its file in there means the same, and what is mounted is what it needs."""

import shlex
from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.machine.fleet.container import container, steps
from pole.adapters.machine.fleet.fleet_file import KEPT_OUT, Fleet, FleetWorker, Shared, read_fleet

INSIDE = Path("/pole/fleet.toml")
NOTHING = Shared(Path("/none"), "none", "none", Path("/none"), None)
OPTIONS = st.text(min_size=1).filter(
    lambda text: text.isprintable() and text.partition("=")[0] not in KEPT_OUT
)


def fleet_of(*options: str) -> Fleet:
    shared = Shared(
        Path("/srv/fleet"), "http://node:8545", "/ip4/1.2.3.4/tcp/5001", Path("/srv/x.json"), None
    )
    workers = (
        FleetWorker("m", "miner", "first", Path("/srv/m"), Path("/srv/m/password"), options),
        FleetWorker("v", "verifier", "v", Path("/srv/fleet"), Path("/srv/v.password"), ()),
    )
    return Fleet(Path("/etc/lab.toml"), shared, workers)


@given(st.lists(OPTIONS))
def test_the_fleet_inside_is_the_same_but_for_its_paths(options: list[str]) -> None:
    inside = read_fleet(container(fleet_of(*options))["fleet.toml"].encode(), INSIDE, NOTHING)
    assert inside.shared == Shared(
        Path("/pole/homes/1"),
        "http://node:8545",
        "/ip4/1.2.3.4/tcp/5001",
        Path("/pole/deployment.json"),
        None,
    )
    assert inside.workers == (
        FleetWorker("m", "miner", "first", Path("/pole/homes/2"), Path("/run/secrets/m"), tuple(options)),
        FleetWorker("v", "verifier", "v", Path("/pole/homes/1"), Path("/run/secrets/v"), ()),
    )


def test_all_that_the_file_names_is_mounted_and_only_homes_can_be_written() -> None:
    build, run = steps(fleet_of(), Path("/srv/made here"))
    assert "'/srv/made here/Containerfile'" in build
    words = shlex.split(run)
    mounts = [words[place + 1].split(":") for place, word in enumerate(words) if word == "--volume"]
    assert {mount[0]: mount[1] for mount in mounts if len(mount) == 2} == {
        "/srv/fleet": "/pole/homes/1",
        "/srv/m": "/pole/homes/2",
    }
    assert {mount[1]: mount[0] for mount in mounts if mount[2:] == ["ro"]} == {
        "/pole/fleet.toml": "/srv/made here/fleet.toml",
        "/pole/deployment.json": "/srv/x.json",
        "/run/secrets/m": "/srv/m/password",
        "/run/secrets/v": "/srv/v.password",
    }
    assert {"--read-only", "no-new-privileges"} <= set(words)


def test_the_image_copies_what_there_is_and_runs_as_nobody_special() -> None:
    lines = container(fleet_of())["Containerfile"].splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    root = next(each for each in Path(__file__).parents if (each / "pyproject.toml").is_file())
    assert all((root / name).exists() for names in copied for name in names)
    assert lines.index("USER pole") < lines.index('ENTRYPOINT ["pole", "fleet"]')
    assert lines[-1] == f'CMD ["up", "{PurePosixPath(INSIDE)}"]'
