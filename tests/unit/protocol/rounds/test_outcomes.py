from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.votes import no, ok

from pole.protocol.rounds.outcomes import Committee, Outcome, outcomes, part
from pole.protocol.rounds.tally import findings
from pole.protocol.state import ABSTENTIONS, TRUTHS, Finding, Verdict, Vote

NAMES = tuple("abcdefg")
PLAIN = Outcome(0, "a", slashed=False, unseated=False, struck=False, cleared=False, parts=0)
FAR_OFF = (no(Verdict.UNAVAILABLE), no(Verdict.DATA_UNAVAILABLE))


def committee(*cast: Vote | None, members: int = 0) -> Committee:
    """Return a committee on one choice; None reveals nothing."""
    names = NAMES[: max(len(cast), members)]
    pairs = zip(names, cast, strict=False)
    return Committee(names, {name: (vote,) for name, vote in pairs if vote is not None})


def tally(*committees: Committee) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    for each in committees:
        found = findings(found, list(each.votes.values()), seats=len(each.members), choices=1)
    return found


def judged(*committees: Committee) -> list[Outcome]:
    return list(outcomes(committees, tally(*committees)))


def test_who_casts_what_was_found_earns_a_part_and_starts_anew() -> None:
    right = replace(PLAIN, cleared=True, parts=1)
    assert judged(committee(ok(), ok(), ok())) == [replace(right, member=name) for name in "abc"]


def test_who_reveals_nothing_is_slashed_whatever_was_found() -> None:
    for votes in ((ok(),) * 3, (ok(), no(Verdict.MALFORMED)), FAR_OFF):
        *_, absent = judged(committee(*votes, None))
        assert (absent.slashed, absent.parts) == (True, 0)


@pytest.mark.parametrize("lie", [ok(train=91), ok(digest=2), no(Verdict.MALFORMED), no(Verdict.DATA_FAULT)])
def test_another_truth_than_was_found_is_slashed_and_earns_nothing(lie: Vote) -> None:
    *honest, liar = judged(committee(ok(), ok(), ok(), lie))
    assert liar == replace(PLAIN, member="d", slashed=True)
    assert all(each.parts == 1 for each in honest)


@pytest.mark.parametrize("abstention", FAR_OFF)
def test_an_abstention_where_a_truth_was_found_is_a_strike_and_no_more(abstention: Vote) -> None:
    *_, abstained = judged(committee(ok(), ok(), ok(), abstention))
    assert abstained == replace(PLAIN, member="d", struck=True)


@pytest.mark.parametrize("abstention", FAR_OFF)
def test_nobody_loses_anything_where_most_abstained(abstention: Vote) -> None:
    for seeing in (1, 2, 3):
        cast = [abstention] * 4 + [ok()] * seeing
        assert all(each == replace(PLAIN, member=each.member) for each in judged(committee(*cast)))


def test_one_who_contradicts_most_seats_loses_the_seat_without_a_quorum() -> None:
    cast = [ok()] * 4 + [ok(digest=2), no(Verdict.UNAVAILABLE), no(Verdict.UNAVAILABLE)]
    *_, alone, absent, _ = judged(committee(*cast))
    assert alone == replace(PLAIN, member="e", unseated=True)
    assert absent == replace(PLAIN, member="f")


def test_an_earlier_committee_is_judged_by_the_last_in_counts_alone() -> None:
    first = committee(ok(digest=3), ok(train=80), no(Verdict.UNAVAILABLE))
    last = committee(*[ok()] * 5)
    a, b, c, *_ = judged(first, last)
    assert a == replace(PLAIN, cleared=True, parts=1)
    assert b == replace(PLAIN, member="b", slashed=True)
    assert c == replace(PLAIN, member="c", struck=True)


def test_nobody_is_slashed_where_a_majority_without_a_quorum_contradicts_an_earlier_truth() -> None:
    first = committee(ok(train=80), ok(train=80), ok(train=80))
    last = committee(*[ok()] * 4, *[no(Verdict.UNAVAILABLE)] * 3)
    assert all(not each.slashed and not each.unseated for each in judged(first, last))


