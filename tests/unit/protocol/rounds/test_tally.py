from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.votes import no, ok

from pole.protocol.ballots import quorum
from pole.protocol.rounds.tally import (
    NO_FINDING,
    Worth,
    answered,
    contradict,
    differs,
    findings,
    fingerprint,
    majorities,
    pack,
    said,
    worth_of,
)
from pole.protocol.state import TRUTHS, Finding, Verdict, Vote

votes = st.one_of(
    st.builds(ok, st.integers(85, 92), st.integers(5, 8), st.integers(1, 2)),
    st.sampled_from([no(verdict) for verdict in Verdict if verdict not in (Verdict.NONE, Verdict.OK)]),
)
mostly_equal = st.one_of(st.just(ok()), st.just(ok()), st.just(ok()), votes)


def finding(cast: list[Vote], seats: int, before: Vote | None = None) -> Finding:
    stood = () if before is None else (said(before),)
    (found,) = findings(stood, [(vote,) for vote in cast], seats=seats, choices=1)
    return found


def majority(cast: list[Vote], seats: int) -> Finding:
    (leading,) = majorities([(vote,) for vote in cast], seats=seats, choices=1)
    return leading


@pytest.mark.parametrize(
    ("seats", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (63, 43)]
)
def test_a_quorum_is_more_than_two_thirds(seats: int, needed: int) -> None:
    assert quorum(seats) == needed
    assert 3 * needed > 2 * seats >= 3 * (needed - 1)


def test_without_votes_nothing_is_found() -> None:
    assert finding([], seats=5) == NO_FINDING
    assert majority([], seats=5) == NO_FINDING


def test_members_that_reveal_nothing_count_against_the_quorum() -> None:
    assert finding([ok()] * 3, seats=5) == NO_FINDING
    assert finding([ok()] * 4, seats=5) == Finding(Verdict.OK, 90, 9, int("01" * 7, 16))


@pytest.mark.parametrize("other", [ok(digest=2), ok(train=91), ok(test=8)])
def test_votes_agree_to_the_bit_or_not_at_all(other: Vote) -> None:
    assert finding([ok()] * 3 + [other] * 2, seats=5) == NO_FINDING


@pytest.mark.parametrize(
    "verdict", [verdict for verdict in Verdict if verdict not in (Verdict.NONE, Verdict.OK)]
)
def test_a_quorum_for_a_fault_or_an_abstention_is_the_finding(verdict: Verdict) -> None:
    assert finding([no(verdict)] * 4 + [ok()], seats=5) == Finding(verdict, 0, 0, 0)
    assert finding([no(verdict)] * 3 + [ok()] * 2, seats=5) == NO_FINDING


def test_a_truth_of_more_than_half_of_all_seats_leads_without_a_quorum() -> None:
    assert majority([ok()] * 3, seats=5) == said(ok())
    assert majority([ok()] * 3, seats=6) == NO_FINDING
    assert majority([no(Verdict.UNAVAILABLE)] * 3, seats=5) == NO_FINDING


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])
def test_no_abstention_undoes_a_truth(verdict: Verdict) -> None:
    for truth in (ok(), no(Verdict.MALFORMED), no(Verdict.DATA_FAULT)):
        for abstained in range(12):
            cast = [truth] * (11 - abstained) + [no(verdict)] * abstained
            assert not differs(finding(cast, seats=11, before=truth), said(truth))


def test_another_quorum_overrules_a_truth_and_another_majority_leaves_nothing_found() -> None:
    lie = ok(train=80)
    assert finding([ok()] * 8, seats=11, before=lie) == said(ok())
    assert finding([ok()] * 7, seats=11, before=lie) == NO_FINDING
    assert finding([ok()] * 6, seats=11, before=lie) == NO_FINDING
    assert finding([ok()] * 5, seats=11, before=lie) == said(lie)
    assert finding([ok(digest=2)] * 7, seats=11, before=ok()) == said(ok())


def test_what_was_no_truth_does_not_stand() -> None:
    for before in (no(Verdict.UNAVAILABLE), no(Verdict.DATA_UNAVAILABLE), no(Verdict.NONE)):
        assert finding([ok()] * 3, seats=5, before=before) == NO_FINDING
        assert finding([no(Verdict.UNAVAILABLE)] * 4, seats=5, before=before).verdict is Verdict.UNAVAILABLE


def test_what_was_found_is_right_and_another_truth_false() -> None:
    last = [said(ok()), said(no(Verdict.MALFORMED))]
    both = [True, True]
    for leading in (last, None):
        assert worth_of([ok(), no(Verdict.MALFORMED)], last, both, leading) == Worth(2, False, False, False)
        assert worth_of([ok(train=89), no(Verdict.MALFORMED)], last, both, leading) == Worth(
            1, True, False, False
        )
        assert worth_of([ok(), ok()], last, both, leading) == Worth(1, True, False, False)


