"""Checking one round's trace against the rules: draws, reveals, ballots, judgement, payouts.

Every function raises IntegrityError with half a sentence; `history` completes it with height
and round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.encoding.records import CommitteeDrawn, SeedDrawn, SolutionRevealed, TestSeedDrawn
from pole.protocol.encoding.seeds import draw_entropy, round_seed, test_seed
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.replay.audits.ballots import DrawTerms, audit_ballots
from pole.protocol.replay.audits.solutions import solutions
from pole.protocol.replay.round_trace import RoundTrace
from pole.protocol.replay.surroundings import RoundClock, Surroundings
from pole.protocol.rounds.judgement import Challenge, EndedRound, Judgement, choices_of, judge
from pole.protocol.rounds.outcomes import Committee
from pole.protocol.rounds.payouts import Settlement, settle
from pole.protocol.rounds.rent import duration, rent, used_rent
from pole.protocol.state import Finding, PostedTask, Solution


@dataclass(frozen=True, slots=True)
class RoundResult:
    """How a round must have ended, with the split of its account and who judged it, by attempt."""

    ended: EndedRound
    judgement: Judgement
    settlement: Settlement
    committees: tuple[Committee, ...]


def audit_round(traced: RoundTrace, origin: bytes, task: PostedTask, around: Surroundings) -> RoundResult:
    """Return how the round must end, computed anew; raises IntegrityError at the first breach.

    `origin` is what its seed is made of beside a mix (`pole.protocol.encoding.seeds`).
    """
    _check_steps(traced, task, idle=task.task_id == IDLE_TASK_ID)
    _check_draws(traced, origin, around)
    entries = solutions(traced, maximum=around.parameters.chain.max_solutions)
    _check_counts(traced, task)
    for reveal in traced.reveals:
        _check_solution_opening(reveal, traced, around)
    return _result(traced, task, entries, around)


def result_of(traced: RoundTrace, task: PostedTask, around: Surroundings) -> RoundResult:
    """Return how a round must end, whatever it was drawn by; raises IntegrityError as `audit_round`."""
    entries = solutions(traced, maximum=around.parameters.chain.max_solutions)
    return _result(traced, task, entries, around)


def _result(
    traced: RoundTrace, task: PostedTask, entries: tuple[Solution, ...], around: Surroundings
) -> RoundResult:
    barred = frozenset({task.owner, *(solution.miner for solution in entries)})
    terms = DrawTerms(task.terms.reward, choices_of(entries), barred)
    tallies, committees = audit_ballots(traced, terms, around)
    ended = _ended(traced, task, entries, tallies, around)
    judgement = judge(ended)
    settlement = settle(ended, judgement, around.parameters.chain)
    return RoundResult(ended, judgement, settlement, committees)


def _ended(
    traced: RoundTrace,
    task: PostedTask,
    entries: tuple[Solution, ...],
    tallies: Sequence[tuple[Finding, ...]],
    around: Surroundings,
) -> EndedRound:
    """Return the round as it stands in its settlement; one that is still open has used no rent."""
    idle = task.task_id == IDLE_TASK_ID
    clock = around.clocks.get(traced.opened.round_id)
    if clock is None and traced.payouts is not None:
        raise IntegrityError("nothing is known of when it opened and ended")
    return EndedRound(
        data_node=task.owner,
        terms=task.terms,
        keys_posted=idle or traced.keys is not None,
        closed_early=idle or (clock is not None and clock.closed_early),
        released=traced.released,
        solutions=entries,
        findings=tallies[-1] if tallies else None,
        rent=0 if idle else rent(task.terms.reward, around.parameters.task_list),
        used=0 if idle or clock is None else _used_rent(task, clock, around),
        challenges=_challenges(traced, tallies),
        dropped=bool(tallies) and len(traced.challenges) == len(tallies),
    )


def _used_rent(task: PostedTask, clock: RoundClock, around: Surroundings) -> int:
    limits = around.parameters.task_list
    return used_rent(
        rent(task.terms.reward, limits),
        elapsed=clock.ended_at - clock.opened_at,
        duration=duration(task.terms, limits),
    )


def _challenges(traced: RoundTrace, tallies: Sequence[tuple[Finding, ...]]) -> tuple[Challenge, ...]:
    return tuple(
        Challenge(challenge.challenger, challenge.bond, tally)
        for challenge, tally in zip(traced.challenges, tallies, strict=False)
    )


def _check_steps(traced: RoundTrace, task: PostedTask, *, idle: bool) -> None:
    """Check that nothing happened before what it needs, and nothing of a data node's in an idle round."""
    if traced.test is not None and traced.test.test_digest != task.files.test_digest:
        raise IntegrityError("the test set released is not the one that the task committed to")
    if not idle and traced.test_seed is not None:
        raise IntegrityError("a test seed was drawn, but the round is on a data node's task")
    if idle and any((traced.keys, traced.test)):
        raise IntegrityError("an idle round has records of a data node")
    if traced.seed is None and any((traced.keys, traced.submissions, traced.payouts)):
        raise IntegrityError("the round went on before its seed was drawn")
    if not idle and traced.keys is None and traced.submissions:
        raise IntegrityError("there are commitments, but no keys were posted")
    if traced.closed is None and any((traced.released, traced.reveals, traced.ballots)):
        raise IntegrityError("the round went on before its submissions were closed")


def _check_draws(traced: RoundTrace, origin: bytes, around: Surroundings) -> None:
    """Check what every draw made of its block's mix, and the mix itself where the block's header is known."""
    attempt = 0
    for draw in traced.draws:
        record = draw.record
        mix = around.mix(draw.draw_block)
        if mix is not None and mix != record.mix:
            raise IntegrityError(
                f"a draw has another mix than the header of Ethereum block {draw.draw_block}"
            )
        match record:
            case SeedDrawn():
                made, given = round_seed(origin, record.round_id, record.mix), record.seed
            case TestSeedDrawn():
                made, given = test_seed(record.round_id, record.mix), record.test_seed
            case CommitteeDrawn():
                made, given = draw_entropy(record.round_id, attempt, record.mix), record.entropy
                attempt += 1
        if made != given:
            raise IntegrityError(f"what a {type(record).__name__} record gives does not follow from its mix")


def _check_counts(traced: RoundTrace, task: PostedTask) -> None:
    test_count = task.terms.test_count if traced.released else 0
    if any(each.claimed_train_correct > task.terms.train_count for each in traced.commitments) or any(
        each.claimed_test_correct > test_count for each in traced.reveals
    ):
        raise IntegrityError("a claim counts more correct predictions than there are samples")


def _check_solution_opening(reveal: SolutionRevealed, traced: RoundTrace, around: Surroundings) -> None:
    salt = around.solution_salts.get((reveal.round_id, reveal.miner))
    if salt is None:
        return
    opened = solution_commitment(
        chain_id=around.chain_id,
        chain_address=around.chain_address,
        round_id=reveal.round_id,
        miner=reveal.miner,
        model_digest=reveal.model_digest,
        claimed_train_correct=reveal.claimed_train_correct,
        salt=salt,
    )
    latest = {each.miner: each.commitment for each in traced.commitments}
    if latest[reveal.miner] != opened:
        raise IntegrityError(f"what miner {reveal.miner} revealed does not open its commitment")
