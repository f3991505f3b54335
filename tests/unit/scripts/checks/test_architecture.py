"""docs/architecture.md says of the code what the code says of itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.checks import architecture
from scripts.checks.architecture import (
    PAGE,
    ROOT,
    calls_by_phase,
    current,
    faults,
    import_diagram,
    main,
    tree,
)

from pole.protocol.state import Phase

TEXT = PAGE.read_text(encoding="utf-8")
WRITE = "write it anew with `python -m scripts.checks.architecture --write`"


def changed(old: str, new: str) -> str:
    """Return the page with one thing changed."""
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def row(begin: str) -> str:
    """Return the table row of the page that begins so."""
    return next(line for line in TEXT.splitlines() if line.startswith(f"| {begin}"))


def test_the_page_is_what_the_code_says() -> None:
    assert current(TEXT) == TEXT, WRITE
    assert faults(TEXT) == []


def test_every_room_of_the_package_is_in_the_tree_once() -> None:
    shown = tree(TEXT)
    rooms = [path.parent for path in (ROOT / "offchain" / "pole").rglob("__init__.py")]
    assert len(rooms) > 30
    for room in rooms:
        assert shown.count(f"{room.relative_to(ROOT).as_posix()}/") == 1, room


def test_a_page_without_a_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="has no tree between"):
        faults(TEXT.replace("<!-- tree:begin -->", ""))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "    sending/  ",
            "    mending/  ",
            "The tree has offchain/pole/adapters/mending/, which is not there",
        ),
        ("    sending/  ", "    mending/  ", "The tree lacks the folder offchain/pole/adapters/sending/"),
        ("    loop.py  ", "    ports.py  ", "The tree has offchain/pole/roles/ports.py 2 times"),
        ("    loop.py  ", "    loop.py/  ", "The tree has offchain/pole/roles/loop.py/, which is not there"),
        ("](roles.md) tells", "](rolls.md) tells", "The page links to docs/rolls.md, which is not there"),
        (
            "roles/support/waiting.py)",
            "roles/loop.py)",
            "The page calls offchain/pole/roles/loop.py support/",
        ),
        ("`TaskList.post`", "`TaskList.send`", "The page names TaskList.send, but the interface has no such"),
        ("| **Draw** |", "| **Drawn** |", "The part 'phases' is stale"),
        ("| keeper | finalise |", "| keeper | finish |", "The part 'duties' is stale"),
        ("<b>errors</b>", "<b>errata</b>", "The part 'imports' is stale"),
    ],
)
def test_what_differs_from_the_code_is_told(old: str, new: str, fault: str) -> None:
    assert any(each.startswith(fault) for each in faults(changed(old, new)))


def test_the_command_tells_of_a_stale_page_and_writes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "architecture.md"
    page.write_text(changed("| **Draw** |", "| **Drawn** |"), encoding="utf-8")
    monkeypatch.setattr(architecture, "PAGE", page)
    assert main(["--check"]) == 1
    assert "The part 'phases' is stale" in capsys.readouterr().err
    assert main(["--write"]) == 0
    assert page.read_text(encoding="utf-8") == TEXT
    assert main(["--check"]) == 0


def test_the_diagram_has_the_rooms_of_each_layer_in_the_order_that_is_linted() -> None:
    contracts = [each for each in architecture.linted() if "containers" in each]
    layers, *inside = contracts
    assert layers["containers"] == ["pole"]
    assert f"    {' --> '.join(layers['layers']).replace(' | ', ' & ')}\n" in TEXT
    for each in inside:
        _, layer, *room = each["containers"][0].split(".")
        box = next(line for line in TEXT.splitlines() if line.startswith(f"    {layer}["))
        rows = [re.findall(r"\w+", part) for part in box.removesuffix('"]').split("<br>")]
        assert [*room, *re.findall(r"\w+", " ".join(each["layers"]))] in rows


def test_a_room_that_moves_in_the_order_moves_in_the_diagram() -> None:
    contracts = [
        {"type": "layers", "containers": ["pole"], "layers": ["upper", "left | right"]},
        {"type": "layers", "containers": ["pole.left"], "layers": ["a | b", "c"]},
        {"type": "layers", "containers": ["pole.left.c"], "layers": ["d", "e"]},
        {"type": "forbidden", "name": "No x", "source_modules": ["pole.left"], "forbidden_modules": ["x"]},
    ]
    assert import_diagram(contracts).splitlines() == [
        *("```mermaid", "flowchart TD"),
        '    upper["<b>upper</b>"]',
        '    left["<b>left</b><br>a, b → c<br>c: d → e"]',
        '    right["<b>right</b>"]',
        "    upper --> left & right",
        *("```", "", "- No x: no import leads from `pole.left` to `x`."),
    ]


def test_every_call_of_a_round_is_taken_in_some_phase() -> None:
    interface = (ROOT / "contracts" / "interfaces" / "IPoLeChain.sol").read_text(encoding="utf-8")
    calls = {
        name
        for name, traits in re.findall(r"\bfunction (\w+)\([^)]*\) external([^;]*);", interface)
        if " view" not in traits
    }
    taken = calls_by_phase()
    # What the task list and the committee record, they may record at any time.
    assert calls - {"record"} <= {call for phase in Phase for call in taken[phase]}
    assert taken[Phase.VOTE_COMMIT] == ["endVotes", "commitVote", "leak"]
    assert taken[Phase.VOTE_REVEAL] == ["endVotes", "revealVote"]


@pytest.mark.parametrize(
    ("begin", "files"),
    [
        ("**Draw**", ["roles/workers/keeper.py"]),
        ("**Reveal**", ["miner/revealing.py", "verifier/evaluating.py"]),
        ("a miner's claim", ["roles/memory.py", "libraries/rounds/Solutions.sol"]),
        ("3 | encrypt", ["publishing/encryption.py", "ipfe/scheme.py"]),
        ("kind of mapping layer", ["protocol/mapping/kinds.py", "mapping/test_layer.py"]),
        ("duty of a worker", ["workers/tables.py"]),
    ],
)
def test_a_newcomer_finds_the_file(begin: str, files: list[str]) -> None:
    for file in files:
        assert f"{file})" in row(begin)


def test_the_page_is_made_without_torch() -> None:
    loaded = "import sys, scripts.checks.architecture; sys.exit('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", loaded], env=environment, cwd=ROOT, check=False).returncode == 0
    )