def test_who_saw_what_most_could_not_have_loses_nothing_to_an_earlier_lie() -> None:
    first = committee(ok(train=80), ok(train=80), ok(train=80))
    last = committee(*[ok()] * 3, *[no(Verdict.UNAVAILABLE)] * 4)
    *_, saw, _, _, _, _ = judged(first, last)
    assert saw == replace(PLAIN, attempt=1, member="c")


def test_a_truth_that_no_later_committee_could_judge_is_paid_as_it_was_found() -> None:
    first = committee(ok(), ok(), ok(), ok(train=91))
    last = committee(ok(digest=2), ok(digest=2), *[no(Verdict.UNAVAILABLE)] * 5)
    found = judged(first, last)
    assert [each.parts for each in found] == [1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0]
    assert [each.slashed for each in found] == [False] * 3 + [True] + [False] * 7


def test_who_contradicts_a_lie_that_only_the_first_committee_found_loses_nothing() -> None:
    captured = committee(ok(train=80), ok(train=80), ok(train=80))
    middle = committee(*[ok()] * 2, *[no(Verdict.UNAVAILABLE)] * 3)
    last = committee(*[no(Verdict.UNAVAILABLE)] * 7)
    found = judged(captured, middle, last)
    assert [each.parts for each in found[:3]] == [1, 1, 1]
    assert [each for each in found if each.slashed or each.unseated] == []
    assert [each.struck for each in found[3:8]] == [False, False, True, True, True]


def test_who_contradicts_what_a_later_committee_found_again_is_slashed() -> None:
    first = committee(ok(), ok(), ok())
    middle = committee(*[ok(train=80)] * 2, *[no(Verdict.UNAVAILABLE)] * 3)
    last = committee(*[ok(digest=2)] * 7)
    found = judged(first, middle, last)
    assert [each.member for each in found if each.slashed] == ["a", "b"]


def test_who_echoes_the_predictions_of_an_earlier_lie_has_nobody_slashed_without_a_quorum() -> None:
    captured = committee(ok(train=80), ok(train=80), ok(train=80))
    last = committee(*[ok(train=80)] * 4, *[ok()] * 3)
    assert [each for each in judged(captured, last) if each.slashed] == []


def test_a_pot_is_shared_by_all_seats_of_all_attempts_and_choices() -> None:
    assert part(1_000, [committee(ok(), None, None), committee(members=7)], choices=3) == 1_000 // 30


votes = st.one_of(
    st.just(ok()), st.builds(ok, st.integers(89, 91), st.just(9), st.integers(1, 2)), st.sampled_from(FAR_OFF)
)
casts = st.lists(st.one_of(st.none(), votes), min_size=1, max_size=7)


@given(casts, st.one_of(st.none(), casts), st.integers(0, 10**6))
@settings(max_examples=200)
def test_a_pot_pays_no_more_than_it_holds(
    last: list[Vote | None], first: list[Vote | None] | None, pot: int
) -> None:
    committees = [committee(*each) for each in (first, last) if each is not None]
    paid = sum(each.parts for each in judged(*committees)) * part(pot, committees, choices=1)
    assert 0 <= paid <= pot


@given(st.lists(st.one_of(st.just(ok()), st.sampled_from(FAR_OFF)), min_size=1, max_size=7), casts)
@settings(max_examples=200)
def test_honest_members_never_lose_stake_to_an_honest_last_committee(
    last: list[Vote], first: list[Vote | None]
) -> None:
    """Honest: the truth, or an abstention for want of a file."""
    for each in judged(committee(*first), committee(*last)):
        cast = first[NAMES.index(each.member)] if each.attempt == 0 else last[NAMES.index(each.member)]
        if cast is not None and (cast == ok() or cast.verdict in ABSTENTIONS):
            assert not each.slashed
            assert not each.unseated


@given(casts)
@settings(max_examples=200)
def test_nobody_is_slashed_for_a_vote_without_a_truth_that_was_found(cast: list[Vote | None]) -> None:
    voting = committee(*cast)
    if tally(voting)[0].verdict not in TRUTHS:
        assert all(not each.slashed for each in judged(voting) if each.member in voting.votes)
