from typing import Any

from brownie import chain
from eth_typing import BlockNumber
from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.strategies import trials
from tests.unit.protocol.example_rounds import CHAIN, DATA_NODE, TERMS, terms

from pole.protocol.encoding.abi import ZERO_ADDRESS, terms_tuple
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.clock import phase_of, stage_of
from pole.protocol.state import Ballot, BallotStage, Phase, Round, VoidReason

# Seconds before the block that is asked; the windows of CHAIN are 100 to 140, so every boundary is met.
ago = st.one_of(st.integers(0, 1_500), st.sampled_from([100, 110, 120, 130, 140, 600]))


def round_tuple(standing: Round) -> tuple[object, ...]:
    return (
        standing.task_id,
        (standing.data_node, terms_tuple(standing.terms), standing.test_digest),
        standing.parent_hash,
        standing.seed,
        standing.keys_digest,
        standing.entropy,
        standing.opened_at,
        standing.keys_at,
        standing.closed_at,
        standing.closed_block,
        standing.released_at,
        standing.last_reveal_at,
        standing.draw_block,
        standing.committed,
        standing.ready,
        standing.revealed,
        standing.committee_too_small,
        standing.settled,
        int(standing.void_reason),
        standing.attempt,
        standing.challenged,
        standing.dropped,
        standing.challenger,
        standing.height,
    )


def parameters_tuple(parameters: ChainParameters) -> tuple[int, ...]:
    return tuple(getattr(parameters, name) for name in parameters.__slots__)


def ballot_tuple(ballot: Ballot) -> tuple[object, ...]:
    return tuple(getattr(ballot, name) for name in ballot.__slots__)


@st.composite
def standings(draw: st.DrawFn, now: int) -> Round:
    happened = draw(st.integers(0, 3))
    committed = draw(st.integers(0, 3))
    return Round(
        round_id=1,
        task_id=1,
        data_node=DATA_NODE,
        terms=terms(time_limit=draw(st.sampled_from([1, TERMS.time_limit]))),
        test_digest=b"\x05" * 32,
        parent_hash=bytes(32),
        seed=bytes(32),
        keys_digest=bytes(32),
        entropy=bytes(32),
        opened_at=now - draw(ago),
        keys_at=now - draw(ago) if happened > 0 else 0,
        closed_at=now - draw(ago) if happened > 1 else 0,
        closed_block=0,
        released_at=now - draw(ago) if happened > 2 else 0,
        last_reveal_at=0,
        draw_block=0,
        committed=committed,
        ready=0,
        revealed=draw(st.integers(0, committed)),
        committee_too_small=draw(st.integers(0, 4)) == 0,
        settled=draw(st.integers(0, 4)) == 0,
        void_reason=draw(st.sampled_from(VoidReason)),
        attempt=draw(st.integers(0, 2)),
        challenged=0,
        dropped=draw(st.integers(0, 4)) == 0,
        challenger=ZERO_ADDRESS,
        height=0,
    )


@st.composite
def ballots(draw: st.DrawFn, now: int) -> Ballot:
    seats = draw(st.integers(0, 3))
    committed = draw(st.integers(0, 2**seats - 1))
    return Ballot(
        seats=seats,
        choices=1,
        committed=committed,
        revealed=draw(st.integers(0, 2**seats - 1)) & committed,
        commit_deadline=now + draw(st.integers(-200, 100)),
        reveal_deadline=now + draw(st.integers(-200, 100)),
        eligible=draw(st.sampled_from([seats, seats + 1, 20])),
        settled=draw(st.integers(0, 4)) == 0,
    )


@given(st.data())
@trials
def test_phases_deadlines_and_stages_are_equal(harness: Any, data: st.DataObject) -> None:
    now: int = chain[BlockNumber(-1)]["timestamp"]
    standing, ballot = data.draw(standings(now)), data.draw(ballots(now))
    phase, deadline, stage, time = harness.phaseOf(
        round_tuple(standing), parameters_tuple(CHAIN), ballot_tuple(ballot)
    )
    assert (Phase(phase), deadline) == phase_of(standing, ballot, CHAIN, time)
    assert BallotStage(stage) is stage_of(ballot, time)
