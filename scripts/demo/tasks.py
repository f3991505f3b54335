"""The tasks that are posted, most valuable first: a table of penguins, the 8x8 digits, MNIST where it is."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from scripts.demo.cast import Place, Worker
from scripts.demo.network import REPOSITORY, pole

from pole.adapters.storage.data_publishers import is_here
from pole.learning.data.datasets import data_directory

# Just what a block may draw from the pool at most, with the margin: less, and the pool pays no block reward.
FEE: Final = "0.12"
MNIST_SAMPLES: Final = (2000, 500)


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is posted: the data, its mapping layer in words, the reward in ether, options.

    Without a specification of its own it has that of the data's name in examples/.
    """

    data: str
    title: str
    layer: str
    reward: str
    time_limit: int
    options: tuple[str, ...] = ()
    specification: Path | None = None

    def post_command(self, owner: Worker) -> list[str]:
        """Return the arguments of `pole` that post it from its owner's wallet."""
        specification = self.specification or REPOSITORY / "examples" / f"{Path(self.data).stem}-mlp.json"
        return [
            *("task", "post", "--wallet", owner.name, "--yes", "--json"),
            *("--spec", str(specification)),
            *("--data", self.data),
            *("--reward", self.reward, "--fee", FEE, "--time-limit", str(self.time_limit)),
            *("--min-solutions", "2", "--min-time", "6"),
            *self.options,
        ]


def choose_tasks(count: int, penguins: Path) -> tuple[list[Task], str]:
    """Return `count` tasks, and a sentence on what was left out and why ("" when nothing was).

    `penguins` is the table's .pole file.
    """
    bought = Task(
        str(penguins), "penguins", "8 query vectors with noise", "3", 120, ("--train-accuracy", "97")
    )
    # One round breaks the rule of entropy; a data node that posts it twice gives away every value.
    digits = Task(
        "digits",
        "digits 8x8",
        "32 query vectors",
        "2",
        150,
        ("--train-accuracy", "97", "--allow-disclosure", "rank"),
    )
    train, test = MNIST_SAMPLES
    mnist = Task(
        "mnist",
        "MNIST",
        "4 blocks x 32 query vectors",
        "2",
        600,
        (
            *("--train-accuracy", "97", "--train-samples", str(train), "--test-samples", str(test)),
            *("--allow-disclosure", "entropy"),
        ),
    )
    folder = data_directory(os.environ, Path.cwd())
    if folder is not None and is_here("mnist", folder):
        return list(islice(cycle([bought, digits, mnist]), count)), ""
    missing = "MNIST is not here (fetch it by `pole data fetch mnist`); its rounds take the digits instead."
    return list(islice(cycle([bought, digits, digits]), count)), missing


def post_tasks(tasks: Iterable[Task], owners: Iterable[Worker], place: Place) -> Iterator[tuple[Task, int]]:
    """Post the tasks, the owners taking turns; yield each with its id."""
    for task, owner in zip(tasks, cycle(owners), strict=False):
        answer = json.loads(pole(task.post_command(owner), owner.environment(place)))
        yield task, int(answer["taskId"])
