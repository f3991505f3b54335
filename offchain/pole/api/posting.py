"""What posting a task needs of a session."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from pole.api.budget import open_budget
from pole.api.counting import require_counted
from pole.api.key_secrets import open_master_secret, save_master_secret
from pole.api.session import Session
from pole.api.settings import Settings

if TYPE_CHECKING:
    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.learning.privacy.rules import Rule
    from pole.protocol.parameters import TaskListParameters
    from pole.protocol.state import TaskTerms
    from pole.roles.keys.preview import Preview
    from pole.roles.ports import Shards
    from pole.roles.publishing.posting import TaskPoster
    from pole.roles.publishing.preparation import TaskRequest


def task_poster(
    settings: Settings,
    session: Session,
    *,
    threads: int,
    shards: "Shards | None" = None,
    consent_to: "Callable[[Preview], Rule | None]",
    agree_to: "Callable[[TaskRequest], bool]",
    report: Callable[[str], None],
) -> "TaskPoster":
    """Return what posts tasks for a wallet (see TaskPoster); `report` is told which task makes room.

    The machines of `shards` encrypt beside `threads` of this one; they see samples and no secret.
    """
    from pole.adapters.storage.file_lock import sole_holder
    from pole.roles.publishing.posting import TaskPoster
    from pole.roles.publishing.preparation import Workshop

    workshop = Workshop(
        store=session.store,
        home=session.home,
        save_secret=lambda digest, secret: save_master_secret(session.secrets, digest, secret),
        open_secret=lambda digest: open_master_secret(session.secrets, digest),
        random_bytes=os.urandom,
        threads=threads,
        shards=shards,
        only_one=lambda digest: sole_holder(
            settings.home / "locks" / f"post-{digest.hex()[:16]}.lock", "This task is prepared"
        ),
    )
    limits = session.chain.deployment.parameters.task_list
    return TaskPoster(
        chain=session.chain,
        journal=session.journal,
        workshop=workshop,
        budget=open_budget(settings),
        limits=limits,
        balance=lambda: session.chain.balance_of(session.account.address),
        require_counted=lambda: require_counted(settings, session.chain),
        require_place=lambda terms: _require_place(session.chain, terms, limits, report),
        was_sent=session.chain.was_sent,
        consent_to=consent_to,
        agree_to=agree_to,
    )


def _require_place(
    chain: "ChainReader",
    terms: "TaskTerms",
    limits: "TaskListParameters",
    report: Callable[[str], None],
) -> None:
    """Tell which task makes room in a full list; raises RefusedError where none does."""
    from pole.adapters.sending.task_states import task_to_replace
    from pole.protocol.amounts import ether

    replaced = task_to_replace(chain.waiting_tasks(), terms, limits)
    if replaced is not None:
        report(
            f"The task list is full: this task takes the place of task {replaced.task_id}, whose reward is "
            f"{ether(replaced.reward)} for {replaced.duration} s."
        )
