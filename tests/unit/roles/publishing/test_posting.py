"""Posting as a data owner: what stands in a task's way is told before anything is published or spent."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from tests.unit.protocol.example_rounds import POSTING
from tests.unit.roles.conftest import OWNER, Stage, dataset, specification, terms

from pole.errors import FundsError, InputError, JournalError, PoleError, RefusedError
from pole.learning.data.digest import data_set_digest
from pole.learning.privacy.rules import Rule
from pole.protocol.state import TaskTerms
from pole.roles.keys.budget import BudgetSpentError, LedgerChangedError
from pole.roles.keys.preview import Preview
from pole.roles.memory import DataNodeMemory
from pole.roles.publishing.posting import TaskPoster
from pole.roles.publishing.preparation import TaskRequest


class Owner:
    """A data owner who notes what is asked of it, with so much in its wallet; `key` draws its master key."""

    def __init__(
        self, stage: Stage, *, balance: int = 10**20, list_is_full: bool = False, key: int = 1
    ) -> None:
        self.key = key
        self.stage, self.wei, self.list_is_full = stage, balance, list_is_full
        self.asked: list[str] = []
        self.agrees: Callable[[], bool] = lambda: True
        self.was_sent: Callable[[str], bool] = lambda intent: (OWNER, intent) in stage.world.sent

    def place(self, _: TaskTerms) -> None:
        self.asked.append("place")
        if self.list_is_full:
            raise RefusedError("The list is full.")

    def balance(self) -> int:
        self.asked.append("balance")
        return self.wei

    def consent(self, found: Preview) -> Rule | None:
        self.asked.append("budget")
        assert found.broken is Rule.RANK
        return self.allowed

    def post(self, *, allowed: Rule | None = Rule.RANK, **changes: int) -> int:
        self.allowed = allowed
        poster = TaskPoster(
            chain=self.stage.chain(OWNER),
            journal=self.stage.journal(OWNER),
            workshop=self.stage.workshop(self.key),
            budget=self.stage.budget,
            limits=POSTING,
            balance=self.balance,
            require_counted=lambda: self.asked.append("keys"),
            require_place=self.place,
            was_sent=self.was_sent,
            consent_to=self.consent,
            agree_to=lambda _: self.agrees(),
        )
        request = TaskRequest(dataset(), specification(), terms(**changes))
        task_id = poster.post(request, dataset(), data_name=None)
        assert task_id is not None
        return task_id


@pytest.mark.parametrize(
    ("obstacle", "options", "error", "asked"),
    [
        ({}, {"reward": 99}, InputError, []),
        ({"list_is_full": True}, {}, RefusedError, ["keys", "place"]),
        ({}, {"allowed": None}, BudgetSpentError, ["keys", "place", "budget"]),
        ({}, {"allowed": Rule.ENTROPY}, BudgetSpentError, ["keys", "place", "budget"]),
        ({"balance": 1109}, {}, FundsError, ["keys", "place", "budget", "balance"]),
    ],
)
def test_nothing_is_made_for_a_task_that_cannot_be_posted(
    stage: Stage, obstacle: dict[str, Any], options: Any, error: type[PoleError], asked: list[str]
) -> None:
    owner = Owner(stage, **obstacle)
    with pytest.raises(error):
        owner.post(**options)
    assert owner.asked == asked
    assert stage.store.files == {}
    assert stage.secrets.kept == {}
    assert stage.budget.ledger.entries() == ()


def test_the_keys_of_a_posted_task_count_for_its_data_set(stage: Stage) -> None:
    assert Owner(stage).post() == 1
    (entry,) = stage.budget.ledger.entries()
    assert entry.data_digest == data_set_digest(dataset())
    assert entry.mpk_digest == stage.world.tasks[1].files.mpk_digest


def test_a_task_that_is_prepared_already_asks_nothing_more_of_the_budget(stage: Stage) -> None:
    stage.chain(OWNER).balance = 0
    with pytest.raises(FundsError):
        Owner(stage).post()
    stage.chain(OWNER).balance = 10**20
    again = Owner(stage)
    assert again.post() == 1
    assert again.asked == ["keys", "place", "balance"]


def pay_and_die(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Post a task, but fail before it is noted that it was."""

    def die(*_: object) -> NoReturn:
        raise JournalError("The disk is full.")

    with monkeypatch.context() as dying:
        dying.setattr(DataNodeMemory, "forget_prepared", die)
        with pytest.raises(JournalError):
            Owner(stage).post()


def test_a_task_that_was_paid_is_gone_on_with_whatever_the_wallet_holds_by_then(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_and_die(stage, monkeypatch)
    again = Owner(stage, balance=0, list_is_full=True)
    assert again.post() == 1
    assert again.asked == []
    assert list(stage.world.tasks) == [1]


def test_a_task_that_another_command_posts_meanwhile_is_not_paid_twice(stage: Stage) -> None:
    stage.chain(OWNER).balance = 0
    with pytest.raises(FundsError):
        Owner(stage).post()
    stage.chain(OWNER).balance = 10**20
    second = Owner(stage, key=2)
    second.agrees = lambda: Owner(stage).post() == 1
    with pytest.raises(LedgerChangedError, match="posted meanwhile by another command"):
        second.post()
    assert list(stage.world.tasks) == [1]
    counted = {entry.mpk_digest for entry in stage.budget.ledger.entries()}
    assert counted == {stage.world.tasks[1].files.mpk_digest}


def test_a_paid_task_that_another_command_goes_on_with_is_not_paid_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_and_die(stage, monkeypatch)
    files = set(stage.store.files)
    second = Owner(stage, key=2)
    second.was_sent = lambda _: Owner(stage).post() == 1
    with pytest.raises(LedgerChangedError, match="posted meanwhile by another command"):
        second.post()
    assert list(stage.world.tasks) == [1]
    assert set(stage.store.files) == files
    assert len(stage.budget.ledger.entries()) == 1
