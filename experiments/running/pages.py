"""A page of tables and pictures, made of records."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from experiments.running.records import Record, Size, best_size, read
from experiments.running.session import Experiment

SIZES: Final = {"quick": "as a test", "reduced": "at the usual size", "full": "at the full size"}


def page(head: str, records: Iterable[tuple[Experiment, Sequence[Record]]]) -> str:
    """Return the page that begins with `head`, for each experiment's records."""
    return "\n".join([head, *(section(experiment, found) for experiment, found in records)])


def section(experiment: Experiment, records: Sequence[Record]) -> str:
    """Return an experiment's part of the page."""
    lines = [f"## {experiment.title}", "", f"Claim: {experiment.claim}", ""]
    lines += [f"`python -m experiments.{experiment.name} --out build/mine`", ""]
    if not records:
        return "\n".join([*lines, "Not measured yet.", ""])
    lines += [experiment.report(records), ""]
    lines += [f"![{name}](results/{name})\n" for name in experiment.pictures(records)]
    return "\n".join([*lines, *origins(records), ""])


def origins(records: Sequence[Record]) -> list[str]:
    """Return where the records that are shown come from, a line for each machine, commit and size."""
    found: dict[tuple[str, ...], list[str]] = {}
    for record in best_size(records):
        told = record.environment
        threads = f"{told['threads']} thread{'s' * (told['threads'] != 1)}"
        machine = f"{told['machine']}{with_instructions(told)}"
        where = f"{machine}, {told['gpu'] or 'no GPU'}, torch {told['torch']} with {threads}"
        key = (record.size.value, where, told["commit"])
        found.setdefault(key, []).append(told["date"])
    return [
        f"Measured {SIZES[size]} on {where}; commit {commit}; {min(dates)} to {max(dates)}."
        for (size, where, commit), dates in found.items()
    ]


def with_instructions(told: Mapping[str, Any]) -> str:
    """Return what a record's processor is fast by; the first records do not say it."""
    return f" ({told['instructions']})" if "instructions" in told else ""


def in_order(experiment: Experiment, records: Iterable[Record]) -> list[Record]:
    """Return records by setting as the experiment has them, and by seed: a cluster measures in any order."""
    places = {size: {case.setting: at for at, case in enumerate(experiment.cases(size))} for size in Size}
    return sorted(
        records, key=lambda each: (places[each.size].get(each.setting, len(places[each.size])), each.seed)
    )


def write(head: str, experiments: Sequence[Experiment], folder: Path, to: Path) -> None:
    """Write the page of the records in a folder, and its pictures, anew."""
    records = [(each, in_order(each, read(folder / f"{each.name}.jsonl"))) for each in experiments]
    pictures = to.parent / "results"
    pictures.mkdir(parents=True, exist_ok=True)
    for experiment, found in records:
        if found:
            for name, picture in experiment.pictures(found).items():
                (pictures / name).write_text(picture)
    to.write_text(page(head, records))
