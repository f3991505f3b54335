"""A data node whose task a better one pushed out of a full list."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage, dataset, specification

from pole.errors import JournalError, SignerError
from pole.learning.privacy.rules import Rule
from pole.protocol.state import Phase
from pole.roles.keys.budget import KeyBudget
from pole.roles.keys.ledger import GivenKeys, LedgerEntry
from pole.roles.loop import Role
from pole.roles.memory import SettlementMemory
from pole.roles.ports import Moment
from pole.roles.workers.settlement import Settlement

STRANGER = MINERS[0]


@dataclass
class KeepsTrying:
    """A worker whose signer refuses, as the loop drives it."""

    worker: Role

    def step(self, moment: Moment) -> str | None:
        with suppress(SignerError):
            return self.worker.step(moment)
        return None


def reserve(stage: Stage, task_id: int = 1) -> bytes:
    """Enter a task in the key budget as `pole task post` does; return the digest of its master key."""
    mpk_digest = stage.world.tasks[task_id].files.mpk_digest
    title = dataset().name
    stage.budget.reserve(LedgerEntry(mpk_digest, title, mpk_digest, specification(), consent=None), ())
    return mpk_digest


def push_out(stage: Stage, task_id: int = 1) -> None:
    """Replace a task, as the contracts do."""
    world = stage.world
    world.listed.remove(task_id)
    world.replaced[task_id] = len(world.tasks) + 1
    world.credits[OWNER] = world.credits.get(OWNER, 0) + 1100


def test_a_task_that_waits_is_not_settled(stage: Stage) -> None:
    stage.post()
    mpk_digest = reserve(stage)
    stage.data_node().step(stage.world.moment())
    assert stage.budget.ledger.read(mpk_digest) is not None
    assert stage.sent(OWNER) == ["post/0"]


def test_a_replaced_task_is_told_once_also_after_a_restart(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    stage.post()
    node = stage.data_node()
    node.step(stage.world.moment())
    push_out(stage)
    stage.world.tasks[2] = stage.world.tasks[1]
    for worker in (stage.data_node(), stage.data_node()):
        worker.step(stage.world.moment())
    assert caplog.text.count("Task 1 was pushed out of the full list by task 2") == 1


def test_what_a_replaced_task_had_reserved_of_the_key_budget_is_free_again(stage: Stage) -> None:
    stage.post()
    mpk_digest = reserve(stage)
    push_out(stage)
    stage.data_node().step(stage.world.moment())
    assert stage.budget.ledger.read(mpk_digest) is None


def test_keys_that_were_given_stay_counted(stage: Stage) -> None:
    stage.post()
    mpk_digest = reserve(stage)
    stage.budget.give(mpk_digest, specification(), GivenKeys(bytes(32), 1), consent=Rule.RANK)
    push_out(stage)
    stage.data_node().step(stage.world.moment())
    assert stage.budget.ledger.read(mpk_digest) is not None


def test_the_escrow_is_fetched_where_credits_are(stage: Stage) -> None:
    stage.post()
    push_out(stage)
    stage.data_node().step(stage.world.moment())
    assert OWNER not in stage.world.credits
    assert stage.sent(OWNER)[-1] == "withdraw/replaced-1"


def refuse_escrow(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the signer refuse what fetches the escrow of replaced tasks."""
    withdraw = stage.chain(OWNER).withdraw

    def refuse(*, intent: str) -> int:
        if "replaced" in intent:
            raise SignerError(f"The signer refuses {intent}.")
        return withdraw(intent=intent)

    monkeypatch.setattr(stage.chain(OWNER), "withdraw", refuse)


