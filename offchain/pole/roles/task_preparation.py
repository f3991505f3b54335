"""From a data set to a task: quantised, encrypted under a fresh key, published but for the test set."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.ipfe.scheme import MasterSecretKey, encrypt, generate_keys
from pole.learning.datasets import DataSet
from pole.learning.quantisation import Quantisation, apply, fit
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    ShardRef,
    shard_ref,
    write_manifest,
    write_shard,
)
from pole.protocol.formats.master_public_key import write_master_public_key
from pole.protocol.hashing import keccak256
from pole.protocol.model_spec import ModelSpecification, discloses_data
from pole.protocol.parameters import TaskListParameters
from pole.protocol.state import FileRef, TaskFiles, TaskTerms
from pole.roles.events import tell
from pole.roles.files import write_durably
from pole.roles.ports import Store
from pole.roles.task_folder import TaskFolder

LOG: Final = logging.getLogger("pole.task")
SHARD_BYTES: Final = 2**23
POINT_BYTES: Final = 32
LABEL_BYTES: Final = 2
BASIS_POINTS: Final = 10_000
LARGEST_AMOUNT: Final = 2**96 - 1


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What a data node wants learned, and for what."""

    dataset: DataSet
    specification: ModelSpecification
    terms: TaskTerms


@dataclass(frozen=True, slots=True)
class Workshop:
    """What preparing a task needs, beside the request; `save_secret` keeps a master secret."""

    store: Store
    home: Path
    save_secret: Callable[[bytes, MasterSecretKey], None]
    random_bytes: Callable[[int], bytes]
    threads: int = 1


def check_request(request: TaskRequest, limits: TaskListParameters) -> None:
    """Raise InputError where the parts of a request do not fit each other or the deployment's limits.

    Nothing was done or spent yet.
    """
    dataset, specification, terms = request.dataset, request.specification, request.terms
    if dataset.input_shape != specification.input.shape:
        raise InputError(
            f"The samples of {dataset.name} have the shape {list(dataset.input_shape)}, but the "
            f"specification's input is {list(specification.input.shape)}; change one of them."
        )
    if dataset.classes != specification.classes:
        raise InputError(
            f"The data set {dataset.name} has {dataset.classes} classes, but the specification has "
            f"{specification.classes}; change the specification."
        )
    if (terms.train_count, terms.test_count) != (len(dataset.x_train), len(dataset.x_test)):
        raise InputError(
            "The terms speak of other numbers of samples than the data set has; correct the terms."
        )
    _check_terms(terms, limits)


