"""brownie, which reads more out of paths than where things are, works wherever the project is cloned."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pole.adapters.machine.devnet import free_port

REPOSITORY = Path(__file__).parents[2]
FOLDER = "my.project/with space/größe-λ-ü/x=y/a'b/(c)/#1/2026"
COPIED = (
    "contracts",
    "scripts",
    "tools",
    "build/contracts",
    "build/interfaces",
    "devnet/node_modules/@openzeppelin",
)
FILES = (
    "brownie-config.yaml",
    "pyproject.toml",
    "devnet/parameters.json",
    "devnet/presets.json",
    "build/contracts.sources",
)
TEST = """
def test_the_project_is_loaded(Judge, accounts):
    assert Judge.bytecode and len(accounts) == 20
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return another checkout, set up and compiled, whose brownie starts its chains at a free port."""
    folder = tmp_path_factory.mktemp("checkout") / FOLDER
    for name in COPIED:
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in FILES:
        shutil.copy(REPOSITORY / name, folder / name)
    for name in (".venv", "devnet/node_modules/.bin"):
        (folder / name).symlink_to(REPOSITORY / name)
    home = folder / ".brownie-home"
    (home / ".brownie").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".brownie-home" / "solc-folder", home)
    networks = (REPOSITORY / "devnet" / "network-config.yaml").read_text()
    (home / ".brownie" / "network-config.yaml").write_text(networks.replace("18545", str(free_port())))
    (folder / "tests").mkdir()
    (folder / "tests" / "test_loaded.py").write_text(TEST)
    return folder


def brownie(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        [checkout / "tools" / "brownie", *arguments],
        cwd="/",
        env={name: value for name, value in os.environ.items() if not name.startswith(("POLE_", "PYTEST_"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_a_script_with_arguments_runs_from_any_folder(checkout: Path) -> None:
    told = brownie(checkout, "run", "deploy", "main", "devnet/parameters.json")
    assert "Running 'scripts/deploy.py" in told.replace("\x1b[0;1;34m", "")
    assert (checkout / "deployments" / "development.json").is_file()


def test_contract_tests_run_from_any_folder(checkout: Path) -> None:
    assert "1 passed" in brownie(checkout, "test")
