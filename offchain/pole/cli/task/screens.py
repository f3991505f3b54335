"""Where a watched task is shown: a terminal that is redrawn, plain lines, or JSON lines."""

import json
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from pole.cli.common.output import print_line
from pole.cli.task.telling import (
    document_of,
    outcome_document,
    outcome_sentence,
    sentence_of,
    standing_line,
)
from pole.protocol.encoding.records import CommitteeDrawn

if TYPE_CHECKING:
    from pole.adapters.ethereum.task_story import News, Outcome, Standing
    from pole.protocol.state import PostedTask


class Screen(Protocol):
    """What is told of a task that is watched: each of its news once, where it stands, and how it ended."""

    def report(self, news: "News") -> None:
        """Show news."""

    def stand(self, standing: "Standing") -> None:
        """Show where the task stands now."""

    def end(self, outcome: "Outcome") -> None:
        """Show how it ended."""


class JsonScreen:
    """An object a line: the news, each new phase, and the outcome."""

    def __init__(self, task: "PostedTask") -> None:
        self._task_id = task.task_id
        self._phase = ""

    def report(self, news: "News") -> None:
        """Print an event."""
        self._print(document_of(news))

    def stand(self, standing: "Standing") -> None:
        """Print the phase when it is another."""
        if standing.phase.name != self._phase:
            self._phase = standing.phase.name
            self._print(
                {
                    "event": "phase",
                    "roundId": standing.round_id or None,
                    "phase": self._phase,
                    "left": standing.left,
                }
            )

    def end(self, outcome: "Outcome") -> None:
        """Print the outcome."""
        self._print({"event": "ended", **outcome_document(outcome)})

    def _print(self, document: dict[str, Any]) -> None:
        click.echo(json.dumps({"taskId": self._task_id} | document))
        sys.stdout.flush()


class PlainScreen:
    """A line for each event and phase."""

    def __init__(self, task: "PostedTask") -> None:
        self._task = task
        self._news: list[News] = []
        self._judged: tuple[str, ...] = ()
        self._phase: object = None

    def report(self, news: "News") -> None:
        """Print an event as a sentence."""
        self._news.append(news)
        if isinstance(news.data, CommitteeDrawn):
            from pole.adapters.ethereum.task_story import judged_miners

            self._judged = judged_miners(self._news)
        self._print(sentence_of(news, self._task.terms, self._judged))

    def stand(self, standing: "Standing") -> None:
        """Print the phase when it is another."""
        if (standing.round_id, standing.phase) != self._phase:
            self._phase = standing.round_id, standing.phase
            self._print(standing_line(self._task.task_id, standing))

    def end(self, outcome: "Outcome") -> None:
        """Print the outcome."""
        self._print(outcome_sentence(self._task.task_id, outcome))

    def _print(self, line: str) -> None:
        print_line(line)


class TerminalScreen(PlainScreen):
    """Events as lines that stay, and below them one that is redrawn: the phase and the time left of it."""

    def __init__(self, task: "PostedTask") -> None:
        super().__init__(task)
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(highlight=False), transient=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the lines, and take away the one that was redrawn."""
        self._live.stop()

    def stand(self, standing: "Standing") -> None:
        """Draw where the task stands."""
        from rich.text import Text

        self._live.update(Text(standing_line(self._task.task_id, standing), style="bold"), refresh=True)

    def _print(self, line: str) -> None:
        from rich.text import Text

        from pole.quoting import one_line

        self._live.console.print(Text(one_line(line)))
