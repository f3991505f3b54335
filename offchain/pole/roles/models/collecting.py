"""Getting a model into its folder: fetched, checked, pinned, kept, and told."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.learning.data.preparation import MAX_DOCUMENT_BYTES
from pole.roles.models.fetching import FetchedModel, fetch_model
from pole.roles.models.folder import MODEL, PREPARATION, is_kept, keep, models_folder
from pole.roles.models.record import ModelRecord
from pole.roles.models.result import RoundResult
from pole.roles.ports import Store
from pole.roles.support.events import report
from pole.roles.support.files import make_private_folder, own_disk, read_bounded, write_durably

LOG: Final = logging.getLogger("pole.models")


@dataclass(frozen=True, slots=True)
class Collected:
    """Where a model is now, what is known of it, and where another one that was there has been moved."""

    folder: Path
    record: ModelRecord
    moved: Path | None


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects models into folders below `models` of the data folder `home`.

    A model's preparation is added where a wallet of this data folder posted its task.
    """

    store: Store
    home: Path

    def collect(self, result: RoundResult, *, place: int = 1, folder: Path | None = None) -> Collected:
        """Fetch the model at a place of a round, check it, pin it, and keep it in a folder.

        The folder is `task-ID`, for another place than the winner's `task-ID-place-N`, unless it is given. A
        model that is there already stays. Raises what `fetch_model` and `keep` raise.
        """
        task_id = result.task.task_id
        named = f"task-{task_id}" if place == 1 else f"task-{task_id}-place-{place}"
        models = models_folder(self.home)
        chosen = folder or models / named
        with own_disk(models):
            make_private_folder(models)
        with tempfile.TemporaryDirectory(prefix=".fetched.", dir=models) as scratch:
            fetched = fetch_model(result, self.store, Path(scratch), place=place)
        return self._keep(fetched, chosen)

    def _keep(self, fetched: FetchedModel, folder: Path) -> Collected:
        preparation = self._preparation(fetched.record)
        moved = None
        if not is_kept(folder, fetched.record):
            moved = keep(fetched, folder, preparation)
        elif preparation is not None and not (folder / PREPARATION).exists():
            write_durably(folder / PREPARATION, preparation)
        # Adding it pins it: the miner's own daemon need not keep it for ever.
        self.store.add(folder / MODEL)
        return Collected(folder, fetched.record, moved)

    def _preparation(self, record: ModelRecord) -> bytes | None:
        wallets = f"{record.chain_id}-{record.contract[2:10].lower()}-*"
        kept = f"tasks/{record.mpk_digest.hex()}/{PREPARATION}"
        path = next((self.home / "work").glob(f"{wallets}/{kept}"), None)
        if path is None:
            return None
        with own_disk(path):
            return read_bounded(path, MAX_DOCUMENT_BYTES)


def report_collected(collected: Collected) -> None:
    """Log who won, with what score, and where the model is."""
    record, score = collected.record, collected.record.score
    if collected.moved is not None:
        LOG.warning("Another model was in %s: it is in %s now.", collected.folder, collected.moved)
    shares = [f"{_percent(score.train, score.train_of)} of the training set"]
    if score.test_of:
        shares.append(f"{_percent(score.test, score.test_of)} of the test set")
    sentence = (
        f"Round {record.round_id}: {record.miner} won task {record.task_id} with {' and '.join(shares)}; its "
        f"model is in {collected.folder}. Use it with `pole model predict {record.task_id} --rows FILE`."
    )
    report(
        LOG,
        "model-kept",
        sentence,
        round=record.round_id,
        task=record.task_id,
        miner=record.miner,
        train=score.train,
        test=score.test,
        folder=str(collected.folder),
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
