"""What is known of a kept model: the document `model.json` beside it (docs/formats.md)."""

from dataclasses import dataclass
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.learning.data.quantisation import Quantisation
from pole.protocol.formats.canonical_json import (
    Document,
    check_fields,
    read_address,
    read_cid,
    read_document,
    read_floats,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.mapping.kinds import MAX_NOISE
from pole.protocol.models.specification import MAX_INPUTS
from pole.quoting import quoted

FORMAT: Final = "pole.kept-model"
MAX_BYTES: Final = 2**23
WORD: Final = 32
_FINDERS: Final = ("committee", "miner")
_FIELDS: Final = (
    "chainId",
    "contract",
    "task",
    "round",
    "height",
    "blockHash",
    "place",
    "miner",
    "seed",
    "modelCid",
    "modelDigest",
    "specDigest",
    "score",
    "committee",
    "quantisation",
    "noise",
    "masterKeyDigest",
)


@dataclass(frozen=True, slots=True)
class Score:
    """Correct predictions of so many, on either set; `found_by` is "committee", or "miner" for a claim.

    For metrics other than accuracy a count is the metric times the samples.
    """

    train: int
    train_of: int
    test: int
    test_of: int
    found_by: str


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """Where a model comes from, what it scored, and how samples were quantised for it.

    `place` is 1 for the winner; `committee` counts the seats that judged last; `noise` is the deviation of
    the noise that its features had, 0 for none.
    """

    chain_id: int
    contract: str
    task_id: int
    round_id: int
    height: int
    block_hash: bytes
    place: int
    miner: str
    seed: bytes
    model_cid: str
    model_digest: bytes
    spec_digest: bytes
    score: Score
    committee: int
    quantisation: Quantisation
    noise: int
    mpk_digest: bytes

    def is_of(self, chain_id: int, contract: str) -> bool:
        """Return whether the model is of this deployment."""
        return (self.chain_id, self.contract) == (chain_id, contract)

    def require_of(self, chain_id: int, contract: str) -> None:
        """Raise InputError unless the model is of this deployment."""
        if not self.is_of(chain_id, contract):
            raise InputError(
                f"The model is of chain {self.chain_id}, contract {self.contract}, and this is another "
                "deployment: name its own with --deployment and --rpc."
            )


def write_record(record: ModelRecord) -> bytes:
    """Return the document's canonical bytes."""
    score, quantisation = record.score, record.quantisation
    return write_document(
        {
            "format": FORMAT,
            "version": 1,
            "chainId": record.chain_id,
            "contract": record.contract,
            "task": record.task_id,
            "round": record.round_id,
            "height": record.height,
            "blockHash": _hex(record.block_hash),
            "place": record.place,
            "miner": record.miner,
            "seed": _hex(record.seed),
            "modelCid": record.model_cid,
            "modelDigest": _hex(record.model_digest),
            "specDigest": _hex(record.spec_digest),
            "score": {
                "train": score.train,
                "trainOf": score.train_of,
                "test": score.test,
                "testOf": score.test_of,
                "foundBy": score.found_by,
            },
            "committee": record.committee,
            "quantisation": {
                "bits": quantisation.bits,
                "scale": list(quantisation.scale),
                "offset": list(quantisation.offset),
            },
            "noise": record.noise,
            "masterKeyDigest": _hex(record.mpk_digest),
        }
    )


def read_record(data: bytes) -> ModelRecord:
    """Return what a document says of a model; raises IntegrityError naming what is wrong in it."""
    document = read_document(
        data, kind=FORMAT, version=1, fields=_FIELDS, max_bytes=MAX_BYTES, renewal="pole model get"
    )
    return ModelRecord(
        chain_id=_count(document, "chainId"),
        contract=read_address(document, "contract"),
        task_id=_count(document, "task"),
        round_id=_count(document, "round"),
        height=_count(document, "height"),
        block_hash=read_hex(document, "blockHash", length=WORD),
        place=_count(document, "place"),
        miner=read_address(document, "miner"),
        seed=read_hex(document, "seed", length=WORD),
        model_cid=read_cid(document, "modelCid"),
        model_digest=read_hex(document, "modelDigest", length=WORD),
        spec_digest=read_hex(document, "specDigest", length=WORD),
        score=_read_score(document["score"]),
        committee=read_whole(document, "committee", minimum=0, maximum=2**16),
        quantisation=_read_quantisation(document["quantisation"]),
        noise=read_whole(document, "noise", minimum=0, maximum=MAX_NOISE),
        mpk_digest=read_hex(document, "masterKeyDigest", length=WORD),
    )


def _read_score(value: object) -> Score:
    fields = check_fields(value, ["train", "trainOf", "test", "testOf", "foundBy"], "score")
    if fields["foundBy"] not in _FINDERS:
        raise IntegrityError(
            f"foundBy must be one of {', '.join(_FINDERS)}, not {quoted(fields['foundBy'])}."
        )
    train, train_of, test, test_of = (
        read_whole(fields, name, minimum=0, maximum=2**32 - 1)
        for name in ("train", "trainOf", "test", "testOf")
    )
    return Score(train, train_of, test, test_of, fields["foundBy"])


def _read_quantisation(value: object) -> Quantisation:
    fields = check_fields(value, ["bits", "scale", "offset"], "quantisation")
    bits = read_whole(fields, "bits", minimum=1, maximum=8)
    scale, offset = (read_floats(fields, name, maximum=MAX_INPUTS) for name in ("scale", "offset"))
    try:
        return Quantisation(bits, scale, offset)
    except InputError as error:
        raise IntegrityError(str(error)) from error


def _count(document: Document, field: str) -> int:
    return read_whole(document, field, minimum=1, maximum=2**63)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
