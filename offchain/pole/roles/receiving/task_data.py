"""What a round's data node published about its task, fetched from the store and checked byte by byte."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError, PoleError, UnreachableError
from pole.ipfe.scheme import FunctionalKeys, MasterPublicKey, verify_keys
from pole.protocol.formats.encrypted_set import (
    MAX_MANIFEST_BYTES,
    EncryptedSetManifest,
    Part,
    read_manifest,
)
from pole.protocol.formats.keys import read_functional_keys, read_master_public_key
from pole.protocol.formats.tensors import MAX_HEADER_BYTES
from pole.protocol.mapping.layer import query_plan
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.models.set_size import check_set_size
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.protocol.models.work import require_declared
from pole.protocol.state import FileRef, PostedTask, Round
from pole.roles.ports import Published, Store
from pole.roles.support.files import Wanted, fetch

POINT_BYTES: Final = 32


class DataFault(IntegrityError):
    """The data node's files contradict each other or their announcement, or its keys are wrong."""


@dataclass(frozen=True, slots=True)
class TaskData:
    """A specification, the training set's manifest, and the plan and keys that make features."""

    specification: ModelSpecification
    manifest: EncryptedSetManifest
    plan: QueryPlan
    keys: FunctionalKeys


@dataclass(frozen=True, slots=True)
class TaskReader:
    """Reads what data nodes published.

    `folder` keeps the files, which are served to others under the name `served_as`, None for none;
    `random_bytes` weights the check of functional keys. Its methods raise DataFault when what the data node
    published is proven to be wrong, and UnreachableError when it is not to be had now.
    """

    chain: Published
    store: Store
    folder: Path
    random_bytes: Callable[[int], bytes]
    served_as: str | None = None

    def task(self, open_round: Round) -> TaskData:
        """Return the round's specification, training manifest, plan and functional keys."""
        files, terms = self.chain.task(open_round.task_id).files, open_round.terms
        specification = self._specification(FileRef(files.spec_cid, files.spec_digest))
        with blaming_data_node(InputError):
            check_set_size(specification, train_count=terms.train_count, test_count=terms.test_count)
            require_declared(specification, terms)
        manifest = self._manifest(FileRef(files.train_cid, files.train_digest), Part.TRAIN)
        with blaming_data_node(InputError):
            _require_match(manifest, specification, terms.train_count)
            if manifest.master_public_key.digest != files.mpk_digest:
                raise IntegrityError("The manifest names another master public key than the task.")
            plan = query_plan(specification, open_round.seed)
        keys = self._keys(open_round, plan, self._master_public_key(manifest))
        return TaskData(specification, manifest, plan, keys)

    def master_public_key(self, task: PostedTask) -> MasterPublicKey:
        """Return the key that a task's samples are encrypted under, as its training manifest names it."""
        manifest = self._manifest(FileRef(task.files.train_cid, task.files.train_digest), Part.TRAIN)
        return self._master_public_key(manifest)

    def test_manifest(self, open_round: Round, task: TaskData) -> EncryptedSetManifest | None:
        """Return the manifest of the round's test set, None where none was released."""
        ref = self.chain.test_set(open_round.round_id)
        if ref is None:
            return None
        manifest = self._manifest(ref, Part.TEST)
        with blaming_data_node():
            _require_match(manifest, task.specification, open_round.terms.test_count)
            if manifest.master_public_key.digest != task.manifest.master_public_key.digest:
                raise IntegrityError("The test set is encrypted under another key than the training set.")
        return manifest

    def _specification(self, ref: FileRef) -> ModelSpecification:
        document = self._fetch(ref, MAX_DOCUMENT_BYTES)
        with blaming_data_node(InputError):
            specification = parse_specification(document)
            if specification.canonical_bytes() != document:
                raise IntegrityError("The model specification is not in canonical encoding.")
        return specification

    def _manifest(self, ref: FileRef, part: Part) -> EncryptedSetManifest:
        document = self._fetch(ref, MAX_MANIFEST_BYTES)
        with blaming_data_node():
            return read_manifest(document, part=part)

    def _master_public_key(self, manifest: EncryptedSetManifest) -> MasterPublicKey:
        size = manifest.dimension * POINT_BYTES + MAX_HEADER_BYTES
        content = self._fetch(manifest.master_public_key, size)
        with blaming_data_node():
            return MasterPublicKey(read_master_public_key(content, dimension=manifest.dimension))

    def _keys(self, open_round: Round, plan: QueryPlan, public: MasterPublicKey) -> FunctionalKeys:
        round_id, windows, queries = open_round.round_id, len(plan.windows), len(plan.vectors)
        ref = self.chain.functional_keys(round_id)
        if ref is None:
            raise UnreachableError(f"Round {round_id} has no functional keys yet; wait for its data node.")
        content = self._fetch(ref, windows * queries * POINT_BYTES + MAX_HEADER_BYTES)
        with blaming_data_node():
            eta = read_functional_keys(
                content, round_id=round_id, seed=open_round.seed, windows=windows, queries=queries
            )
            keys = FunctionalKeys(eta)
            verify_keys(public, plan, keys, self.random_bytes)
        return keys

    def _fetch(self, ref: FileRef, max_bytes: int) -> bytes:
        wanted = Wanted(ref.cid, ref.digest, max_bytes)
        return fetch(self.store, wanted, self.folder, served_as=self.served_as)


@contextmanager
def blaming_data_node(*also: type[PoleError]) -> Iterator[None]:
    """Turn IntegrityError about bytes with the announced digest into DataFault: their author made them so.

    Errors of the types `also` become DataFault too. InputError may be one only around what reads nothing but
    the author's bytes: elsewhere this machine's settings raise it, a back end that is missing for instance.
    """
    proofs: tuple[type[PoleError], ...] = (IntegrityError, *also)
    try:
        yield
    except proofs as error:
        raise DataFault(str(error)) from error


def _require_match(manifest: EncryptedSetManifest, specification: ModelSpecification, count: int) -> None:
    given, noise = specification.input, specification.columns - specification.dimension
    promised = (given.shape, given.bits, noise, specification.classes, count)
    found = (manifest.input_shape, manifest.bits, manifest.noise_columns, manifest.classes, manifest.count)
    if promised != found:
        raise IntegrityError(
            f"The {manifest.part.value} set has input shape, bits, columns of noise, classes and count "
            f"{found}, but the task says {promised}."
        )
