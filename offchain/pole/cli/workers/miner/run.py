"""`pole miner run`."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pole.cli.common.cluster import cluster_beside, cluster_options
from pole.cli.common.context import Session, Settings, command, common_options, wallet_option
from pole.cli.common.parameters import ETHER, Duration
from pole.cli.common.worker import (
    WorkerOptions,
    confirmations_of,
    confirmations_option,
    patient_store_of,
    point_cache_option,
    processes_option,
    round_data_of,
    serve,
    settlement_of,
    threads_option,
    worker_options,
)
from pole.cli.shell.signals import Asked
from pole.errors import InputError
from pole.protocol.amounts import unit_of, written

if TYPE_CHECKING:
    from pole.roles.support.draining import Participant

IDLE_AFTER = 30.0


@command(epilog="Example: pole miner run --wallet miner-1 --threads 4 --withdraw")
@wallet_option
@click.option("--device", help="Device of torch to train and evaluate on.  [default: a GPU if there is one]")
@threads_option
@processes_option
@click.option(
    "--meet",
    metavar="ADDRESS",
    help="Address of this machine, such as 10.0.0.1:29500, where `pole miner assist` on other machines joins "
    "in training. It is neither encrypted nor asks for a password: use a network of your own.",
)
@cluster_options
@point_cache_option
@click.option(
    "--learner",
    metavar="SOURCE",
    help="Train by your own code: module.py:Class, or the name of an installed entry point; the options of "
    "the recipe then mean nothing and are refused.",
)
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file of training settings; options of the command take precedence.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Minimum epochs of the first training cycle.")
@click.option("--batch", type=click.IntRange(min=1), help="Maximum samples in a batch.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Highest learning rate.")
@click.option("--weight-decay", type=click.FloatRange(min=0), help="Weight decay of the optimiser.")
@click.option(
    "--eager",
    is_flag=True,
    default=None,
    help="Commit to the first model that reaches the accuracy; without it training goes on to the end of its "
    "cycle, for more accuracy on the test set.",
)
@click.option(
    "--search",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    metavar="PART",
    help="Part of the time limit to search for better settings than these in; needs pole[search].",
)
@click.option(
    "--time-margin",
    type=Duration(),
    default=10.0,
    show_default=True,
    help="Time left before a deadline for the transaction to be mined.",
)
@click.option(
    "--idle",
    "idle_after",
    type=Duration(),
    is_flag=False,
    flag_value=IDLE_AFTER,
    help="Open an idle round, on a public puzzle that the pool pays for, once no task has waited for so "
    f"long.  [without one: {IDLE_AFTER:g} s]",
)
@click.option(
    "--minimum-reward",
    "--least-reward",
    "minimum_reward",
    type=ETHER,
    default=0,
    show_default=True,
    help="Minimum reward to work for; --least-reward is its old name.",
)
@click.option(
    "--minimum-profit",
    type=ETHER,
    help="Minimum profit to expect of a round: the reward by the chance to win it among the miners seen, "
    "less the gas.  [default: any]",
)
@click.option(
    "--maximum-fee",
    type=ETHER,
    metavar="PRICE",
    help="Maximum price of gas to join a round at, such as 20gwei.  [default: any]",
)
@click.option(
    "--gas-budget",
    type=ETHER,
    help="What this process may spend on gas, all its transactions counted; then it joins no more rounds, "
    "and finishes those that it has joined.  [default: any amount]",
)
@click.option(
    "--challenge/--no-challenge",
    "challenges",
    default=True,
    show_default=True,
    help="Challenge, with a bond, a tally that contradicts this miner's own evaluation of its model.",
)
@click.option(
    "--lanes",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Rounds to work in at once: it trains for one while others are judged.",
)
@confirmations_option
@worker_options
@common_options
def run(
    settings: Settings,
    options: WorkerOptions,
    /,
    *,
    wallet: str,
    device: str | None,
    threads: int,
    processes: int,
    meet: str | None,
    cluster: str | None,
    cluster_certificates: Path | None,
    point_cache: int,
    learner: str | None,
    recipe_file: Path | None,
    search: float,
    time_margin: float,
    idle_after: float | None,
    minimum_reward: int,
    minimum_profit: int | None,
    maximum_fee: int | None,
    gas_budget: int | None,
    challenges: bool,
    lanes: int,
    confirmations: int | None,
    **recipe: float | bool | None,
) -> None:
    """Take part in rounds: decrypt features, train, commit, reveal, and challenge a wrong tally.

    Of the rounds that are open it takes the one that pays most for the time that it will need, and serves it
    to its end.
    """
    import os
    import time

    from pole.cli.common.training import exact_place, open_learner, open_own_learner, settings_of
    from pole.roles.memory import MinerMemory
    from pole.roles.training.history.file import NAME, HistoryFile
    from pole.roles.workers import tables
    from pole.roles.workers.miner.miner import Miner, MinerSettings

    if learner is not None and (recipe_file or search or any(value is not None for value in recipe.values())):
        raise InputError("--learner trains by your own code: leave --recipe, --search and its settings out.")
    if learner is not None and (processes > 1 or meet is not None):
        raise InputError(
            "--learner trains by your own code, which starts its own processes: leave --processes and "
            "--meet out."
        )
    _require_price(maximum_fee, options.fee_ceiling)
    training = settings_of(recipe_file, recipe)
    helping = ExitStack()

    def miner(session: Session, asked: Asked) -> "Participant":
        shards = helping.enter_context(cluster_beside(settings, cluster, cluster_certificates))
        folder = session.home / "training"
        trains = (
            open_learner(device, threads, folder, search, training, processes, meet=meet, shards=shards)
            if learner is None
            else open_own_learner(learner, device, threads, folder)
        )
        store = patient_store_of(session)
        role = Miner(
            chain=session.chain,
            store=store,
            memory=MinerMemory(session.journal, os.urandom),
            data=round_data_of(
                session, settings, store, threads=threads, point_cache=point_cache, shards=shards
            ),
            learner=trains,
            history=HistoryFile(folder / NAME, time.time, learner or "built in"),
            settlement=settlement_of(session, options, _result_reporter(session)),
            settings=MinerSettings(
                time_margin=time_margin,
                minimum_reward=minimum_reward,
                challenges=challenges,
                lanes=lanes,
                confirmations=confirmations_of(session.chain.parameters, confirmations),
                maximum_fee=maximum_fee,
                gas_budget=gas_budget,
                minimum_profit=minimum_profit,
            ),
            clock=time.monotonic,
            stopping=asked.stopping.is_set,
            draining=asked.is_leaving,
            place=exact_place(trains.device),
        )
        return tables.miner(role)

    with helping:
        serve(settings, options, wallet, miner, idle_after=idle_after)


def _require_price(maximum_fee: int | None, fee_ceiling: int | None) -> None:
    """Raise InputError for a price of gas that no transaction offers, as one without its unit is."""
    from pole.adapters.sending.fees import FeePolicy

    ceiling = fee_ceiling or FeePolicy().ceiling
    if maximum_fee is not None and maximum_fee > ceiling:
        raise InputError(
            f"--maximum-fee is {written(maximum_fee, unit_of(maximum_fee))} for a unit of gas, and no "
            f"transaction offers more than {written(ceiling, 'gwei')}: write it with its unit, as in 20gwei."
        )


def _result_reporter(session: Session) -> Callable[[int], None]:
    """Return what logs how a round ended for this miner."""
    from pole.adapters.history.rounds import read_round
    from pole.protocol.replay.earnings.miner import MinerRow, miner_row
    from pole.roles.workers.results import report_mined

    chain, address = session.chain, session.account.address

    def row_of(round_id: int) -> MinerRow | None:
        return miner_row(read_round(chain, round_id).played, address, chain.parameters)

    return partial(report_mined, row_of=row_of)
