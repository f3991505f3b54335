"""A record of the log is a line, whatever strangers wrote into it."""

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.cli.common.log import JsonLines, Lines
from pole.quoting import MAX_LINE
from pole.roles.support.events import report

FORGED = "no.\x1b[2K\r12:00:00 INFO    Round 7: all is well.\n12:00:01 INFO    Paid.\x85\u2028end"


def record_of(caplog: pytest.LogCaptureFixture, **details: int) -> logging.LogRecord:
    with caplog.at_level(logging.INFO, "pole"):
        report(logging.getLogger("pole.test"), "committed", "Round 1: committed.", **details)
    return caplog.records[-1]


def test_an_event_is_one_json_object_with_its_details(caplog: pytest.LogCaptureFixture) -> None:
    line = json.loads(JsonLines().format(record_of(caplog, round=1, trainCorrect=9)))
    assert line["event"] == "committed"
    assert line["details"] == {"round": 1, "trainCorrect": 9}
    assert line["text"] == "Round 1: committed."
    assert line["level"] == "info"


def test_a_plain_record_has_no_event() -> None:
    record = logging.LogRecord("pole", logging.WARNING, "", 0, "no answer from %s", ("x",), None)
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["text"]) == ("warning", "no answer from x")
    assert "event" not in line


def log_of(text: str, *, as_json: bool) -> str:
    """Return what a process prints that starts the log and warns of `text`."""
    program = (
        "import logging, sys; from pole.cli.common.log import start_log;"
        "start_log(as_json=sys.argv[1] == 'json');"
        "text = sys.argv[2].encode().decode('unicode_escape');"
        "logging.getLogger('pole.loop').warning('%s Trying again.', text);"
        "logging.getLogger('urllib3').warning(text)"
    )
    escaped = text.encode("unicode_escape").decode()
    command = [sys.executable, "-c", program, "json" if as_json else "text", escaped]
    return subprocess.run(command, capture_output=True, check=True).stderr.decode()


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_strangers_cannot_forge_a_line_of_the_log(as_json: bool) -> None:
    said = log_of(FORGED, as_json=as_json)
    assert len(said.splitlines()) == said.count("\n") == 2
    assert all(line.isprintable() for line in said.split("\n"))
    assert "Paid" in said


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_strangers_cannot_fill_the_disk_with_a_line_of_the_log(as_json: bool) -> None:
    formatter = JsonLines() if as_json else Lines()
    record = logging.LogRecord("pole", logging.INFO, "", 0, "%s", ("\x1b" * 5_000_000,), None)
    record.event, record.details = "fetched", {"cid": "\x00" * 5_000_000}
    assert len(formatter.format(record)) < 4 * MAX_LINE


@given(st.text())
def test_any_text_in_a_record_is_one_printable_line(text: str) -> None:
    record = logging.LogRecord("pole", logging.INFO, "", 0, "Fetched %s.", (text,), None)
    record.event, record.details = "fetched", {"cid": text}
    for formatter in (Lines("%(asctime)s %(message)s"), JsonLines()):
        assert formatter.format(record).isprintable()


def test_a_warning_without_a_log_is_a_line_too(capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        "import logging; from pole.cli.common.log import guard_log; guard_log();"
        "logging.getLogger('pole.task').warning('a\\nb\\x1b')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert capfd.readouterr().err == "a\\nb\\x1b\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_counted_and_not_read_is_in_no_log(*, as_json: bool) -> None:
    program = (
        "import logging, sys\n"
        "from prometheus_client import CollectorRegistry\n"
        "from pole.adapters.machine.monitoring.counting import counted_log\n"
        "from pole.adapters.machine.monitoring.series import Series\n"
        "from pole.cli.common.log import start_log\n"
        "from pole.roles.support.events import report, trace\n"
        "log = logging.getLogger('pole.node')\n"
        "with counted_log(Series(CollectorRegistry())):\n"
        "    start_log(as_json=sys.argv[1] == 'json')\n"
        "    trace(log, 'sent', 'Counted alone.')\n"
        "    report(log, 'voted', 'For people.')\n"
    )
    words = [sys.executable, "-c", program, "json" if as_json else "text"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "For people." in run.stderr
    assert "Counted alone." not in run.stderr
