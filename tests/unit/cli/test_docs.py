from tests.unit.cli.commands_page import PAGE, page


def test_the_page_of_commands_says_what_the_commands_say() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "write it anew with: .venv/bin/python -m tests.unit.cli.commands_page"
