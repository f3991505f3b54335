"""What came of a soak, as text and as JSON."""

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from scripts.stress.soak.checks.all import Findings
from scripts.stress.soak.checks.processes import by_process
from scripts.stress.soak.conductor import Conductor, Incident, PlayedRound
from scripts.stress.soak.crew.crew import MEBIBYTE, Look, Member
from scripts.stress.soak.plan import SPARED, FaultKind

from pole.protocol.state import Phase

SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was asked for, and where and when it was played."""

    seed: int
    chain: str
    lanes: int
    machine: str
    day: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Life:
    """The longest life of a worker's process: its memory in MiB at each look, and its open descriptors.

    `highest` is the most memory of any of its processes.
    """

    worker: str
    starts: int
    kills: int
    memory: tuple[float, ...]
    highest: float
    descriptors: tuple[int, ...]


def machine() -> str:
    """Return the processor, and how many of them there are."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def lives(members: Mapping[str, Member], kills: Mapping[str, int]) -> list[Life]:
    """Return the longest life of each worker that was looked at."""
    return [_life(name, member, kills.get(name, 0)) for name, member in members.items() if member.looks]


def as_text(where: Circumstances, conductor: Conductor, findings: Findings) -> str:
    """Return the report for a person."""
    rounds = list(conductor.rounds.values())
    crew = conductor.setting.crew
    living = lives(crew.members, crew.kills)
    final = sum(each.phase is Phase.FINAL for each in rounds)
    lines = [
        f"seed {where.seed}, {where.chain}, {where.lanes} lanes, {where.machine}, {where.day}, "
        f"{where.seconds / 60:.0f} min",
        f"{len(rounds)} rounds: {final} final, {len(findings.log.void_rounds)} void; {_durations(rounds)}",
        "",
        f"{'fault':<26}{'planned':>9}{'begun':>9}{'met':>9}",
        *(f"{kind:<26}{planned:>9}{begun:>9}{met:>9}" for kind, planned, begun, met in _faults(rounds)),
        "",
        f"answers: {_answers(crew.members)}",
        f"lies: {_lies(conductor)}",
        "",
        f"{'worker':<12}{'starts':>8}{'kills':>7}{'looks':>8}{'MiB':>16}{'highest':>9}{'descriptors':>13}",
        *(_life_line(each) for each in living),
        *(_growth_line(each) for each in living if each.worker in SPARED),
        "",
    ]
    for promise in findings.promises:
        lines.append(f"{'kept  ' if promise.holds else 'BROKEN'}  {promise.words}")
        lines += [f"        BROKEN: {each}" for each in promise.breaches]
        lines += [f"        {each}" for each in promise.remarks]
    return "\n".join(lines)


def as_json(where: Circumstances, conductor: Conductor, findings: Findings) -> str:
    """Return the report for a program; memory is MiB, amounts within sentences are ether."""
    rounds = list(conductor.rounds.values())
    crew = conductor.setting.crew
    document: dict[str, Any] = {
        "seed": where.seed,
        "chain": where.chain,
        "lanes": where.lanes,
        "machine": where.machine,
        "day": where.day,
        "seconds": round(where.seconds, 1),
        "rounds": [_round_document(each) for each in rounds],
        "faults": {
            kind: {"planned": planned, "begun": begun, "met": met}
            for kind, planned, begun, met in _faults(rounds)
        },
        "workers": [
            {
                "name": each.worker,
                "starts": each.starts,
                "kills": each.kills,
                "memory": [round(mebibytes, 1) for mebibytes in each.memory],
                "highest": round(each.highest, 1),
                "descriptors": each.descriptors,
                "answers": {
                    kind.value: count for kind, count in crew.members[each.worker].node.answered.items()
                },
            }
            for each in lives(crew.members, crew.kills)
        ],
        "promises": [
            {
                "words": each.words,
                "holds": each.holds,
                "breaches": each.breaches,
                "remarks": each.remarks,
            }
            for each in findings.promises
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _life(name: str, member: Member, kills: int) -> Life:
    longest: Sequence[Look] = max(by_process(member.looks).values(), key=len)
    return Life(
        worker=name,
        starts=member.starts,
        kills=kills,
        memory=tuple(look.memory / MEBIBYTE for look in longest),
        highest=max(look.memory for look in member.looks) / MEBIBYTE,
        descriptors=tuple(look.descriptors for look in longest),
    )


def _life_line(each: Life) -> str:
    memory = f"{each.memory[0]:.0f} to {each.memory[-1]:.0f}"
    descriptors = f"{each.descriptors[0]} to {each.descriptors[-1]}"
    return (
        f"{each.worker:<12}{each.starts:>8}{each.kills:>7}{len(each.memory):>8}{memory:>16}"
        f"{each.highest:>9.0f}{descriptors:>13}"
    )


def _growth_line(each: Life) -> str:
    """Return the memory of a life at some of its looks, evenly spread, the first and the last among them."""
    last = len(each.memory) - 1
    chosen = sorted({last * step // (SHOWN - 1) for step in range(SHOWN)})
    told = " ".join(f"{each.memory[look]:.0f}" for look in chosen)
    return f"{each.worker}, never killed, over {last + 1} looks: {told} MiB"


def _faults(rounds: Sequence[PlayedRound]) -> list[tuple[str, int, int, int]]:
    planned = Counter(fault.kind for each in rounds if each.plan is not None for fault in each.plan.faults)
    incidents: list[Incident] = [incident for each in rounds for incident in each.incidents]
    begun = Counter(each.fault.kind for each in incidents if each.began is not None)
    met = Counter(each.fault.kind for each in incidents if each.held)
    return [(kind.value, planned[kind], begun[kind], met[kind]) for kind in FaultKind]


def _durations(rounds: Sequence[PlayedRound]) -> str:
    """Return how long rounds took, with faults and without."""
    quiet = [each.ended - each.opened for each in rounds if each.ended and not each.incidents]
    others = [each.ended - each.opened for each in rounds if each.ended and each.incidents]
    told = [
        f"{name} {median(seconds):.0f} s in the middle, {max(seconds):.0f} s at the most ({len(seconds)})"
        for name, seconds in (("without faults", quiet), ("with faults", others))
        if seconds
    ]
    return "; ".join(told)


def _answers(members: Mapping[str, Member]) -> str:
    counted = sum((member.node.answered for member in members.values()), Counter())
    return ", ".join(f"{count:,} {answer.value}" for answer, count in counted.most_common()) or "none"


def _lies(conductor: Conductor) -> str:
    counted = Counter(deed for _, deed in conductor.liar.lies)
    return ", ".join(f"{count} × {deed}" for deed, count in sorted(counted.items())) or "none"


def _round_document(each: PlayedRound) -> dict[str, Any]:
    return {
        "round": each.round_id,
        "task": each.task_id,
        "plan": None if each.plan is None else each.plan.number,
        "phase": each.phase.name,
        "seconds": None if each.ended is None else round(each.ended - each.opened, 1),
        "faults": [
            {
                "kind": incident.fault.kind.value,
                "target": incident.fault.target,
                "phase": incident.fault.phase.name,
                "detail": incident.fault.detail,
                "began": incident.began,
                "ended": incident.ended,
                "met": incident.held,
            }
            for incident in each.incidents
        ],
    }
