"""What brownie has compiled of other sources is compiled anew."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose brownie compiles a source into a file of its name, where there is none."""
    folder = tmp_path / "check out"
    for name in ("tools", "contracts", ".brownie-home", ".venv/bin", "build/contracts"):
        (folder / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "tools" / "brownie", folder / "tools")
    (folder / ".brownie-home" / "solc-folder").write_text("solc\n")
    (folder / "brownie-config.yaml").write_text("compiler: {}\n")
    (folder / "contracts" / "A.sol").write_text("contract A {}")
    brownie = folder / ".venv" / "bin" / "brownie"
    brownie.write_text("#!/bin/sh\nmkdir -p build/contracts; cp -n contracts/*.sol build/contracts/\n")
    brownie.chmod(0o755)
    return folder


def compiled(checkout: Path) -> dict[str, str]:
    subprocess.run([checkout / "tools" / "brownie", "compile"], check=True, cwd="/")
    return {path.name: path.read_text() for path in (checkout / "build" / "contracts").iterdir()}


def test_what_was_compiled_before_any_stamp_is_compiled_anew(checkout: Path) -> None:
    (checkout / "build" / "contracts" / "Old.sol").write_text("")
    assert compiled(checkout) == {"A.sol": "contract A {}"}


def test_a_source_that_changed_or_moved_leaves_nothing_behind(checkout: Path) -> None:
    compiled(checkout)
    (checkout / "contracts" / "A.sol").rename(checkout / "contracts" / "B.sol")
    assert compiled(checkout) == {"B.sol": "contract A {}"}
    (checkout / "contracts" / "B.sol").write_text("contract B {}")
    assert compiled(checkout) == {"B.sol": "contract B {}"}


def test_the_compilers_settings_count_too(checkout: Path) -> None:
    compiled(checkout)
    (checkout / "build" / "contracts" / "Mark.sol").write_text("")
    (checkout / "brownie-config.yaml").write_text("compiler: {solc: {}}\n")
    assert set(compiled(checkout)) == {"A.sol"}


def test_what_is_unchanged_stays(checkout: Path) -> None:
    compiled(checkout)
    (checkout / "build" / "contracts" / "Mark.sol").write_text("")
    assert set(compiled(checkout)) == {"A.sol", "Mark.sol"}
