"""The card of a kept model: a README with the front matter that Hugging Face reads.

It says what anybody can know: neither names of columns and classes nor anything else of the preparation.
"""

import re
from collections.abc import Iterator
from typing import Final

from pole.errors import InputError
from pole.protocol.mapping.kinds import window_count
from pole.protocol.models.graph import count_parameters
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.specification import ModelSpecification, disclosed_rank
from pole.quoting import quoted
from pole.roles.models.folder import PROOF, KeptModel
from pole.roles.models.record import ModelRecord

METRICS: Final = {"accuracy": "accuracy", "macro_f1": "f1", "auc": "roc_auc"}
LICENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", re.ASCII)
KINDS: Final = {
    "linear": "linear: {queries} query vectors over all {values} values",
    "blocks": "blocks: {queries} query vectors over each of {windows} tiles",
    "conv": "conv: {queries} query vectors over each of {windows} windows",
}


def card_of(kept: KeptModel, *, licence: str) -> str:
    """Return the card's text: YAML between two lines of dashes, then Markdown.

    Raises InputError for a licence that is no identifier.
    """
    if not LICENCE.fullmatch(licence):
        raise InputError(
            f"{quoted(licence)} is no licence as Hugging Face calls them: give one such as mit or cc-by-4.0."
        )
    return "".join(f"{line}\n" for line in (*_front_matter(kept, licence), "", *_body(kept, licence)))


def _front_matter(kept: KeptModel, licence: str) -> Iterator[str]:
    """Yield YAML, in which nothing is quoted: identifiers and numbers alone."""
    specification, record = kept.trained.model.specification, kept.record
    kind = _pipeline(specification)
    metric = _metric_type(specification)
    yield "---"
    yield f"license: {licence}"
    yield "library_name: pole"
    yield f"pipeline_tag: {kind}"
    yield "tags: [pole, proof-of-learning, functional-encryption]"
    yield f"metrics: [{metric}]"
    yield "model-index:"
    yield f"- name: {_title(record)}"
    yield "  results:"
    for part, correct, total in _scores(record):
        yield f"  - task: {{type: {kind}}}"
        yield f"    dataset: {{type: encrypted, name: the {part} set of task {record.task_id}}}"
        yield "    metrics:"
        yield f"    - {{type: {metric}, value: {_value(specification, correct, total)}}}"
    yield "---"


def _body(kept: KeptModel, licence: str) -> Iterator[str]:
    record, specification = kept.record, kept.trained.model.specification
    yield f"# {_title(record)}"
    yield ""
    yield "This model was trained on encrypted data and bought by a round of Proof of Learning (PoLe)."
    yield ""
    yield from _task(record, specification)
    yield from _score(record, specification)
    yield from _proof(record)
    yield from _disclosed(specification)
    yield from _use(record, licence)


def _task(record: ModelRecord, specification: ModelSpecification) -> Iterator[str]:
    mapping, shape = specification.mapping, specification.input.shape
    layer = KINDS[mapping.kind].format(
        queries=mapping.queries, values=specification.dimension, windows=window_count(mapping, shape)
    )
    what = "a regression" if _is_regression(specification) else f"{specification.classes} classes"
    size = " x ".join(map(str, shape))
    yield "## Task, data and network"
    yield ""
    yield f"- Task {record.task_id} in round {record.round_id}: {what}."
    yield f"- Data: samples of {size} whole numbers of {specification.input.bits} bits, encrypted."
    yield "  Their columns, the names of classes and how rows become samples are their owner's to tell."
    yield f"- Layer: {layer}, {mapping.bits} bits a weight."
    yield f"  Its query vectors come from the seed `0x{record.seed.hex()}`."
    yield f"- Noise: {_noise(record.noise)}."
    yield f"- Network: {count_parameters(specification.nodes()):,} parameters."
    yield f"  The specification has the digest `0x{record.spec_digest.hex()}`."
    yield ""


def _score(record: ModelRecord, specification: ModelSpecification) -> Iterator[str]:
    yield "## Score"
    yield ""
    yield "| set | count | of | share |"
    yield "|---|---|---|---|"
    for part, correct, total in _scores(record):
        yield f"| {part} | {correct:,} | {total:,} | {100 * correct / total:.2f} % |"
    yield ""
    yield f"A count is the metric {_metric_name(specification)}, times the samples."
    if record.score.found_by == "committee":
        yield f"A committee of {record.committee} staked verifiers found it, each on its own."
    else:
        yield "It is what the model's miner claims: it did not win, and no block says so."
    yield ""


def _proof(record: ModelRecord) -> Iterator[str]:
    yield "## Proof and exactness"
    yield ""
    yield f"- The model's file has the keccak-256 digest `0x{record.model_digest.hex()}`."
    yield f"- Its miner is `{record.miner}`."
    yield f"- It is in the body of block {record.height}, `0x{record.block_hash.hex()}`,"
    yield f"  of contract `{record.contract}` on chain {record.chain_id}."
    yield f"  The Merkle proof in `{PROOF}` leads from there to its reveal."
    yield "- Evaluation is canonical: whole numbers alone, the same in every bit on every machine."
    yield "  Exports to ONNX, torch and scikit-learn are checked against it."
    yield ""


def _disclosed(specification: ModelSpecification) -> Iterator[str]:
    rank, values = disclosed_rank(specification), specification.dimension
    yield "## What is disclosed of the data"
    yield ""
    yield f"- The round's functional keys open up to {rank} independent sums of the {values} values"
    yield "  of each training and test sample, for whoever has them."
    yield "- Labels are not encrypted."
    yield "- The range that values were read over is public, and so is this model."
    if specification.mapping.noise:
        yield f"- Each of the sums has noise of deviation {specification.mapping.noise}."
    yield ""


def _use(record: ModelRecord, licence: str) -> Iterator[str]:
    yield "## Use"
    yield ""
    yield "```"
    yield f"pole model get {record.task_id}"
    yield f"pole model predict {record.task_id} --rows new.csv --out predictions.csv"
    yield f"pole model export {record.task_id} --to onnx"
    yield "```"
    yield ""
    yield f"Licence: `{licence}`. The chain says nothing of licences; ask the owner of the task."


def _scores(record: ModelRecord) -> Iterator[tuple[str, int, int]]:
    score = record.score
    if score.test_of:
        yield "test", score.test, score.test_of
    yield "training", score.train, score.train_of


def _title(record: ModelRecord) -> str:
    place = "" if record.place == 1 else f", place {record.place}"
    return f"PoLe model of task {record.task_id}{place}"


def _pipeline(specification: ModelSpecification) -> str:
    if _is_regression(specification):
        return "tabular-regression"
    return "image-classification" if len(specification.input.shape) > 1 else "tabular-classification"


def _metric_type(specification: ModelSpecification) -> str:
    metric = specification.metric
    return "mae" if isinstance(metric, AbsoluteError) else METRICS[metric]


def _metric_name(specification: ModelSpecification) -> str:
    metric = specification.metric
    if isinstance(metric, AbsoluteError):
        return f"1 - (mean absolute error / {metric.scale} steps of the target's grid)"
    return metric.replace("_", " ")


def _value(specification: ModelSpecification, correct: int, total: int) -> float:
    """Return the metric's value of a count: for the absolute error, in steps of the target's grid."""
    metric = specification.metric
    if isinstance(metric, AbsoluteError):
        return metric.scale * (total - correct) / total
    return correct / total


def _is_regression(specification: ModelSpecification) -> bool:
    return isinstance(specification.metric, AbsoluteError)


def _noise(deviation: int) -> str:
    return f"every feature has noise of deviation {deviation}" if deviation else "none"
