from collections.abc import Sequence
from pathlib import Path

import pytest
from experiments.running import session
from experiments.running.records import Size, read
from experiments.running.session import KEEPING, KEPT, Options, planned, run
from tests.unit.experiments.trial import experiment

from pole.adapters.storage.data_publishers import PUBLISHED, Published, Report
from pole.errors import DiskError, InputError, UnreachableError
from pole.ipfe.backend import available


def test_every_setting_is_measured_for_every_seed_and_recorded(tmp_path: Path) -> None:
    told: list[str] = []
    trial = experiment(lambda name, seed: {"value": 10 * seed})
    run(trial, Options(Size.REDUCED, 2, tmp_path), told.append)
    found = read(tmp_path / "trial.jsonl")
    assert [(each.setting, each.seed, each.measured["value"]) for each in found] == [
        ("a", 0, 0),
        ("b", 0, 0),
        ("a", 1, 10),
        ("b", 1, 10),
    ]
    assert all(each.environment["commit"] and each.environment["machine"] for each in found)
    assert told[2] == "trial: a, seed 1: value 10 (0 s)"


@pytest.mark.parametrize(
    ("size", "seeds", "expected"),
    [
        (Size.REDUCED, None, [("long", 0), ("short", 0), ("short", 1)]),
        (Size.REDUCED, 3, [("long", 0), ("short", 0), ("long", 1), ("short", 1), ("long", 2), ("short", 2)]),
        (Size.FULL, None, [("long", 0), ("short", 0), ("short", 1), ("short", 2)]),
    ],
)
def test_a_setting_that_takes_hours_has_its_own_number_of_seeds(
    tmp_path: Path, size: Size, seeds: int | None, expected: list[tuple[str, int]]
) -> None:
    trial = experiment(lambda name, seed: {}, settings=("long", "short"), seeds={"long": 1})
    assert [(case.setting, seed) for seed, case in planned(trial, Options(size, seeds, tmp_path))] == expected


