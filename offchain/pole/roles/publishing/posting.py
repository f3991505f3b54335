"""Posting a task: what can stand in its way is checked first; then it is prepared once and paid for once.

That holds for a command that is killed and run again too.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pole.errors import FundsError
from pole.learning.data.datasets import DataSet
from pole.learning.data.digest import data_set_digest
from pole.protocol.amounts import ether
from pole.protocol.encoding.tasks import terms_hash
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.parameters import TaskListParameters
from pole.protocol.state import TaskFiles, TaskTerms
from pole.roles.keys.budget import KeyBudget, Spending
from pole.roles.keys.ledger import LedgerEntry
from pole.roles.memory import DataNodeMemory
from pole.roles.ports import Chain, Journal
from pole.roles.publishing.preparation import TaskRequest, Workshop, check_request, prepare_task


def post_task(
    request: TaskRequest,
    workshop: Workshop,
    chain: Chain,
    journal: Journal,
    *,
    reserve: Callable[[TaskFiles], None],
) -> int:
    """Prepare a task, post and fund it; return its id. `reserve` sees its files before anything is spent.

    The same request again, after this was interrupted, resumes with what was prepared, sending nothing twice;
    after it succeeded, it makes a new task under a new master key. Raises what `prepare_task` raises, and
    FundsError when the wallet cannot pay: what was prepared then waits for the next try.
    """
    memory, digest = DataNodeMemory(journal), request_digest(request)
    files = memory.prepared(digest)
    if files is None:
        files = prepare_task(request, workshop)
        memory.keep_prepared(digest, files)
    reserve(files)
    task_id = chain.post_task(request.terms, files, intent=memory.post_intent(files.mpk_digest))
    memory.forget_prepared(digest)
    return task_id


def prepared_files(request: TaskRequest, journal: Journal) -> TaskFiles | None:
    """Return the files of a request that was prepared and not yet posted, None when there are none."""
    return DataNodeMemory(journal).prepared(request_digest(request))


def request_digest(request: TaskRequest) -> bytes:
    """Return what requests for the same have in common: samples, bounds, specification and terms."""
    dataset = request.dataset
    digest = hashlib.sha256(request.specification.digest() + terms_hash(request.terms))
    digest.update(repr(dataset.bounds).encode())
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class TaskPoster:
    """A data owner at the task list: what posting needs, beside the request.

    `limits` are the deployment's. `balance` tells what the wallet holds, in wei. `require_place` raises
    RefusedError where a full list has no place for the terms. `report_budget` is told what was given away of
    the data set before a task that is not prepared yet.
    """

    chain: Chain
    journal: Journal
    workshop: Workshop
    budget: KeyBudget
    limits: TaskListParameters
    balance: Callable[[], int]
    require_place: Callable[[TaskTerms], None]
    report_budget: Callable[[Spending, ModelSpecification], None]

    def post(self, request: TaskRequest, whole: DataSet, *, data_name: str | None, consent: bool) -> int:
        """Prepare a task, reserve its keys in the budget, post and fund it; return its id.

        The keys count for the `whole` data set, of which the request may take a part, under `data_name` or
        the name that it has. Nothing is published or spent before the request fits the limits, the list has a
        place for it, its keys are within the budget or there is `consent`, and the wallet can pay. Raises
        InputError, RefusedError, BudgetSpentError and FundsError where that is not so, and what `post_task`
        raises.
        """
        check_request(request, self.limits)
        self.require_place(request.terms)
        specification, digest = request.specification, data_set_digest(whole)
        data_set = self.budget.data_set_of(digest, title=whole.name, name=data_name)
        if prepared_files(request, self.journal) is None:
            before = self.budget.check(data_set, specification, consent=consent)
            self.report_budget(before, specification)
        self._require_funds(request.terms.payment)
        return post_task(
            request,
            self.workshop,
            self.chain,
            self.journal,
            reserve=lambda files: self.budget.reserve(
                LedgerEntry(files.mpk_digest, data_set, digest, specification, consent)
            ),
        )

    def _require_funds(self, payment: int) -> None:
        balance = self.balance()
        if balance < payment:
            raise FundsError(
                f"The wallet {self.chain.identity.address} holds {ether(balance)}, but the task costs "
                f"{ether(payment)}: fund it, for instance with `pole wallet fund`."
            )
