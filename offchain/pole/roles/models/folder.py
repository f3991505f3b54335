"""The folder of a kept model: written whole or not at all, checked whenever it is opened."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.learning.data.preparation import MAX_DOCUMENT_BYTES as MAX_PREPARATION_BYTES
from pole.learning.data.preparation import Preparation, parse_preparation
from pole.learning.evaluation import model_file
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, parse_specification
from pole.protocol.replay import proofs
from pole.protocol.replay.proofs import InclusionProof, read_proof
from pole.roles.models import record
from pole.roles.models.fetching import FetchedModel, require_proven
from pole.roles.models.record import ModelRecord, read_record, write_record
from pole.roles.support.files import make_private_folder, own_disk, read_bounded, write_durably

MODEL: Final = "model.safetensors"
SPECIFICATION: Final = "specification.json"
PREPARATION: Final = "preparation.json"
PROOF: Final = "proof.json"
RECORD: Final = "model.json"


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model out of its folder, checked: where it comes from, the proof, and the model itself."""

    folder: Path
    record: ModelRecord
    proof: InclusionProof
    trained: TrainedModel

    def require_preparation(self) -> Preparation:
        """Return how rows become samples; raises InputError where that is known to the data's owner alone."""
        if self.trained.preparation is None:
            raise InputError(
                f"The model in {self.folder} has no preparation, so rows cannot be turned into samples: "
                f"copy {PREPARATION} of the data node that posted task {self.record.task_id} into it, or "
                "give samples with --features."
            )
        return self.trained.preparation


def keep(fetched: FetchedModel, folder: Path, preparation: bytes | None) -> Path | None:
    """Write a model into its folder; return where another model that was there is now, None without one.

    The folder appears whole or not at all, and nothing is deleted. Raises InputError where the folder holds
    other files, DiskError where it cannot be written.
    """
    files = {
        MODEL: fetched.model,
        SPECIFICATION: fetched.specification,
        PROOF: fetched.proof,
        RECORD: write_record(fetched.record),
    }
    if preparation is not None:
        files[PREPARATION] = preparation
    with own_disk(folder):
        make_private_folder(folder.parent)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in files.items():
            write_durably(unfinished / name, content)
        moved = _make_way(folder)
        with own_disk(folder):
            unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return moved


def is_kept(folder: Path, fetched: ModelRecord) -> bool:
    """Return whether a folder has this model already, whole and unchanged."""
    try:
        return open_model(folder).record == fetched
    except (InputError, IntegrityError):
        return False


def open_model(folder: Path) -> KeptModel:
    """Return the model in a folder. Costs the reading and hashing of its files.

    Raises InputError where there is none, IntegrityError where a file is not the one that was kept.
    """
    if not (folder / RECORD).is_file():
        raise InputError(
            f"There is no model in {folder}: `pole model list` shows those that are here, `pole model get` "
            "fetches one."
        )
    known = read_record(_read(folder / RECORD, record.MAX_BYTES))
    document = _read(folder / SPECIFICATION, MAX_DOCUMENT_BYTES)
    _require_digest(folder / SPECIFICATION, document, known.spec_digest)
    specification = parse_specification(document)
    content = _read(folder / MODEL, specification.max_bytes)
    _require_digest(folder / MODEL, content, known.model_digest)
    proof = read_proof(_read(folder / PROOF, proofs.MAX_BYTES))
    require_proven(known, proof)
    model = model_file.load(content, specification, known.seed)
    return KeptModel(folder, known, proof, TrainedModel(model, known.quantisation, _preparation(folder)))


def models_folder(home: Path) -> Path:
    """Return the folder of all models of a data folder."""
    return home / "models"


def find_model(home: Path, task: str) -> KeptModel:
    """Return the model of a task, which its number names, in a data folder, or the model in a folder.

    Raises what `open_model` raises.
    """
    is_number = task.isascii() and task.isdigit()
    return open_model(models_folder(home) / f"task-{task}" if is_number else Path(task))


def kept_models(models: Path) -> Iterator[tuple[Path, ModelRecord | None]]:
    """Yield the folders below `models` that hold a model, and what is known of each: None if unreadable."""
    for path in sorted(models.glob(f"[!.]*/{RECORD}"), key=lambda path: _natural(path.parent.name)):
        try:
            yield path.parent, read_record(_read(path, record.MAX_BYTES))
        except IntegrityError:
            yield path.parent, None


def _natural(name: str) -> tuple[int, str]:
    digits = "".join(filter(str.isdigit, name.split(".")[0]))
    return int(digits or 0), name


def _make_way(folder: Path) -> Path | None:
    """Move a model that is there aside and return where it is; raises InputError where other files are."""
    if not folder.exists() or not any(folder.iterdir()):
        return None
    if not (folder / RECORD).is_file():
        raise InputError(f"The folder {folder} holds other files than a model: name another one.")
    old = _record_of(folder)
    owner = "damaged" if old is None else f"{old.chain_id}-{old.contract[2:10].lower()}"
    aside = _free(folder.with_name(f"{folder.name}.{owner}"))
    with own_disk(folder):
        folder.rename(aside)
    return aside


def _free(path: Path) -> Path:
    number, chosen = 1, path
    while chosen.exists():
        number += 1
        chosen = path.with_name(f"{path.name}.{number}")
    return chosen


def _record_of(folder: Path) -> ModelRecord | None:
    try:
        return read_record(_read(folder / RECORD, record.MAX_BYTES))
    except (InputError, IntegrityError):
        return None


def _preparation(folder: Path) -> Preparation | None:
    path = folder / PREPARATION
    return parse_preparation(_read(path, MAX_PREPARATION_BYTES)) if path.is_file() else None


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        return read_bounded(path, max_bytes)
    except OSError as error:
        raise InputError(
            f"The file {path} cannot be read ({error.strerror}): get the model again with `pole model get`."
        ) from error


def _require_digest(path: Path, content: bytes, digest: bytes) -> None:
    if keccak256(content) != digest:
        raise IntegrityError(
            f"The file {path} is not the one that was kept: get the model again with `pole model get`."
        )
