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
from pole.cli.common.output import print_json, print_line, print_table
from pole.quoting import short_address, utc

if TYPE_CHECKING:
    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.adapters.ethereum.task_story import Outcome
    from pole.protocol.state import PostedTask


@command(name="list", epilog="Example: pole task list --waiting")
@click.option("--waiting", is_flag=True, help="Only tasks that wait for a round.")
@json_option
@common_options
def list_(settings: Settings, /, *, waiting: bool, as_json: bool) -> None:
    """List the tasks that were ever posted and what became of them, oldest first, with winner and score."""
    from pole.adapters.ethereum.task_story import outcomes
    from pole.adapters.sending.task_states import WAITING, task_states
    from pole.cli.task.telling import duration, score_of
    from pole.protocol.amounts import ether

    reader = open_reader(settings)
    states = task_states(reader)
    tasks = [task for task in reader.tasks() if not waiting or states[task.task_id] == WAITING]
    ended = outcomes(reader.index.snapshot(), {task.task_id: task for task in tasks})
    if as_json:
        print_json([_as_json(task, states[task.task_id], ended.get(task.task_id)) for task in tasks])
        return
    rows = []
    for task in tasks:
        outcome = ended.get(task.task_id)
        header = outcome.header if outcome else None
        rows.append(
            (
                task.task_id,
                states[task.task_id],
                short_address(task.owner),
                ether(task.terms.reward),
                duration(task.terms.time_limit),
                _percent(task.terms.required_train_accuracy),
                "-" if header is None else short_address(header.winner),
                *(("-", "-") if outcome is None else score_of(outcome)),
            )
        )
    columns = ("task", "state", "owner", "reward", "time limit", "threshold", "winner", "train", "test")
    print_table(columns, rows, empty="There is no task: post one with `pole task post`.")


@command(epilog="Example: pole task show 1")
@click.argument("task_id", type=click.IntRange(1))
@json_option
@common_options
def show(settings: Settings, /, *, task_id: int, as_json: bool) -> None:
    """Show all terms and files of task TASK_ID, and who won it: in ether, percent and UTC; --json has wei."""
    from pole.adapters.ethereum.task_story import outcomes
    from pole.adapters.sending.task_states import task_states

    reader: ChainReader = open_reader(settings)
    task = reader.task(task_id)
    state, posted = task_states(reader)[task_id], reader.posted_at(task_id)
    outcome = outcomes(reader.index.snapshot(), {task_id: task}).get(task_id)
    if as_json:
        print_json(
            {**_as_json(task, state, outcome), "postedAt": posted, "transaction": reader.posting_of(task_id)}
        )
        return
    transaction = {"posted": f"{utc(posted)}, transaction {reader.posting_of(task_id)}"}
    for name, value in {"task": f"{task_id}, {state}", **transaction, **_rows(task, outcome)}.items():
        print_line(f"{name:<22}{value}")


@command(epilog="Example: pole task cancel 1 --wallet alice")
@click.argument("task_id", type=click.IntRange(1))
@wallet_option
@json_option
@common_options
def cancel(settings: Settings, /, *, task_id: int, wallet: str, as_json: bool) -> None:
    """Take back task TASK_ID, which no round has opened.

    Reward, bond and rent become credit (`pole withdraw`); the fee stays in the pool. What the task had
    reserved of the key budget is free again.
    """
    from pole.adapters.sending.task_states import CANCELLED, task_states
    from pole.api.budget import open_budget
    from pole.protocol.amounts import ether
    from pole.protocol.rounds.rent import payment

    with open_session(settings, wallet, read_password(settings)) as session:
        task = session.chain.task(task_id)
        was_cancelled = task_states(session.chain)[task_id] == CANCELLED
        if not was_cancelled:
            session.chain.cancel_task(task_id, intent=f"cancel/{task_id}")
        budget = open_budget(settings)
        entry = budget.ledger.read(task.files.mpk_digest)
        if entry is not None and entry.given is None:
            budget.release(task.files.mpk_digest)
        refund = payment(task.terms, session.chain.parameters.task_list) - task.terms.fee
        credit = session.chain.credit_of(session.account.address)
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


def _rows(task: "PostedTask", outcome: "Outcome | None") -> dict[str, str]:
    """Return a task as `show` tells it, but for its state and its posting."""
    from pole.cli.task.telling import duration, score_of
    from pole.protocol.amounts import ether

    terms, files = task.terms, task.files
    test = _percent(terms.required_test_accuracy) if terms.required_test_accuracy else "any part"
    rows = {
        "owner": task.owner,
        "reward": ether(terms.reward),
        "data bond": ether(terms.data_bond),
        "fee": ether(terms.fee),
        "time to train": f"{duration(terms.min_training_time)} to {duration(terms.time_limit)}",
        "solutions waited for": str(terms.min_solutions),
        "of training samples": f"{_percent(terms.required_train_accuracy)} of {terms.train_count}",
        "of test samples": f"{test} of {terms.test_count}",
        "specification": f"{files.spec_cid}, digest 0x{files.spec_digest.hex()}",
        "training set": f"{files.train_cid}, digest 0x{files.train_digest.hex()}",
        "test set": f"digest 0x{files.test_digest.hex()}",
        "master public key": f"digest 0x{files.mpk_digest.hex()}",
    }
    header = outcome.header if outcome else None
    if outcome is None or header is None:
        return rows
    train_score, test_score = score_of(outcome)
    return rows | {
        "winner": f"{header.winner}, block {header.height}, {utc(header.timestamp)}",
        "training score": f"{train_score}, {header.train_correct} of {outcome.train_total}",
        "test score": f"{test_score}, {header.test_correct} of {outcome.test_total}",
        "model": f"digest 0x{header.model_digest.hex()}: pole model get {task.task_id}",
    }


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"


def _as_json(task: "PostedTask", state: str, outcome: "Outcome | None") -> dict[str, Any]:
    from pole.cli.task.telling import outcome_document

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
        "work": terms.work,
        "specCid": files.spec_cid,
        "specDigest": f"0x{files.spec_digest.hex()}",
        "trainCid": files.train_cid,
        "trainDigest": f"0x{files.train_digest.hex()}",
        "testDigest": f"0x{files.test_digest.hex()}",
        "mpkDigest": f"0x{files.mpk_digest.hex()}",
        "outcome": None if outcome is None else outcome_document(outcome),
    }
