"""A task's page says what is to be trained, what is disclosed, and how to get the model that won."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from starlette.types import ASGIApp
from tests.unit.explore.asking import ask
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.networks import every_network, network
from tests.unit.explore.playing import MOODS, played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.views.looking import FindSpecification
from pole.protocol.state import PostedTask

HOSTILE = b'{"version": 1, "graph": [{"name": "<script>alert(1)</script>\\u202e", "op": "<img src=x>"}]}'


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with opened(tmp_path_factory.mktemp("tasks")) as engine:
        made = EventDatabase(engine, where(PARAMETERS))
        ledger = played(MOODS)
        ledger.post(replace(ledger.tasks[1].terms, reward=7))
        made.catch_up(chain_of(ledger))
        yield made


def app_with(index: EventDatabase, find: FindSpecification) -> ASGIApp:
    newest = index.newest()
    assert newest is not None
    return application(index, lambda: newest, (), find_specification=find)


def app_of(index: EventDatabase, document: bytes | None) -> ASGIApp:
    return app_with(index, lambda _task, _round: document)


@pytest.mark.parametrize("name", every_network())
def test_the_network_is_drawn_and_stands_in_the_twin(index: EventDatabase, name: str) -> None:
    specification = every_network()[name]
    app = app_of(index, specification.canonical_bytes())
    page, twin = ask(app, "/tasks/1"), ask(app, "/tasks/1.json").document["data"]["specification"]
    assert '<svg class="layers"' in page.text
    assert [each["name"] for each in twin["layers"]] == [layer.name for layer in specification.graph]
    assert twin["mapping"]["functions"] <= twin["mapping"]["dimension"] == specification.dimension
    for layer in specification.graph:
        assert f'<th scope="row">{layer.name}</th>' in page.text
    assert len(page.text) < 150_000


def test_a_layer_that_gives_everything_away_is_said_to(index: EventDatabase) -> None:
    text = ask(app_of(index, network(queries=16).canonical_bytes()), "/tasks/1").text
    assert "16 of 16" in text
    assert "--allow-disclosure rank" in text
    noisy = ask(app_of(index, network(queries=16, noise=9).canonical_bytes()), "/tasks/1").text
    assert "--allow-disclosure" not in noisy
    assert "noise of deviation 9" in noisy


def test_without_the_file_the_page_says_where_it_is(index: EventDatabase) -> None:
    page = ask(app_of(index, None), "/tasks/1")
    assert page.status == 200
    assert "<svg" not in page.text
    assert "<code>pole model get 1</code> fetches it with the model" in page.text
    assert ask(app_of(index, None), "/tasks/1.json").document["data"]["specification"] is None


@pytest.mark.parametrize("document", [b"", HOSTILE, b"\xff\xfe", b"[" * 60_000])
def test_an_unusable_specification_is_a_complaint(index: EventDatabase, document: bytes) -> None:
    page = ask(app_of(index, document), "/tasks/1")
    assert page.status == 200
    assert "The specification is unusable" in page.text
    assert not any(each in page.text for each in ("<script>alert", "<img", "\u202e"))
    twin = ask(app_of(index, document), "/tasks/1.json").document["data"]
    assert twin["specification"] is None
    assert len(twin["specificationFault"]) < 1_000


def test_the_finder_is_asked_for_the_task_and_its_round(index: EventDatabase) -> None:
    asked: list[tuple[PostedTask, int | None]] = []
    ask(app_with(index, lambda task, round_id: asked.append((task, round_id))), "/tasks/2")
    ((task, round_id),) = asked
    assert (task.task_id, round_id, task.files.spec_cid) == (2, 2, "bafyspec")


def test_the_winning_model_is_to_be_had_by_a_command(index: EventDatabase) -> None:
    app = app_of(index, None)
    text = unescape(ask(app, "/tasks/1").text)
    model = ask(app, "/tasks/1.json").document["data"]["model"]
    for wanted in (
        "pole model get 1\npole model card 1\n",
        model["modelCid"],
        model["modelDigest"],
        "95 of 100 in training, 9 of 10 in the test",
    ):
        assert wanted in text
    assert 'href="' + model["modelCid"] not in text


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (2, "is void, and says why"),
        (9, "is under way"),
        (10, "no round took the task"),
        (11, "the task waits for its round"),
    ],
)
def test_where_nobody_won_the_page_says_so(index: EventDatabase, task: int, words: str) -> None:
    app = app_of(index, None)
    assert words in ask(app, f"/tasks/{task}").text
    assert ask(app, f"/tasks/{task}.json").document["data"]["model"] is None


def test_the_state_of_a_task_is_that_of_its_round(index: EventDatabase) -> None:
    app = app_of(index, None)
    states = {1: "block", 2: "void", 9: "open", 10: "cancelled", 11: "waiting"}
    for task, state in states.items():
        assert ask(app, f"/tasks/{task}.json").document["data"]["line"]["state"] == state
        listed = ask(app, f"/tasks.json?state={state}").document["data"]["lines"]
        assert task in [line["taskId"] for line in listed]
        assert {line["state"] for line in listed} == {state}
    assert "ended with a block" in ask(app, "/tasks/1").text
