"""Whether workers stood all faults: how they ended, what they kept open, what they said."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.stress.soak.checks.faults_named import named
from scripts.stress.soak.checks.promise import Promise
from scripts.stress.soak.conductor import Incident
from scripts.stress.soak.crew.crew import KILLED, End, Look, Member
from scripts.stress.soak.plan import FaultKind

MORE_DESCRIPTORS: Final = 12
"""How many more a process may hold at its last look than at its first: connections are kept for a while."""
TRACEBACK: Final = "Traceback (most recent call last)"


def check_ends(ends: Iterable[End], codes: Mapping[str, int], incidents: Sequence[Incident]) -> Promise:
    """Find workers that ended without being killed; one that could not start under a fault is told."""
    breaches, remarks = [], []
    for end in ends:
        if end.code == KILLED and _died_at_point(incidents, end):
            continue
        sentence = f"{end.worker} ended with exit code {end.code} after {end.seconds:.0f} s"
        felt = named(incidents, end.worker, end.at - end.seconds, end.at)
        if felt and end.code > 0:
            remarks.append(f"{sentence}, under {'; '.join(felt)}")
        else:
            breaches.append(sentence)
    breaches += [
        f"{name} was stopped in the end with exit code {code}" for name, code in codes.items() if code
    ]
    return Promise("no worker ended by itself but for a fault at its start", tuple(breaches), tuple(remarks))


def _died_at_point(incidents: Iterable[Incident], end: End) -> bool:
    return any(
        each.fault.kind is FaultKind.KILL_AT_POINT
        and each.fault.target == end.worker
        and each.held
        and each.began is not None
        and each.began <= end.at
        for each in incidents
    )


def check_descriptors(members: Mapping[str, Member]) -> Promise:
    """Find processes that kept more and more open."""
    breaches = []
    for name, member in members.items():
        for process, looks in by_process(member.looks).items():
            more = looks[-1].descriptors - looks[0].descriptors
            if more > MORE_DESCRIPTORS:
                breaches.append(
                    f"{name}, process {process}, had {looks[0].descriptors} descriptors open, and "
                    f"{looks[-1].descriptors} after {len(looks)} rounds"
                )
    return Promise("no descriptor leaked", tuple(breaches))


def by_process(looks: Iterable[Look]) -> dict[int, list[Look]]:
    """Return looks by process, in their order."""
    found: dict[int, list[Look]] = defaultdict(list)
    for look in looks:
        found[look.process].append(look)
    return dict(found)


def check_words(logs: Path, failed_posts: Iterable[str]) -> Promise:
    """Find tracebacks, which are no sentence that anybody can act on."""
    breaches = []
    for path in sorted(logs.glob("*.log")):
        count = path.read_text(encoding="utf-8", errors="replace").count(TRACEBACK)
        if count:
            breaches.append(f"{path.name} has {count} tracebacks")
    failed = list(failed_posts)
    breaches += [f"a task was not posted, with a traceback: {each}" for each in failed if TRACEBACK in each]
    remarks = [f"`pole task post` failed {len(failed)} times, and was called again"] if failed else []
    return Promise("every failure is a sentence", tuple(breaches), tuple(remarks))