def _check_terms(terms: TaskTerms, limits: TaskListParameters) -> None:
    least_fee = -(-terms.reward * limits.fee_bps // BASIS_POINTS)
    ranges = (
        ("reward", terms.reward, limits.min_reward, LARGEST_AMOUNT, "wei"),
        ("data bond", terms.data_bond, limits.min_data_bond, LARGEST_AMOUNT, "wei"),
        ("fee", terms.fee, least_fee, LARGEST_AMOUNT, "wei"),
        ("time limit", terms.time_limit, 1, limits.max_time_limit, "seconds"),
        ("least training time", terms.min_training_time, 0, terms.time_limit, "seconds"),
        ("number of solutions to wait for", terms.min_solutions, 1, limits.max_solutions, "solutions"),
        ("required training accuracy", terms.required_train_accuracy, 1, BASIS_POINTS, "basis points"),
        ("required test accuracy", terms.required_test_accuracy, 0, BASIS_POINTS, "basis points"),
        ("audit sample", terms.audit_count, 0, terms.train_count, "samples"),
    )
    for what, given, least, most, unit in ranges:
        if not least <= given <= most:
            raise InputError(
                f"The {what} is {given} {unit}, but must lie between {least} and {most}; change it."
            )


def check_disclosure(specification: ModelSpecification) -> None:
    """Raise InputError when one round's functional keys will let anyone compute the training data."""
    if discloses_data(specification):
        raise InputError(
            "This mapping layer gives away as many independent functions of a sample as it has values, so "
            "everybody can compute the data once the round's keys are out; ask for fewer queries, or allow "
            "it with --allow-disclosure."
        )


def prepare_task(request: TaskRequest, workshop: Workshop) -> TaskFiles:
    """Return where the files of a new task are; all but the test set are published.

    The test set stays in the task's folder. The master key is fresh and its secret durable before anything is
    published. Raises InputError for a request that `check_request` refuses, UnreachableError when the store
    does not answer.
    """
    dataset, specification = request.dataset, request.specification
    secret, public = generate_keys(specification.dimension, workshop.random_bytes)
    key_file = write_master_public_key(public.points)
    mpk_digest = keccak256(key_file)
    workshop.save_secret(mpk_digest, secret)
    folder = TaskFolder.of(workshop.home, mpk_digest)
    write_durably(folder.specification, specification.canonical_bytes())
    write_durably(folder.public_key, key_file)
    key_ref = FileRef(workshop.store.add(folder.public_key), mpk_digest)
    quantisation = fit(dataset.x_train, specification.input.bits)
    sealing = _Sealing(specification, quantisation, secret, key_ref, folder, workshop)
    train = sealing.seal(Part.TRAIN, dataset.x_train, dataset.y_train, workshop.store.add)
    test = sealing.seal(Part.TEST, dataset.x_test, dataset.y_test, workshop.store.cid_of)
    return TaskFiles(
        spec_cid=workshop.store.add(folder.specification),
        spec_digest=specification.digest(),
        train_cid=workshop.store.add(folder.manifest("train")),
        train_digest=keccak256(train),
        test_digest=keccak256(test),
        mpk_digest=mpk_digest,
    )


@dataclass(frozen=True, slots=True)
class _Sealing:
    specification: ModelSpecification
    quantisation: Quantisation
    secret: MasterSecretKey
    public_key: FileRef
    folder: TaskFolder
    workshop: Workshop

    def seal(self, part: Part, x: NDArray[Any], y: NDArray[np.int64], place: Callable[[Path], str]) -> bytes:
        """Encrypt a set into the task's folder; return its manifest. `place` gives a file its CID."""
        quantised = apply(self.quantisation, x)
        if quantised.clipped:
            LOG.warning(
                "%d values of the %s set are out of range and were clipped.", quantised.clipped, part.value
            )
        shards = tuple(self._shards(part, quantised.values, y, place))
        dimension = self.specification.dimension
        sentence = f"Encrypted {len(x)} samples of the {part.value} set, {dimension} values each."
        tell(
            LOG,
            "encrypted",
            sentence,
            part=part.value,
            samples=len(x),
            dimension=dimension,
        )
        manifest = write_manifest(
            EncryptedSetManifest(
                part=part,
                count=len(x),
                input_shape=self.specification.input.shape,
                dimension=self.specification.dimension,
                classes=self.specification.classes,
                bits=self.specification.input.bits,
                # The manifest divides by its scale where the quantisation multiplies.
                scale=tuple(1.0 / scale for scale in self.quantisation.scale),
                offset=self.quantisation.offset,
                master_public_key=self.public_key,
                shards=shards,
            )
        )
        write_durably(self.folder.manifest(part.value), manifest)
        return manifest

    def _shards(
        self, part: Part, values: NDArray[np.uint8], y: NDArray[np.int64], place: Callable[[Path], str]
    ) -> Iterator[ShardRef]:
        row_bytes = (self.specification.dimension + 1) * POINT_BYTES + LABEL_BYTES
        rows = max(1, SHARD_BYTES // row_bytes)
        for number, first in enumerate(range(0, len(values), rows)):
            some = slice(first, first + rows)
            sealed = encrypt(
                self.secret, values[some], self.workshop.random_bytes, threads=self.workshop.threads
            )
            content = write_shard(Shard(sealed.ct0, sealed.ct, y[some].astype(np.uint16)))
            path = self.folder.shard(part.value, number)
            write_durably(path, content)
            yield shard_ref(place(path), content, len(values[some]))
            LOG.info(
                "%s set: %d of %d samples encrypted.", part.value, first + len(values[some]), len(values)
            )
