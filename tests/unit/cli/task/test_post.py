"""`pole task post`: what is wrong is one sentence, before anything is spent."""

import json
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.protocol.example_rounds import PARAMETERS, POSTING
from tests.unit.roles.elsewhere import FakeShards
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World

from pole.api.terms import read_specification, request_of
from pole.cli import main
from pole.cli.common.data import read_data
from pole.errors import RefusedError
from pole.ipfe.scheme import Ciphertexts, encrypt
from pole.learning.data.datasets import DataSet
from pole.learning.privacy.disclosure import Disclosure, reconstruct
from pole.learning.privacy.rules import Rule
from pole.learning.privacy.views import View
from pole.protocol.rounds.value_heap import WaitingTask
from pole.roles.keys.ledger import KeyLedger

LIMITS = replace(POSTING, max_tasks=2, round_windows=900)
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
    deployment = SimpleNamespace(parameters=replace(PARAMETERS, task_list=LIMITS))

    waiting: tuple[WaitingTask, ...] = ()
    index = SimpleNamespace(snapshot=dict)
    delegations = SimpleNamespace(events=lambda _: ())

    def balance_of(self, _: str) -> int:
        return self.balance

    def was_sent(self, intent: str) -> bool:
        return intent in self.receipts

    def gas_price(self) -> int:
        return 2 * 10**9

    def posting_of(self, task_id: int) -> str:
        return f"0x{task_id:064x}"

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


FOUND: dict[bytes, Disclosure] = {}


@pytest.fixture(autouse=True)
def attacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack what tests have in common once: what attacks find follows from their arguments alone."""

    def remembered(dataset: DataSet, views: Sequence[View], *, bits: int) -> Disclosure:
        key = pickle.dumps((dataset, views, bits))
        if key not in FOUND:
            FOUND[key] = reconstruct(dataset, views, bits=bits)
        return FOUND[key]

    monkeypatch.setattr("pole.roles.keys.preview.reconstruct", remembered)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    made = FakeSession(tmp_path)
    (tmp_path / "wallets").mkdir()
    (tmp_path / "wallets" / "alice.json").write_text(json.dumps({"crypto": STRONG, "address": ADDRESS}))
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
    asked = () if answer is not None else ("--yes",)
    words = ["task", "post", "--home", str(folder), *flat, *asked, *options]
    return CliRunner().invoke(main, words, input=answer)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have somebody sit at a terminal; what they type is the runner's input."""
    person = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("pole.cli.common.disclosure.sys", person)
    monkeypatch.setattr("pole.cli.task.price.sys", person)


def test_without_a_terminal_nobody_pays_without_having_said_so(session: FakeSession) -> None:
    result = post(session.home, answer="")
    assert result.exit_code == 2
    assert "give --yes, or --dry-run to see what it costs" in result.stderr
    assert session.chain.world.tasks == {}


@pytest.mark.usefixtures("terminal")
def test_the_owner_sees_what_it_costs_and_is_asked_before_anything_is_done(session: FakeSession) -> None:
    refused = post(session.home, "--reward", "1.5", answer="n\n")
    assert refused.exit_code == 1
    assert "Not posted: nothing was published or sent." in refused.stderr
    assert (session.chain.world.tasks, session.store.files) == ({}, {})
    assert [line.split()[:3] for line in refused.stderr.splitlines() if line.startswith("  ")] == [
        ["reward", "1.5", "ETH"],
        ["fee", "0.015", "ETH"],
        ["rent", "0.015", "ETH"],
        ["data", "bond", "0.00000000000000005"],
        ["gas", "about", "0.001"],
        ["together", "about", "1.531"],
    ]
    assert "comes back, unless keys or test set are late or wrong" in refused.stderr
    assert (
        "Judging a model may take 1s, for 54,598 multiplications a sample: a vote stays open for 2m 10s"
        in (refused.stderr)
    )
    assert "shares 0.15 ETH of the reward for it." in refused.stderr
    assert "this deployment asks for a reward of at least 0.0000000000000001 ETH" in refused.stderr
    posted = post(session.home, "--reward", "1.5", answer="y\n")
    assert posted.exit_code == 0, posted.output
    assert "Post the task and pay?" in posted.stderr
    assert posted.stdout.splitlines()[-3:] == [
        f"Posted task 1. Transaction 0x{1:064x}.",
        "Its data node, which must stay up: pole data-node run --wallet alice",
        "To look on: pole task watch 1",
    ]


