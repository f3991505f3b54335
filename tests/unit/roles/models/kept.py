"""Kept models out of nothing: a block with one record, and a model that nobody trained."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.unit.learning.exporting.trained import specification, trained_model

from pole.learning.data.preparation import (
    ArraySource,
    CategoryColumn,
    ClassTarget,
    ImageSource,
    NumberColumn,
    NumberTarget,
    Preparation,
    TableSource,
    TimeColumn,
    TruthColumn,
)
from pole.learning.evaluation import model_file
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.records import SolutionRevealed, encode_record
from pole.protocol.formats.block_body import body_root
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.replay.proofs import proof_of, write_proof
from pole.protocol.state import Header, Record
from pole.roles.models.fetching import FetchedModel
from pole.roles.models.folder import keep
from pole.roles.models.record import ModelRecord, Score

MINER: Final = "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1"
CONTRACT: Final = "0x22d491Bde2303f2f43325b2108D26f1eAbA1e32b"
NAMES: Final = ("no", "it's, maybe", "ÿes")
TABLE: Final = TableSource(
    columns=(
        NumberColumn(name="age", low=18, high=90, fill=40.5, indicator=True),
        NumberColumn(name="income, yearly", low=-1e3, high=9e4, fill=0),
        CategoryColumn(name="city", values=("Bern", "Zürich", "1")),
        TruthColumn(name="member", fill=False, indicator=True),
        TimeColumn(name="since", low=0, high=2e9, fill=1e9),
    )
)
CLASSES: Final = ClassTarget(column="answer", names=NAMES)
GRID: Final = NumberTarget(column="price", low=10.0, step=2.5, steps=30, unit="€")
ERROR: Final = {"name": "mean_absolute_error", "scale": 5}

OF_TABLE: Final = Preparation(source=TABLE, target=CLASSES)
OF_PRICES: Final = Preparation(source=TABLE, target=GRID)
OF_IMAGES: Final = Preparation(source=ImageSource(height=4, width=6, channels=3), target=CLASSES)
OF_GREY: Final = Preparation(source=ImageSource(height=4, width=6, channels=1), target=CLASSES)
OF_ARRAYS: Final = Preparation(source=ArraySource(shape=(5,), low=(-1.0,), high=(3.0,)), target=CLASSES)
ALL: Final = (OF_TABLE, OF_PRICES, OF_IMAGES, OF_GREY, OF_ARRAYS)

ROWS: Final[dict[str, list[Any]]] = {
    "age": ["18", "", "33.5", "200"],
    "income, yearly": ["1,000", "-5e2", "NA", "45"],
    "city": ["Zürich", "Geneva", "", " 1 "],
    "member": ["yes", "0", "", "TRUE"],
    "since": ["2001-02-03", "1999-01-01T10:00:00Z", "", "2033-05-18"],
}


def specification_of(preparation: Preparation, **more: Any) -> ModelSpecification:
    """Return a small network for what a preparation makes."""
    target = preparation.target
    metric = ERROR if isinstance(target, NumberTarget) else "accuracy"
    shape = preparation.input_shape
    return specification(metric=metric, classes=target.classes, shape=shape, **more)


def fetched(spec: ModelSpecification, *, chain_id: int = 1337, task_id: int = 1) -> FetchedModel:
    """Return a model with all that goes with it, for samples from 0 to 1."""
    trained = trained_model(spec)
    content, document = model_file.save(trained.model), spec.canonical_bytes()
    digest = keccak256(content)
    data = encode_record(SolutionRevealed(3, MINER, "bafkmodel", digest, 90, 8))
    records = (Record(2, 0, *data),)
    header = Header(2, bytes(32), 3, task_id, MINER, digest, 90, 8, bytes(32), body_root(records), 5)
    record = ModelRecord(
        chain_id=chain_id,
        contract=CONTRACT,
        task_id=task_id,
        round_id=3,
        height=2,
        block_hash=header_hash(header),
        place=1,
        miner=MINER,
        seed=trained.model.seed,
        model_cid="bafkmodel",
        model_digest=digest,
        spec_digest=spec.digest(),
        score=Score(90, 100, 8, 10, "committee"),
        committee=3,
        quantisation=trained.quantisation,
        noise=spec.mapping.noise,
        mpk_digest=bytes(range(32)),
    )
    return FetchedModel(record, content, document, write_proof(proof_of(header, records, 0)))


def keep_model(home: Path, preparation: Preparation | None = OF_TABLE, **more: Any) -> Path:
    """Keep a model of task 1 in a data folder; return its folder."""
    spec = specification_of(preparation or OF_TABLE, **more)
    folder = home / "models" / "task-1"
    keep(fetched(spec), folder, None if preparation is None else preparation.canonical_bytes())
    return folder


def write_rows(path: Path, columns: dict[str, list[Any]]) -> Path:
    """Write a CSV file of columns."""
    lines = [columns, *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(",".join(f'"{cell}"' for cell in line) for line in lines) + "\n")
    return path


def random_labels(count: int, seed: int = 0) -> list[str]:
    return np.random.default_rng(seed).choice(NAMES, count).tolist()
