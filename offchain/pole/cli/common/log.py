"""The log of a process: a record is a line, as text or JSON, whatever strangers wrote into it."""

import json
import logging
import sys
from datetime import UTC, datetime

from pole.quoting import one_line


class Lines(logging.Formatter):
    """Log records as text for people, one a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; a traceback in it, too, is on that line."""
        return one_line(super().format(record))


class JsonLines(logging.Formatter):
    """Log records as JSON objects, one a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record: time, level, logger, text, and of an event its name and details."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": one_line(record.getMessage()),
        }
        event = getattr(record, "event", None)
        if event is not None:
            details = getattr(record, "details", {})
            shown = {
                name: one_line(value) if isinstance(value, str) else value for name, value in details.items()
            }
            line |= {"event": event, "details": shown}
        return json.dumps(line)


def start_log(*, as_json: bool) -> None:
    """Send the log of this process to standard error, a line a record: of pole from level INFO on."""
    lines = logging.StreamHandler(sys.stderr)
    plain = Lines("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
    lines.setFormatter(JsonLines() if as_json else plain)
    # What is below is counted and not read: `--metrics`.
    lines.setLevel(logging.INFO)
    # Libraries log too, and what they say of a malformed answer holds the answer.
    logging.getLogger().addHandler(lines)
    logging.getLogger("pole").setLevel(logging.INFO)


def guard_log() -> None:
    """Make records lines also where no log was started: Python prints warnings then, as they are."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Lines("%(message)s"))
