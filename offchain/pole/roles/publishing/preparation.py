"""From a data set to a task: quantised, encrypted under a fresh key, published but for the test set."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import InputError
from pole.ipfe.scheme import MasterPublicKey, MasterSecretKey, generate_keys
from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import fit
from pole.protocol.amounts import ether, unit_of, written
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import Part
from pole.protocol.formats.keys import read_master_public_key, write_master_public_key
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.set_size import check_set_size
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.models.work import require_declared
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.rent import duration, judging_time, minimum_reward
from pole.protocol.state import FileRef, TaskFiles, TaskTerms
from pole.roles.ports import Shards, Store
from pole.roles.publishing.encryption import Sealing, encrypt_set
from pole.roles.publishing.placed_shards import can_go_on, kept_order, whole_set
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.files import write_durably

LOG: Final = logging.getLogger("pole.task")
LARGEST_AMOUNT: Final = 2**96 - 1


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What a data node wants learned, and for what."""

    dataset: DataSet
    specification: ModelSpecification
    terms: TaskTerms


@dataclass(frozen=True, slots=True)
class Workshop:
    """What preparing a task needs, beside the request.

    `save_secret` keeps a master secret and `open_secret` returns it again, both by the digest of its public
    key; `only_one` keeps a second process from working on the request of a digest. `random_bytes` may be
    called by `threads` threads at a time, `clock` counts seconds for reports of progress. The machines of
    `shards` encrypt beside the threads: they see samples and the public key.
    """

    store: Store
    home: Path
    save_secret: Callable[[bytes, MasterSecretKey], None]
    open_secret: Callable[[bytes], MasterSecretKey]
    random_bytes: Callable[[int], bytes]
    threads: int = 1
    clock: Callable[[], float] = time.monotonic
    shards: Shards | None = None
    only_one: Callable[[bytes], AbstractContextManager[None]] = lambda _: nullcontext()


def check_request(request: TaskRequest, limits: TaskListParameters) -> None:
    """Raise InputError where the parts of a request do not fit each other or the deployment's limits.

    Nothing was done or spent yet.
    """
    dataset, terms = request.dataset, request.terms
    check_samples(dataset, request.specification)
    if (terms.train_count, terms.test_count) != (len(dataset.x_train), len(dataset.x_test)):
        raise InputError(
            "The terms speak of other numbers of samples than the data set has; correct the terms."
        )
    _check_terms(terms, limits)
    _check_work(request, limits)
    check_set_size(request.specification, train_count=terms.train_count, test_count=terms.test_count)


def check_samples(dataset: DataSet, specification: ModelSpecification) -> None:
    """Raise InputError where a data set is not what a specification takes."""
    if dataset.input_shape != specification.input.shape:
        raise InputError(
            f"The samples of {dataset.name} have the shape {list(dataset.input_shape)}, but the "
            f"specification's input is {list(specification.input.shape)}; change one of them."
        )
    regression = isinstance(specification.metric, AbsoluteError)
    if dataset.classes == specification.classes or (regression and dataset.classes < specification.classes):
        return
    what = "steps of its target" if regression else "classes"
    raise InputError(
        f"The data set {dataset.name} has {dataset.classes} {what}, but the specification has "
        f"{specification.classes}; change the specification."
    )


