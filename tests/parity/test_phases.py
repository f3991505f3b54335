from typing import Any

from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.strategies import trials
from tests.unit.protocol.example_rounds import CHAIN, DATA_NODE, TERMS, terms

from pole.protocol.encoding.abi import ZERO_ADDRESS, terms_tuple
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.clock import Moment, phase_of
from pole.protocol.state import Ballot, BallotStage, Phase, Round, Step, VoidReason

NOW, BLOCK = 10_000_000, 1_000
# Seconds and blocks before now; the windows of CHAIN are 90 to 140 seconds and 4 blocks long.
ago = st.one_of(st.integers(0, 1_500), st.sampled_from([90, 100, 110, 120, 130, 140, 230, 600]))
blocks_ago = st.integers(0, 10)


def round_tuple(standing: Round) -> tuple[object, ...]:
    return (
        standing.task_id,
        (standing.data_node, standing.judging_time, terms_tuple(standing.terms), standing.test_digest),
        standing.seed,
        standing.keys_digest,
        standing.entropy,
        standing.opened_at,
        standing.since,
        standing.since_block,
        standing.draw_block,
        standing.height,
        int(standing.step),
        int(standing.void_reason),
        standing.committed,
        standing.ready,
        standing.revealed,
        standing.commitments,
        standing.attempt,
        standing.released,
        standing.closed_early,
        standing.committee_too_small,
        standing.dropped,
        standing.settled,
        list(standing.challengers),
    )


def parameters_tuple(parameters: ChainParameters) -> tuple[int, ...]:
    return tuple(getattr(parameters, name) for name in parameters.__slots__)


def ballot_tuple(ballot: Ballot) -> tuple[object, ...]:
    return tuple(getattr(ballot, name) for name in ballot.__slots__)


@st.composite
def standings(draw: st.DrawFn) -> Round:
    committed = draw(st.integers(0, 3))
    step = draw(st.sampled_from(list(Step)[1:]))
    return Round(
        round_id=1,
        task_id=1,
        data_node=DATA_NODE,
        judging_time=6,
        terms=terms(time_limit=draw(st.sampled_from([1, TERMS.time_limit]))),
        test_digest=b"\x05" * 32,
        seed=bytes(32),
        keys_digest=bytes(32),
        entropy=bytes(32),
        opened_at=NOW - draw(ago),
        since=NOW - draw(ago),
        since_block=BLOCK - draw(blocks_ago),
        draw_block=0,
        height=0,
        step=step,
        void_reason=draw(st.sampled_from(VoidReason)),
        committed=committed,
        ready=0,
        revealed=draw(st.integers(0, committed)),
        commitments=committed,
        attempt=draw(st.integers(0, 2)),
        released=step is Step.RELEASED,
        closed_early=draw(st.booleans()),
        committee_too_small=draw(st.integers(0, 4)) == 0,
        dropped=draw(st.integers(0, 4)) == 0,
        settled=draw(st.integers(0, 4)) == 0,
        challengers=(ZERO_ADDRESS, ZERO_ADDRESS),
    )


@st.composite
def ballots(draw: st.DrawFn) -> Ballot:
    seats = draw(st.integers(0, 3))
    committed = draw(st.integers(0, 2**seats - 1))
    return Ballot(
        seats=seats,
        choices=1,
        committed=committed,
        revealed=draw(st.integers(0, 2**seats - 1)) & committed,
        stage=draw(st.sampled_from(list(BallotStage)[1:])) if seats else BallotStage.NONE,
        deadline=NOW + draw(st.integers(-200, 100)),
        deadline_block=BLOCK + draw(st.integers(-6, 3)),
    )


@given(standings(), ballots(), st.sampled_from([0, 1, 2, 3, 4, 20]))
@trials
def test_phases_and_deadlines_are_equal(harness: Any, standing: Round, ballot: Ballot, seats: int) -> None:
    size = min(seats, CHAIN.max_committee)
    (phase, deadline, deadline_block), time, number = harness.phaseOf(
        round_tuple(standing), parameters_tuple(CHAIN), ballot_tuple(ballot), size
    )
    now = Moment(time, number)
    twin = phase_of(standing, ballot, CHAIN, seats, now)
    assert (Phase(phase), Moment(deadline, deadline_block)) == twin
