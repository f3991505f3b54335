"""The contracts on a fresh chain, with verifiers on their seats and a pool worth drawing from."""

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import brownie
import brownie.network.account
import brownie.network.contract
import pytest
from brownie.network.rpc import Rpc, anvil
from scripts.contracts.mined import wait_for_blocks
from tests.contracts import stage
from tests.contracts.stage import HistoryCheck, Pole
from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WorkStealingScheduling:
    """Hand out single tests, each of which is isolated: brownie hands out files, of very unequal length."""
    return WorkStealingScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Mend what stops brownie's coverage and anvil, makes it slow, or makes it fail on a busy machine."""
    mend_coverage()
    # It gives up on a chain that does not answer after a hundred of its pauses, of 0.1 s each.
    sys.modules[Rpc.__module__].time = SimpleNamespace(sleep=lambda _: time.sleep(1))  # type: ignore[attr-defined]
    # Before each of these it collects the whole stack with its sources, only to warn who calls them directly.
    for name in ("sleep", "mine", "snapshot", "revert"):
        setattr(Rpc, name, getattr(Rpc, name).__closure__[0].cell_contents)
    anvil.mine = mine_on_anvil


def mine_on_anvil(timestamp: int | None = None) -> None:
    """Mine a block as brownie means to: it hands anvil the bare timestamp instead of a list of parameters."""
    answer = brownie.web3.provider.make_request("evm_mine", [] if timestamp is None else [timestamp])
    assert "error" not in answer, answer["error"]


def mend_coverage() -> None:
    """Let calls at gas price 0 pay, and contracts with immutables count as our own code."""
    pay = brownie.network.account._apply_fee_to_tx

    def pay_something(
        transaction: dict[str, Any], gas_price: int | None = None, *rest: Any, **named: Any
    ) -> dict[str, Any]:
        if gas_price == 0:
            return pay(transaction, None, 20_000_000_000, 1)
        return pay(transaction, gas_price, *rest, **named)

    brownie.network.account._apply_fee_to_tx = pay_something
    brownie.network.contract._verify_deployed_code = lambda *_: True


@pytest.fixture(scope="session")
def deployed() -> Pole:
    """Return the contracts with eight verifiers seated and ten block rewards in the pool."""
    # brownie asks for the chain's id thrice a transaction, and collects garbage at every revert.
    brownie.web3.provider.cache_allowed_requests = True
    wait_for_blocks(brownie.web3.provider)
    pole = stage.set_up()
    gc.freeze()
    return pole


@pytest.fixture(scope="session")
def lone_deployed(deployed: Pole) -> Pole:
    """Return the same with committees of one and a single lane, for tests of many rounds."""
    sizes = {"committeeSize": 1, "minCommittee": 1, "maxCommittee": 1}
    return stage.set_up(verifiers=[8], committee={"lanes": 1}, chain=sizes)


@pytest.fixture(scope="session")
def growing_deployed(deployed: Pole) -> Pole:
    """Return the same with committees of three that can grow to seven and to all eight."""
    sizes = {"committeeSize": 3, "minCommittee": 3, "maxCommittee": len(stage.VERIFIERS)}
    return stage.set_up(chain=sizes)


@pytest.fixture(autouse=True)
def isolation(deployed: Pole, lone_deployed: Pole, growing_deployed: Pole) -> Iterator[None]:
    """Begin every test with the contracts as they were set up; brownie's isolation would begin with none."""
    brownie.chain.snapshot()
    before = brownie.chain.height
    yield
    if brownie.chain.height != before:
        brownie.chain.revert()


@pytest.fixture
def pole(deployed: Pole) -> Pole:
    return deployed


@pytest.fixture
def lone(lone_deployed: Pole) -> Pole:
    return lone_deployed


@pytest.fixture
def growing(growing_deployed: Pole) -> Pole:
    return growing_deployed


@pytest.fixture
def history_holds(deployed: Pole, tmp_path: Path) -> HistoryCheck:
    """Return a check that everything on the chain follows from its records, computed anew in Python."""
    return lambda pole=deployed: stage.verify(pole, tmp_path / "deployment.json")
