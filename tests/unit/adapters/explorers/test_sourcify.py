"""Verification by a server that is well, slow, down, or no Sourcify at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.explorers.stand_in import (
    SOURCES,
    TICKET,
    Answer,
    StandIn,
    address,
    ended,
    error,
    serving,
    write_deployment,
)

from pole.adapters.ethereum.deployment import CONTRACTS, MADE
from pole.adapters.explorers.sourcify import (
    MAX_ANSWER_BYTES,
    Outcome,
    Sourcify,
    Verification,
    read_job,
    read_refusal,
    read_ticket,
)
from pole.adapters.explorers.submissions import Submission, read_submissions
from pole.errors import InputError, IntegrityError, UnreachableError


class Clock:
    """A clock that goes on when somebody waits."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def server() -> Iterator[StandIn]:
    with serving() as running:
        yield running


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    return read_submissions(write_deployment(tmp_path))[0]


def client(url: str, *, patience: float = 60) -> Sourcify:
    clock = Clock()
    return Sourcify(url, patience=patience, clock=clock, wait=clock.wait)


def verified(server: StandIn, submission: Submission, **options: Any) -> tuple[Outcome, str]:
    found: Verification = client(server.url, **options).verify(submission)
    return found.outcome, found.reason


def test_a_contract_is_submitted_with_all_that_compiles_it_and_the_job_is_asked_for(
    server: StandIn, submission: Submission
) -> None:
    assert verified(server, submission) == (Outcome.EXACT, "")
    where = address("RewardReservoir")
    assert server.asked == [f"POST /server/v2/verify/560048/{where}", f"GET /server/v2/verify/{TICKET}"]
    assert server.received[where] == {
        "stdJsonInput": SOURCES,
        "compilerVersion": "0.8.30+commit.73712a01",
        "contractIdentifier": "contracts/RewardReservoir.sol:RewardReservoir",
        "creationTransactionHash": "0x" + "01" * 32,
    }


def test_what_a_constructor_made_is_submitted_without_a_transaction(server: StandIn, tmp_path: Path) -> None:
    for submission in read_submissions(write_deployment(tmp_path)):
        client(server.url).verify(submission)
    assert set(server.received) == {address(name) for name in CONTRACTS}
    made = {where for where, sent in server.received.items() if "creationTransactionHash" not in sent}
    assert made == {address(name) for name in MADE}


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        (ended("exact_match"), Outcome.EXACT),
        (ended("match"), Outcome.MATCH),
        (ended(None, error=error("already_verified")), Outcome.ALREADY),
        (ended(None, error=error("no_match")), Outcome.FAILED),
    ],
)
def test_each_end_of_a_job_has_its_name(
    server: StandIn, submission: Submission, job: dict[str, Any], outcome: Outcome
) -> None:
    server.job = lambda: (200, job)
    assert verified(server, submission)[0] is outcome


def test_a_contract_that_is_verified_already_is_not_submitted_again(
    server: StandIn, submission: Submission
) -> None:
    server.submission = lambda _: (409, error("already_verified"))
    assert verified(server, submission)[0] is Outcome.ALREADY
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", ["unsupported_chain", "invalid_parameter"])
def test_a_refusal_fails_with_the_servers_reason(server: StandIn, submission: Submission, code: str) -> None:
    server.submission = lambda _: (400, error(code, "Not\nthis one."))
    assert verified(server, submission) == (Outcome.FAILED, rf"{code}: Not\nthis one.")


def test_a_slow_job_is_waited_for(server: StandIn, submission: Submission) -> None:
    answers = iter([ended(None, isJobCompleted=False)] * 4 + [ended("match")])
    server.job = lambda: (200, next(answers))
    assert verified(server, submission)[0] is Outcome.MATCH


def test_a_job_that_does_not_end_is_left_for_later(server: StandIn, submission: Submission) -> None:
    server.job = lambda: (200, ended(None, isJobCompleted=False))
    assert verified(server, submission) == (Outcome.RUNNING, "run the same command again later")
    assert verified(server, submission, patience=0)[0] is Outcome.RUNNING


def test_a_contract_whose_job_runs_already_is_submitted_once_it_ended(
    server: StandIn, submission: Submission
) -> None:
    answers: Iterator[Answer] = iter(
        [(429, error("duplicate_verification_request"))] * 2 + [(409, error("already_verified"))]
    )
    server.submission = lambda _: next(answers)
    assert verified(server, submission)[0] is Outcome.ALREADY


