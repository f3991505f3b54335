from pathlib import Path

import pytest
from experiments import noise
from experiments.__main__ import all_of
from experiments.results import EXPERIMENTS, HEAD, PAGE
from experiments.running.environment import REPOSITORY
from experiments.running.pages import page, section, write
from experiments.running.records import Record, Size, append, read
from experiments.running.session import KEPT, Experiment

ENVIRONMENT = {
    "machine": "2 cores",
    "gpu": None,
    "torch": "2",
    "threads": 1,
    "commit": "abc",
    "date": "2026-01-01",
}


def test_the_page_and_its_pictures_say_what_the_records_say(tmp_path: Path) -> None:
    write(HEAD, EXPERIMENTS, KEPT, tmp_path / "results.md")
    sentence = "write them anew with `python -m experiments.results`"
    assert (tmp_path / "results.md").read_text() == PAGE.read_text(), sentence
    for picture in (tmp_path / "results").iterdir():
        assert picture.read_text() == (PAGE.parent / "results" / picture.name).read_text(), sentence


def test_the_page_is_the_same_in_whatever_order_its_records_came(tmp_path: Path) -> None:
    records = read(KEPT / "noise.jsonl")
    written = [page_of_noise(tmp_path / "there", records), page_of_noise(tmp_path / "back", records[::-1])]
    assert written[0] == written[1]


def page_of_noise(folder: Path, records: list[Record]) -> list[str]:
    for record in records:
        append(folder / "noise.jsonl", record)
    write(HEAD, [noise.EXPERIMENT], folder, folder / "page.md")
    return [(folder / "page.md").read_text(), (folder / "results" / "noise.svg").read_text()]


def test_every_experiment_states_claim_command_hardware_and_n() -> None:
    for experiment in EXPERIMENTS:
        stated = (REPOSITORY / "experiments" / f"{experiment.name}.py").read_text().split('"""')[1]
        for part in ("Claim:", f"python -m\nexperiments.{experiment.name}", "Hardware:", "n:"):
            assert part in stated or part.replace("\n", " ") in stated, (experiment.name, part)


def test_what_has_not_been_measured_is_said_to_be_so() -> None:
    told = page(HEAD, [(experiment, []) for experiment in EXPERIMENTS])
    assert told.count("Not measured yet.") == len(EXPERIMENTS)


def test_the_origin_of_what_is_shown_is_told(tmp_path: Path) -> None:
    measured = {"mean": 2.0, "interval": [1.0, 3.0]}
    append(tmp_path / "table1.jsonl", Record("table1", Size.REDUCED, "PoW", 0, measured, ENVIRONMENT, 1.0))
    write(HEAD, EXPERIMENTS, tmp_path, tmp_path / "page.md")
    told = (tmp_path / "page.md").read_text()
    assert (
        "Measured at the usual size on 2 cores, no GPU, torch 2 with 1 thread; commit abc; 2026-01-01" in told
    )
    assert (tmp_path / "results" / "figure4.svg").exists()


def test_the_origin_names_the_instructions_where_a_record_does(tmp_path: Path) -> None:
    measured, told = {"mean": 2.0, "interval": [1.0, 3.0]}, {**ENVIRONMENT, "instructions": "ifma, bfloat16"}
    append(tmp_path / "table1.jsonl", Record("table1", Size.REDUCED, "PoW", 0, measured, told, 1.0))
    write(HEAD, EXPERIMENTS, tmp_path, tmp_path / "page.md")
    assert "on 2 cores (ifma, bfloat16), no GPU" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_a_table_of_one_row_can_be_made(experiment: Experiment) -> None:
    """As of `--only`, with records of one's own."""
    kept = {record.setting: record for record in read(KEPT / f"{experiment.name}.jsonl")}
    for record in kept.values():
        assert "Measured" in section(experiment, [record])


def test_all_experiments_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    all_of(["--list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        experiment.name for experiment in EXPERIMENTS
    ]


def test_published_records_are_of_no_quick_run() -> None:
    for path in KEPT.glob("*.jsonl"):
        assert all(record.size is not Size.QUICK for record in read(path)), path.name
