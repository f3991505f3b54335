"""`pole task post`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.cluster import cluster_options, opened_cluster
from pole.cli.common.context import (
    Session,
    Settings,
    command,
    common_options,
    json_option,
    open_session,
    read_password,
    require_strong_wallet,
    wallet_option,
)
from pole.cli.common.disclosure import consent_option, consent_to
from pole.cli.common.output import print_json
from pole.cli.common.parameters import ETHER, PERCENT, WholeSeconds, data_option
from pole.cli.common.worker import threads_option
from pole.cli.task.price import agree_to, document_of, dry_run_option, require_an_answer, yes_option

if TYPE_CHECKING:
    from pole.protocol.state import TaskTerms


@command(
    epilog="Example: pole task post --wallet data-1 --spec examples/iris-mlp.json --data iris --reward 1 "
    "--time-limit 5m --train-accuracy 95 --allow-disclosure rank --yes"
)
@wallet_option
@click.option(
    "--spec", type=click.Path(path_type=Path), required=True, help="File of the model specification."
)
@data_option
@click.option(
    "--data-name",
    metavar="NAME",
    help="Name under which the key budget counts this data, for data that changed since an earlier task, "
    "such as a subset or a rescaled copy.  [default: told by its digest]",
)
@click.option("--train-samples", type=click.IntRange(min=1), help="Training samples to take.  [default: all]")
@click.option("--test-samples", type=click.IntRange(min=1), help="Test samples to take.  [default: all]")
@click.option("--reward", type=ETHER, required=True, help="What winner and committee share, such as 0.5.")
@click.option("--data-bond", type=ETHER, help="Bond for keys and test set.  [default: the minimum]")
@click.option("--fee", type=ETHER, help="Fee to the system pool.  [default: the minimum]")
@click.option("--time-limit", type=WholeSeconds(1), required=True, help="Time to train at most, such as 5m.")
@click.option("--min-time", type=WholeSeconds(), default=0, help="Time to train at least.")
@click.option("--min-solutions", type=click.IntRange(min=1), default=1, help="Solutions to wait for.")
@click.option("--train-accuracy", type=PERCENT, required=True, help="Training accuracy required, such as 95.")
@click.option("--test-accuracy", type=PERCENT, default=0, help="Test accuracy required; 0 for none.")
@consent_option
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG file for pictures of what attacks see.  [default: for images, in the data folder]",
)
@threads_option
@cluster_options
@yes_option
@dry_run_option
@json_option
@common_options
def post(
    settings: Settings,
    /,
    *,
    wallet: str,
    spec: Path,
    data: str,
    data_name: str | None,
    train_samples: int | None,
    test_samples: int | None,
    allow_disclosure: str | None,
    picture: Path | None,
    threads: int,
    cluster: str | None,
    cluster_certificates: Path | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **terms: int | float | None,
) -> None:
    """Encrypt a data set, post a task on it and fund it.

    The training set is published encrypted; the test set stays here until the round releases it, so keep the
    data node of this wallet running. Before anything is sent, three lines tell what miners will get of the
    data, by the rules of its key budget (`pole data budget`), others what it costs, and you are asked. In a
    full list the task takes the place of the least valuable one, if it is worth more.
    """
    from pole.api.posting import task_poster
    from pole.api.terms import read_specification, request_of, taken
    from pole.cli.common.data import read_data
    from pole.cli.common.training import use_threads

    require_an_answer(yes=yes, dry_run=dry_run)
    with (
        open_session(settings, wallet, read_password(settings)) as session,
        opened_cluster(settings, cluster, cluster_certificates) as shards,
    ):
        require_strong_wallet(settings, wallet, session.chain.identity.chain_id)
        use_threads(threads)
        whole, parameters = read_data(data), session.chain.deployment.parameters
        request = request_of(
            read_specification(spec), taken(whole, train_samples, test_samples), terms, parameters.task_list
        )
        if picture is None and len(whole.input_shape) > 1:
            picture = session.home / "previews" / f"{whole.name}.png"
        gas_price = session.chain.gas_price()
        poster = task_poster(
            settings,
            session,
            threads=threads,
            shards=shards,
            consent_to=lambda found: consent_to(found, allow_disclosure, picture=picture),
            agree_to=lambda asked: agree_to(asked, parameters, gas_price, yes=yes, dry_run=dry_run),
            report=lambda sentence: click.echo(sentence, err=True),
        )
        task_id = poster.post(request, whole, data_name=data_name)
        if as_json:
            print_json(_document(session, task_id, request.terms, gas_price))
        else:
            click.echo(_told(session, task_id, wallet))


def _document(session: Session, task_id: int | None, terms: "TaskTerms", gas_price: int) -> dict[str, Any]:
    transaction = None if task_id is None else session.chain.posting_of(task_id)
    price = document_of(terms, session.chain.deployment.parameters, gas_price)
    return {"taskId": task_id, "transaction": transaction, **price}


def _told(session: Session, task_id: int | None, wallet: str) -> str:
    if task_id is None:
        return "Nothing was published or sent: leave --dry-run out to post the task."
    replaced = [old for old, by in session.chain.replaced_tasks().items() if by == task_id]
    place = f" in the place of task {replaced[0]}" if replaced else ""
    return (
        f"Posted task {task_id}{place}. Transaction {session.chain.posting_of(task_id)}.\n"
        f"Its data node, which must stay up: pole data-node run --wallet {wallet}\n"
        f"To look on: pole task watch {task_id}"
    )
