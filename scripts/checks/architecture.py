"""What docs/architecture.md says of the code, made from it.

    python -m scripts.checks.architecture --check | --write

The import diagram is made from pyproject.toml, the tables of duties from the workers' own and the contracts.
The rest is written by hand, and its tree, its links and its calls are held against the files.
"""

import argparse
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.pages.tables import written

from pole.protocol.state import Phase
from pole.roles.workers import tables

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
PACKAGE: Final = ROOT / "offchain" / "pole"
CONTRACTS: Final = ROOT / "contracts"

Duties = Mapping[Phase, Callable[..., str | None]]

DUTIES: Final[Mapping[str, Duties]] = {
    "miner": tables.MINER,
    "verifier": tables.VERIFIER,
    "data node": tables.DATA_NODE,
    "key holder": tables.KEY_HOLDER,
    "keeper": tables.KEEPER,
}
BETWEEN_ROUNDS: Final = (Phase.NONE, Phase.FINAL, Phase.VOID)
IN_SEVERAL: Final = {
    "openRound": BETWEEN_ROUNDS,
    "closeSubmissions": (Phase.TRAINING, Phase.TEST_RELEASE),
    "endVotes": (Phase.VOTE_COMMIT, Phase.VOTE_REVEAL),
    "arm": (Phase.SEED, Phase.TEST_RELEASE, Phase.DRAW),
    "draw": (Phase.SEED, Phase.TEST_RELEASE, Phase.DRAW),
}
"""Functions of a round that are taken in several phases, which their code tells."""
BALLOT_PHASES: Final = {"Commit": Phase.VOTE_COMMIT, "Reveal": Phase.VOTE_REVEAL}

_TREE: Final = re.compile(r"<!-- tree:begin -->\n```\n(.*?)```\n<!-- tree:end -->", re.DOTALL)
_GENERATED: Final = re.compile(r"<!-- (imports|phases|duties):begin -->.*?<!-- \1:end -->", re.DOTALL)
_LINK: Final = re.compile(r"\[([^\]]+)\]\((\.\./)?([^)#]+)\)")
_CALL: Final = re.compile(r"`(\w+)\.(\w+)`")
_FUNCTION: Final = re.compile(r"^    function (\w+)\((.*?)\n    }", re.DOTALL | re.MULTILINE)
_IN_PHASE: Final = re.compile(r"\bonlyIn\(roundId, Phase\.(\w+)\)")
_IN_STAGE: Final = re.compile(r"_requireStage\(ballotId, BallotStage\.(Commit|Reveal)\)")


def current(page: str) -> str:
    """Return the page with everything that is made from the code made anew."""
    blocks = {
        "imports": import_diagram(linted()),
        "phases": phase_table(DUTIES),
        "duties": duty_list(DUTIES),
    }
    return written(page, blocks)


def faults(page: str) -> list[str]:
    """Return a sentence for everything in which the page and the code differ."""
    return [*_tree_faults(page), *_link_faults(page), *_call_faults(page), *_stale_parts(page)]


def linted() -> Sequence[Mapping[str, Any]]:
    """Return the contracts that pyproject.toml has for import-linter."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return contracts


def import_diagram(contracts: Sequence[Mapping[str, Any]]) -> str:
    """Return a Mermaid diagram of the layers with the rooms of each, and what is forbidden beside."""
    layers = {
        container: each["layers"]
        for each in contracts
        if each["type"] == "layers"
        for container in each.get("containers", ())
    }
    order = layers.pop("pole")
    boxes = [_box(name, layers) for row in order for name in row.split(" | ")]
    arrows = " --> ".join(" & ".join(row.split(" | ")) for row in order)
    diagram = ["```mermaid", "flowchart TD", *boxes, f"    {arrows}", "```", ""]
    return "\n".join([*diagram, *(_forbidden(each) for each in contracts if each["type"] == "forbidden")])


def phase_table(duties: Mapping[str, Duties]) -> str:
    """Return for each phase the calls that the contracts take in it, and every role's duty."""
    calls = calls_by_phase()
    rows = []
    for phase in Phase:
        cells = [_cell(of_role[phase]) if phase in of_role else "" for of_role in duties.values()]
        rows.append([f"**{title(phase)}**", ", ".join(f"`{call}`" for call in calls[phase]), *cells])
    return _table(["phase", "the contracts take", *duties], rows)


def duty_list(duties: Mapping[str, Duties]) -> str:
    """Return what each duty does, in the words of its docstring."""
    lines = []
    for role, of_role in duties.items():
        for duty in dict.fromkeys(of_role.values()):
            phases = ", ".join(title(phase) for phase, other in of_role.items() if other is duty)
            lines.append([role, duty_name(duty), phases, (inspect.getdoc(duty) or "").partition("\n")[0]])
    return _table(["role", "duty", "in", "what it does"], lines)


