"""Playing single rounds on the shared network."""

from scripts.demo.cast import Worker
from scripts.demo.play import in_phase, rounds_over
from scripts.demo.setting import Setting
from scripts.demo.tasks import Task, post_tasks

from pole.protocol.state import Phase

TERMS = ("--train-accuracy", "90", "--allow-disclosure", "rank")
IRIS = Task("iris", "Iris", "8 query vectors", "1", 120, TERMS)
PATIENCE = 150.0


def worker(setting: Setting, name: str) -> Worker:
    return next(each for each in setting.stage.cast if each.name == name)


def address(setting: Setting, name: str) -> str:
    return next(address for address, known in setting.names.items() if known == name)


def post_iris(setting: Setting) -> int:
    """Post a task on Iris once the last round is over; return the number of the round that will take it."""
    next_round = setting.reader.moment().round_id + 1
    [_] = post_tasks([IRIS], setting.stage.of_role("data-node"), setting.ground.place)
    return next_round


def wait_for_phase(setting: Setting, round_id: int, *phases: Phase) -> None:
    names = " or ".join(phase.name for phase in phases)
    setting.stage.wait_for(
        f"{names} of round {round_id}",
        lambda: in_phase(setting.reader, round_id, *phases),
        patience=PATIENCE,
    )


def wait_for_event(setting: Setting, who: str, event: str, **details: object) -> None:
    setting.stage.wait_for(
        f"{event} of {who}", lambda: setting.stage.story.heard(who, event, **details), patience=PATIENCE
    )


def wait_for_end(setting: Setting, round_id: int) -> None:
    setting.stage.wait_for(
        f"the end of round {round_id}",
        lambda: rounds_over(setting.reader.moment(), round_id),
        patience=PATIENCE,
    )
