"""The story of a run: one line an event, with the elapsed time and who speaks."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from pole.quoting import one_line

STYLES: Final = {"data": "magenta", "miner": "cyan", "verifier": "green"}
ONCE: Final = frozenset({"body-pinned"})
"""Events that many workers tell in the same words."""


@dataclass(slots=True)
class Story:
    """Prints lines and remembers events; worker threads may speak at the same time."""

    console: Console
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        """Return the time since the beginning."""
        return time.monotonic() - self._started

    def report(self, who: str, text: str) -> None:
        """Print a line."""
        style = STYLES.get(who.split("-")[0], "bold")
        with self._mutex:
            self.console.print(
                f"[dim]{self.seconds:6.1f} s[/]  [{style}]{who:<11}[/] {escape(one_line(text))}",
                soft_wrap=True,
                highlight=False,
            )

    def hear(self, who: str, line: str) -> None:
        """Take a line of a worker's log: events and warnings are told, the rest stays in its log file."""
        try:
            entry = json.loads(line)
        except ValueError:
            self.report(who, line)
            return
        event = entry.get("event")
        if event is None:
            if entry["level"] != "info":
                self.warnings.append((who, entry["text"]))
                self.report(who, entry["text"])
            return
        if not self._remember(who, event, entry["details"]):
            self.report(who, entry["text"])

    def _remember(self, who: str, event: str, details: dict[str, Any]) -> bool:
        """Keep an event; return whether it was told before and once is enough."""
        with self._mutex:
            told = event in ONCE and any((event, details) == known[1:] for known in self.events)
            self.events.append((who, event, details))
            return told

    def heard(self, who: str, event: str, **details: Any) -> bool:
        """Return whether `who` told of an event with these details."""
        with self._mutex:
            return any(
                (name, told) == (who, event) and details.items() <= given.items()
                for name, told, given in self.events
            )
