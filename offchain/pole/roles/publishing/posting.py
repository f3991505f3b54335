"""Posting a task: what can stand in its way is checked first; then it is prepared once and paid for once.

That holds for a command that is killed and run again too.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pole.errors import FundsError
from pole.learning.data.datasets import DataSet
from pole.learning.data.digest import data_set_digest
from pole.learning.privacy.rules import Rule
from pole.protocol.amounts import ether
from pole.protocol.encoding.commitments import terms_hash
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.rent import payment
from pole.protocol.state import TaskFiles, TaskTerms
from pole.roles.keys.budget import KeyBudget, LedgerChangedError
from pole.roles.keys.ledger import LedgerEntry
from pole.roles.memory import DataNodeMemory
from pole.roles.ports import Chain, Journal
from pole.roles.publishing.preparation import TaskRequest, Workshop, check_request, prepare_task

if TYPE_CHECKING:
    from pole.roles.keys.preview import Preview


def post_task(
    request: TaskRequest,
    workshop: Workshop,
    chain: Chain,
    journal: Journal,
    *,
    reserve: Callable[[TaskFiles], None],
) -> int:
    """Prepare a task, post and fund it; return its id. `reserve` sees its files before anything is spent.

    The same request again, after this was interrupted, resumes with the first shard that was not encrypted,
    or with what was prepared, sending nothing twice; two of them at a time exclude each other. After it
    succeeded, it makes a new task under a new master key. Raises what `prepare_task` raises, and
    FundsError when the wallet cannot pay: what was prepared then waits for the next try.
    """
    memory, digest = DataNodeMemory(journal), request_digest(request)
    with workshop.only_one(digest):
        files = memory.prepared(digest)
        if files is None:
            files = prepare_task(
                request,
                workshop,
                begun=memory.begun(digest),
                note_begun=lambda mpk_digest: memory.keep_begun(digest, mpk_digest),
            )
            memory.keep_prepared(digest, files)
        reserve(files)
        return _pay(request.terms, files, digest, chain, memory)


def post_paid(
    files: TaskFiles, request: TaskRequest, workshop: Workshop, chain: Chain, journal: Journal
) -> int:
    """Go on with a task whose payment was sent, with these prepared `files`; return its id.

    Raises LedgerChangedError, and nothing is prepared or sent, where another command went on with it first.
    """
    memory, digest = DataNodeMemory(journal), request_digest(request)
    with workshop.only_one(digest):
        if memory.prepared(digest) != files:
            raise _posted_meanwhile()
        return _pay(request.terms, files, digest, chain, memory)


def _pay(terms: TaskTerms, files: TaskFiles, digest: bytes, chain: Chain, memory: DataNodeMemory) -> int:
    task_id = chain.post_task(terms, files, intent=memory.post_intent(files.mpk_digest))
    memory.forget_prepared(digest)
    return task_id


def _posted_meanwhile() -> LedgerChangedError:
    return LedgerChangedError(
        "What was prepared of this task was posted meanwhile by another command: look at `pole task list`, "
        "and post it again if you want two of it."
    )


def prepared_files(request: TaskRequest, journal: Journal) -> TaskFiles | None:
    """Return the files of a request that was prepared and not yet posted, None when there are none."""
    return DataNodeMemory(journal).prepared(request_digest(request))


def request_digest(request: TaskRequest) -> bytes:
    """Return what requests for the same have in common: samples, how they were made, specification, terms."""
    dataset = request.dataset
    digest = hashlib.sha256(request.specification.digest() + terms_hash(request.terms))
    digest.update(repr(dataset.bounds).encode())
    if dataset.preparation is not None:
        digest.update(dataset.preparation.canonical_bytes())
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class TaskPoster:
    """A data owner at the task list: what posting needs, beside the request.

    `limits` are the deployment's. `balance` tells what the wallet holds, in wei. `require_counted` raises
    InputError where keys are out that the budget does not know. `require_place` raises RefusedError where a
    full list has no place for the terms. `was_sent` tells whether the transaction of an intent was signed
    and may be mined. `consent_to` is shown what a task would give away, and returns the first rule of the key
    budget that its owner accepts to be broken, None for none. `agree_to` is shown a request that can be
    posted, and returns whether its owner wants to pay for it.
    """

    chain: Chain
    journal: Journal
    workshop: Workshop
    budget: KeyBudget
    limits: TaskListParameters
    balance: Callable[[], int]
    require_counted: Callable[[], None]
    require_place: Callable[[TaskTerms], None]
    was_sent: Callable[[str], bool]
    consent_to: Callable[["Preview"], Rule | None]
    agree_to: Callable[[TaskRequest], bool] = lambda _: True

    def post(self, request: TaskRequest, whole: DataSet, *, data_name: str | None) -> int | None:
        """Prepare a task, reserve its keys in the budget, post and fund it; return its id.

        The keys count for the `whole` data set, of which the request may take a part, under `data_name` or
        the name that it has. Nothing is published or spent before the request fits the limits, the list has a
        place for it, its keys are within the budget or their owner consents, and the wallet can pay. Raises
        InputError, RefusedError, BudgetSpentError and FundsError where that is not so, and what `post_task`
        raises. Returns None, and nothing was done, where its owner does not agree to pay. Where the payment
        was sent before, nothing of this is asked: the list may be full, and the wallet empty, because it was.
        """
        paid = self._paid_files(request)
        if paid is not None:
            return post_paid(paid, request, self.workshop, self.chain, self.journal)
        check_request(request, self.limits)
        self.require_counted()
        self.require_place(request.terms)
        digest = data_set_digest(whole)
        data_set = self.budget.data_set_of(digest, title=whole.name, name=data_name)
        reserve = self._reservation(request, whole, data_set, digest)
        self._require_funds(payment(request.terms, self.limits))
        if not self.agree_to(request):
            return None
        return post_task(request, self.workshop, self.chain, self.journal, reserve=reserve)

    def _paid_files(self, request: TaskRequest) -> TaskFiles | None:
        files, memory = prepared_files(request, self.journal), DataNodeMemory(self.journal)
        if files is None or not self.was_sent(memory.post_intent(files.mpk_digest)):
            return None
        return files

    def _reservation(
        self, request: TaskRequest, whole: DataSet, data_set: str, digest: bytes
    ) -> Callable[[TaskFiles], None]:
        """Return what reserves the request's keys, once its owner has seen what they give away."""
        files, specification = prepared_files(request, self.journal), request.specification
        if files is not None and self.budget.ledger.read(files.mpk_digest) is not None:
            return self._require_counted_key
        # Attacks need torch, and whoever only looks at tasks need not wait for it.
        from pole.roles.keys.preview import preview

        seen = self.budget.tasks_of(data_set)
        found = preview(whole, specification, seen, data_set=data_set)
        consent = self.consent_to(found)
        found.require_consent(consent)
        return lambda made: self.budget.reserve(
            LedgerEntry(made.mpk_digest, data_set, digest, specification, consent, measures=found.measures),
            seen,
        )

    def _require_counted_key(self, made: TaskFiles) -> None:
        """Raise LedgerChangedError for files under another key than the one that was counted."""
        if self.budget.ledger.read(made.mpk_digest) is None:
            raise _posted_meanwhile()

    def _require_funds(self, payment: int) -> None:
        balance = self.balance()
        if balance < payment:
            raise FundsError(
                f"The wallet {self.chain.identity.address} holds {ether(balance)}, but the task costs "
                f"{ether(payment)}: fund it, for instance with `pole wallet fund`."
            )
