"""`pole data-node run`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pole.api.wallets import DEVELOPMENT_CHAINS
from pole.cli.common.context import (
    Session,
    Settings,
    command,
    common_options,
    wallet_option,
    warn_of_light_wallet,
)
from pole.cli.common.disclosure import consent_option
from pole.cli.common.worker import (
    WorkerOptions,
    confirmations_of,
    confirmations_option,
    patient_store_of,
    serve,
    settlement_of,
    worker_options,
)
from pole.cli.shell.signals import Asked

if TYPE_CHECKING:
    from pole.roles.support.draining import Participant
    from pole.roles.workers.data_node.collecting import WonModels


@command(epilog="Example: pole data-node run --wallet data-1 --withdraw")
@wallet_option
@consent_option
@confirmations_option
@worker_options
@common_options
def run(
    settings: Settings,
    options: WorkerOptions,
    /,
    *,
    wallet: str,
    allow_disclosure: str | None,
    confirmations: int | None,
) -> None:
    """Serve the tasks that a wallet posted: issue functional keys, close submissions, release test sets.

    Keys are refused when they would break a rule of the data's budget (`pole data budget`) that the task was
    not posted with --allow-disclosure for; the round is then void and the data bond lost.
    """
    from pole.api.budget import open_budget, open_seeds
    from pole.api.counting import require_counted
    from pole.api.key_secrets import open_master_secret
    from pole.learning.privacy.rules import Rule
    from pole.roles.memory import DataNodeMemory
    from pole.roles.workers import tables
    from pole.roles.workers.data_node.data_node import DataNode
    from pole.roles.workers.data_node.opening import require_secrets

    def data_node(session: Session, _asked: Asked) -> "Participant":
        require_counted(settings, session.chain)
        if session.chain.identity.chain_id not in DEVELOPMENT_CHAINS:
            warn_of_light_wallet(settings, wallet)
        role = DataNode(
            chain=session.chain,
            store=session.store,
            memory=DataNodeMemory(session.journal),
            home=session.home,
            settlement=settlement_of(session, options, _result_reporter(session)),
            open_secret=lambda digest: open_master_secret(session.secrets, digest),
            budget=open_budget(settings),
            seeds=open_seeds(settings),
            models=_won_models(settings, session),
            may_disclose=None if allow_disclosure is None else Rule(allow_disclosure),
            confirmations=confirmations_of(session.chain.parameters, confirmations),
        )
        require_secrets(role)
        return tables.data_node(role)

    serve(settings, options, wallet, data_node)


def _result_reporter(session: Session) -> Callable[[int], None]:
    """Return what logs what a round of this data node's task gave it and cost it."""
    from pole.adapters.history.rounds import read_round
    from pole.protocol.replay.earnings.data_node import DataNodeRow, data_node_row
    from pole.roles.workers.results import report_served

    chain, address = session.chain, session.account.address

    def row_of(round_id: int) -> DataNodeRow | None:
        return data_node_row(read_round(chain, round_id).played, address, chain.parameters)

    return partial(report_served, row_of=row_of)


def _won_models(settings: Settings, session: Session) -> "WonModels":
    from pole.adapters.ethereum.results import result_of_round
    from pole.roles.memory import DataNodeMemory
    from pole.roles.models.collecting import Collector
    from pole.roles.workers.data_node.collecting import WonModels

    store = patient_store_of(session)
    return WonModels(
        memory=DataNodeMemory(session.journal),
        store=store,
        collector=Collector(store, settings.home),
        result_of=lambda round_id: result_of_round(session.chain, round_id),
    )
