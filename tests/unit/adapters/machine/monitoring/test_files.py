"""The dashboard and the alert rules: they name what there is, and alert when they should."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry

from pole.adapters.machine.monitoring.series import Series
from pole.adapters.machine.monitoring.standing import Lane, Standing, Wallet
from pole.protocol.state import Phase
from pole.roles.ports import Moment

FOLDER: Final = Path(__file__).resolve().parents[5] / "docs" / "monitoring"
SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
NAME: Final = re.compile(r"\b(?:pole|process)_[a-z_]+")
LABELS: Final = re.compile(r"\b((?:pole|process)_[a-z_]+)\{([^}]*)\}")
PROMTOOL: Final = shutil.which("promtool")
GIVEN: Final = frozenset({"instance", "job"})
"""Labels that Prometheus gives to all that it reads."""


def served() -> dict[str, frozenset[str]]:
    """Return the samples that a worker may serve, by name, with the labels that each may have."""
    registry, found = CollectorRegistry(), {}
    series = Series(registry)
    moment = Moment(0, 1, 1, Phase.REVEAL, 10, 10, 0, 0, None, 1, 1)
    registry.register(Standing({0: Lane(moment, owes=True, at_stake=1)}, Wallet(1, 1, 1, seated=True)))
    labels = {
        getattr(each, "_name", ""): frozenset(getattr(each, "_labelnames", ()))
        for each in vars(series).values()
    }
    for family in registry.collect():
        known = labels.get(family.name, frozenset()).union(*(sample.labels for sample in family.samples))
        for suffix in SUFFIXES.get(family.type, ("",)):
            found[family.name + suffix] = known | ({"le"} if suffix == "_bucket" else set())
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    yield from (each["query"] for each in dashboard()["templating"]["list"])


def test_they_name_only_metrics_and_labels_that_there_are() -> None:
    there = served()
    for expression in expressions():
        assert set(NAME.findall(expression)) <= there.keys(), expression
        for name, selected in LABELS.findall(expression):
            labels = set(re.findall(r"(\w+)\s*=~?", selected))
            assert labels <= there[name] | GIVEN, expression


def test_phases_that_rules_name_are_phases() -> None:
    named = {
        duty
        for expression in expressions()
        for found in re.findall(r'duty=~?"([^"]+)"', expression)
        for duty in found.split("|")
    }
    assert named
    assert named <= {phase.name for phase in Phase}


def test_what_has_to_be_alerted_is() -> None:
    assert {
        *("PoleRevealDue", "PoleCommitteeSeatOpen", "PoleDataDue", "PoleWalletLow", "PoleFailuresInARow"),
        *("PoleWorkerDown", "PoleWorkerSilent", "PoleRoundOverdue"),
    } <= {rule["alert"] for rule in rules()}
    assert all(rule["annotations"]["summary"].endswith(".") for rule in rules())


def test_every_metric_is_in_the_manual_and_the_manual_names_no_other() -> None:
    text = (FOLDER.parent / "operations.md").read_text()
    section = text.partition("## 10. Prometheus")[2]
    ours = {name for name in served() if name.startswith("pole_")}
    bare = {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in ours}
    assert set(re.findall(r"pole_[a-z_]+", section)) == bare


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in places
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool here (Debian's package prometheus)")
def test_promtool_takes_the_rules_and_they_alert_when_they_should(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "alerts.yaml", tmp_path)
    for number, (sample, values, rule, expected) in enumerate(CASES):
        for at, count in expected.items():
            case = {"input_series": [{"series": sample, "values": values}]}
            assert fires(tmp_path / f"{number}-{at}.yaml", case, rule, at, count), (rule, at, count)


Case = tuple[str, str, str, dict[str, int]]
VOTE = 'pole_duty_deadline_timestamp_seconds{lane="0",duty="VOTE_COMMIT"}'
OVERDUE = 'pole_lane_deadline_timestamp_seconds{lane="0",phase="KEYS"}'
REVEAL = 'pole_duty_deadline_timestamp_seconds{lane="1",duty="REVEAL"}'
CASES: Final[tuple[Case, ...]] = (
    ("pole_wallet_balance_ether", "0.01+0x20", "PoleWalletLow", {"4m": 0, "6m": 1}),
    ("pole_wallet_balance_ether", "0.03+0x20", "PoleWalletLow", {"6m": 0}),
    (REVEAL, "1800+0x30", "PoleRevealDue", {"14m": 0, "16m": 1}),
    (REVEAL, "600+0x9", "PoleCommitteeSeatOpen", {"1m": 0}),
    (VOTE, "600+0x9", "PoleCommitteeSeatOpen", {"1m": 1}),
    (VOTE, "600+0x9", "PoleRevealDue", {"1m": 0}),
    ("pole_failures_in_a_row", "0 4 5 6 0", "PoleFailuresInARow", {"1m": 0, "2m": 1, "4m": 0}),
    ("pole_node_answered_timestamp_seconds", "60+0x20", "PoleWorkerSilent", {"5m": 0, "8m": 1}),
    (
        'pole_lane_deadline_timestamp_seconds{lane="0",phase="KEYS"}',
        "60+0x30",
        "PoleRoundOverdue",
        {"10m": 0, "18m": 1},
    ),
    ('up{job="pole"}', "1 0 0 0 0", "PoleWorkerDown", {"2m": 0, "4m": 1}),
)
"""A series, its values a minute apart, a rule, and how many of its alerts fire when."""


def fires(path: Path, case: dict[str, Any], rule: str, at: str, expected: int) -> bool:
    """Return whether so many alerts of a rule fire at a time, as promtool reckons it."""
    samples = [{"labels": "{}", "value": expected}] if expected else []
    query = {
        "expr": f'count(ALERTS{{alertname="{rule}",alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": samples,
    }
    test = {**case, "interval": "1m", "promql_expr_test": [query]}
    document = {"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(document))
    run = subprocess.run(
        [str(PROMTOOL), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    return run.returncode == 0