def _check_terms(terms: TaskTerms, limits: TaskListParameters) -> None:
    minimum_fee = -(-terms.reward * limits.fee_bps // BASIS_POINTS)
    ranges = (
        ("reward", terms.reward, limits.min_reward, limits.max_reward, _amount),
        ("data bond", terms.data_bond, limits.min_data_bond, LARGEST_AMOUNT, _amount),
        ("fee", terms.fee, minimum_fee, LARGEST_AMOUNT, _amount),
        ("time limit", terms.time_limit, 1, limits.max_time_limit, _counted("seconds")),
        ("least training time", terms.min_training_time, 0, terms.time_limit, _counted("seconds")),
        (
            "number of solutions to wait for",
            terms.min_solutions,
            1,
            limits.max_solutions,
            _counted("solutions"),
        ),
        ("required training accuracy", terms.required_train_accuracy, 1, BASIS_POINTS, _percent),
        ("required test accuracy", terms.required_test_accuracy, 0, BASIS_POINTS, _percent),
    )
    for what, given, minimum, maximum, shown in ranges:
        if not minimum <= given <= maximum:
            bound = (
                f"at least {shown(minimum, given)}" if given < minimum else f"at most {shown(maximum, given)}"
            )
            raise InputError(f"The {what} is {shown(given, given)}, but must be {bound}; change it.")


def _check_work(request: TaskRequest, limits: TaskListParameters) -> None:
    """Raise InputError where judging takes longer than declared or allowed, or a round than is paid for."""
    terms = request.terms
    require_declared(request.specification, terms)
    seconds = judging_time(terms, limits)
    if seconds > limits.max_judging_time:
        raise InputError(
            f"Judging one model of this task may take {seconds} s, more than the {limits.max_judging_time} s "
            "of this deployment; take a smaller network, fewer queries or fewer samples."
        )
    minimum = minimum_reward(terms, limits)
    if terms.reward < minimum:
        raise InputError(
            f"The reward is {_amount(terms.reward, terms.reward)}, but its round may take "
            f"{duration(terms, limits)} s, of them {seconds} s for judging each model, for which this "
            f"deployment asks at least {ether(minimum)}; raise the reward, lower the time limit, or take "
            "fewer samples, fewer queries or a smaller network."
        )


def _amount(wei: int, given: int) -> str:
    return written(wei, unit_of(given))


def _percent(basis_points: int, _: int) -> str:
    return f"{basis_points / 100:g} %"


def _counted(unit: str) -> Callable[[int, int], str]:
    return lambda count, _: f"{count} {unit}"


def unnoted(_: bytes) -> None:
    """Note nothing: for a task that nobody resumes."""


def prepare_task(
    request: TaskRequest,
    workshop: Workshop,
    *,
    begun: bytes | None = None,
    note_begun: Callable[[bytes], None] = unnoted,
) -> TaskFiles:
    """Return where the files of a new task are; all but the test set are published.

    The test set stays in the task's folder. The master key is fresh and its secret durable before anything is
    published; the samples of either set come in a fresh order. `note_begun` is given the digest of the public
    key then. Called again for the same request with this digest as `begun`, it goes on under the same key and
    in the same order; where either is lost, it begins anew. Raises InputError for a request that
    `check_request` refuses, UnreachableError when the store does not answer.
    """
    dataset, specification = request.dataset, request.specification
    keys = (None if begun is None else _keys_of(begun, request, workshop)) or _new_keys(request, workshop)
    note_begun(keys.digest)
    folder, store = keys.folder, workshop.store
    sealing = Sealing(
        specification,
        fit(dataset.x_train, specification.input.bits, dataset.bounds),
        keys.secret,
        FileRef(store.add(folder.public_key), keys.digest),
        folder,
        store,
        workshop.random_bytes,
        workshop.threads,
        workshop.clock,
        keys.public,
        workshop.shards,
    )
    sets = (
        (Part.TRAIN, dataset.x_train, dataset.y_train),
        (Part.TEST, dataset.x_test, dataset.y_test),
    )
    # Both orders before the first shard: a set without one cannot be gone on with.
    orders = {
        part: kept_order(folder, part, len(x), workshop.random_bytes)
        for part, x, _ in sets
        if not folder.manifest(part.value).is_file()
    }
    train, test = (
        encrypt_set(sealing, part, x, y, orders[part]) if part in orders else whole_set(folder, part)
        for part, x, y in sets
    )
    return TaskFiles(
        spec_cid=store.add(folder.specification),
        spec_digest=specification.digest(),
        train_cid=store.add(folder.manifest("train")),
        train_digest=keccak256(train),
        test_digest=keccak256(test),
        mpk_digest=keys.digest,
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """A task's master keys, the digest of the public one's file, and the folder that is named by it."""

    secret: MasterSecretKey = field(repr=False)
    public: MasterPublicKey
    digest: bytes
    folder: TaskFolder


def _new_keys(request: TaskRequest, workshop: Workshop) -> _Keys:
    """Make a task's keys and folder; both are on disk when this returns."""
    dataset, specification = request.dataset, request.specification
    secret, public = generate_keys(specification.columns, workshop.random_bytes)
    key_file = write_master_public_key(public.points)
    digest = keccak256(key_file)
    workshop.save_secret(digest, secret)
    folder = TaskFolder.of(workshop.home, digest)
    write_durably(folder.specification, specification.canonical_bytes())
    write_durably(folder.public_key, key_file)
    if dataset.preparation is not None:
        write_durably(folder.preparation, dataset.preparation.canonical_bytes())
    return _Keys(secret, public, digest, folder)


def _keys_of(digest: bytes, request: TaskRequest, workshop: Workshop) -> _Keys | None:
    """Return the keys of a task whose preparation was begun, None where that cannot be gone on with."""
    folder = TaskFolder.of(workshop.home, digest)
    content = folder.public_key.read_bytes() if folder.public_key.is_file() else b""
    if keccak256(content) != digest or not can_go_on(folder):
        LOG.warning("What was begun of this task is lost in part, in %s: it begins anew.", folder.path)
        return None
    points = read_master_public_key(content, dimension=request.specification.columns)
    return _Keys(workshop.open_secret(digest), MasterPublicKey(points), digest, folder)
