"""contracts/libraries/Tally.sol against pole.protocol.rounds.tally."""

from collections.abc import Sequence
from typing import Any

from brownie.network.contract import ProjectContract
from brownie.test import given
from hypothesis import example, settings
from hypothesis import strategies as st
from tests.contracts.libraries.conftest import Libraries
from tests.contracts.stage import as_tuples, finding_tuple

from pole.protocol.rounds import tally
from pole.protocol.state import Finding, Verdict, Vote

numbers = st.sampled_from([0, 1, 2, 3, 2**32 - 1])
marks = st.sampled_from([bytes(32), b"\x01" * 32, b"\x01" * 7 + bytes(25), b"\x02" * 32])
verdicts = st.sampled_from(list(Verdict)[1:])
oks = st.builds(Vote, st.just(Verdict.OK), numbers, numbers, marks)
others = verdicts.map(lambda kind: Vote(kind, 0, 0, bytes(32)))
# A committee that can agree: few different votes, and members that revealed none.
few_votes = st.lists(oks | others, min_size=1, max_size=3)
committees = few_votes.flatmap(
    lambda few: st.lists(st.none() | st.sampled_from(few), min_size=1, max_size=10)
)
findings = st.builds(
    Finding, st.just(Verdict.OK), numbers, numbers, st.just(0x01010101010101)
) | verdicts.filter(lambda kind: kind is not Verdict.OK).map(lambda kind: Finding(kind, 0, 0, 0))
none = st.just(Finding(Verdict.NONE, 0, 0, 0))
NONE = Vote(Verdict.NONE, 0, 0, bytes(32))


def arguments(members: Sequence[Vote | None], tolerance: int) -> tuple[Any, ...]:
    votes = as_tuples([NONE if vote is None else vote for vote in members])
    return votes, [vote is not None for vote in members], tolerance


def to_finding(struct: tuple[int, int, int, int]) -> Finding:
    verdict, *numbers = struct
    return Finding(Verdict(verdict), *numbers)


@settings(max_examples=10, deadline=None)
@given(ballots=st.lists(st.tuples(committees, st.sampled_from([0, 1, 2**32 - 1])), min_size=1, max_size=20))
@example(ballots=[([Vote(Verdict.OK, 2**32 - 1, 0, bytes(32))] * 3, 2**32 - 1)])
@example(ballots=[([Vote(Verdict.OK, 1, 1, bytes(32)), None], 0)])
def test_findings_are_those_of_python(
    libraries: Libraries, ballots: list[tuple[list[Vote | None], int]]
) -> None:
    found = libraries.ask("finding", [arguments(*ballot) for ballot in ballots])
    assert [to_finding(struct) for struct in found] == [
        tally.finding([vote for vote in members if vote], seats=len(members), tolerance=tolerance)
        for members, tolerance in ballots
    ]


@settings(max_examples=5, deadline=None)
@given(
    cases=st.lists(
        st.tuples(oks | others, findings | none, findings | none, st.sampled_from([0, 1])),
        min_size=1,
        max_size=20,
    )
)
def test_votes_of_any_ballot_agree_with_the_last_finding_as_in_python(
    libraries: Libraries, cases: list[tuple[Vote, Finding, Finding, int]]
) -> None:
    calls = [
        (as_tuples([vote])[0], finding_tuple(own), finding_tuple(last), tolerance)
        for vote, own, last, tolerance in cases
    ]
    expected = [tally.is_coherent([vote], [own], [last], tolerance) for vote, own, last, tolerance in cases]
    assert libraries.ask("agrees", calls) == expected


@settings(max_examples=5, deadline=None)
@given(kept=st.lists(findings | none, min_size=1, max_size=20))
def test_findings_that_are_kept_are_what_was_found(libraries: Libraries, kept: list[Finding]) -> None:
    answers = libraries.ask("packFinding", [(finding_tuple(each),) for each in kept])
    assert [to_finding(unpacked) for _, unpacked in answers] == kept


@settings(max_examples=5, deadline=None)
@given(votes=st.lists(oks | others, min_size=1, max_size=20))
def test_votes_are_packed_as_python_packs_them(libraries: Libraries, votes: list[Vote]) -> None:
    packed = libraries.ask("pack", [(vote,) for vote in as_tuples(votes)])
    assert packed == [tally.pack(vote) for vote in votes]


def test_sixty_three_members_that_all_differ_are_counted_within_a_block(harness: ProjectContract) -> None:
    members = [Vote(Verdict.OK, 100 - n, n, b"\x01" * 32) for n in range(63)]
    found = to_finding(harness.finding(*arguments(members, 100)))
    assert found == tally.finding(members, seats=63, tolerance=100)
    votes = as_tuples(members)
    assert harness.finding.estimate_gas(votes, [True] * 63, 100) < 2_000_000
