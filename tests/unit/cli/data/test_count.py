"""Keys that are out and not counted keep more from being given, until `pole data count` has counted them."""

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.protocol.example_rounds import TERMS
from tests.unit.roles.fake_storage import FakeStore

from pole.adapters.ethereum.events.event_index import Event
from pole.adapters.wallet.keystore import new_wallet
from pole.api.budget import open_budget, open_seeds
from pole.api.counting import require_counted
from pole.api.settings import Settings
from pole.cli import main
from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.records import KeysPosted, RecordData, SeedDrawn, encode_record
from pole.protocol.models.specification import ModelSpecification, parse_specification
from pole.protocol.state import TaskFiles
from pole.roles.keys.ledger import GivenKeys, LedgerEntry
from pole.roles.keys.seeds import SecondSeedError

SPECIFICATION = {
    "version": 1,
    "input": {"bits": 8, "shape": [4]},
    "mapping": {"kind": "linear", "bits": 3, "queries": 2},
    "graph": [{"name": "logits", "op": "Linear", "bias": True, "out_features": 3}],
    "classes": 3,
    "metric": "accuracy",
    "max_parameters": 100,
    "max_bytes": 10_000,
}
SEED = keccak256(b"seed")


def specification() -> ModelSpecification:
    return parse_specification(json.dumps(SPECIFICATION))


class Desk:
    """A data folder with a wallet, and a chain on which its task 1 was taken by round 8."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.settings = Settings(self.home, "", "", folder / "none.json", None)
        self.owner = new_wallet(self.home, "alice", "password", rounds=2).address
        self.store = FakeStore()
        document = folder / "spec.json"
        document.write_bytes(specification().canonical_bytes())
        self.mpk = keccak256(b"mpk")
        self.files = TaskFiles(
            self.store.add(document), keccak256(document.read_bytes()), "t", b"\2" * 32, b"\3" * 32, self.mpk
        )
        self.events: dict[str, tuple[Event, ...]] = {
            "TaskPosted": (self.posted(self.owner),),
            "TaskTaken": (Event("TaskTaken", {"taskId": 1, "roundId": 8}, 2, "0x2"),),
            "Recorded": (self.record(SeedDrawn(8, b"\1" * 32, SEED)),),
        }
        self.reader: Any = SimpleNamespace(
            index=SimpleNamespace(snapshot=lambda: self.events),
            delegations=SimpleNamespace(events=lambda name: self.events.get(name, ())),
        )

    def posted(self, owner: str) -> Event:
        told = {"taskId": 1, "owner": owner, "terms": asdict(TERMS), "files": asdict(self.files)}
        return Event("TaskPosted", told, 1, "0x1")

    def record(self, data: RecordData) -> Event:
        kind, content = encode_record(data)
        return Event("Recorded", {"height": 1, "index": 0, "kind": kind, "data": content}, 3, "0x3")

    def give_keys(self) -> None:
        self.events["Recorded"] += (self.record(KeysPosted(8, "bafykeys", b"\4" * 32)),)

    def waiting_entry(self) -> LedgerEntry:
        return LedgerEntry(self.mpk, "blobs", b"\5" * 32, specification(), None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path)
    monkeypatch.setattr("pole.cli.data.count.open_reader", lambda _: made.reader)
    monkeypatch.setattr("pole.cli.data.count.open_store", lambda _: made.store)
    return made


def count(desk: Desk, *options: str) -> Result:
    return CliRunner().invoke(main, ["data", "count", "1", "--home", str(desk.home), *options])


def test_keys_that_are_out_and_not_counted_keep_more_from_being_given(desk: Desk) -> None:
    require_counted(desk.settings, desk.reader)
    desk.give_keys()
    with pytest.raises(InputError, match=r"lacks tasks whose keys are out \(1\).*`pole data count`"):
        require_counted(desk.settings, desk.reader)


def test_a_shared_secret_counts_as_given_once_its_round_has_a_seed(desk: Desk) -> None:
    desk.events["KeysDelegated"] = (Event("KeysDelegated", {"taskId": 1}, 2, "0x2"),)
    with pytest.raises(InputError, match="keys are out"):
        require_counted(desk.settings, desk.reader)
    desk.events["Recorded"] = ()
    require_counted(desk.settings, desk.reader)


def test_tasks_of_others_and_tasks_that_wait_are_not_asked_for(desk: Desk) -> None:
    desk.give_keys()
    desk.events["TaskPosted"] = (desk.posted("0x" + "77" * 20),)
    require_counted(desk.settings, desk.reader)
    desk.events["TaskPosted"] = (desk.posted(desk.owner),)
    desk.events["TaskTaken"] = ()
    require_counted(desk.settings, desk.reader)


def test_a_known_task_whose_keys_are_out_is_noted_with_its_seed(desk: Desk) -> None:
    budget = open_budget(desk.settings)
    budget.enter(desk.waiting_entry())
    desk.give_keys()
    require_counted(desk.settings, desk.reader)
    noted = budget.ledger.read(desk.mpk)
    assert noted is not None
    assert (noted.data_set, noted.given) == ("blobs", GivenKeys(SEED, 8))
    with pytest.raises(SecondSeedError):
        open_seeds(desk.settings).enter(desk.mpk, keccak256(b"another"))
    require_counted(desk.settings, desk.reader)


def test_a_seed_that_was_served_before_stays_the_one(desk: Desk) -> None:
    open_seeds(desk.settings).enter(desk.mpk, keccak256(b"first"))
    open_budget(desk.settings).enter(desk.waiting_entry())
    desk.give_keys()
    require_counted(desk.settings, desk.reader)
    open_seeds(desk.settings).enter(desk.mpk, keccak256(b"first"))


def test_a_task_is_counted_for_its_data_as_posting_and_keys_would_have_left_it(
    desk: Desk, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    np.savez(
        tmp_path / "blobs.npz",
        x_train=random.integers(0, 255, (9, 4)),
        y_train=np.arange(9) % 3,
        x_test=random.integers(0, 255, (3, 4)),
        y_test=np.arange(3),
    )
    desk.give_keys()
    result = count(desk, "--data", str(tmp_path / "blobs.npz"), "--json")
    assert result.exit_code == 0, result.output
    made = open_budget(desk.settings).ledger.read(desk.mpk)
    assert made is not None
    assert made.given == GivenKeys(SEED, 8)
    assert made.measures is not None
    assert made.data_set.startswith("blobs-")
    assert json.loads(result.stdout)["dataSet"] == made.data_set
    require_counted(desk.settings, desk.reader)
    again = count(desk, "--data", str(tmp_path / "blobs.npz"))
    assert again.exit_code == 2
    assert "these are none" in again.stderr


def test_a_task_whose_data_is_gone_is_counted_by_its_name(desk: Desk) -> None:
    desk.give_keys()
    assert "Give --data, or --data-name" in count(desk).stderr
    assert count(desk, "--data-name", "../x").exit_code == 2
    assert count(desk, "--data-name", "blobs").exit_code == 0
    made = open_budget(desk.settings).ledger.read(desk.mpk)
    assert made is not None
    assert (made.data_set, made.measures, made.given) == ("blobs", None, GivenKeys(SEED, 8))
