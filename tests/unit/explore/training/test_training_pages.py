"""The pages of trainings: what they show, to whom, and that no file or request breaks them."""

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from tests.unit.explore.asking import Answer, ask
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import played
from tests.unit.explore.training.miners import START, WORKER, Kept
from tests.unit.protocol.example_rounds import PARAMETERS
from tests.unit.protocol.ledger import CHAIN

from pole.adapters.history.trainings import TrainingFiles
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import Miners, application
from pole.explore.server.pages import OWN_PAGES
from pole.explore.server.serving import names_of
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.file import HistoryFile
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment
from pole.roles.training.torch_learner import TorchLearner

API = Path(__file__).parents[4] / "docs" / "api.md"
SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
NOW = 2_000.9
FIELDS = (
    *("round", "task", "lane", "event", "time", "samples", "needed", "learner", "epoch", "loss"),
    *("correct", "learningRate", "seconds", "samplesPerSecond", "outcome"),
)
HERE = f"1337-{CHAIN[2:10].lower()}-1563915e"
PATHS = ("/training", "/training.json", f"/training/{WORKER}", f"/training/{WORKER}.json")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with opened(tmp_path_factory.mktemp("training")) as engine:
        made = EventDatabase(engine, where(PARAMETERS))
        made.catch_up(chain_of(played(("block",))))
        yield made


def served(
    index: EventDatabase, home: Path, host: str = "127.0.0.1", miners: Miners | None = None
) -> ASGIApp:
    newest = index.newest()
    assert newest is not None
    given = miners or TrainingFiles([home]).miners
    return application(index, lambda: newest, names_of(host), miners=given, now=lambda: NOW)


def data(app: ASGIApp, path: str) -> Any:
    answer = ask(app, path)
    assert answer.status == 200, answer.text
    return answer.document["data"]


def test_both_pages_are_in_the_document_of_the_api() -> None:
    document = API.read_text(encoding="utf-8")
    for page in OWN_PAGES:
        assert f"| `{page.name}` | `{page.path}.json` |" in document


def test_without_a_miner_the_page_says_what_to_do(index: EventDatabase, tmp_path: Path) -> None:
    app = served(index, tmp_path)
    assert "pole miner run" in ask(app, "/training").text
    assert data(app, "/training.json") == {"miners": [], "trainings": []}


def test_the_newest_training_comes_first_with_how_it_stands(index: EventDatabase, tmp_path: Path) -> None:
    Kept(tmp_path).train(5, 6, ended=None)
    Kept(tmp_path, HERE).train(7)
    app = served(index, tmp_path)
    found = data(app, "/training.json")
    assert [(each["roundId"], each["standing"], each["here"]) for each in found["trainings"]] == [
        (7, "GOAL", True),
        (6, "OPEN", False),
        (5, "BROKEN", False),
    ]
    assert [(each["rounds"], each["here"]) for each in found["miners"]] == [(1, True), (2, False)]
    text = ask(app, "/training").text
    assert "goal reached" in text
    assert "under way" in text
    assert "broken off" in text
    # 1,010 seconds after 1970, seen from 2,000.
    assert "16 min ago" in text


def test_one_wallet_on_two_networks_is_told_apart(index: EventDatabase, tmp_path: Path) -> None:
    for worker in (HERE, f"11155111-{HERE[5:]}"):
        Kept(tmp_path, worker).train(7)
    app = served(index, tmp_path)
    found = data(app, "/training.json")["trainings"]
    assert {(each["chainId"], each["here"], each["miner"]) for each in found} == {
        (1337, True, HERE),
        (11155111, False, f"11155111-{HERE[5:]}"),
    }
    text = ask(app, "/training").text
    assert "this one" in text
    assert "chain 11155111, <code>0x" in text


def test_a_miners_page_has_the_epochs_of_the_newest_or_of_the_round_that_is_asked_for(
    index: EventDatabase, tmp_path: Path
) -> None:
    Kept(tmp_path).train(6, 7)
    app = served(index, tmp_path)
    assert data(app, f"/training/{WORKER}.json")["training"]["roundId"] == 7
    found = data(app, f"/training/{WORKER}.json?round=6")
    assert found["training"]["roundId"] == 6
    assert [(each["epoch"], each["correct"], each["seconds"]) for each in found["checks"]] == [
        (1, 41, 0.5),
        (2, 42, 1.0),
        (3, 43, 1.5),
    ]
    text = ask(app, f"/training/{WORKER}").text
    assert text.count('<figure class="chart"') == 4
    assert "91.67 %" in text


