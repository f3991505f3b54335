"""Data folders of miners that have trained, as the miners leave them."""

from dataclasses import dataclass
from pathlib import Path

from eth_account import Account

from pole.adapters.history.trainings import MinerTrainings
from pole.adapters.wallet.keystore_file import write_keystore
from pole.roles.training.history.file import NAME
from pole.roles.training.history.trainings import Check, Ending, Outcome, Start, Training, write_history

WORKER = "1337-abcdef01-1563915e"
OTHER_WORKER = "1337-abcdef01-2b5ad5c4"
START = Start(round_id=7, task_id=3, lane=1, samples=60, needed=50, learner="built in")
CHECKS = tuple(
    Check(epoch, 1 / epoch, 40 + epoch, 0.001, 0.5 * epoch, 120.0, 1_000 + epoch) for epoch in (1, 2, 3)
)
ENDED = Ending(Outcome.GOAL, 55, 2.5, 1_010)
EPOCHS = 40


@dataclass(frozen=True, slots=True)
class Kept:
    """A data folder, and a worker's folder in it."""

    home: Path
    worker: str = WORKER

    @property
    def file(self) -> Path:
        return self.home / "work" / self.worker / "training" / NAME

    def write(self, data: bytes) -> "Kept":
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(data)
        return self

    def train(self, *rounds: int, ended: Ending | None = ENDED, learner: str = "built in") -> "Kept":
        """Keep a training for each round, with an end, if one is given."""
        return self.write(write_history([a_training(each, ended=ended, learner=learner) for each in rounds]))


def a_training(round_id: int = 7, *, ended: Ending | None = ENDED, learner: str = "built in") -> Training:
    start = Start(round_id, START.task_id, START.lane, START.samples, START.needed, learner)
    return Training(start, 1_000, CHECKS, ended)


def keep_wallet(home: Path, name: str) -> str:
    """Keep a wallet under a name; return the digits that its worker's folder has."""
    account = Account.from_key(b"\x07" * 32)
    folder = home / "wallets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_bytes(write_keystore(account, "password", rounds=2))
    return str(account.address[2:10].lower())


def some_miners(now: int) -> tuple[MinerTrainings, ...]:
    """Return two miners, of which one trains at a second and has trained before."""
    before = Ending(Outcome.GOAL, 57, EPOCHS / 2, now - 600)
    trainings = (_long_training(6, now - 600, before), _long_training(7, now, None))
    return (
        MinerTrainings(WORKER, 1337, "abcdef01", "1563915e", "miner-1", trainings),
        MinerTrainings(OTHER_WORKER, 1337, "abcdef01", "2b5ad5c4", "miner-2", ()),
    )


def _long_training(round_id: int, until: int, ended: Ending | None) -> Training:
    start = Start(round_id, START.task_id, START.lane, START.samples, START.needed, "built in")
    checks = tuple(
        Check(epoch, 1 / epoch**0.7, 57 - 40 // epoch, 0.001, 0.5 * epoch, 120.0, until - EPOCHS + epoch)
        for epoch in range(1, EPOCHS + 1)
    )
    return Training(start, until - EPOCHS, checks, ended)