@pytest.mark.parametrize("content", [error("duplicate_verification_request"), b"<html>slow down</html>"])
def test_a_server_that_has_no_time_is_left_for_later(
    server: StandIn, submission: Submission, content: object
) -> None:
    server.submission = lambda _: (429, content)
    assert verified(server, submission)[0] is Outcome.RUNNING


def test_a_server_that_is_down_is_one_sentence(submission: Submission) -> None:
    with pytest.raises(UnreachableError, match=r"No Sourcify answers at http://127\.0\.0\.1:1 .*--server"):
        client("http://user:key@127.0.0.1:1/server").verify(submission)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_is_broken_is_one_sentence(
    server: StandIn, submission: Submission, status: int
) -> None:
    server.submission = lambda _: (status, b"<html>")
    with pytest.raises(UnreachableError, match=f"HTTP {status}.*try again later"):
        client(server.url).verify(submission)


@pytest.mark.parametrize(
    "answer",
    [
        (202, b""),
        (202, b"<html>"),
        (202, b"[" * 10_000),
        (202, {}),
        (202, {"verificationId": 7}),
        (202, {"verificationId": f"{TICKET}/../../v2/contract"}),
        (202, b'{"a": "' + b"a" * MAX_ANSWER_BYTES + b'"}'),
        (200, ended("match")),
        (301, b""),
        (400, b"no"),
        (404, {"message": "no code"}),
    ],
)
def test_a_server_that_is_no_sourcify_is_one_sentence(
    server: StandIn, submission: Submission, answer: Answer
) -> None:
    server.submission = lambda _: answer
    with pytest.raises(IntegrityError, match=r"otherwise than Sourcify's API v2 says .*--server"):
        client(server.url).verify(submission)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"7"),
        (200, {"isJobCompleted": "yes"}),
        (200, {"isJobCompleted": True}),
        (200, ended(None)),
        (200, ended("perfect")),
        (200, ended(None, error="no")),
        (204, b""),
    ],
)
def test_a_job_that_makes_no_sense_is_one_sentence(
    server: StandIn, submission: Submission, answer: Answer
) -> None:
    server.job = lambda: answer
    with pytest.raises(IntegrityError, match=r"otherwise than Sourcify's API v2 says"):
        client(server.url).verify(submission)


@given(st.binary(max_size=64) | st.builds(lambda value: json.dumps(value).encode(), st.text(max_size=9)))
def test_whatever_a_server_says_is_read_or_refused(data: bytes) -> None:
    for reader in (read_ticket, read_job, read_refusal):
        with pytest.raises(IntegrityError):
            reader(data)


@pytest.mark.parametrize("server", ["", "sourcify.dev", "ftp://sourcify.dev", "http://", "http://[::1"])
def test_a_server_that_is_no_url_is_refused_before_anything_is_sent(server: str) -> None:
    with pytest.raises(InputError, match=r"--server is no HTTP URL"):
        client(server)


def test_a_deployment_without_its_sources_says_where_they_belong(tmp_path: Path) -> None:
    path = write_deployment(tmp_path)
    sources = path.with_suffix(".sources.json")
    for content, hint in (("{", "are not JSON"), ("[]", "no input of the"), ('{"language": 1}', "no input")):
        sources.write_text(content)
        with pytest.raises(InputError, match=hint):
            read_submissions(path)
    sources.unlink()
    with pytest.raises(InputError, match=r"public\.sources\.json cannot be read .* beside the deployment"):
        read_submissions(path)


@pytest.mark.parametrize(
    ("field", "value"), [("address", "0x12"), ("source", None), ("transaction", 7), ("address", None)]
)
def test_a_contract_that_cannot_be_submitted_is_refused(tmp_path: Path, field: str, value: object) -> None:
    path = write_deployment(tmp_path)
    content = json.loads(path.read_text())
    content["contracts"]["Ledger"][field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is incomplete"):
        read_submissions(path)


def test_answers_that_are_too_large_are_not_even_parsed() -> None:
    bomb = b'{"a":' * (MAX_ANSWER_BYTES // 5) + b"1" + b"}" * (MAX_ANSWER_BYTES // 5)
    for reader in (read_ticket, read_job, read_refusal):
        with pytest.raises(IntegrityError, match=f"over {MAX_ANSWER_BYTES} bytes"):
            reader(bomb)
