"""`pole data-node run`."""

import click

from pole.cli.context import Settings, common_options, open_session, read_password, wallet_option
from pole.cli.worker import (
    WorkerOptions,
    run_worker,
    settlement_of,
    start_log,
    stop_on_signals,
    worker_options,
)


@click.command(epilog="Example: pole data-node run --wallet data-1 --withdraw")
@wallet_option
@worker_options
@common_options
def run(settings: Settings, options: WorkerOptions, /, wallet: str) -> None:
    """Serve the tasks that a wallet posted: issue functional keys, close submissions, release test sets."""
    from pole.cli.master_secrets import open_master_secret
    from pole.roles.data_node import DataNode

    with open_session(settings, wallet, read_password(settings)) as session, stop_on_signals() as stopping:
        start_log(options)
        role = DataNode(
            chain=session.chain,
            store=session.store,
            journal=session.journal,
            home=session.home,
            settlement=settlement_of(session, options),
            open_secret=lambda digest: open_master_secret(session.secrets, digest),
        )
        run_worker(session, role, options, stopping)