def test_a_round_is_linked_where_it_is_of_the_network_of_the_pages(
    index: EventDatabase, tmp_path: Path
) -> None:
    for worker in (HERE, WORKER):
        Kept(tmp_path, worker).train(1)
    app = served(index, tmp_path)
    assert 'href="/rounds/1"' in ask(app, f"/training/{HERE}").text
    assert 'href="/rounds/1"' not in ask(app, f"/training/{WORKER}").text


def test_every_link_of_the_pages_leads_somewhere(index: EventDatabase, tmp_path: Path) -> None:
    Kept(tmp_path, HERE).train(1)
    app = served(index, tmp_path)
    for path in ("/training", f"/training/{HERE}"):
        links = set(re.findall(r'href="(/[^"]*)"', ask(app, path).text))
        assert f"/training/{HERE}?round=1" in links
        for link in links - {"/tasks/3"}:
            assert ask(app, link).status == 200, link


@pytest.mark.parametrize(
    "path", ["/training/x", f"/training/{WORKER}?round=9", f"/training/{WORKER}?round=x", "/training/%2e%2e"]
)
def test_what_is_not_there_is_said(index: EventDatabase, tmp_path: Path, path: str) -> None:
    Kept(tmp_path).train(7)
    answer = ask(served(index, tmp_path), path)
    assert answer.status == 404
    assert "search above" in answer.text


def test_the_link_to_them_stands_on_every_page(index: EventDatabase, tmp_path: Path) -> None:
    app = served(index, tmp_path)
    assert all('href="/training"' in ask(app, path).text for path in ("/", "/training", "/nothing"))
    assert 'href="/training"' not in ask(served(index, tmp_path, "0.0.0.0"), "/").text  # noqa: S104


def test_a_page_tells_by_its_tag_whether_anything_is_new(index: EventDatabase, tmp_path: Path) -> None:
    app, kept = served(index, tmp_path), Kept(tmp_path).train(6)
    first = ask(app, "/training").headers
    assert first["etag"] == ask(app, "/training").headers["etag"]
    assert first["cache-control"] == "no-store"
    kept.train(6, 7)
    assert ask(app, "/training").headers["etag"] != first["etag"]


def refused(answer: Answer) -> bool:
    return answer.status == 404 and WORKER not in answer.text and "this server alone" in answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "client", ["192.168.1.7", "10.0.0.1", "::ffff:192.168.1.7", "2001:db8::1", "", "here"]
)
def test_a_server_that_others_reach_shows_them_no_training(
    index: EventDatabase, tmp_path: Path, path: str, client: str
) -> None:
    Kept(tmp_path).train(7)
    app = served(index, tmp_path, "0.0.0.0")  # noqa: S104
    for host in ("192.168.1.2:8600", "127.0.0.1:8600", "localhost"):
        assert refused(ask(app, path, client=client, host=host))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_a_server_that_others_reach_shows_them_to_this_machine(
    index: EventDatabase, tmp_path: Path, path: str, client: str
) -> None:
    Kept(tmp_path).train(7)
    app = served(index, tmp_path, "0.0.0.0")  # noqa: S104
    for host in ("127.0.0.1:8600", "localhost", "LOCALHOST:1", "[::1]:8600", "[::1]"):
        assert ask(app, path, client=client, host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8600", "127.0.0.1.evil.example", "", ":8600", "192.168.1.2"]
)
def test_a_name_that_was_pointed_at_this_machine_is_shown_nothing(
    index: EventDatabase, tmp_path: Path, host: str
) -> None:
    Kept(tmp_path).train(7)
    assert refused(ask(served(index, tmp_path, "0.0.0.0"), "/training", host=host))  # noqa: S104


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP"])
def test_what_a_proxy_passes_on_is_shown_nothing(index: EventDatabase, tmp_path: Path, header: str) -> None:
    Kept(tmp_path).train(7)
    app = served(index, tmp_path)
    assert refused(ask(app, "/training", headers={header.lower(): "127.0.0.1"}))


