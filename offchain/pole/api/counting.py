"""Keys that are out by the chain, and not by a data folder's own records: it was restored, or is one of two.

What they gave away is missing in the budget, so nothing more is given until they are counted.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from pole.api.budget import open_budget, open_seeds
from pole.api.settings import Settings
from pole.errors import InputError

if TYPE_CHECKING:
    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.adapters.history.keyed_tasks import KeyedTask
    from pole.learning.data.datasets import DataSet
    from pole.protocol.models.specification import ModelSpecification
    from pole.roles.keys.ledger import LedgerEntry


def uncounted_tasks(settings: Settings, reader: "ChainReader") -> tuple["KeyedTask", ...]:
    """Return the tasks of this data folder's wallets whose keys are out and in no ledger, oldest first.

    Those of this deployment alone: of others this node knows nothing.
    """
    known = {entry.mpk_digest for entry in open_budget(settings).ledger.entries()}
    return tuple(each for each in _keyed(settings, reader) if each.task.files.mpk_digest not in known)


def require_counted(settings: Settings, reader: "ChainReader") -> None:
    """Raise InputError, which names them, where keys of tasks are out that the key ledger does not know.

    Of those that it knows and takes to wait it notes that their keys are out, and for which seed.
    """
    missing = uncounted_tasks(settings, reader)
    if missing:
        numbers = ", ".join(str(each.task.task_id) for each in missing[:8])
        raise InputError(
            f"The key ledger in {settings.home} lacks tasks whose keys are out ({numbers}): they were posted "
            "from another data folder, or after the backup that this one was restored from. Count each one "
            "with `pole data count` before more is given away."
        )
    note_given(settings, reader)


def note_given(settings: Settings, reader: "ChainReader") -> None:
    """Note in the key ledger, and in the record of seeds, which keys of known tasks are out by the chain."""
    from pole.roles.keys.ledger import GivenKeys
    from pole.roles.keys.seeds import SecondSeedError

    budget, seeds = open_budget(settings), open_seeds(settings)
    for keyed in _keyed(settings, reader):
        entry = budget.ledger.read(keyed.task.files.mpk_digest)
        if entry is None or entry.given is not None:
            continue
        budget.note(entry.mpk_digest, entry.specification, GivenKeys(keyed.seed, keyed.round_id))
        # Where keys of another seed were served that record stays: no more are given for either.
        with suppress(SecondSeedError):
            seeds.enter(entry.mpk_digest, keyed.seed)


def _keyed(settings: Settings, reader: "ChainReader") -> tuple["KeyedTask", ...]:
    from pole.adapters.history.keyed_tasks import keyed_tasks
    from pole.adapters.wallet.keystore import list_wallets

    return keyed_tasks(reader, {wallet.address for wallet in list_wallets(settings.home)})


def entry_of(
    settings: Settings,
    keyed: "KeyedTask",
    specification: "ModelSpecification",
    dataset: "DataSet | None",
    data_name: str | None,
) -> "LedgerEntry":
    """Return the ledger entry of a task, as its posting and its keys would have left it, but for consent.

    `dataset` is what the task was posted on; without it the data are taken to have no dependent columns, and
    `data_name` names them. Costs the measures of a posting. Raises InputError where both are missing, the
    same data has another name, or the specification has another input than the data.
    """
    from pole.learning.data.digest import data_set_digest
    from pole.roles.keys.ledger import GivenKeys, LedgerEntry
    from pole.roles.keys.preview import preview

    digest, given = keyed.task.files.mpk_digest, GivenKeys(keyed.seed, keyed.round_id)
    if dataset is None:
        if data_name is None:
            raise InputError("What data was it? Give --data, or --data-name where the data is gone.")
        return LedgerEntry(digest, data_name, digest, specification, None, given)
    budget, of_data = open_budget(settings), data_set_digest(dataset)
    data_set = budget.data_set_of(of_data, title=dataset.name, name=data_name)
    found = preview(dataset, specification, budget.tasks_of(data_set), data_set=data_set)
    return LedgerEntry(digest, data_set, of_data, specification, None, given, found.measures)
