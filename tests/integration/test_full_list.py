"""Posting through a wallet when the list of tasks is full."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from tests.integration.conftest import ETHER, Devnet, running_devnet
from tests.integration.deploying import PARAMETERS
from tests.unit.protocol.ledger import FILES

from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.sending.chain import EthereumChain, open_ethereum_chain
from pole.adapters.sending.faucet import fund
from pole.adapters.sending.task_states import task_states
from pole.adapters.storage.journal import SqliteJournal
from pole.errors import RefusedError
from pole.protocol.rounds.rent import payment
from pole.protocol.state import TaskTerms

MAXIMUM = PARAMETERS["taskList"]["maxTasks"]
REWARD = 10**16
TERMS = TaskTerms(
    reward=REWARD,
    data_bond=10**15,
    time_limit=600,
    min_training_time=0,
    fee=10**15,
    min_solutions=1,
    required_train_accuracy=9_000,
    required_test_accuracy=0,
    train_count=10,
    test_count=5,
    work=1000,
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Devnet, EthereumChain]]:
    """Return a devnet whose list is full of tasks of one wallet, the third worth least."""
    folder = tmp_path_factory.mktemp("full")
    with running_devnet(folder) as running:
        chain = wallet(running, folder, "first")
        for number in range(1, MAXIMUM + 1):
            terms = replace(TERMS, reward=REWARD - 1) if number == 3 else TERMS
            assert chain.post_task(terms, FILES, intent=f"post/{number}") == number
        yield running, chain


def wallet(devnet: Devnet, folder: Path, name: str) -> EthereumChain:
    account = Account.create()
    fund(devnet.w3, account.address, 20 * ETHER)
    reader = open_chain_reader(devnet.settings.rpc, devnet.deployment)
    journal = SqliteJournal(folder / f"{name}.sqlite")
    return open_ethereum_chain(reader, account, journal, locks=folder / "locks")


def test_a_full_list_of_better_tasks_is_refused_before_anything_is_sent(
    full: tuple[Devnet, EthereumChain], tmp_path: Path
) -> None:
    late = wallet(full[0], tmp_path, "late")
    with pytest.raises(
        RefusedError, match=r"task 3, is worth as much as this one: offer a reward of 0\.01 ETH"
    ):
        late.post_task(replace(TERMS, reward=REWARD - 1), FILES, intent="post")
    assert late.w3.eth.get_transaction_count(late.identity.address) == 0  # type: ignore[arg-type]


def test_a_better_task_takes_the_place_of_the_least_valuable_once(
    full: tuple[Devnet, EthereumChain], tmp_path: Path
) -> None:
    devnet, first = full
    late = wallet(devnet, tmp_path, "late")
    assert {task.task_id for task in late.waiting_tasks()} == set(range(1, MAXIMUM + 1))
    for _ in range(2):
        assert late.post_task(TERMS, FILES, intent="post") == MAXIMUM + 1
    assert late.w3.eth.get_transaction_count(late.identity.address) == 1  # type: ignore[arg-type]
    assert late.replaced_tasks() == {3: MAXIMUM + 1}
    assert task_states(late)[3] == f"replaced by task {MAXIMUM + 1}"
    assert {task.task_id for task in late.waiting_tasks()} == {*range(1, MAXIMUM + 2)} - {3}
    assert all(late.view("TaskList", "isListed", task.task_id) for task in late.waiting_tasks())
    replaced = replace(TERMS, reward=REWARD - 1)
    returned = payment(replaced, first.parameters.task_list) - TERMS.fee
    assert first.credit_of(first.identity.address) == returned
