"""Values for both sides: small ones that collide and the largest that fit."""

from hypothesis import settings
from hypothesis import strategies as st

from pole.protocol.rounds.judgement import Challenge, EndedRound, choices_of, choose
from pole.protocol.state import Finding, Ommer, Solution, TaskTerms, Verdict, Vote

trials = settings(max_examples=60, deadline=None)
few_trials = settings(max_examples=30, deadline=None)

ADDRESSES = tuple("0x" + bytes([17 * n]).hex() * 20 for n in range(1, 12))

words = st.binary(min_size=32, max_size=32)
addresses = st.sampled_from(ADDRESSES)


def whole(bits: int) -> st.SearchStrategy[int]:
    """Return whole numbers that fit `bits` bits, often small or largest."""
    return st.one_of(st.integers(0, 5), st.integers(0, 2**bits - 1), st.just(2**bits - 1))


def ok_vote(train: int, test: int, digest: int) -> Vote:
    return Vote(Verdict.OK, train, test, bytes([digest]) * 32)


_faults = [Vote(verdict, 0, 0, bytes(32)) for verdict in list(Verdict)[2:]]
single_votes = st.one_of(
    st.builds(ok_vote, st.integers(85, 95), st.integers(4, 7), st.integers(1, 2)),
    st.builds(Vote, st.just(Verdict.OK), whole(32), whole(32), words),
    st.sampled_from(_faults),
)


@st.composite
def ballots(draw: st.DrawFn) -> list[tuple[Vote, Vote]]:
    """Return votes on two solutions, most of them alike so that quorums are met about as often as missed."""
    usual = draw(st.tuples(*[st.just(ok_vote(90, 5, 1)) | st.sampled_from(_faults)] * 2))
    odd = st.tuples(single_votes, st.just(usual[1])) | st.tuples(single_votes, single_votes)
    return draw(st.lists(st.just(usual) | st.just(usual) | odd, max_size=15))


findings = st.one_of(
    st.builds(Finding, st.just(Verdict.OK), st.integers(80, 100), st.integers(5, 10), whole(56)),
    st.builds(Finding, st.just(Verdict.OK), st.integers(80, 100), st.integers(5, 10), whole(56)),
    st.builds(Finding, st.sampled_from(Verdict), st.just(0), st.just(0), st.just(0)),
)


@st.composite
def solutions(draw: st.DrawFn) -> tuple[Solution, ...]:
    """Return a round's solutions with distinct miners and distinct orders."""
    count = draw(st.integers(0, 6))
    orders = draw(st.permutations(range(count)))
    made = []
    for n in range(count):
        revealed = draw(st.booleans()) or draw(st.booleans())
        claims = (draw(st.integers(84, 96)), draw(st.integers(6, 10)) if revealed else 0)
        digest = bytes([draw(st.integers(n, n + 1)) + 1]) * 32 if revealed else bytes(32)
        made.append(
            Solution(ADDRESSES[n], bytes([n + 101]) * 32, digest, *claims, orders[n], 0, revealed=revealed)
        )
    return tuple(made)


@st.composite
def ended_rounds(draw: st.DrawFn) -> EndedRound:
    """Return rounds in Settlement: void for every reason, or to be judged."""
    entries = choose(draw(solutions()))
    terms = TaskTerms(
        reward=draw(st.one_of(whole(96), st.just(10**18))),
        data_bond=draw(st.one_of(whole(96), st.just(10**17))),
        fee=0,
        time_limit=600,
        min_training_time=0,
        min_solutions=1,
        required_train_accuracy=draw(st.sampled_from([1, 8_500, 9_000, 10_000])),
        required_test_accuracy=draw(st.sampled_from([0, 6_000, 8_000, 10_000])),
        train_count=100,
        test_count=10,
        work=draw(whole(40)),
    )
    choices = choices_of(entries)
    drawn = choices > 0 and draw(st.integers(0, 4)) > 0
    rent = draw(whole(96))
    made = draw(st.lists(challenges(choices), max_size=2)) if drawn else []
    return EndedRound(
        data_node=ADDRESSES[10],
        terms=terms,
        keys_posted=bool(entries) or draw(st.booleans()),
        closed_early=draw(st.booleans()),
        released=draw(st.booleans()),
        solutions=entries,
        findings=tuple(draw(findings) for _ in range(choices)) if drawn else None,
        rent=rent,
        used=draw(st.integers(0, rent)),
        challenges=tuple(made),
        dropped=bool(made) and draw(st.booleans()),
    )


def challenges(choices: int) -> st.SearchStrategy[Challenge]:
    return st.builds(Challenge, st.just(ADDRESSES[9]), whole(96), st.tuples(*[findings] * choices))


ommers = st.builds(
    Ommer,
    st.integers(1, 20),
    addresses,
    words,
    whole(32),
    st.integers(1, 2**32 - 1),
    st.integers(1, 32),
    st.booleans(),
)
