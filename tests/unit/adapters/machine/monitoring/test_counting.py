"""What is counted of a worker's log."""

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from tests.unit.adapters.machine.monitoring.shown import counted
from tests.unit.roles.conftest import Stage

from pole.adapters.node.answers import BatchRefusedError, Request, UnansweredError
from pole.adapters.node.refusals import RevertedError
from pole.adapters.node.tracing import traced
from pole.errors import FundsError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.loop import Pace, never, run
from pole.roles.ports import Moment
from pole.roles.support.events import report, report_loss, trace

LOG = logging.getLogger("pole.test")


@pytest.fixture(autouse=True)
def as_a_worker_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pole")


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"pole_{name}", labels)


@dataclass
class Failing:
    """A role whose first steps fail; it then does one thing, and no more."""

    errors: list[Exception]
    done: bool = field(default=False)

    def step(self, _: Moment) -> str | None:
        if self.errors:
            raise self.errors.pop(0)
        done, self.done = self.done, True
        return None if done else "voted"


def test_failures_are_counted_in_a_row_and_by_their_class(tmp_path: Path) -> None:
    stage, in_a_row = Stage(tmp_path), []
    role = Failing([UnreachableError("away"), UnreachableError("away"), FundsError("poor")])
    with counted() as registry:

        def wait(_: float) -> bool:
            in_a_row.append(value(registry, "failures_in_a_row"))
            return len(in_a_row) == 5

        run(stage.chain("0x" + "1" * 40), [role], wait=wait, finished=never, pace=Pace(0.01))
        assert in_a_row == [1, 2, 3, 0, 0]
        assert value(registry, "failures_total", error="UnreachableError") == 2
        assert value(registry, "failures_total", error="FundsError") == 1
        assert value(registry, "steps_total", step="voted") == 1
        assert value(registry, "looked_timestamp_seconds") == pytest.approx(
            value(registry, "stepped_timestamp_seconds"), abs=60
        )


def test_requests_to_a_node_are_counted_by_method_and_by_what_came_of_them() -> None:
    times = iter([0.0, 0.02, 1.0, 4.0, 5.0, 5.5, 6.0, 6.1])
    call, balance = Request(1, "eth_call", []), Request(2, "eth_getBalance", [])

    def ask(asked: list[Request], error: Exception | None) -> None:
        with traced(asked, lambda: next(times)):
            if error is not None:
                raise error

    with counted() as registry:
        ask([call, balance, call], None)
        for error in (UnansweredError("no"), RevertedError("no", None), BatchRefusedError("no")):
            with pytest.raises(type(error)):
                ask([call], error)
        assert value(registry, "node_requests_total", method="eth_call", outcome="answered") == 2
        assert value(registry, "node_requests_total", method="eth_getBalance", outcome="answered") == 1
        assert value(registry, "node_requests_total", method="eth_call", outcome="unanswered") == 1
        assert value(registry, "node_requests_total", method="eth_call", outcome="refused") == 2
        assert value(registry, "node_exchange_seconds_sum", outcome="unanswered") == 3.0
        assert value(registry, "node_exchange_seconds_count", outcome="answered") == 1


def test_money_gas_files_and_training_are_counted() -> None:
    with counted() as registry:
        for name in ("pole.sending", "pole.ipfs", "pole.training"):
            assert logging.getLogger(name).isEnabledFor(logging.DEBUG)
        sending, ipfs = logging.getLogger("pole.sending"), logging.getLogger("pole.ipfs")
        trace(sending, "sent", "Sent.")
        trace(sending, "mined", "Mined.", outcome="done", gas=100_000, wei=10**15)
        trace(sending, "mined", "Mined.", outcome="reverted", gas=50_000, wei=10**15)
        trace(ipfs, "fetched", "Fetched.", bytes=1_000, seconds=2.0, outcome="done")
        trace(ipfs, "fetched", "Fetched.", bytes=10, seconds=1.0, outcome="failed")
        training = logging.getLogger("pole.training")
        trace(training, "epoch", "Epoch 1.", epoch=1, loss=0.5, seconds=3.0)
        trace(training, "epoch", "Epoch 2.", epoch=2, loss=math.nan, seconds=2.0)
        report(training, "trained", "Trained.", seconds=6.0, correct=3)
        report(LOG, "result", "Won.", round=1, paid=str(10**18), lost="0", ending="won", rank=1)
        report_loss(LOG, "result", "Slashed.", round=2, paid="0", lost=str(10**17), ending="paid, slashed")
        assert value(registry, "transactions_sent_total") == 1
        assert value(registry, "transactions_mined_total", outcome="reverted") == 1
        assert value(registry, "gas_used_total") == 150_000
        assert value(registry, "gas_cost_ether_total") == pytest.approx(0.002)
        assert value(registry, "ipfs_bytes_total", direction="fetched") == 1_010
        assert value(registry, "ipfs_seconds_total", direction="fetched") == 3.0
        assert value(registry, "ipfs_transfers_total", direction="fetched", outcome="failed") == 1
        assert value(registry, "training_epochs_total") == 2
        assert math.isnan(value(registry, "training_loss") or 0.0)
        assert value(registry, "training_seconds_total") == 6.0
        assert value(registry, "paid_ether_total") == 1.0
        assert value(registry, "lost_ether_total") == pytest.approx(0.1)
        for ending in ("won", "paid", "slashed"):
            assert value(registry, "results_total", ending=ending) == 1
        assert value(registry, "events_total", event="result") == 2
        assert value(registry, "log_records_total", level="warning") == 1


def test_what_is_counted_alone_is_traced_no_more_once_nobody_counts() -> None:
    node = logging.getLogger("pole.node")
    before = node.level
    with counted() as registry:
        assert node.isEnabledFor(logging.DEBUG)
    assert node.level == before
    report(LOG, "late", "Late.")
    assert value(registry, "events_total", event="late") is None


def test_a_whole_round_is_counted(tmp_path: Path) -> None:
    with counted() as registry:
        stage = Stage(tmp_path)
        stage.post(min_solutions=2)
        stage.play(Phase.FINAL)
        assert value(registry, "events_total", event="committed") == 2
        assert value(registry, "events_total", event="revealed") == 2
        assert value(registry, "events_total", event="voted") == 3
