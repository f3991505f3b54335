"""A network of PoLe, from Python: tasks posted and watched, and the models that they bring."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pole.adapters.ethereum.results import result_of_task
from pole.adapters.ethereum.task_story import standing_of
from pole.adapters.machine.exposure import forbid_core_dumps
from pole.api.data import Data, dataset_of
from pole.api.model import Model
from pole.api.passwords import password_in
from pole.api.posting import task_poster
from pole.api.session import open_reader, open_session, open_store
from pole.api.settings import Settings, settings_of
from pole.api.terms import consent_of, read_specification, request_of
from pole.api.wallets import require_strong_wallet
from pole.api.watching import looks
from pole.errors import InputError
from pole.learning.data.datasets import DataSet
from pole.protocol.amounts import wei
from pole.protocol.models.specification import ModelSpecification
from pole.quoting import listed
from pole.roles.models.collecting import Collector
from pole.roles.models.folder import open_model
from pole.roles.publishing.thresholds import doubts_about

if TYPE_CHECKING:
    from pole.adapters.ethereum.task_story import News, Outcome
    from pole.roles.publishing.preparation import TaskRequest

LOG: Final = logging.getLogger("pole.api")
AMOUNTS: Final = ("data_bond", "fee")
OPTIONAL: Final = (*AMOUNTS, "min_time", "min_solutions")


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet of the data folder by name, and its password, which is shown nowhere."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """A deployment, where it is, and where this machine keeps what belongs to it (see `connect`)."""

    settings: Settings

    def wallet(self, name: str, password: str | None = None) -> Wallet:
        """Return a wallet by its name; without a password the password file tells it (POLE_PASSWORD_FILE).

        From then on this process leaves no core dump, which would hold the password. Raises InputError where
        there is neither.
        """
        forbid_core_dumps()
        if password is None:
            if self.settings.password_file is None:
                raise InputError("Nobody tells the wallet's password: set POLE_PASSWORD_FILE, or give it.")
            password = password_in(self.settings.password_file, LOG.warning)
        return Wallet(name, password)

    def post(
        self,
        data: Data | DataSet | str | Path,
        specification: ModelSpecification | str | Path,
        wallet: Wallet,
        *,
        reward: str,
        time_limit: int,
        train_accuracy: float,
        test_accuracy: float = 0,
        allow_disclosure: str | None = None,
        threads: int = 1,
        **terms: Any,
    ) -> int:
        """Encrypt a data set, post a task on it, pay for it, and return its id: `pole task post` from Python.

        Amounts are text, such as "1 ether"; times are seconds, accuracies percent. `terms` may have
        data_bond, fee, min_time and min_solutions. Nothing is asked: what the task costs is the
        reward, the fee and the bond, and a rule of the key budget that breaks must be allowed by its name. A
        data node of the same wallet has to run. Raises InputError, BudgetSpentError, FundsError and
        RefusedError before anything is sent.
        """
        dataset = dataset_of(data)
        spec = specification if isinstance(specification, ModelSpecification) else _read(specification)
        consent = consent_of(allow_disclosure)
        given = {
            **_optional(terms),
            "reward": _amount("reward", reward),
            "time_limit": time_limit,
            "train_accuracy": _percentage("train_accuracy", train_accuracy),
            "test_accuracy": _percentage("test_accuracy", test_accuracy),
        }
        with open_session(self.settings, wallet.name, wallet.password) as session:
            require_strong_wallet(self.settings, wallet.name, session.chain.identity.chain_id, LOG.warning)
            limits = session.chain.deployment.parameters.task_list
            request = request_of(spec, dataset, given, limits)
            poster = task_poster(
                self.settings,
                session,
                threads=threads,
                consent_to=lambda _: consent,
                agree_to=_agree,
                report=LOG.warning,
            )
            task_id = poster.post(request, dataset, data_name=None)
        if task_id is None:
            raise InputError("The task was not posted: nobody agreed to pay for it.")
        return task_id

    def watch(
        self, task_id: int, *, poll: float = 1.0, sleep: Callable[[float], None] = time.sleep
    ) -> "Iterator[News | Outcome]":
        """Yield what happens to a task: its records as they come, and at last how it ended."""
        reader = open_reader(self.settings)
        task = reader.task(task_id)
        for news, standing in looks(lambda: standing_of(reader, task), lambda: sleep(poll), LOG.warning):
            yield from news
            if standing.outcome is not None:
                yield standing.outcome

    def get(self, task_id: int, *, place: int = 1, folder: str | Path | None = None) -> Model:
        """Fetch the model of a round that has ended, check it against its block, and keep it.

        Raises InputError where nobody won, IntegrityError where what was fetched is not what was proven.
        """
        result = result_of_task(open_reader(self.settings), task_id)
        collector = Collector(open_store(self.settings), self.settings.home)
        chosen = None if folder is None else Path(folder)
        return Model(open_model(collector.collect(result, place=place, folder=chosen).folder))


def connect(
    *,
    home: str | Path | None = None,
    rpc: str | None = None,
    ipfs: str | None = None,
    deployment: str | Path | None = None,
) -> Network:
    """Return a network. What is not given is as for commands: the environment, the profile, the default.

    Nothing is asked of chain or IPFS yet. Raises InputError for an unusable file of profiles.
    """
    return Network(settings_of(home=home, rpc=rpc, ipfs=ipfs, deployment=deployment))


def _read(path: str | Path) -> ModelSpecification:
    return read_specification(Path(path))


def _optional(terms: dict[str, Any]) -> dict[str, Any]:
    unknown = terms.keys() - OPTIONAL
    if unknown:
        raise InputError(
            f"A task has no terms {listed(unknown)}: there are {', '.join(OPTIONAL)} beside those that every "
            "task has."
        )
    amounts = {name: _amount(name, terms[name]) for name in AMOUNTS if terms.get(name) is not None}
    return {**dict.fromkeys(OPTIONAL), **terms, **amounts}


def _amount(name: str, given: object) -> int:
    if not isinstance(given, str):
        raise InputError(f"{name} is {given!r}: write an amount as text with its unit, such as '1 ether'.")
    return wei(given)


def _percentage(name: str, given: float) -> float:
    if 0 < given < 1 or not 0 <= given <= 100:
        raise InputError(f"{name} is {given}, but is in percent: write 95 for 95 %.")
    return given


def _agree(request: "TaskRequest") -> bool:
    """Go on, and warn of required accuracies that look like a mistake."""
    for doubt in doubts_about(request):
        LOG.warning(doubt)
    return True
