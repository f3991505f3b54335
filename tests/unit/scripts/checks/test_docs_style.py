"""The documents are written a sentence a line, and what they point to is there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.checks.docs_style import (
    MAXIMUM_CELL,
    MAXIMUM_WORDS,
    link_complaints,
    main,
    page_of,
    pages,
    sentences,
    style_complaints,
    words,
)

ONE_SENTENCE = (
    "Whoever is late, e.g. by a second, waits.",
    "See Fig. 3 and Eq. 4, cf. section 2.",
    "It follows Lan et al. (arXiv 2007.15145) and others.",
    "A claim of 93.5 % is `0.935 of it. Not more.` here.",
    "See [the page. And more](a.b.md) for the rest.",
    "**A lead.** It is a title, and no sentence.",
    "- **A lead.** The same in a list.",
    "3. The third of a list.",
    "> - [x] A task in a quotation.",
    "It has 1.5 GB i.e. 1,500 MB.",
    "What ends in a link ([0001](decisions/0001.md)).",
    "It costs 0.1 ETH. ",
    "Steps 1 .. 2 are taken, and so on ... And on.",
)
TWO_SENTENCES = (
    ("One ends. Two begins.", "Two begins."),
    ("Does one end? `two` begins.", "`two` begins."),
    ("One ends (so). [Two](two.md) begins.", "[Two](two.md) begins."),
    ("One has 15. 3 of them are two.", "3 of them are two."),
    ("It is **so.** Two begins.", "Two begins."),
    ('He says "one." Two begins.', "Two begins."),
    ("[D: one.] [P: two.]", "[P: two.]"),
    ("- **A lead.** One ends. Two begins.", "Two begins."),
    ("One is at `a. b`. Two begins.", "Two begins."),
    ("One has R numbers instead of D. Two begins.", "Two begins."),
)
# What may stand within a sentence, and what it begins and ends with.
WORDS = (
    "word",
    "`a b. C`",
    "3.14",
    "(e.g. this)",
    "i.e.",
    "Fig. 3",
    "[a page. And more](a.b.md)",
    "a;",
)
BEGINNINGS = ("It", "`it`", "[It](it.md)", "*It*", "(It", '"It')
SENTENCE = st.builds(
    lambda first, middle, end: " ".join([first, *middle, f"is{end}"]),
    st.sampled_from(BEGINNINGS),
    st.lists(st.sampled_from(WORDS), max_size=6),
    st.sampled_from([".", "!", "?", ".)", '."', ".**"]),
)


def told(text: str) -> list[str]:
    return list(style_complaints(page_of("docs/a.md", text)))


@pytest.mark.parametrize("line", ONE_SENTENCE)
def test_a_line_of_one_sentence_is_left_alone(line: str) -> None:
    assert len(sentences(line)) == 1
    assert told(line) == []


@pytest.mark.parametrize(("line", "second"), TWO_SENTENCES)
def test_a_second_sentence_in_a_line_is_told(line: str, second: str) -> None:
    assert sentences(line)[1:] == [second]
    (complaint,) = told(f"A first line.\n\n{line}")
    assert complaint.startswith("docs/a.md:3: two sentences in a line")


@given(st.lists(SENTENCE, min_size=1, max_size=5))
def test_sentences_are_found_again_in_the_line_that_joins_them(found: list[str]) -> None:
    assert sentences(" ".join(found)) == found


def test_a_sentence_that_goes_on_in_the_next_line_is_told() -> None:
    assert told("It goes\non here.") == [
        "docs/a.md:1: a sentence goes on in the next line: join the two lines"
    ]
    assert told("It ends.\nAnother one:\n- an item\n- an item\n\nA last one, without an end") == []


def test_code_tables_and_comments_have_no_sentences() -> None:
    assert told("```\nOne. Two. Three.\ngoes on\n```\n\n    One. Two.\n\n<!-- One. Two. -->") == []
    assert told("| a | b |\n| --- | --- |\n| One. Two. | c |") == []


def test_long_sentences_are_told_at_the_median_alone() -> None:
    long, brief = "word " * MAXIMUM_WORDS + "word.", "A word."
    assert told(f"{long}\n{brief}") == []
    (complaint,) = told(f"{long}\n{long}\n{brief}")
    assert complaint.startswith("docs/a.md:1: a sentence has 26 words at the median")


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("`a b c` is one.", 3),
        ("See [two words](a/b/c.md).", 3),
        ("x = 1 · 2, that is 2.", 6),
        ("- A – b.", 2),
    ],
)
def test_words_are_what_is_read(sentence: str, count: int) -> None:
    assert words(sentence) == count


def test_a_cell_too_long_is_told_and_a_links_target_does_not_count() -> None:
    row = "| a | {} |"
    assert told(row.format("x" * MAXIMUM_CELL)) == []
    assert told(row.format(f"[x]({'y' * MAXIMUM_CELL})")) == []
    (complaint,) = told(row.format("x" * (MAXIMUM_CELL + 1)))
    assert complaint.startswith("docs/a.md:1: a cell has 301 characters")


def test_links_and_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# A *title*, `code`\n\n## Twice\n\n## Twice\n")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "run.sh").touch()
    right = """
See [b](b.md), [its title](b.md#a-title-code), [twice](b.md#twice-1) and [the web](https://example.org/x.md).
Run `tools/run.sh`, which writes `build/x.json`; a ratio is `a/b`, a pattern `docs/*.md`, code `[x](y.md)`.
"""
    assert list(link_complaints(page_of("docs/a.md", right), tmp_path)) == []
    wrong = "[c](c.md)\n[b](b.md#none)\n`tools/walk.sh`\n\n| [d](d.md) |\n\n![e](e.svg)\n\n[f]: f.md\n"
    assert [each.split(": ")[:2] for each in link_complaints(page_of("docs/a.md", wrong), tmp_path)] == [
        ["docs/a.md:1", "no file 'c.md'"],
        ["docs/a.md:2", "no heading 'b.md#none'"],
        ["docs/a.md:3", "no file `tools/walk.sh`"],
        ["docs/a.md:7", "no file 'e.svg'"],
        ["docs/a.md:9", "no file 'f.md'"],
        ["docs/a.md:5", "no file 'd.md'"],
    ]


def test_a_complaint_is_printed_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.checks.docs_style.complaints", lambda path: [f"{path}:1: wrong"])
    assert main(["docs/a.md"]) == 1
    assert capsys.readouterr().out == "docs/a.md:1: wrong\n"
    monkeypatch.setattr("scripts.checks.docs_style.complaints", lambda _: [])
    assert main(["docs/a.md"]) == 0


def test_every_page_that_people_write_is_looked_at() -> None:
    names = {path.name for path in pages()}
    assert {"README.md", "protocol.md", "0001-accounts-in-the-reservoir.md"} <= names
    assert "commands.md" not in names