def test_what_is_being_measured_is_said_before_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="experiments"):
        run(experiment(lambda name, seed: {}), Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert caplog.messages == [f"trial: {name}, seed 0: is being measured" for name in ("a", "b")]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    measured: list[tuple[str, int]] = []

    def measure(name: str, seed: int) -> dict[str, float]:
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append((name, seed))
        return {}

    options = Options(Size.QUICK, 2, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(experiment(measure), options, lambda line: None)
    again: list[tuple[str, int]] = []

    def go_on(name: str, seed: int) -> dict[str, float]:
        again.append((name, seed))
        return {}

    run(experiment(go_on), options, lambda line: None)
    assert measured == [("a", 0), ("b", 0), ("a", 1)]
    assert again == [("b", 1)]


def test_a_record_names_the_commit_that_was_there_when_its_measurement_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(name: str, seed: int) -> dict[str, float]:
        monkeypatch.setattr(session, "commit", lambda: "later")
        return {}

    monkeypatch.setattr(session, "commit", lambda: "first")
    run(experiment(measure, settings=["a"]), Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert [each.environment["commit"] for each in read(tmp_path / "trial.jsonl")] == ["first"]


def test_a_back_end_that_is_not_here_costs_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLE_IPFE_BACKEND", "abacus")
    measured: list[str] = []

    def measure(name: str, seed: int) -> dict[str, float]:
        measured.append(name)
        return {}

    trial = experiment(measure)
    with pytest.raises(InputError, match="no back end 'abacus'"):
        run(trial, Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert measured == []


def test_a_record_names_what_its_machine_is_fast_by(tmp_path: Path) -> None:
    run(experiment(lambda name, seed: {}), Options(Size.QUICK, 1, tmp_path), lambda line: None)
    first, *_ = read(tmp_path / "trial.jsonl")
    assert first.environment["instructions"].partition(",")[0] in available()


def test_a_measurement_finds_the_records_of_its_run(tmp_path: Path) -> None:
    found: list[Path] = []

    def measure(name: str, seed: int) -> dict[str, float]:
        found.append(KEEPING.get())
        return {}

    run(experiment(measure), Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert [*found, KEEPING.get()] == [tmp_path, tmp_path, KEPT]


def test_what_a_measurement_could_be_taken_up_from_is_forgotten_once_its_record_is_kept(
    tmp_path: Path,
) -> None:
    forgotten: list[tuple[str, int, int]] = []

    def forget(name: str, seed: int) -> None:
        forgotten.append((name, seed, len(read(tmp_path / "trial.jsonl"))))

    trial = experiment(lambda name, seed: {}, forget=forget)
    run(trial, Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert forgotten == [("a", 0, 1), ("b", 0, 2)]


def test_a_record_that_cannot_be_written_is_an_error_that_costs_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object, __: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("experiments.running.records.flock", full)
    forgotten: list[tuple[str, int]] = []
    trial = experiment(lambda name, seed: {}, forget=lambda name, seed: forgotten.append((name, seed)))
    with pytest.raises(DiskError, match=r"The record cannot be written .*No space left"):
        run(trial, Options(Size.QUICK, 1, tmp_path), lambda line: None)
    assert not forgotten


def test_what_another_command_measured_meanwhile_is_not_recorded_twice(tmp_path: Path) -> None:
    told: list[str] = []
    path, options = tmp_path / "trial.jsonl", Options(Size.QUICK, 1, tmp_path)

    def beside(name: str, seed: int) -> dict[str, float]:
        run(experiment(lambda name, seed: {"value": 1}), options, lambda line: None)
        return {"value": 2}

    run(experiment(beside), options, told.append)
    assert [(each.setting, each.measured["value"]) for each in read(path)] == [("a", 1), ("b", 1)]
    assert told == [
        "trial: a, seed 0: was measured by another command meanwhile, whose record is kept",
        "trial: b, seed 0: is there already",
    ]


def test_another_size_is_measured_anew(tmp_path: Path) -> None:
    trial = experiment(lambda name, seed: {})
    for size in (Size.QUICK, Size.FULL):
        run(trial, Options(size, 1, tmp_path), lambda line: None)
    assert len(read(tmp_path / "trial.jsonl")) == 4


def test_settings_whose_data_are_absent_are_skipped_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLE_DATA", str(tmp_path))
    told: list[str] = []
    trial = experiment(lambda name, seed: {}, data="mnist")
    assert run(trial, Options(Size.QUICK, 1, tmp_path), told.append) == 2
    assert "skipped, the data set mnist is not here" in told[0]
    (tmp_path / "mnist").mkdir()
    for published in PUBLISHED["mnist"]:
        (tmp_path / "mnist" / published.name).touch()
    assert run(trial, Options(Size.QUICK, 1, tmp_path), told.append) == 0


def test_absent_data_are_fetched_once_and_a_publisher_that_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLE_DATA", str(tmp_path))
    asked: list[Path] = []
    told: list[str] = []

    def away(files: Sequence[Published], folder: Path, report: Report) -> None:
        asked.append(folder)
        raise UnreachableError("Nobody answers.")

    def there(files: Sequence[Published], folder: Path, report: Report) -> None:
        asked.append(folder)
        folder.mkdir()
        for published in files:
            (folder / published.name).touch()

    monkeypatch.setattr("experiments.running.session.fetch", away)
    assert (
        run(experiment(lambda name, seed: {}, data="cifar10"), Options(Size.FULL, 1, tmp_path), told.append)
        == 2
    )
    assert told[:2] == [f"Fetching cifar10 into {tmp_path}", "Nobody answers."]
    monkeypatch.setattr("experiments.running.session.fetch", there)
    trial = experiment(lambda name, seed: {}, data="iris")
    assert run(trial, Options(Size.FULL, 1, tmp_path), told.append) == 0
    assert asked == [tmp_path / "cifar10", tmp_path / "iris"]


def test_some_settings_can_be_asked_for(tmp_path: Path) -> None:
    trial = experiment(lambda name, seed: {}, settings=("iris", "mnist"))
    run(trial, Options(Size.QUICK, 1, tmp_path, only="mni"), lambda line: None)
    assert [each.setting for each in read(tmp_path / "trial.jsonl")] == ["mnist"]
