"""Seeds of experiments as shards for other machines: what to measure travels, and its record comes back.

Workers that know this work are started in the root of the repository, at the caller's commit:
`pole cluster worker ADDRESS --works experiments.works ...`. Data sets are theirs, as they would be here.
"""

import json
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from experiments.running.environment import command, commit
from experiments.running.records import Record, Size
from experiments.running.session import Case, Experiment, MeasureAll, Wanted, in_turn, record_of
from pole.errors import IntegrityError
from pole.roles.ports import Shards, WorkShard
from pole.roles.support.look_ahead import look_ahead
from pole.roles.support.slots import Slots

WORK: Final = "experiment"


def beside(shards: Shards) -> MeasureAll:
    """Return what measures one seed at a time on this machine, and others elsewhere."""

    def measure_all(
        experiment: Experiment, size: Size, wanted: Wanted, keep: Callable[[Record], None]
    ) -> None:
        if experiment.alone:
            in_turn(experiment, size, wanted, keep)
            return
        slots = Slots(1, shards)

        def measured(each: tuple[Case, int]) -> None:
            record = slots.run(
                lambda: record_of(experiment, size, *each),
                lambda others: measured_elsewhere(others, experiment, size, *each),
            )
            keep(record)

        deque(look_ahead(measured, wanted, workers=slots.count, maximum=slots.count), maxlen=0)

    return measure_all


def measured_elsewhere(shards: Shards, experiment: Experiment, size: Size, case: Case, seed: int) -> Record:
    """Return the record of a seed that a machine of the cluster measured.

    It names that machine. Raises IntegrityError where the record is another's, or of another commit, and what
    `shards.run` raises.
    """
    code = commit()
    asked = {
        "commit": code,
        "experiment": experiment.name,
        "seed": seed,
        "setting": case.setting,
        "size": size.value,
    }
    result = shards.run(WorkShard(WORK, json.dumps(asked, sort_keys=True).encode()))
    try:
        document = json.loads(result.content)
        found = Record(**{**document, "size": Size(document["size"])})
        theirs = str(found.environment["commit"])
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrityError(f"The worker {result.worker} gave no record: {error!r}.") from error
    if (found.experiment, *found.key) != (experiment.name, size, case.setting, seed):
        raise IntegrityError(f"The worker {result.worker} measured something else than it was asked for.")
    if theirs != code:
        raise IntegrityError(
            f"The worker {result.worker} measured commit {theirs}, but this is {code}: check the same commit "
            "out there, and start the worker anew."
        )
    return replace(found, environment={**found.environment, "command": command(sys.argv)})