def test_names_of_wallets_and_learners_are_text(index: EventDatabase, tmp_path: Path) -> None:
    (found,) = TrainingFiles([Kept(tmp_path).train(7, learner=SCRIPT).home]).miners()
    named = replace(found, wallet=SCRIPT, fault=SCRIPT)
    app = served(index, tmp_path, miners=lambda: (named, replace(named, fault="")))
    for path in ("/training", f"/training/{WORKER}"):
        text = ask(app, path).text
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        assert "<img" not in text


@pytest.mark.parametrize("loss", [1e308, -1e308, 5e-324, 0.0, None])
def test_extreme_losses_are_shown(index: EventDatabase, tmp_path: Path, loss: float | None) -> None:
    line = {"round": 7, "task": 3, "lane": 0, "event": "check", "epoch": 1, "loss": loss, "correct": None}
    line |= {"learningRate": loss, "seconds": 1e9, "samplesPerSecond": 1e308, "time": 2**53}
    start = Kept(tmp_path).train(7).file.read_bytes().splitlines(keepends=True)[0]
    Kept(tmp_path).write(start + json.dumps(line).encode())
    app = served(index, tmp_path)
    for path in PATHS:
        answer = ask(app, path)
        assert answer.status == 200
        assert "Infinity" not in answer.text
        assert "NaN" not in answer.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=60)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            st.none() | st.integers() | st.floats() | st.sampled_from(["began", "check", "ended", "goal"]),
        ).map(lambda fields: json.dumps(fields).encode()),
        max_size=10,
    )
)
def test_no_file_breaks_a_page(index: EventDatabase, tmp_path: Path, lines: list[bytes]) -> None:
    app = served(index, tmp_path)
    start = Kept(tmp_path).train(7).file.read_bytes()
    Kept(tmp_path).write(start + b"\n".join(lines))
    for path in PATHS:
        assert ask(app, path).status == 200


def test_a_real_training_is_on_the_page_while_it_goes_on(index: EventDatabase, tmp_path: Path) -> None:
    kept, random = Kept(tmp_path), np.random.default_rng(0)
    app = served(index, tmp_path)
    labels = random.integers(0, 3, 60)
    samples = Samples(100 * labels[:, None] + random.integers(0, 50, (60, 4)), labels)
    mapping = LinearMapping(bits=8, queries=4)
    network = mlp(input_shape=(4,), input_bits=8, mapping=mapping, hidden=(8,), classes=3)
    recipe = TrainingSettings(epochs=4, steps=1)
    learner = TorchLearner(recipe, torch.device("cpu"), kept.file.parent, time.monotonic, lambda: 5)
    history = HistoryFile(kept.file, time.time, "built in")
    seen: list[tuple[str, int]] = []

    def note(check: Check) -> None:
        history.note(check)
        (line,) = data(app, "/training.json")["trainings"]
        seen.append((line["standing"], line["epoch"]))

    history.begin(START)
    learner.train(Assignment(network, bytes(32), samples, 40, math.inf, note), stop=lambda: False)
    assert seen[:4] == [("OPEN", 1), ("OPEN", 2), ("OPEN", 3), ("OPEN", 4)]
    checks = data(app, f"/training/{WORKER}.json")["checks"]
    assert all(each["loss"] > 0 and each["learningRate"] > 0 for each in checks)
    assert len(checks) == len(seen)


def test_the_epochs_of_a_page_are_bounded(index: EventDatabase, tmp_path: Path) -> None:
    kept = Kept(tmp_path).train(7)
    begun, check, *_ = kept.file.read_bytes().splitlines(keepends=True)
    many = [check.replace(b'"epoch": 1,', b'"epoch": %d,' % epoch) for epoch in range(1, 4_000)]
    kept.write(begun + b"".join(many))
    assert len(data(served(index, tmp_path), f"/training/{WORKER}.json")["checks"]) <= 512


def test_the_trainings_of_a_page_are_bounded(index: EventDatabase, tmp_path: Path) -> None:
    Kept(tmp_path).train(*range(1, 200))
    found = data(served(index, tmp_path), "/training.json")
    assert [each["roundId"] for each in found["trainings"]][:1] == [199]
    assert len(found["trainings"]) == 50


def test_a_history_that_cannot_be_read_says_why(index: EventDatabase, tmp_path: Path) -> None:
    kept = Kept(tmp_path).train(7)
    kept.file.unlink()
    kept.file.mkdir()
    app = served(index, tmp_path)
    assert "no regular file" in ask(app, "/training").text
    assert "no regular file" in ask(app, f"/training/{WORKER}").text
