"""`pole task post`."""

import json
from pathlib import Path

import click

from pole.cli.context import (
    Session,
    Settings,
    common_options,
    json_option,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.parameters import ETHER
from pole.cli.worker import threads_option

PERCENT = click.FloatRange(0, 100)


@click.command(
    epilog="Example: pole task post --wallet data-1 --spec examples/iris-mlp.json --data iris --reward 1 "
    "--time-limit 300 --train-accuracy 95 --allow-disclosure"
)
@wallet_option
@click.option(
    "--spec", type=click.Path(path_type=Path), required=True, help="File of the model specification."
)
@click.option("--data", required=True, help="iris, digits, mnist, cifar10, or an .npz file of one's own.")
@click.option("--train-samples", type=click.IntRange(min=1), help="Training samples to take.  [default: all]")
@click.option("--test-samples", type=click.IntRange(min=1), help="Test samples to take.  [default: all]")
@click.option("--reward", type=ETHER, required=True, help="What winner and committee share, in ether.")
@click.option("--data-bond", type=ETHER, help="Bond for keys and test set, in ether.  [default: the least]")
@click.option("--fee", type=ETHER, help="Fee to the system pool, in ether.  [default: the least]")
@click.option("--time-limit", type=click.IntRange(min=1), required=True, help="Seconds to train at most.")
@click.option("--min-time", type=click.IntRange(min=0), default=0, help="Seconds to train at least.")
@click.option("--min-solutions", type=click.IntRange(min=1), default=1, help="Solutions to wait for.")
@click.option("--train-accuracy", type=PERCENT, required=True, help="Training accuracy required, in percent.")
@click.option(
    "--test-accuracy", type=PERCENT, default=0, help="Test accuracy required, in percent; 0 for none."
)
@click.option("--audit", type=click.IntRange(min=0), default=0, help="Training samples judged; 0 for all.")
@click.option("--allow-disclosure", is_flag=True, help="Accept that the round's keys disclose the data.")
@threads_option
@json_option
@common_options
def post(
    settings: Settings,
    /,
    *,
    wallet: str,
    spec: Path,
    data: str,
    train_samples: int | None,
    test_samples: int | None,
    allow_disclosure: bool,
    threads: int,
    as_json: bool,
    **terms: int | float | None,
) -> None:
    """Encrypt a data set, post a task on it and fund it.

    The training set is published encrypted; the test set stays here until the round releases it, so keep the
    data node of this wallet running.
    """
    import os

    from pole.cli.master_secrets import save_master_secret
    from pole.cli.task_terms import read_request
    from pole.roles.task_posting import post_task
    from pole.roles.task_preparation import Workshop, check_disclosure, check_request

    with open_session(settings, wallet, read_password(settings)) as session:
        parameters = session.chain.deployment.parameters.task_list
        request = read_request(spec, data, train_samples, test_samples, terms, parameters)
        check_request(request, parameters)
        if not allow_disclosure:
            check_disclosure(request.specification)
        _demand_funds(session, request.terms.payment)
        workshop = Workshop(
            store=session.store,
            home=session.home,
            save_secret=lambda digest, secret: save_master_secret(session.secrets, digest, secret),
            random_bytes=os.urandom,
            threads=threads,
        )
        task_id = post_task(request, workshop, session.chain, session.journal)
    if as_json:
        click.echo(json.dumps({"taskId": task_id, "payment": str(request.terms.payment)}))
    else:
        click.echo(f"Posted task {task_id}. Its data node: pole data-node run --wallet {wallet}")


def _demand_funds(session: Session, payment: int) -> None:
    from pole.adapters.amounts import ether
    from pole.errors import FundsError

    balance = session.chain.balance_of(session.account.address)
    if balance < payment:
        raise FundsError(
            f"The wallet {session.account.address} holds {ether(balance)}, but the task costs "
            f"{ether(payment)}: fund it, for instance with `pole wallet fund`."
        )
