"""What is counted of a worker, under the names that Prometheus knows it by (docs/operations.md)."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Limits that exchanges with a node are sorted by; a node that takes longer than the last is given up."""


class Series:
    """The counters and gauges of one worker; threads may share them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"pole_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"pole_{name}", meaning, labels, registry=registry)

        ProcessCollector(registry=registry)
        self.worker = Info("pole_worker", "The worker's role, and the version of PoLe.", registry=registry)
        self.looked_at = gauge(
            "looked_timestamp_seconds", "When it last looked at all lanes without failure."
        )
        self.failures_in_a_row = gauge("failures_in_a_row", "Looks in a row in which something failed.")
        self.failures = counter("failures", "Looks in which something failed, by the first error.", "error")
        self.steps = counter("steps", "Steps done, those included that anybody may take.", "step")
        self.stepped_at = gauge("stepped_timestamp_seconds", "When it last did a step; 0 before the first.")
        self.events = counter("events", "Events of the log, by the name that --json-log shows.", "event")
        self.records = counter("log_records", "Lines of the log.", "level")
        self.sent = counter("transactions_sent", "Transactions given to the node, those again included.")
        self.mined = counter("transactions_mined", "Transactions mined, done or reverted.", "outcome")
        self.gas = counter("gas_used", "Units of gas that its transactions took.")
        self.gas_cost = counter("gas_cost_ether", "Ether that its transactions took for gas.")
        self.requests = counter(
            "node_requests", "Requests to the node, by what came of them.", "method", "outcome"
        )
        self.exchanges = Histogram(
            "pole_node_exchange_seconds",
            "Seconds that exchanges with the node took; several requests may travel together.",
            ("outcome",),
            registry=registry,
            buckets=SECONDS,
        )
        self.answered_at = gauge(
            "node_answered_timestamp_seconds", "When the node last answered; before that, the start."
        )
        self.ipfs_bytes = counter("ipfs_bytes", "Bytes fetched from IPFS or added to it.", "direction")
        self.ipfs_seconds = counter("ipfs_seconds", "Seconds that these took.", "direction")
        self.ipfs_transfers = counter("ipfs_transfers", "Files fetched or added.", "direction", "outcome")
        self.epochs = counter("training_epochs", "Epochs trained.")
        self.loss = gauge("training_loss", "Mean loss of the newest epoch.")
        self.epoch_seconds = gauge("training_epoch_seconds", "Seconds that the newest epoch took.")
        self.trainings = counter("trainings", "Trainings that ended with a model.")
        self.training_seconds = counter("training_seconds", "Seconds that these took.")
        self.results = counter(
            "results", "Rounds settled that it had a part in, by how they ended for it.", "ending"
        )
        self.paid = counter("paid_ether", "Ether that rounds paid it.")
        self.lost = counter("lost_ether", "Ether that rounds cost it, gas left aside.")
