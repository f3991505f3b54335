from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.protocol.rounds.tally import (
    NO_FINDING,
    agrees,
    differ,
    finding,
    findings,
    fingerprint,
    is_coherent,
    lower_median,
    majority,
    pack,
    quorum,
)
from pole.protocol.state import Finding, Verdict, Vote

NO_DIGEST = bytes(32)


def ok(train: int = 90, test: int = 9, digest: int = 1) -> Vote:
    return Vote(Verdict.OK, train, test, bytes([digest]) * 32)


def no(verdict: Verdict) -> Vote:
    return Vote(verdict, 0, 0, NO_DIGEST)


votes = st.one_of(
    st.builds(ok, st.integers(85, 92), st.integers(5, 8), st.integers(1, 2)),
    st.sampled_from([no(Verdict.UNAVAILABLE), no(Verdict.MALFORMED), no(Verdict.DATA_FAULT)]),
)
mostly_equal = st.one_of(st.just(ok()), st.just(ok()), st.just(ok()), votes)


def plain_finding(cast: list[Vote], seats: int, tolerance: int) -> Finding:
    """Return the finding by trying every possible one."""
    needed = quorum(seats)
    for verdict, count in Counter(vote.verdict for vote in cast).items():
        if verdict is not Verdict.OK and count >= needed:
            return Finding(verdict, 0, 0, 0)
    counted = [vote for vote in cast if vote.verdict is Verdict.OK]
    if len(counted) < needed:
        return NO_FINDING
    trains, tests = sorted(v.train_correct for v in counted), sorted(v.test_correct for v in counted)
    train, test = trains[(len(trains) - 1) // 2], tests[(len(tests) - 1) // 2]
    prints = {fingerprint(vote.predictions) for vote in counted} if tolerance == 0 else {0}
    for each in prints:
        near = [
            vote
            for vote in counted
            if abs(vote.train_correct - train) <= tolerance
            and abs(vote.test_correct - test) <= tolerance
            and (tolerance > 0 or fingerprint(vote.predictions) == each)
        ]
        if len(near) >= needed:
            return Finding(Verdict.OK, train, test, each)
    return NO_FINDING


@pytest.mark.parametrize(
    ("seats", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (63, 43)]
)
def test_a_quorum_is_more_than_two_thirds(seats: int, needed: int) -> None:
    assert quorum(seats) == needed
    assert 3 * needed > 2 * seats >= 3 * (needed - 1)


def test_without_votes_nothing_is_found() -> None:
    assert finding([], seats=5, tolerance=0) == NO_FINDING


def test_members_that_reveal_nothing_count_against_the_quorum() -> None:
    assert finding([ok()] * 3, seats=5, tolerance=0) == NO_FINDING
    assert finding([ok()] * 4, seats=5, tolerance=0) == Finding(Verdict.OK, 90, 9, int("01" * 7, 16))


def test_echoed_counts_without_the_predictions_do_not_agree() -> None:
    cast = [ok()] * 3 + [ok(digest=2)] * 2
    assert finding(cast, seats=5, tolerance=0) == NO_FINDING
    assert finding(cast, seats=5, tolerance=1) == Finding(Verdict.OK, 90, 9, 0)


def test_a_vote_one_off_agrees_within_a_tolerance_only() -> None:
    cast = [ok()] * 3 + [ok(train=91)] * 2
    assert finding(cast, seats=5, tolerance=0).verdict is Verdict.NONE
    assert finding(cast, seats=5, tolerance=1) == Finding(Verdict.OK, 90, 9, 0)


def test_votes_spread_around_the_median_do_not_agree() -> None:
    cast = [ok(train=80), ok(train=85), ok(train=90), ok(train=95), ok(train=100)]
    assert finding(cast, seats=5, tolerance=5) == NO_FINDING


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.MALFORMED, Verdict.DATA_FAULT])
def test_a_quorum_for_a_fault_is_the_finding(verdict: Verdict) -> None:
    assert finding([no(verdict)] * 4 + [ok()], seats=5, tolerance=0) == Finding(verdict, 0, 0, 0)
    assert finding([no(verdict)] * 3 + [ok()] * 2, seats=5, tolerance=0) == NO_FINDING


