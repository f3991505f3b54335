"""`pole task post`: what is wrong is one sentence, before anything is spent."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World

from pole.cli import main
from pole.cli.common.task_terms import read_data, read_request
from pole.errors import RefusedError
from pole.learning.privacy.rules import Rule
from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.value_heap import WaitingTask
from pole.roles.keys.ledger import KeyLedger

LIMITS = TaskListParameters(
    max_tasks=2,
    min_reward=100,
    min_data_bond=50,
    fee_bps=100,
    max_time_limit=1000,
    max_solutions=8,
    round_windows=900,
)
ADDRESS = "0x" + "A" * 40
STRONG = {"kdf": "scrypt", "kdfparams": {"n": 1 << 17, "r": 8, "p": 1}}
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


class RichChain(FakeChain):
    deployment = SimpleNamespace(parameters=SimpleNamespace(task_list=LIMITS))

    waiting: tuple[WaitingTask, ...] = ()

    def balance_of(self, _: str) -> int:
        return self.balance

    def waiting_tasks(self) -> tuple[WaitingTask, ...]:
        return self.waiting


@dataclass
class FakeSession:
    home: Path
    chain: RichChain = field(default_factory=lambda: RichChain(World(), ADDRESS))
    store: FakeStore = field(default_factory=FakeStore)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    account: object = field(default_factory=lambda: SimpleNamespace(address=ADDRESS))
    secrets: object = field(default_factory=lambda: SimpleNamespace(save=lambda *_: None))

    def __enter__(self) -> "FakeSession":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    made = FakeSession(tmp_path)
    (tmp_path / "wallets").mkdir()
    (tmp_path / "wallets" / "alice.json").write_text(json.dumps({"crypto": STRONG}))
    monkeypatch.setattr("pole.cli.task.post.open_session", lambda *_: made)
    monkeypatch.setattr("pole.cli.task.post.read_password", lambda _: "password")
    return made


def data_file(folder: Path, **changes: Any) -> Path:
    random = np.random.default_rng(1)
    arrays = {
        "x_train": random.integers(0, 255, (9, 4)),
        "y_train": np.arange(9) % 3,
        "x_test": random.integers(0, 255, (3, 4)),
        "y_test": np.arange(3),
    }
    path = folder / "data.npz"
    np.savez(path, **(arrays | changes))
    return path


def post(
    folder: Path,
    *options: str,
    data: Path | str | None = None,
    answer: str | None = None,
    **specification: Any,
) -> Result:
    spec = folder / "spec.json"
    spec.write_text(json.dumps(SPECIFICATION | specification))
    arguments = {
        "--wallet": "alice",
        "--spec": str(spec),
        "--data": str(data or data_file(folder)),
        "--reward": "0.000000000000001",
        "--time-limit": "100",
        "--train-accuracy": "90",
    }
    flat = [part for pair in arguments.items() for part in pair]
    return CliRunner().invoke(main, ["task", "post", "--home", str(folder), *flat, *options], input=answer)


def test_a_task_is_posted_with_the_least_bond_and_fee(session: FakeSession) -> None:
    result = post(session.home, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["taskId"] == 1
    terms = session.chain.world.tasks[1].terms
    assert (terms.reward, terms.data_bond, terms.fee) == (1000, 50, 10)
    assert (terms.train_count, terms.test_count, terms.required_train_accuracy) == (9, 3, 9000)


def test_a_full_list_of_better_tasks_is_told_before_anything_is_done(session: FakeSession) -> None:
    session.chain.waiting = (WaitingTask(1, 10_000, 1000), WaitingTask(2, 2_000, 2000))
    result = post(session.home)
    assert result.exit_code == 6
    assert "the least valuable of its 2 tasks, task 2, is worth as much" in " ".join(result.output.split())
    assert "offer a reward of 0.000000000000001001 ETH at least" in " ".join(result.output.split())
    assert session.store.files == {}


def test_a_better_task_takes_the_place_of_the_least_valuable_and_says_so(session: FakeSession) -> None:
    session.chain.waiting = (WaitingTask(1, 10_000, 1000), WaitingTask(2, 1_999, 2000))
    session.chain.world.replaced[2] = 1
    result = post(session.home)
    assert result.exit_code == 0, result.output
    assert "takes the place of task 2, whose reward is 0.000000000000001999 ETH for 2000 s" in result.stderr
    assert "Posted task 1 in the place of task 2." in result.stdout


def test_a_list_with_room_replaces_nothing(session: FakeSession) -> None:
    session.chain.waiting = (WaitingTask(1, 1, 1000),)
    result = post(session.home)
    assert "place" not in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--time-limit", "1001"], "time limit is 1001 seconds, but must be at most 1000 seconds"),
        (["--audit", "10"], "audit sample is 10 samples"),
        (["--train-samples", "10"], "has 9 training"),
        (["--data", "nothing"], "no data set 'nothing'"),
        (["--spec", "/nowhere/spec.json"], "cannot be read"),
    ],
)
def test_unusable_options_are_refused(session: FakeSession, options: list[str], sentence: str) -> None:
    result = post(session.home, *options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert session.chain.world.tasks == {}
    assert session.store.files == {}


def test_an_unknown_layer_is_refused(session: FakeSession) -> None:
    result = post(session.home, graph=[{"name": "logits", "op": "Lambda"}])
    assert result.exit_code == 2
    assert "'Lambda' at graph[0]" in result.output


def test_too_many_parameters_are_refused(session: FakeSession) -> None:
    result = post(session.home, max_parameters=3)
    assert result.exit_code == 2
    assert "parameters" in result.output


def test_data_with_nan_are_refused(session: FakeSession) -> None:
    x_train = np.full((9, 4), np.nan)
    result = post(session.home, data=data_file(session.home, x_train=x_train))
    assert result.exit_code == 2
    assert "NaN" in result.output


def test_a_specification_that_discloses_the_data_needs_consent(session: FakeSession) -> None:
    mapping = {"kind": "linear", "bits": 3, "queries": 4}
    refused = post(session.home, mapping=mapping)
    assert refused.exit_code == 2
    assert "accept it with --allow-disclosure rank" in refused.output
    assert post(session.home, "--allow-disclosure", "attack", mapping=mapping).exit_code == 2
    assert session.store.files == {}
    assert post(session.home, "--allow-disclosure", "rank", mapping=mapping).exit_code == 0
    assert KeyLedger(session.home / "key-budget").entries()[0].consent is Rule.RANK


def test_what_is_allowed_is_kept_though_nothing_breaks_yet(session: FakeSession) -> None:
    assert post(session.home, "--allow-disclosure", "entropy").exit_code == 0
    assert KeyLedger(session.home / "key-budget").entries()[0].consent is Rule.ENTROPY


def test_an_owner_at_a_terminal_is_asked(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pole.cli.common.disclosure.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )
    mapping = {"kind": "linear", "bits": 3, "queries": 4}
    assert post(session.home, mapping=mapping, answer="n\n").exit_code == 2
    asked = post(session.home, mapping=mapping, answer="y\n")
    assert "Allow rank to be broken, and post?" in asked.stderr
    assert asked.exit_code == 0


def test_images_are_drawn_before_they_are_posted(session: FakeSession) -> None:
    images = {"x_train": np.arange(36).reshape(9, 2, 2), "x_test": np.arange(12).reshape(3, 2, 2)}
    file = data_file(session.home, **images)
    shape = {"bits": 8, "shape": [2, 2]}
    result = post(session.home, "--allow-disclosure", "rank", data=file, input=shape)
    assert result.exit_code == 0, result.output
    assert (session.home / "previews" / "data.png").read_bytes().startswith(b"\x89PNG")
    assert "Pictures of samples" in result.stderr


def test_a_wallet_that_cannot_pay_is_told_before_anything_is_done(session: FakeSession) -> None:
    session.chain.balance = 1059
    result = post(session.home)
    assert result.exit_code == 5
    assert "fund it" in result.output
    assert session.store.files == {}


def test_an_ipfs_daemon_that_is_down_leaves_nothing_spent(session: FakeSession) -> None:
    session.store.down = True
    result = post(session.home)
    assert result.exit_code == 3
    assert session.chain.world.tasks == {}


def test_percentages_become_basis_points(session: FakeSession) -> None:
    spec = session.home / "spec.json"
    spec.write_text(json.dumps(SPECIFICATION))
    names = ("reward", "data_bond", "fee", "time_limit", "min_time", "min_solutions", "audit")
    terms = dict.fromkeys(names, 1) | {"train_accuracy": 97.25, "test_accuracy": 33.333}
    request = read_request(spec, read_data(str(data_file(session.home))), terms, LIMITS)
    assert request.terms.required_train_accuracy == 9725
    assert request.terms.required_test_accuracy == 3333


def test_a_task_is_entered_in_the_key_budget(session: FakeSession) -> None:
    result = post(session.home)
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Miners get 2 independent functions of a sample and up to")
    assert "has 4 columns, which fill 4 dimensions" in lines[0]
    assert lines[1].startswith("Who knows 9 other samples gets")
    assert lines[2].startswith("In the clear: the label of every sample (3 classes), 12 samples at most")
    entry = KeyLedger(session.home / "key-budget").entries()[0]
    assert entry.data_set.startswith("data-")
    assert (entry.mpk_digest, entry.given) == (session.chain.world.tasks[1].files.mpk_digest, None)


def test_a_second_task_on_the_same_data_is_refused_before_anything_is_done(session: FakeSession) -> None:
    assert post(session.home).exit_code == 0
    stored = len(session.store.files)
    refused = post(session.home)
    assert refused.exit_code == 2
    assert "Miners get, with 1 task before it, 4 independent functions" in refused.output
    assert len(session.store.files) == stored
    accepted = post(session.home, "--allow-disclosure", "rank")
    assert accepted.exit_code == 0
    assert "warning: this breaks the key budget's rule 'rank'" in accepted.stderr


def test_part_of_the_data_counts_as_the_data(session: FakeSession) -> None:
    assert post(session.home).exit_code == 0
    assert post(session.home, "--train-samples", "6").exit_code == 2


def test_other_data_under_the_same_name_counts_together(session: FakeSession) -> None:
    assert post(session.home, "--data-name", "mine").exit_code == 0
    x_train = np.random.default_rng(2).integers(0, 255, (9, 4))
    other = data_file(session.home, x_train=x_train)
    assert post(session.home, "--data-name", "mine", data=other).exit_code == 2
    assert post(session.home, data=other).exit_code == 0


def test_a_task_that_was_prepared_and_not_posted_counts_once(session: FakeSession) -> None:
    def die(*_: object, **__: object) -> int:
        raise RefusedError("The list of tasks is full; wait.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RichChain, "post_task", die)
        assert post(session.home).exit_code == 6
    assert post(session.home).exit_code == 0
    assert len(KeyLedger(session.home / "key-budget").entries()) == 1
