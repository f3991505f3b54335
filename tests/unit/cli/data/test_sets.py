"""`pole data`: the budget as people and scripts read it, and the attacks on a user's own data."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.task.test_post import SPECIFICATION, data_file
from tests.unit.roles.elsewhere import FakeShards

from pole.cli import main
from pole.cli.common.data import read_data
from pole.learning.data.digest import data_set_digest
from pole.learning.privacy.disclosure import AttackAll, attack_in_turn
from pole.learning.privacy.rules import Rule
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import parse_specification
from pole.roles.keys.budget import KeyBudget
from pole.roles.keys.ledger import GivenKeys, KeyLedger, LedgerEntry

SEED = keccak256(b"seed")


def pole(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["data", *arguments, "--home", str(home)])


def enter(home: Path, number: int, given: GivenKeys | None = None) -> LedgerEntry:
    made = LedgerEntry(
        mpk_digest=keccak256(bytes([number])),
        data_set="blobs",
        data_digest=data_set_digest(read_data(str(data_file(home)))),
        specification=parse_specification(json.dumps(SPECIFICATION)),
        consent=Rule.RANK,
        given=given,
    )
    KeyBudget(KeyLedger(home / "key-budget"), nullcontext).ledger.write(made)
    return made


def test_an_empty_budget_says_so(tmp_path: Path) -> None:
    assert "Nothing was given away" in pole(tmp_path, "budget").output
    assert json.loads(pole(tmp_path, "budget", "--json").stdout) == {"dataSets": [], "tasks": []}


def test_the_budget_tells_what_is_given_and_what_waits(tmp_path: Path) -> None:
    enter(tmp_path, 1, GivenKeys(SEED, 7))
    enter(tmp_path, 2)
    assert pole(tmp_path, "budget").output.splitlines()[1].split() == [
        *("blobs", "2", "2", "4", "-", "-", "-", "2")
    ]
    tasks = [line.split() for line in pole(tmp_path, "budget", "--tasks").output.splitlines()[1:]]
    assert sorted(line[4] for line in tasks) == ["round", "waiting"]
    read = json.loads(pole(tmp_path, "budget", "--json").stdout)
    assert read["dataSets"] == [
        {
            **{"dataSet": "blobs", "dimension": 4, "affineRank": None, "numericalRank": None},
            **{"given": 2, "exact": True, "waiting": 2, "bits": None, "answerBits": None, "tasks": 2},
        }
    ]
    given = next(task for task in read["tasks"] if task["seed"])
    assert (given["seed"], given["round"], given["givesAtMost"]) == (f"0x{SEED.hex()}", 7, 2)


def test_what_waits_can_be_released_and_what_is_given_cannot(tmp_path: Path) -> None:
    given, waiting = enter(tmp_path, 1, GivenKeys(SEED, 7)), enter(tmp_path, 2)
    assert pole(tmp_path, "release", f"0x{waiting.mpk_digest.hex()}").exit_code == 0
    refused = pole(tmp_path, "release", given.mpk_digest.hex())
    assert refused.exit_code == 2
    assert "cannot be taken back" in refused.output
    assert "64 hex digits" in pole(tmp_path, "release", "12").output
    assert "64 hex digits" in pole(tmp_path, "release", "mine").output


def attack(home: Path, *options: str) -> Result:
    random = np.random.default_rng(1)
    path = data_file(home, x_train=random.integers(0, 255, (9, 4)))
    return pole(home, "privacy", "--data", str(path), "--steps", "2", *options)


def test_a_layer_of_full_rank_is_said_to_disclose(tmp_path: Path) -> None:
    spec, picture = tmp_path / "spec.json", tmp_path / "picture.png"
    spec.write_text(json.dumps(SPECIFICATION))
    result = attack(tmp_path, "--spec", str(spec), "--rounds", "2", "--picture", str(picture))
    assert result.exit_code == 0, result.output
    assert (
        "2 sets of keys give away 4 independent functions of a sample, of the 4 dimensions" in result.output
    )
    assert "every value of every sample was computed exactly" in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_ledgers_own_keys_are_attacked_without_a_specification(tmp_path: Path) -> None:
    enter(tmp_path, 1, GivenKeys(SEED, 7))
    enter(tmp_path, 2)
    read = json.loads(attack(tmp_path, "--json").stdout)
    assert (read["rank"], read["dimension"]) == (2, 4)
    assert [each["method"] for each in read["methods"]][:2] == ["mean", "most common"]


@pytest.mark.parametrize("options", [(), ("--noise", "20")])
def test_a_cluster_attacks_beside_this_machine(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, cluster = tmp_path / "spec.json", FakeShards()
    spec.write_text(json.dumps(SPECIFICATION))
    asked: list[object] = []

    def opened(_: object, address: str, __: object) -> nullcontext[FakeShards]:
        return nullcontext(cluster)

    def noted(shards: FakeShards) -> AttackAll:
        asked.append(shards)
        return attack_in_turn

    monkeypatch.setattr("pole.cli.data.privacy.opened_cluster", opened)
    monkeypatch.setattr("pole.roles.keys.attack_shards.attacks_beside", noted)
    result = attack(tmp_path, "--spec", str(spec), "--cluster", "tls://head:8786", *options)
    assert result.exit_code == 0, result.output
    assert asked == [cluster]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({}, "name a specification with --spec"), ({"input": {"bits": 8, "shape": [5]}}, "have the shape [4]")],
)
def test_what_cannot_be_attacked_is_one_sentence(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(SPECIFICATION | changes))
    options = ["--spec", str(spec)] if changes else []
    result = attack(tmp_path, *options)
    assert result.exit_code == 2
    assert sentence in result.output


def test_the_command_knows_every_attack_and_the_numbers_of_the_preview() -> None:
    from pole.cli.data.privacy import METHODS
    from pole.cli.data.privacy import privacy as command
    from pole.learning.privacy.disclosure import ATTACKS, HELD_OUT, KNOWN, STEPS

    assert list(METHODS) == ["mean", "most common", *ATTACKS]
    defaults = {option.name: option.default for option in command.params}
    assert (defaults["known"], defaults["held_out"], defaults["steps"]) == (KNOWN, HELD_OUT, STEPS)


def test_rules_can_be_allowed_by_the_names_that_they_have() -> None:
    from pole.cli.common.disclosure import RULES

    assert list(RULES) == list(Rule)


def test_noise_is_tried_before_it_is_asked_for(tmp_path: Path) -> None:
    spec, picture = tmp_path / "spec.json", tmp_path / "picture.svg"
    spec.write_text(json.dumps(SPECIFICATION))
    tried = ("--spec", str(spec), "--noise", "300,10")
    shown = attack(tmp_path, *tried, "--picture", str(picture))
    assert shown.exit_code == 0, shown.output
    assert [line.split()[0] for line in shown.output.splitlines()[1:4]] == ["none", "10", "300"]
    assert b"<svg" in picture.read_bytes()
    read = json.loads(attack(tmp_path, *tried, "--json").stdout)["noise"]
    assert [each["deviation"] for each in read] == [0, 10, 300]
    assert read[0]["epsilon"] is None
    assert read[1]["epsilon"] > read[2]["epsilon"] > 0


@pytest.mark.parametrize("noise", ["", "0", "ten", "10,,30", "1e3", "-5", "65537", "１０"])
def test_noise_that_is_no_number_is_refused(tmp_path: Path, noise: str) -> None:
    assert attack(tmp_path, "--spec", "spec.json", "--noise", noise).exit_code == 2


def test_noise_is_tried_on_a_layer_that_is_named(tmp_path: Path) -> None:
    refused = attack(tmp_path, "--noise", "10")
    assert refused.exit_code == 2
    assert "name a specification with --spec" in refused.output
