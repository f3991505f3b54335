"""Playing single rounds on the shared network."""

import numpy as np
from safetensors.numpy import load as load_tensors
from scripts.demo.cast import Worker
from scripts.demo.play import has_ended, in_phase
from scripts.demo.setting import Setting
from scripts.demo.tasks import Task, post_tasks

from pole.protocol.state import Phase
from pole.roles.ports import Moment
from pole.roles.support.files import read_with_digest

TERMS = ("--train-accuracy", "90", "--allow-disclosure", "rank")
IRIS = Task("iris", "Iris", "8 query vectors", "1", 120, TERMS)
PATIENCE = 150.0
DECRYPTING = ("miner-1", "miner-2", "verifier-1", "verifier-2", "verifier-3")

Features = dict[tuple[str, str], dict[str, np.ndarray]]
"""The tensors of the first shard's features, by worker and "train" or "test"."""


def worker(setting: Setting, name: str) -> Worker:
    return next(each for each in setting.stage.cast if each.name == name)


def address(setting: Setting, name: str) -> str:
    return next(address for address, known in setting.names.items() if known == name)


def lone(setting: Setting) -> Moment:
    """Return where the only lane stands."""
    [moment] = setting.reader.moments()
    return moment


def post(setting: Setting, task: Task) -> int:
    """Post a task once the last round is over; return the number of the round that will take it."""
    next_round = lone(setting).next_round
    [_] = post_tasks([task], setting.stage.of_role("data-node"), setting.ground.place)
    return next_round


def post_iris(setting: Setting) -> int:
    """Post a task on Iris once the last round is over; return the number of the round that will take it."""
    return post(setting, IRIS)


def wait_for_features(setting: Setting, round_id: int, found: Features, patience: float = PATIENCE) -> None:
    """Note in `found` what each worker decrypted of either set, which it deletes when the round ends."""

    def collect() -> bool:
        for name in DECRYPTING:
            for part in ("train", "test"):
                for path in worker(setting, name).home.glob(f"work/*/rounds/{round_id}/{part}-*/00000"):
                    content = read_with_digest(path)
                    assert content is not None
                    found[name, part] = load_tensors(content)
        return len(found) == 2 * len(DECRYPTING)

    setting.stage.wait_for("features", collect, patience=patience)


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
        lambda: has_ended(setting.reader, round_id),
        patience=PATIENCE,
    )
