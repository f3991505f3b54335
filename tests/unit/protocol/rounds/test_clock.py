from dataclasses import replace

import pytest
from tests.unit.protocol.example_rounds import CHAIN, round_at

from pole.protocol.rounds.clock import can_grow, phase_of, stage_of
from pole.protocol.state import Ballot, BallotStage, Phase, Round, VoidReason

NO_BALLOT = Ballot(0, 0, 0, 0, 0, 0, 0, settled=False)


def ballot(committed: int = 0b000, revealed: int = 0b000, **changes: int) -> Ballot:
    deadlines = {"commit_deadline": 5_000, "reveal_deadline": 5_140, "eligible": 3, **changes}
    return Ballot(3, 1, committed, revealed, **deadlines, settled=False)


def phases(standing: Round, *moments: int, voted: Ballot = NO_BALLOT) -> list[tuple[Phase, int]]:
    return [phase_of(standing, voted, CHAIN, now) for now in moments]


OVER = (Phase.SETTLEMENT, 0)


def test_keys_that_never_come_end_the_round() -> None:
    assert phases(round_at(), 1_000, 1_099, 1_100) == [(Phase.KEYS, 1_100)] * 2 + [OVER]


def test_training_without_a_commitment_ends_the_round() -> None:
    standing = round_at(keys_at=1_050)
    assert phases(standing, 1_050, 1_649, 1_650) == [(Phase.TRAINING, 1_650)] * 2 + [OVER]


def test_a_test_set_that_never_comes_only_costs_its_window() -> None:
    standing = round_at(keys_at=1_050, committed=2)
    assert phases(standing, 1_649, 1_650, 1_759, 1_760, 1_879, 1_880) == [
        (Phase.TRAINING, 1_650),
        (Phase.TEST_RELEASE, 1_760),
        (Phase.TEST_RELEASE, 1_760),
        (Phase.REVEAL, 1_880),
        (Phase.REVEAL, 1_880),
        OVER,
    ]


def test_closing_early_begins_the_test_release() -> None:
    standing = round_at(keys_at=1_050, closed_at=1_200, committed=1)
    assert phases(standing, 1_200, 1_309, 1_310) == [
        (Phase.TEST_RELEASE, 1_310),
        (Phase.TEST_RELEASE, 1_310),
        (Phase.REVEAL, 1_430),
    ]


def test_reveals_run_from_the_release() -> None:
    standing = round_at(keys_at=1_050, closed_at=1_200, released_at=1_250, committed=2, revealed=1)
    assert phases(standing, 1_250, 1_369, 1_370) == [(Phase.REVEAL, 1_370)] * 2 + [(Phase.DRAW, 0)]


def test_the_draw_begins_once_everybody_has_revealed() -> None:
    standing = round_at(keys_at=1_050, closed_at=1_200, released_at=1_250, committed=2, revealed=2)
    assert phases(standing, 1_260, 9_999) == [(Phase.DRAW, 0)] * 2


def test_a_committee_that_is_too_small_ends_the_round() -> None:
    standing = round_at(
        keys_at=1_050, closed_at=1_200, released_at=1_250, committed=1, revealed=1, committee_too_small=True
    )
    assert phases(standing, 1_260) == [OVER]


def test_the_ballot_tells_the_phase_after_the_draw() -> None:
    standing = round_at(keys_at=1_050, closed_at=1_200, released_at=1_250, committed=1, revealed=1)
    assert phases(standing, 4_999, 5_000, 5_139, 5_140, voted=ballot(committed=0b011, revealed=0b010)) == [
        (Phase.VOTE_COMMIT, 5_000),
        (Phase.VOTE_REVEAL, 5_140),
        (Phase.VOTE_REVEAL, 5_140),
        OVER,
    ]


@pytest.mark.parametrize(
    ("reason", "phase"), [(VoidReason.NONE, Phase.FINAL), (VoidReason.NO_QUORUM, Phase.VOID)]
)
def test_a_settled_round_has_ended(reason: VoidReason, phase: Phase) -> None:
    assert phases(round_at(settled=True, void_reason=reason), 1_000) == [(phase, 0)]


def test_no_seats_mean_no_ballot() -> None:
    assert stage_of(NO_BALLOT, 0) is BallotStage.NONE


def test_without_any_commitment_the_ballot_closes_at_once() -> None:
    assert stage_of(ballot(), 4_999) is BallotStage.COMMIT
    assert stage_of(ballot(), 5_000) is BallotStage.CLOSED


def test_the_last_commitment_ends_the_commit_stage() -> None:
    full = ballot(committed=0b111, commit_deadline=4_900, reveal_deadline=5_040)
    assert stage_of(full, 4_900) is BallotStage.REVEAL
    assert stage_of(full, 5_040) is BallotStage.CLOSED


def test_the_last_reveal_closes_the_ballot() -> None:
    done = ballot(committed=0b011, revealed=0b011, reveal_deadline=5_001)
    assert stage_of(done, 5_000) is BallotStage.REVEAL
    assert stage_of(done, 5_001) is BallotStage.CLOSED


def test_a_settled_ballot_stays_settled() -> None:
    settled = Ballot(3, 1, 0b111, 0b111, 5_000, 5_140, 3, settled=True)
    assert stage_of(settled, 0) is BallotStage.SETTLED


VOTED = {"keys_at": 1_050, "closed_at": 1_200, "released_at": 1_250, "committed": 1, "revealed": 1}


def test_a_tally_can_be_challenged_for_a_while_after_the_last_reveal() -> None:
    voted = ballot(committed=0b111, revealed=0b111, reveal_deadline=5_040, eligible=4)
    assert phases(round_at(**VOTED), 5_040, 5_189, 5_190, voted=voted) == [(Phase.CHALLENGE, 5_190)] * 2 + [
        OVER
    ]


def test_the_window_of_a_ballot_without_votes_begins_when_its_commitments_end() -> None:
    voted = ballot(eligible=4)
    assert phases(round_at(**VOTED), 5_000, 5_150, voted=voted) == [(Phase.CHALLENGE, 5_150), OVER]


def test_a_challenged_round_draws_again() -> None:
    assert phases(round_at(**VOTED, attempt=1, entropy=b"\x01" * 32), 9_999) == [(Phase.DRAW, 0)]


@pytest.mark.parametrize(
    ("changes", "eligible", "seats"),
    [({"attempt": 2}, 9, 3), ({"dropped": True}, 9, 3), ({}, 3, 3), ({}, 9, CHAIN.max_committee)],
)
def test_a_committee_that_cannot_grow_is_not_challenged(
    changes: dict[str, int], eligible: int, seats: int
) -> None:
    voted = replace(ballot(eligible=eligible), seats=seats)
    assert not can_grow(round_at(**changes), voted, CHAIN)
    assert phases(round_at(**VOTED, **changes), 5_000, voted=voted) == [OVER]