def test_a_dry_run_shows_all_and_does_nothing(session: FakeSession) -> None:
    result = post(session.home, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "It costs:" in result.stderr
    assert "Miners get 2 independent functions" in result.stderr
    assert result.stdout == "Nothing was published or sent: leave --dry-run out to post the task.\n"
    told = json.loads(post(session.home, "--dry-run", "--json").stdout)
    assert told["judging"] == {"work": 54_598, "seconds": 1, "leastReward": "100", "verificationFee": "100"}
    assert (told["taskId"], told["transaction"], told["payment"]) == (None, None, "1070")
    assert (session.chain.world.tasks, session.store.files) == ({}, {})
    assert KeyLedger(session.home / "key-budget").entries() == ()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("options", "doubt"),
    [
        (
            ("--train-accuracy", "33"),
            "The required training accuracy is 33 %, and the same answer for all samples",
        ),
        (("--train-accuracy", "0.95%"), "The required training accuracy is 0.95 %, which is less than 1 %."),
        (
            ("--test-accuracy", "30"),
            "The required test accuracy is 30 %, and the same answer for all samples",
        ),
    ],
)
def test_a_threshold_that_says_nothing_is_asked_about_by_name(
    session: FakeSession, options: tuple[str, ...], doubt: str
) -> None:
    refused = post(session.home, *options, answer="n\n")
    assert refused.exit_code == 1
    assert doubt in refused.stderr
    assert "Is that meant?" in refused.stderr
    assert session.chain.world.tasks == {}
    assert post(session.home, *options, answer="y\ny\n").exit_code == 0
    told = post(session.home, *options, "--allow-disclosure", "rank")
    assert told.exit_code == 0
    assert f"warning: {doubt}" in told.stderr


def test_a_share_is_never_taken_for_a_percentage(session: FakeSession) -> None:
    result = post(session.home, "--train-accuracy", "0.95")
    assert result.exit_code == 2
    assert "write 95 for 95 %" in result.stderr


def test_ctrl_c_at_the_question_says_that_nothing_was_sent(session: FakeSession) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RichChain, "gas_price", interrupt)
        result = post(session.home)
    assert result.exit_code == 130
    assert result.stderr.endswith("error: Interrupted. Nothing was sent.\n")


def test_a_refusal_speaks_in_the_unit_that_was_typed(session: FakeSession) -> None:
    result = post(session.home, "--reward", "99 wei")
    assert "The reward is 99 wei, but must be at least 100 wei; change it." in result.stderr
    result = post(session.home, "--reward", "1", "--fee", "20 gwei")
    assert "The fee is 20 gwei, but must be at least 10000000 gwei; change it." in result.stderr


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
    assert "offer a reward of 0.000000000000001009 ETH at least" in " ".join(result.output.split())
    assert session.store.files == {}


def test_a_better_task_takes_the_place_of_the_least_valuable_and_says_so(session: FakeSession) -> None:
    session.chain.waiting = (WaitingTask(1, 10_000, 1000), WaitingTask(2, 1_983, 2000))
    session.chain.world.replaced[2] = 1
    result = post(session.home)
    assert result.exit_code == 0, result.output
    assert "takes the place of task 2, whose reward is 0.000000000000001983 ETH for 2000 s" in result.stderr
    assert "Posted task 1 in the place of task 2." in result.stdout


def test_a_list_with_room_replaces_nothing(session: FakeSession) -> None:
    session.chain.waiting = (WaitingTask(1, 1, 1000),)
    result = post(session.home)
    assert "place" not in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--time-limit", "1001"], "time limit is 1001 seconds, but must be at most 1000 seconds"),
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


@pytest.mark.usefixtures("terminal")
def test_an_owner_at_a_terminal_is_asked(session: FakeSession) -> None:
    mapping = {"kind": "linear", "bits": 3, "queries": 4}
    assert post(session.home, mapping=mapping, answer="n\n").exit_code == 2
    asked = post(session.home, mapping=mapping, answer="y\ny\n")
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
    names = ("reward", "data_bond", "fee", "time_limit", "min_time", "min_solutions")
    terms = dict.fromkeys(names, 1) | {"train_accuracy": 97.25, "test_accuracy": 33.333}
    request = request_of(read_specification(spec), read_data(str(data_file(session.home))), terms, LIMITS)
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


def slowly(*arguments: Any) -> Ciphertexts:
    """Encrypt so slowly that some of the work is left for others."""
    time.sleep(0.05)
    return encrypt(*arguments)


def test_a_cluster_encrypts_beside_this_machine_and_is_left_in_the_end(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, events = FakeShards(), []

    @contextmanager
    def opened(_: object, address: str, certificates: Path) -> Iterator[FakeShards]:
        events.append((address, certificates))
        yield cluster
        events.append(("left", certificates))

    monkeypatch.setattr("pole.cli.task.post.opened_cluster", opened)
    monkeypatch.setattr("pole.roles.publishing.encryption.SHARD_BYTES", 1)
    monkeypatch.setattr("pole.roles.publishing.encryption.encrypt", slowly)
    where = ("--cluster", "tls://head:8786", "--cluster-certificates", str(session.home))
    assert post(session.home, *where).exit_code == 0
    assert events == [("tls://head:8786", session.home), ("left", session.home)]
    assert {shard.work for shard in cluster.sent} == {"encryption"}
    assert len(session.chain.world.tasks) == 1


def test_a_cluster_without_tls_is_refused_before_anything_is_spent(session: FakeSession) -> None:
    result = post(session.home, "--cluster", "tcp://head:8786")
    assert result.exit_code == 2
    assert "The scheduler's address is 'tcp://head:8786', but must be like tls://head:8786." in result.stderr
    assert (session.chain.world.tasks, session.store.files) == ({}, {})