def calls_by_phase() -> Mapping[Phase, list[str]]:
    """Return for each phase the functions that the contracts refuse in all other phases.

    Those of a round name their phase in a modifier, those of a ballot the stage that they need.
    """
    calls: dict[Phase, list[str]] = {phase: [] for phase in Phase}
    for name, phases in IN_SEVERAL.items():
        for phase in phases:
            calls[phase].append(name)
    for name, body in _functions("PoLeChain"):
        for found in _IN_PHASE.findall(body):
            calls[_phase_titled(found)].append(name)
    for name, body in _functions("VerifierCommittee"):
        for found in _IN_STAGE.findall(body):
            calls[BALLOT_PHASES[found]].append(name)
    return calls


def tree(page: str) -> list[str]:
    """Return the paths in the page's tree, as seen from the root; those of folders end with a slash.

    An entry is indented by two spaces below its folder and followed by two spaces and what it is for.
    Raises ValueError where the page has no tree.
    """
    found = _TREE.search(page)
    if found is None:
        raise ValueError("The page has no tree between <!-- tree:begin --> and <!-- tree:end -->.")
    paths: list[str] = []
    folders: list[str] = []
    for line in found[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        del folders[depth:]
        paths.append("".join([*folders, name]))
        folders.append(name)
    return paths


def package_folders() -> list[str]:
    """Return the folders of the package that hold sources, as seen from the root, with a slash."""
    folders = {file.parent for file in PACKAGE.rglob("*") if file.suffix in (".py", ".h", ".c", ".cu")}
    return sorted(f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders)


def title(phase: Phase) -> str:
    """Return the name of a phase as the contracts write it."""
    return "".join(word.capitalize() for word in phase.name.split("_"))


def duty_name(duty: Callable[..., str | None]) -> str:
    """Return the name of a duty as people write it."""
    return duty.__name__.replace("_", " ")


def _tree_faults(page: str) -> Iterator[str]:
    shown = tree(page)
    for path in dict.fromkeys(shown):
        if shown.count(path) > 1:
            yield f"The tree has {path} {shown.count(path)} times: leave one."
        if not (ROOT / path).exists() or path.endswith("/") != (ROOT / path).is_dir():
            yield f"The tree has {path}, which is not there: take it out, or correct it."
    for folder in package_folders():
        if folder not in shown:
            yield f"The tree lacks the folder {folder}: add it, with a line that says what it is for."


def _link_faults(page: str) -> Iterator[str]:
    """Yield links to what is not there, and those whose text names another file than they lead to."""
    for text, outside, target in _LINK.findall(page):
        path = target if outside else f"docs/{target}"
        if not (ROOT / path).exists():
            yield f"The page links to {path}, which is not there: correct the link."
        elif "/" in text and not f"/{path}".endswith(f"/{text}"):
            yield f"The page calls {path} {text}: use the end of its path."


def _call_faults(page: str) -> Iterator[str]:
    for contract, function in _CALL.findall(page):
        interface = CONTRACTS / "interfaces" / f"I{contract}.sol"
        if interface.exists() and f"function {function}(" not in interface.read_text(encoding="utf-8"):
            yield f"The page names {contract}.{function}, but the interface has no such function."


def _stale_parts(page: str) -> Iterator[str]:
    fresh = {found[1]: found[0] for found in _GENERATED.finditer(current(page))}
    for found in _GENERATED.finditer(page):
        if fresh[found[1]] != found[0]:
            yield f"The part {found[1]!r} is stale: run `python -m scripts.checks.architecture --write`."


def _box(name: str, layers: Mapping[str, Sequence[str]]) -> str:
    """Return the box of a layer: its rooms, then those of each of its rooms whose order is linted too."""
    lines = [f"<b>{name}</b>"]
    for container, rows in layers.items():
        _, layer, *room = container.split(".")
        if layer == name:
            lines.append(": ".join([*room, " → ".join(row.replace(" | ", ", ") for row in rows)]))
    return f'    {name}["{"<br>".join(lines)}"]'


def _forbidden(contract: Mapping[str, Any]) -> str:
    sources = ", ".join(f"`{name}`" for name in contract["source_modules"])
    modules = ", ".join(f"`{name}`" for name in contract["forbidden_modules"])
    return f"- {contract['name']}: no import leads from {sources} to {modules}."


def _functions(contract: str) -> list[tuple[str, str]]:
    source = (CONTRACTS / f"{contract}.sol").read_text(encoding="utf-8")
    return _FUNCTION.findall(source)


def _phase_titled(name: str) -> Phase:
    return next(phase for phase in Phase if title(phase) == name)


def _cell(duty: Callable[..., str | None]) -> str:
    file = inspect.getsourcefile(inspect.unwrap(duty))
    if file is None:
        raise ValueError(f"Nobody knows the file of the duty {duty_name(duty)!r}.")
    return f"[**{duty_name(duty)}**]({_from_page(Path(file).resolve())})"


def _from_page(path: Path) -> str:
    inside = path.relative_to(ROOT)
    return inside.relative_to("docs").as_posix() if inside.parts[0] == "docs" else f"../{inside.as_posix()}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the page, or write it anew; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.checks.architecture", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="say in what page and code differ, write nothing")
    mode.add_argument("--write", action="store_true", help="write the generated parts of the page anew")
    page = PAGE.read_text(encoding="utf-8")
    if parser.parse_args(arguments).write:
        page = current(page)
        PAGE.write_text(page, encoding="utf-8")
    found = faults(page)
    for sentence in found:
        print(sentence, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