def test_of_an_even_number_the_lower_of_the_middle_values_is_the_median() -> None:
    assert lower_median([4, 1, 3, 2]) == 2


def test_a_vote_for_another_verdict_is_incoherent() -> None:
    agreed = [Finding(Verdict.OK, 90, 9, fingerprint(ok().predictions)), NO_FINDING]
    assert is_coherent([ok(), no(Verdict.MALFORMED)], agreed, agreed, 0)
    assert not is_coherent([no(Verdict.MALFORMED), ok()], agreed, agreed, 0)
    assert not is_coherent([ok(digest=2), ok()], agreed, agreed, 0)
    assert is_coherent([ok(digest=2), ok()], agreed, agreed, 1)


def test_where_nothing_was_found_everybody_is_coherent() -> None:
    nothing = [NO_FINDING, NO_FINDING]
    assert is_coherent([ok(), no(Verdict.MALFORMED)], [Finding(Verdict.OK, 1, 1, 1), NO_FINDING], nothing, 0)


def test_predictions_are_compared_within_a_ballot_only() -> None:
    final = [Finding(Verdict.OK, 90, 9, fingerprint(ok(digest=2).predictions))]
    same = [Finding(Verdict.OK, 90, 9, fingerprint(ok().predictions))]
    assert is_coherent([ok()], same, final, 0)
    assert not is_coherent([ok(digest=2)], same, final, 0)
    assert not is_coherent([ok(train=91)], same, final, 0)


def test_who_was_outvoted_by_a_wrong_committee_is_coherent_by_its_counts() -> None:
    final = [Finding(Verdict.OK, 90, 9, fingerprint(ok(digest=2).predictions))]
    for wrong in (Finding(Verdict.OK, 80, 9, 7), Finding(Verdict.MALFORMED, 0, 0, 0), NO_FINDING):
        assert is_coherent([ok()], [wrong], final, 0)
        assert not is_coherent([ok(train=80)], [wrong], final, 0)


def test_tallies_differ_in_verdicts_and_counts_and_not_in_fingerprints() -> None:
    some = [Finding(Verdict.OK, 90, 9, 1), NO_FINDING]
    assert not differ(some, [Finding(Verdict.OK, 90, 9, 2), NO_FINDING])
    assert differ(some, [Finding(Verdict.OK, 91, 9, 1), NO_FINDING])
    assert differ(some, [Finding(Verdict.OK, 90, 8, 1), NO_FINDING])
    assert differ(some, [Finding(Verdict.OK, 90, 9, 1), Finding(Verdict.MALFORMED, 0, 0, 0)])


def test_a_vote_is_packed_from_the_top() -> None:
    vote = Vote(Verdict.DATA_FAULT, 0x01020304, 0x05060708, bytes(range(16, 48)))
    assert pack(vote) == 0x04_01020304_05060708_10111213141516


@given(st.lists(mostly_equal, max_size=9), st.integers(0, 3), st.sampled_from([0, 1, 5]))
@settings(max_examples=300)
def test_the_finding_is_what_trying_all_gives(cast: list[Vote], absent: int, tolerance: int) -> None:
    seats = max(1, len(cast) + absent)
    assert finding(cast, seats=seats, tolerance=tolerance) == plain_finding(cast, seats, tolerance)


@given(st.lists(mostly_equal, min_size=1, max_size=9), st.sampled_from([0, 1, 5]))
def test_at_least_a_quorum_supports_every_finding(cast: list[Vote], tolerance: int) -> None:
    agreed = finding(cast, seats=len(cast), tolerance=tolerance)
    if agreed.verdict is not Verdict.NONE:
        assert sum(agrees(vote, agreed, tolerance) for vote in cast) >= quorum(len(cast))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=15))
def test_a_majority_is_always_found(values: list[int]) -> None:
    value, count = Counter(values).most_common(1)[0]
    if 2 * count > len(values):
        assert majority(values) == value
    assert majority(values) in values


def test_findings_are_made_choice_by_choice() -> None:
    revealed = [(ok(), no(Verdict.MALFORMED))] * 3
    made = findings(revealed, seats=3, choices=2, tolerance=0)
    assert [each.verdict for each in made] == [Verdict.OK, Verdict.MALFORMED]
