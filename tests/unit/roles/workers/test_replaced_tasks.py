"""A data node whose task a better one pushed out of a full list."""

from dataclasses import replace

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage, dataset, specification

from pole.learning.privacy.rules import Rule
from pole.protocol.state import Phase
from pole.roles.keys.ledger import GivenKeys, LedgerEntry
from pole.roles.memory import SettlementMemory
from pole.roles.workers.settlement import Settlement

STRANGER = MINERS[0]


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
