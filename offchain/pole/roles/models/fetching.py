"""Fetching the model that a round ended with, and checking it against the round's block."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.learning.data.quantisation import Quantisation
from pole.learning.evaluation import model_file
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    SolutionRevealed,
    TestSetReleased,
    decode_record,
)
from pole.protocol.formats.encrypted_set import MAX_MANIFEST_BYTES, EncryptedSetManifest, Part, read_manifest
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.protocol.replay.proofs import InclusionProof, proof_of, verify_proof, write_proof
from pole.protocol.state import Header
from pole.roles.models.record import ModelRecord, Score
from pole.roles.models.result import Revealed, RoundResult, WonBlock
from pole.roles.ports import Store
from pole.roles.support.files import Wanted, fetch, fetch_any

LOG: Final = logging.getLogger("pole.models")


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model that was checked: its record, and the files that go with it."""

    record: ModelRecord
    model: bytes = field(repr=False)
    specification: bytes = field(repr=False)
    proof: bytes = field(repr=False)


def fetch_model(result: RoundResult, store: Store, folder: Path, *, place: int = 1) -> FetchedModel:
    """Return the model at a place of a round, 1 being the winner's, checked against the round's block.

    Checked are: the header and the record's Merkle proof, against the hash that the contract has; the file
    and the specification, against their digests; the model, against specification and seed. `folder` keeps
    what is fetched. Raises InputError where the round is void or has no such place, IntegrityError where
    something does not fit, and NotHadError where the store does not give a file now.
    """
    revealed = _at(result, place)
    proof = _proven(result.won_block(), revealed, is_winner=place == 1)
    solution, files = revealed.solution, result.task.files
    document = fetch(store, Wanted(files.spec_cid, files.spec_digest, MAX_DOCUMENT_BYTES), folder)
    specification = _specification(document)
    model = fetch_any(store, _places(result, solution, specification.max_bytes), folder)
    model_file.load(model, specification, result.seed)
    listed = fetch(store, Wanted(files.train_cid, files.train_digest, MAX_MANIFEST_BYTES), folder)
    manifest = read_manifest(listed, part=Part.TRAIN)
    record = _record(result, revealed, specification, manifest, place)
    return FetchedModel(record, model, document, write_proof(proof))


def require_proven(record: ModelRecord, proof: InclusionProof) -> None:
    """Raise IntegrityError unless a proof leads from the block of a kept model to the model's own reveal."""
    verify_proof(proof, record.block_hash)
    revealed = decode_record(proof.record)
    expected = (record.round_id, record.miner, record.model_digest)
    if not isinstance(revealed, SolutionRevealed) or expected != (
        revealed.round_id,
        revealed.miner,
        revealed.model_digest,
    ):
        raise IntegrityError("The proof is that of another model: get the model again with `pole model get`.")


def _places(result: RoundResult, solution: SolutionRevealed, max_bytes: int) -> list[Wanted]:
    """Return where a solution's model is: its own place, and those of all that revealed an equal one."""
    digest, revealed = solution.model_digest, [each.solution for each in result.ranked()]
    others = [each.model_cid for each in revealed if each.model_digest == digest]
    return [Wanted(cid, digest, max_bytes) for cid in dict.fromkeys((solution.model_cid, *others))]


def _at(result: RoundResult, place: int) -> Revealed:
    ranked = result.ranked()
    if not ranked:
        raise _untold(result.won_block())
    if not 1 <= place <= len(ranked):
        raise InputError(
            f"Round {result.round_id} on task {result.task.task_id} has {len(ranked)} revealed models, so "
            f"none at place {place}: name one from 1, the winner's, to {len(ranked)}."
        )
    return ranked[place - 1]


def _proven(block: WonBlock, revealed: Revealed, *, is_winner: bool) -> InclusionProof:
    body = revealed.block
    proof = proof_of(body.header, body.records, revealed.index)
    verify_proof(proof, body.hash)
    if header_hash(block.header) != block.hash:
        raise IntegrityError(
            f"The header is not that of block {block.header.height}: the node's logs are not to be trusted, "
            "use another."
        )
    if is_winner and not _is_winner(block.header, revealed.solution):
        raise _untold(block)
    return proof


def _untold(block: WonBlock) -> IntegrityError:
    return IntegrityError(
        f"No record of block {block.header.height} reveals the model that the block names: the node's logs "
        "are not to be trusted, use another."
    )


def _is_winner(header: Header, solution: SolutionRevealed) -> bool:
    found = (solution.round_id, solution.miner, solution.model_digest)
    return found == (header.round_id, header.winner, header.model_digest)


def _specification(document: bytes) -> ModelSpecification:
    try:
        return parse_specification(document)
    except InputError as error:
        raise IntegrityError(f"The task's specification is unusable: {error}") from error


def _record(
    result: RoundResult,
    revealed: Revealed,
    specification: ModelSpecification,
    manifest: EncryptedSetManifest,
    place: int,
) -> ModelRecord:
    drawn, solution = result.told(CommitteeDrawn), revealed.solution
    return ModelRecord(
        chain_id=result.chain_id,
        contract=result.contract,
        task_id=result.task.task_id,
        round_id=result.round_id,
        height=revealed.block.header.height,
        block_hash=revealed.block.hash,
        place=place,
        miner=solution.miner,
        seed=result.seed,
        model_cid=solution.model_cid,
        model_digest=solution.model_digest,
        spec_digest=result.task.files.spec_digest,
        score=_score(result, solution, place),
        committee=len(drawn[-1].members) if drawn else 0,
        quantisation=quantisation_of(manifest),
        noise=specification.mapping.noise,
        mpk_digest=result.task.files.mpk_digest,
    )


def _score(result: RoundResult, solution: SolutionRevealed, place: int) -> Score:
    terms = result.task.terms
    test_of = terms.test_count if result.told(TestSetReleased) else 0
    if place == 1:
        header = result.won_block().header
        return Score(header.train_correct, terms.train_count, header.test_correct, test_of, "committee")
    claimed = solution.claimed_train_correct, terms.train_count, solution.claimed_test_correct, test_of
    return Score(*claimed, "miner")


def quantisation_of(manifest: EncryptedSetManifest) -> Quantisation:
    """Return how a set's samples were quantised; its manifest divides where the quantisation multiplies."""
    return Quantisation(manifest.bits, tuple(1.0 / step for step in manifest.scale), manifest.offset)
