"""PoLe from Python: the same as the commands, on frames as well as on files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mixed_rows import rows, write_csv
from tests.unit.roles.models.kept import NAMES, OF_TABLE, keep_model

import pole
from pole.api.network import Wallet
from pole.api.settings import settings_of
from pole.errors import InputError

EXAMPLES = Path(__file__).parents[3] / "examples"
COLUMNS = {name: [row[name] for row in rows(60, 3)] for name in rows(1, 3)[0]}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RPC", "IPFS", "DEPLOYMENT", "PROFILE", "PASSWORD_FILE"):
        monkeypatch.delenv(f"POLE_{name}", raising=False)
    monkeypatch.setenv("POLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_importing_it_loads_nothing_and_names_what_there_is() -> None:
    script = "import sys, pole; assert {'prepare', 'load'} <= set(dir(pole)); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="no attribute 'buy'"):
        pole.buy  # noqa: B018


def test_a_frame_and_a_file_of_the_same_rows_are_the_same_data(tmp_path: Path) -> None:
    of_frame = pole.prepare(COLUMNS, target="renewed", dropped=("customer",))
    of_file = pole.prepare(
        write_csv(tmp_path / "rows.csv", rows(60, 3)), target="renewed", dropped=("customer",)
    )
    assert of_frame.preparation == of_file.preparation
    assert np.array_equal(of_frame.dataset.x_train, of_file.dataset.x_train)
    assert "<td>town</td>" in of_frame._repr_html_()
    kept = pole.data(of_file.save(tmp_path / "rows.pole"))
    assert np.array_equal(kept.x_test, of_file.dataset.x_test)


def test_a_wrong_target_is_one_sentence() -> None:
    with pytest.raises(pole.PoleError, match="renewed"):
        pole.prepare(COLUMNS, target="renewd")


def test_a_model_predicts_frames_and_files_alike(tmp_path: Path) -> None:
    folder = keep_model(tmp_path / "home", OF_TABLE)
    given = {
        "age": [18.0, None, 33.5],
        "income, yearly": [1000, -500, 45],
        "city": ["Zürich", "Geneva", None],
        "member": [True, False, None],
        "since": ["2001-02-03", "1999-01-01", None],
    }
    model = pole.load("models/task-1")
    assert model.folder == folder
    labels = model.predict(given)
    assert set(labels) <= set(NAMES)
    shares = model.probabilities(given)
    assert list(shares) == list(NAMES)
    assert sum(shares.values()) == pytest.approx(np.ones(3))
    assert [max(shares, key=lambda name: shares[name][row]) for row in range(3)] == labels.tolist()
    assert pole.load(1).predict(given).tolist() == labels.tolist()
    with pytest.raises(InputError, match="no column"):
        model.report(given)
    with pytest.raises(InputError, match="choose one of onnx"):
        model.export(tmp_path / "model.tf", to="tensorflow")


def test_a_model_that_is_not_here_is_one_sentence() -> None:
    with pytest.raises(InputError, match="There is no model in"):
        pole.load("models/task-9")


def test_several_seeds_say_what_to_ask_for() -> None:
    data = pole.prepare(COLUMNS, target="renewed", dropped=("customer",))
    spec = pole.suggest(data, allow_disclosure="rank", seconds=0.2)
    trials = pole.try_out(data, spec, seeds=1, seconds=0.2)
    assert 0 <= trials.advice.train_accuracy <= 99
    assert trials.advice.time_limit >= 60


def test_what_is_given_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert settings_of().rpc == "http://127.0.0.1:8546"
    monkeypatch.setenv("POLE_RPC", "http://other:1")
    assert settings_of().rpc == "http://other:1"
    assert pole.connect(rpc="http://mine:2").settings.rpc == "http://mine:2"
    assert settings_of(home=tmp_path).home == tmp_path


def test_a_wallet_shows_its_password_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="POLE_PASSWORD_FILE"):
        pole.connect().wallet("data-1")
    (tmp_path / "password").write_text("a secret\n")
    monkeypatch.setenv("POLE_PASSWORD_FILE", str(tmp_path / "password"))
    wallet = pole.connect().wallet("data-1")
    assert wallet == Wallet("data-1", "a secret")
    assert "secret" not in repr(wallet)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"train_accuracy": 0.95}, "write 95 for 95 %"),
        ({"test_accuracy": 101}, "write 95 for 95 %"),
        ({"reward": 1}, "write an amount as text"),
        ({"fee": 0.1}, "write an amount as text"),
        ({"min_times": 5}, "has no terms"),
        ({"allow_disclosure": "all"}, "has no rule 'all'"),
    ],
)
def test_terms_that_are_none_are_one_sentence_before_anything_is_opened(
    wrong: dict[str, Any], sentence: str
) -> None:
    data = pole.prepare(COLUMNS, target="renewed", dropped=("customer",))
    terms = {"reward": "1 ether", "time_limit": 60, "train_accuracy": 95, **wrong}
    specification = pole.specification(EXAMPLES / "iris-mlp.json")
    with pytest.raises(InputError, match=sentence):
        pole.connect().post(data, specification, Wallet("data-1", "x"), **terms)