def test_nothing_is_false_of_a_last_committee_that_found_nothing_where_an_earlier_truth_stands() -> None:
    stands = [said(ok())]
    assert worth_of([ok(train=89)], stands, [False], [NO_FINDING]) == Worth(0, False, False, False)
    assert worth_of([ok(digest=2)], stands, [False], [NO_FINDING]) == Worth(1, False, False, False)
    majority_ = [said(ok(digest=2))]
    assert worth_of([ok(train=89)], stands, [False], majority_) == Worth(0, False, True, False)
    assert worth_of([ok(digest=2)], stands, [False], majority_) == Worth(1, False, False, False)
    assert worth_of([no(Verdict.UNAVAILABLE)], stands, [False], majority_) == Worth(0, False, False, True)


def test_nothing_is_false_of_an_earlier_committee_where_neither_it_nor_a_later_one_found_the_truth() -> None:
    assert worth_of([ok(train=89)], [said(ok())], [False], None) == Worth(0, False, False, False)
    assert worth_of([ok()], [said(ok())], [False], None) == Worth(1, False, False, False)


def test_a_committee_finds_again_what_its_own_quorum_says_whatever_the_predictions() -> None:
    agreed = [said(ok())]
    assert answered([False], [(ok(digest=2),)] * 4, agreed, seats=5) == (True,)
    assert answered([False], [(ok(),)] * 3, agreed, seats=5) == (False,)
    assert answered([False], [(ok(train=89),)] * 5, agreed, seats=5) == (False,)
    assert answered([True], [(ok(train=89),)] * 5, agreed, seats=5) == (True,)
    abstained = no(Verdict.UNAVAILABLE)
    assert answered([False], [(abstained,)] * 5, [said(abstained)], seats=5) == (False,)


def test_predictions_are_compared_within_the_last_committee_only() -> None:
    assert worth_of([ok(digest=2)], [said(ok())], [True], [said(ok())]).is_false
    assert worth_of([ok(digest=2)], [said(ok())], [True], None) == Worth(1, False, False, False)
    assert worth_of([ok(train=89)], [said(ok())], [True], None).is_false


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])
def test_an_abstention_is_never_false(verdict: Verdict) -> None:
    for last in (ok(), no(Verdict.MALFORMED), no(Verdict.DATA_FAULT)):
        assert worth_of([no(verdict)], [said(last)], [False], [NO_FINDING]) == Worth(0, False, False, True)
    assert worth_of([no(verdict)], [NO_FINDING], [False], [said(ok())]) == Worth(0, False, False, False)


@pytest.mark.parametrize("last", [Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE, Verdict.NONE])
def test_a_truth_is_not_false_where_none_was_found(last: Verdict) -> None:
    assert worth_of([ok()], [Finding(last, 0, 0, 0)], [False], [NO_FINDING]) == Worth(0, False, False, False)


def test_who_contradicts_most_seats_without_a_quorum_stands_alone() -> None:
    assert worth_of([ok(digest=2)], [NO_FINDING], [False], [said(ok())]) == Worth(0, False, True, False)
    assert worth_of([ok()], [NO_FINDING], [False], [said(ok())]) == Worth(0, False, False, False)
    assert worth_of([ok(digest=2)], [NO_FINDING], [False], None) == Worth(0, False, False, False)


def test_tallies_contradict_each_other_about_truths_alone() -> None:
    some = [Finding(Verdict.OK, 90, 9, 1), NO_FINDING]
    assert not contradict(some, [Finding(Verdict.OK, 90, 9, 2), said(ok())])
    assert not contradict(some, [Finding(Verdict.UNAVAILABLE, 0, 0, 0), NO_FINDING])
    assert contradict(some, [Finding(Verdict.OK, 91, 9, 1), NO_FINDING])
    assert contradict(some, [Finding(Verdict.OK, 90, 8, 1), NO_FINDING])
    assert contradict(some, [Finding(Verdict.MALFORMED, 0, 0, 0), NO_FINDING])


def test_a_vote_is_packed_from_the_top() -> None:
    vote = Vote(Verdict.DATA_FAULT, 0x01020304, 0x05060708, bytes(range(16, 48)))
    assert pack(vote) == 0x04_01020304_05060708_10111213141516


@given(st.lists(mostly_equal, max_size=9), st.integers(0, 3))
@settings(max_examples=200)
def test_the_finding_is_what_trying_all_gives(cast: list[Vote], absent: int) -> None:
    seats = max(1, len(cast) + absent)
    agreed = [each for each, count in Counter(map(said, cast)).items() if count >= quorum(seats)]
    assert [finding(cast, seats)] == (agreed or [NO_FINDING])
    leading = [each for each, count in Counter(map(said, cast)).items() if 2 * count > seats]
    truths = [each for each in leading if each.verdict in TRUTHS]
    assert [majority(cast, seats)] == (truths or [NO_FINDING])


def test_findings_are_made_choice_by_choice() -> None:
    revealed = [(ok(), no(Verdict.MALFORMED))] * 3
    made = findings((), revealed, seats=3, choices=2)
    assert [each.verdict for each in made] == [Verdict.OK, Verdict.MALFORMED]


def test_a_fingerprint_is_the_digest_s_first_seven_bytes() -> None:
    assert fingerprint(bytes(range(1, 33))) == 0x01020304050607
