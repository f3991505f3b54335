"""The index of the decisions says what the records say, and a record that it cannot tell is refused."""

from pathlib import Path

import pytest
from scripts.checks.decisions import FOLDER, Record, RecordError, index_of, main, read_records, record_of

FIRST = "# 1. Ether is kept in accounts\n\n**Status.** {}.\n\n**Decision.** It is.\n"
SECOND = "# 2. Accounts have names\n\n**Status.** Accepted.\n\n**Decision.** They have.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001-accounts.md").write_text(FIRST.format("Superseded by [0002](0002-names.md)"))
    (tmp_path / "0002-names.md").write_text(SECOND)
    return tmp_path


def test_the_index_in_the_repository_is_what_the_records_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_every_record_tells_its_decision() -> None:
    for record in read_records(FOLDER):
        assert "\n**Decision.** " in (FOLDER / record.file).read_text(encoding="utf-8"), record.file


def test_a_record_has_a_line_with_its_number_title_and_status(folder: Path) -> None:
    first, second = index_of(read_records(folder)).splitlines()[-2:]
    assert first == (
        "| [0001](0001-accounts.md) | Ether is kept in accounts | superseded by [0002](0002-names.md) |"
    )
    assert second == "| [0002](0002-names.md) | Accounts have names | accepted |"


def test_a_stale_index_fails_until_it_is_written_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], folder) == 1
    assert "is stale" in capsys.readouterr().out
    assert main(["--write"], folder) == 0
    assert main(["--check"], folder) == 0
    (folder / "0003-more.md").write_text("# 3. More\n\n**Status.** Accepted.\n")
    assert main(["--check"], folder) == 1


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("one.md", SECOND, "one.md: name it NNNN"),
        ("0003-names.md", SECOND, "0003-names.md:1: begin with '# 3. "),
        ("0002-names.md", "Accounts have names", "0002-names.md:1: begin with '# 2. "),
        ("0002-names.md", "# 2. Accounts have names\n\n**Decision.** They have.", "0002-names.md:3: write"),
        ("0002-names.md", "# 2. Accounts have names\n\n**Status.** Proposed.", "0002-names.md:3: write"),
    ],
)
def test_a_record_in_another_form_is_refused(file: str, text: str, complaint: str) -> None:
    with pytest.raises(RecordError) as refused:
        record_of(file, text)
    assert str(refused.value).startswith(complaint)


def test_a_number_that_is_left_out_is_refused(folder: Path) -> None:
    (folder / "0002-names.md").rename(folder / "0003-names.md")
    (folder / "0003-names.md").write_text(SECOND.replace("# 2.", "# 3."))
    with pytest.raises(RecordError, match=r"0003-names\.md: number it 0002"):
        read_records(folder)


@pytest.mark.parametrize(
    "link", ["[0003](0003-none.md)", "[0001](0001-accounts.md)", "[0001](0002-names.md)"]
)
def test_a_record_is_superseded_by_a_later_one_only(folder: Path, link: str) -> None:
    (folder / "0001-accounts.md").write_text(FIRST.format(f"Superseded by {link}"))
    with pytest.raises(RecordError, match="is no later record"):
        read_records(folder)


def test_a_complaint_is_printed_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.md").write_text("Notes.")
    assert main(["--write"], folder) == 1
    assert capsys.readouterr().out.startswith("notes.md: name it NNNN")


def test_a_record_is_a_value() -> None:
    assert record_of("0002-names.md", SECOND) == Record(2, "0002-names.md", "Accounts have names", "accepted")
