"""The pages: a path, a view and a template each. Their JSON twins have `.json` after the same path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.adapters.history.trainings import MinerTrainings
from pole.explore.server.asking import Asked
from pole.explore.training.views import Network, miner_page, trainings_page
from pole.explore.views import economics, leaderboards
from pole.explore.views.accounts import account_page
from pole.explore.views.blocks import block_list, block_page, record_page
from pole.explore.views.economics import economics_page
from pole.explore.views.leaderboards import miner_board, verifier_board
from pole.explore.views.looking import Look
from pole.explore.views.now import now_page
from pole.explore.views.rounds import pages as rounds
from pole.explore.views.rounds.pages import round_list, round_page
from pole.explore.views.search import search_page
from pole.explore.views.tasks import pages as tasks
from pole.explore.views.tasks.pages import task_list, task_page
from pole.explore.views.transactions import transaction_page


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its path as Starlette's routes have it, the name of its template, and what it shows."""

    path: str
    name: str
    view: Callable[[Look, Asked], Any]


PAGES: Final = (
    Page("/", "now", lambda look, _: now_page(look)),
    Page(
        "/tasks",
        "tasks",
        lambda look, asked: task_list(
            look, asked.choice("state", tasks.STATES), asked.number_or_none("before")
        ),
    ),
    Page("/tasks/{task}", "task", lambda look, asked: task_page(look, asked.number("task"))),
    Page(
        "/rounds",
        "rounds",
        lambda look, asked: round_list(
            look, asked.choice("state", rounds.STATES), asked.number_or_none("before")
        ),
    ),
    Page("/rounds/{round}", "round", lambda look, asked: round_page(look, asked.number("round"))),
    Page("/blocks", "blocks", lambda look, asked: block_list(look, asked.number_or_none("before"))),
    Page(
        "/blocks/{height}",
        "block",
        lambda look, asked: block_page(look, asked.number("height"), asked.number_or_none("first") or 0),
    ),
    Page(
        "/blocks/{height}/records/{index}",
        "record",
        lambda look, asked: record_page(look, asked.number("height"), asked.number("index")),
    ),
    Page(
        "/accounts/{address}",
        "account",
        lambda look, asked: account_page(
            look,
            asked.address("address"),
            asked.number_or_none("before_day"),
            asked.number_or_none("before_round"),
        ),
    ),
    Page(
        "/transactions/{hash}",
        "transaction",
        lambda look, asked: transaction_page(look, asked.hash("hash")),
    ),
    Page(
        "/miners",
        "miners",
        lambda look, asked: miner_board(
            look, asked.choice("days", leaderboards.DAYS), asked.number_or_none("first") or 0
        ),
    ),
    Page(
        "/verifiers",
        "verifiers",
        lambda look, asked: verifier_board(
            look, asked.choice("days", leaderboards.DAYS), asked.number_or_none("first") or 0
        ),
    ),
    Page(
        "/economics",
        "economics",
        lambda look, asked: economics_page(look, asked.choice("days", economics.DAYS)),
    ),
    Page("/search", "search", lambda look, asked: search_page(look, asked.text("q"))),
)
"""Every page, in the order of docs/explorer.md."""


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of files on this machine, which is for this machine alone; `network` is that of the index."""

    path: str
    name: str
    view: Callable[[Sequence[MinerTrainings], Network, Asked], Any]


OWN_PAGES: Final = (
    OwnPage("/training", "trainings", lambda miners, network, _: trainings_page(miners, network)),
    OwnPage(
        "/training/{miner}",
        "training",
        lambda miners, network, asked: miner_page(
            miners, network, asked.text("miner"), asked.number_or_none("round")
        ),
    ),
)
"""Every page of files on this machine."""

FIRST_JSON: Final = "/now"
"""What the first page is called where a path must have a name: /now.json."""