def test_keys_and_test_set_do_not_wait_for_the_escrow(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.post()
    stage.post(seed=7)
    push_out(stage, 1)
    refuse_escrow(stage, monkeypatch)
    node = stage.data_node()
    stage.play(Phase.KEYS, workers=[stage.miner()])
    assert node.step(stage.world.moment()) == "keys issued"
    with pytest.raises(SignerError):
        node.step(stage.world.moment())
    stage.play(Phase.TEST_RELEASE, workers=[stage.miner(), KeepsTrying(node)])
    stage.world.pass_time(1)
    assert node.step(stage.world.moment()) == "released"


def test_a_model_that_was_won_does_not_wait_for_the_escrow(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    stage.play(Phase.FINAL)
    stage.post(seed=7)
    push_out(stage, 2)
    refuse_escrow(stage, monkeypatch)
    node = stage.data_node()
    assert node.step(stage.world.moment()) == "settled"
    assert node.step(stage.world.moment()) == "model kept"


def damage(stage: Stage, task_id: int) -> None:
    (stage.budget.ledger.folder / f"{reserve(stage, task_id).hex()}.json").write_bytes(b"{}")


def test_a_damaged_entry_of_one_replaced_task_keeps_no_other_waiting(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    for task_id, seed in ((1, 1), (2, 7)):
        stage.post(seed=seed)
        push_out(stage, task_id)
    damage(stage, 1)
    assert stage.data_node().step(stage.world.moment()) is None
    assert "Task 1 was pushed out of the full list, and is not settled: The key ledger's file" in caplog.text
    assert stage.sent(OWNER)[-1] == "withdraw/replaced-2"


def test_a_damaged_entry_gives_up_the_round_and_does_not_end_the_worker(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Which data set it was of is not known any more, so keys of any other might give that one away."""
    for seed in (1, 7):
        stage.post(seed=seed)
    push_out(stage, 1)
    damage(stage, 1)
    node = stage.data_node()
    stage.play(Phase.VOID, workers=[node])
    assert "Round 1: this data node cannot serve its own task: The key ledger's file" in caplog.text
    assert OWNER in stage.world.credits


def test_a_damaged_entry_of_a_replaced_task_is_mended_and_then_settled(stage: Stage) -> None:
    stage.post()
    push_out(stage)
    mpk_digest = reserve(stage)
    entry = stage.budget.ledger.read(mpk_digest)
    assert entry is not None
    damage(stage, 1)
    assert stage.data_node().step(stage.world.moment()) is None
    assert stage.world.credits[OWNER] == 1100
    stage.budget.ledger.write(entry)
    stage.data_node().step(stage.world.moment())
    assert OWNER not in stage.world.credits
    assert stage.budget.ledger.read(mpk_digest) is None


def test_a_journal_that_fails_for_a_while_is_told_as_that(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    push_out(stage)
    node = stage.data_node()

    def fail(*_: object) -> NoReturn:
        raise JournalError("The journal cannot be used (database is locked): make room on the disk.")

    monkeypatch.setattr(KeyBudget, "release", fail)
    reserve(stage)
    with pytest.raises(JournalError, match="database is locked"):
        node.step(stage.world.moment())


def test_the_escrow_stays_where_credits_do(stage: Stage) -> None:
    stage.post()
    push_out(stage)
    node = stage.data_node()
    means, memory = node.means, SettlementMemory(stage.journal(OWNER))
    means.settlement = Settlement(
        means.chain, means.store, memory, means.home, lambda _: b"", withdraws=False
    )
    node.step(stage.world.moment())
    assert stage.world.credits[OWNER] == 1100


def test_a_task_of_somebody_else_is_nothing_to_tell(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stage.post()
    push_out(stage)
    stage.world.tasks[1] = replace(stage.world.tasks[1], owner=STRANGER)
    stage.data_node().step(stage.world.moment())
    assert "pushed out" not in caplog.text


def test_it_looks_once_a_phase(stage: Stage) -> None:
    stage.post()
    node = stage.data_node()
    node.step(stage.world.moment())
    push_out(stage)
    node.step(stage.world.moment())
    assert stage.world.credits[OWNER] == 1100
    stage.world.listed.append(1)
    stage.chain(OWNER).open_round(0, intent="open")
    assert stage.world.moment().phase is Phase.SEED
    node.step(stage.world.moment())
    assert OWNER not in stage.world.credits
