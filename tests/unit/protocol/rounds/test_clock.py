from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import CHAIN, round_at

from pole.protocol.rounds.clock import CLOCKLESS, Moment, can_grow, phase_of
from pole.protocol.state import Ballot, BallotStage, Phase, Round, Step, VoidReason

NO_BALLOT = Ballot(0, 0, 0, 0, BallotStage.NONE, 0, 0)
FAR = 10_000
"""An Ethereum block after all windows: what is left is the clock's."""


def ballot(stage: BallotStage, **changes: Any) -> Ballot:
    """Return a ballot of three seats whose window ends at second 5000 in Ethereum block 60."""
    plain = Ballot(3, 1, committed=0b011, revealed=0b010, stage=stage, deadline=5_000, deadline_block=60)
    return replace(plain, **changes)


def phases(
    standing: Round, *times: int, voted: Ballot = NO_BALLOT, seats: int = 3, block: int = FAR
) -> list[tuple[Phase, int]]:
    found = [phase_of(standing, voted, CHAIN, seats, Moment(time, block)) for time in times]
    return [(phase, deadline.time) for phase, deadline in found]


def step(number: Step, **changes: Any) -> Round:
    return round_at(step=number, since=1_050, since_block=50, **changes)


OVER = (Phase.SETTLEMENT, 0)


def test_no_clock_ends_the_wait_for_a_seed() -> None:
    assert phases(round_at(), 1_000, 99_999) == [(Phase.SEED, 0)] * 2


def test_a_round_that_never_was_is_in_no_phase() -> None:
    assert phases(round_at(step=Step.NONE), 1_000) == [(Phase.NONE, 0)]


def test_keys_that_never_come_end_the_round() -> None:
    assert phases(step(Step.SEEDED), 1_050, 1_149, 1_150) == [(Phase.KEYS, 1_150)] * 2 + [OVER]


def test_training_without_a_commitment_ends_the_round_after_the_grace() -> None:
    assert phases(step(Step.KEYED), 1_050, 1_139, 1_140) == [(Phase.TRAINING, 1_140)] * 2 + [OVER]


def test_the_grace_is_never_longer_than_the_time_limit() -> None:
    hasty = step(Step.KEYED)
    hasty = replace(hasty, terms=replace(hasty.terms, time_limit=30))
    assert phases(hasty, 1_079, 1_080) == [(Phase.TRAINING, 1_080), OVER]


def test_after_the_time_limit_somebody_has_to_close() -> None:
    standing = step(Step.KEYED, committed=2)
    assert phases(standing, 1_649, 1_650, 99_999) == [(Phase.TRAINING, 1_650)] + [(Phase.TEST_RELEASE, 0)] * 2


def test_a_test_set_is_waited_for_until_somebody_says_that_its_window_is_over() -> None:
    assert phases(step(Step.CLOSED, committed=2), 1_050, 1_160, 99_999) == [(Phase.TEST_RELEASE, 1_160)] * 3


def test_reveals_run_from_the_release_or_from_when_none_was_waited_for_any_more() -> None:
    standing = step(Step.RELEASED, committed=2, revealed=1)
    assert phases(standing, 1_050, 1_169, 1_170) == [(Phase.REVEAL, 1_170)] * 2 + [(Phase.DRAW, 0)]


def test_the_draw_begins_once_everybody_has_revealed() -> None:
    assert phases(step(Step.RELEASED, committed=2, revealed=2), 1_060, 9_999) == [(Phase.DRAW, 0)] * 2


def test_a_committee_that_is_too_small_ends_the_round() -> None:
    small = step(Step.RELEASED, committed=1, revealed=1, committee_too_small=True)
    assert phases(small, 1_060) == [OVER]


VOTED = step(Step.RELEASED, committed=1, revealed=1)


def test_the_ballot_tells_the_phase_after_the_draw() -> None:
    for stage, phase in ((BallotStage.COMMIT, Phase.VOTE_COMMIT), (BallotStage.REVEAL, Phase.VOTE_REVEAL)):
        assert phases(VOTED, 4_999, 5_000, 99_999, voted=ballot(stage)) == [(phase, 5_000)] * 3
    assert phases(VOTED, 5_000, voted=ballot(BallotStage.CLOSED)) == [OVER]


@pytest.mark.parametrize(
    ("standing", "blocks", "phase"),
    [
        (step(Step.SEEDED), 4, Phase.KEYS),
        (step(Step.KEYED), 4, Phase.TRAINING),
        (step(Step.KEYED, committed=1), 4, Phase.TRAINING),
        (step(Step.RELEASED, committed=1), 4, Phase.REVEAL),
    ],
)
def test_a_chain_that_stood_still_ends_no_window(standing: Round, blocks: int, phase: Phase) -> None:
    late = 99_999
    last = phase_of(standing, NO_BALLOT, CHAIN, 3, Moment(late, 50 + blocks - 1))
    assert (last[0], last[1].block) == (phase, 50 + blocks)
    assert phase_of(standing, NO_BALLOT, CHAIN, 3, Moment(late, 50 + blocks))[0] is not phase


def test_challenges_wait_for_their_blocks_too() -> None:
    voted = ballot(BallotStage.CLOSED)
    found = [phase_of(VOTED, voted, CHAIN, 7, Moment(99_999, block)) for block in (60, 63, 64)]
    assert [(phase, deadline.block) for phase, deadline in found] == [
        (Phase.CHALLENGE, 64),
        (Phase.CHALLENGE, 64),
        (Phase.SETTLEMENT, 0),
    ]


@pytest.mark.parametrize(
    ("reason", "phase"), [(VoidReason.NONE, Phase.FINAL), (VoidReason.NO_QUORUM, Phase.VOID)]
)
def test_a_settled_round_has_ended(reason: VoidReason, phase: Phase) -> None:
    assert phases(round_at(settled=True, void_reason=reason), 1_000) == [(phase, 0)]


def test_a_tally_can_be_challenged_for_a_while_after_it_closed() -> None:
    closed = ballot(BallotStage.CLOSED)
    found = phases(VOTED, 5_000, 5_149, 5_150, voted=closed, seats=4)
    assert found == [(Phase.CHALLENGE, 5_150)] * 2 + [OVER]


def test_a_challenged_round_draws_again() -> None:
    assert phases(replace(VOTED, attempt=1, entropy=b"\x01" * 32), 9_999) == [(Phase.DRAW, 0)]


@pytest.mark.parametrize(
    ("changes", "seats", "drawn"),
    [({"attempt": 2}, 9, 3), ({"dropped": True}, 9, 3), ({}, 3, 3), ({}, 9, CHAIN.max_committee)],
)
def test_a_committee_that_cannot_grow_is_not_challenged(
    changes: dict[str, Any], seats: int, drawn: int
) -> None:
    voted = ballot(BallotStage.CLOSED, seats=drawn)
    assert not can_grow(round_at(**changes), voted, CHAIN, seats)
    assert phases(replace(VOTED, **changes), 5_000, voted=voted, seats=seats) == [OVER]


moments = st.builds(Moment, st.integers(0, 9), st.integers(0, 9))


@given(moments, moments)
def test_a_deadline_is_reached_when_its_second_and_its_block_are(deadline: Moment, now: Moment) -> None:
    assert deadline.reached(now) == (now.time >= deadline.time and now.block >= deadline.block)
    assert CLOCKLESS.reached(now)
