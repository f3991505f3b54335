"""`pole task list|show|cancel`; `post` is in task_post.py."""

from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    open_reader,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.common.output import print_json, print_line, print_table, short_address

if TYPE_CHECKING:
    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.protocol.state import PostedTask


@command(name="list", epilog="Example: pole task list --waiting")
@click.option("--waiting", is_flag=True, help="Only tasks that wait for a round.")
@json_option
@common_options
def list_(settings: Settings, waiting: bool, as_json: bool) -> None:  # noqa: FBT001
    """List the tasks that were ever posted and what became of them, oldest first."""
    from pole.adapters.sending.task_states import task_states
    from pole.protocol.amounts import ether

    reader = open_reader(settings)
    states = task_states(reader)
    tasks = [task for task in reader.tasks() if not waiting or states[task.task_id] == "waiting"]
    if as_json:
        print_json([_as_json(task, states[task.task_id]) for task in tasks])
        return
    rows = [
        (
            task.task_id,
            states[task.task_id],
            short_address(task.owner),
            ether(task.terms.reward),
            f"{task.terms.time_limit} s",
            f"{task.terms.required_train_accuracy / 100:.2f} %",
            task.terms.train_count,
            task.terms.test_count,
        )
        for task in tasks
    ]
    columns = ("task", "state", "owner", "reward", "time limit", "threshold", "train", "test")
    print_table(columns, rows, empty="There is no task: post one with `pole task post`.")


@command(epilog="Example: pole task show 1")
@click.argument("task_id", type=click.IntRange(1))
@json_option
@common_options
def show(settings: Settings, task_id: int, as_json: bool) -> None:  # noqa: FBT001
    """Show all terms and files of task TASK_ID."""
    from pole.adapters.sending.task_states import task_states

    reader: ChainReader = open_reader(settings)
    task = reader.task(task_id)
    content = _as_json(task, task_states(reader)[task_id])
    if as_json:
        print_json(content)
        return
    for name, value in content.items():
        print_line(f"{name:<22}{value}")


@command(epilog="Example: pole task cancel 1 --wallet alice")
@click.argument("task_id", type=click.IntRange(1))
@wallet_option
@json_option
@common_options
def cancel(settings: Settings, task_id: int, wallet: str, as_json: bool) -> None:  # noqa: FBT001
    """Take back task TASK_ID, which no round has opened.

    Reward and bond become credit (`pole withdraw`); the fee stays in the pool. What the task had reserved of
    the key budget is free again.
    """
    from pole.adapters.sending.task_states import CANCELLED, task_states
    from pole.cli.common.budget import open_budget
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        task = session.chain.task(task_id)
        was_cancelled = task_states(session.chain)[task_id] == CANCELLED
        if not was_cancelled:
            session.chain.cancel_task(task_id, intent=f"cancel/{task_id}")
        budget = open_budget(settings)
        entry = budget.ledger.read(task.files.mpk_digest)
        if entry is not None and entry.given is None:
            budget.release(task.files.mpk_digest)
        refund, credit = (
            task.terms.reward + task.terms.data_bond,
            session.chain.credit_of(session.account.address),
        )
    if as_json:
        print_json(
            {
                "taskId": task_id,
                "cancelledBefore": was_cancelled,
                "refund": str(refund),
                "credit": str(credit),
            }
        )
    elif was_cancelled:
        click.echo(f"Task {task_id} was cancelled before; the wallet's credit is {ether(credit)} now.")
    else:
        click.echo(f"Task {task_id} is cancelled; {ether(refund)} can be withdrawn with `pole withdraw`.")


def _as_json(task: "PostedTask", state: str) -> dict[str, Any]:
    terms, files = task.terms, task.files
    return {
        "taskId": task.task_id,
        "state": state,
        "owner": task.owner,
        "reward": str(terms.reward),
        "dataBond": str(terms.data_bond),
        "fee": str(terms.fee),
        "timeLimit": terms.time_limit,
        "minTrainingTime": terms.min_training_time,
        "minSolutions": terms.min_solutions,
        "requiredTrainAccuracy": terms.required_train_accuracy,
        "requiredTestAccuracy": terms.required_test_accuracy,
        "trainCount": terms.train_count,
        "testCount": terms.test_count,
        "auditCount": terms.audit_count,
        "specCid": files.spec_cid,
        "specDigest": f"0x{files.spec_digest.hex()}",
        "trainCid": files.train_cid,
        "trainDigest": f"0x{files.train_digest.hex()}",
        "testDigest": f"0x{files.test_digest.hex()}",
        "mpkDigest": f"0x{files.mpk_digest.hex()}",
    }
