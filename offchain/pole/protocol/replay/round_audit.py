"""Checking one round's trace against the rules: reveals, ballots, judgement, payouts.

Every function raises IntegrityError with half a sentence; `history` completes it with height
and round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.encoding.commitments import solution_commitment
from pole.protocol.encoding.records import SolutionRevealed
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.replay.ballot_audit import DrawTerms, audit_ballots
from pole.protocol.replay.round_trace import RoundTrace
from pole.protocol.replay.solutions import solutions
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.rounds.judgement import Challenge, EndedRound, Judgement, judge, judged_solutions
from pole.protocol.rounds.payouts import Settlement, settle
from pole.protocol.state import Finding, PostedTask


@dataclass(frozen=True, slots=True)
class RoundResult:
    """How a round must have ended, with the split of its account."""

    ended: EndedRound
    judgement: Judgement
    settlement: Settlement


def audit_round(traced: RoundTrace, task: PostedTask, around: Surroundings) -> RoundResult:
    """Return how the round must end, computed anew; raises IntegrityError at the first breach."""
    if traced.test is not None and traced.test.test_digest != task.files.test_digest:
        raise IntegrityError("the test set released is not the one that the task committed to")
    idle = task.task_id == IDLE_TASK_ID
    _check_owner(traced, idle=idle)
    entries = solutions(traced, maximum=around.parameters.chain.max_solutions)
    _check_counts(traced, task)
    for reveal in traced.reveals:
        _check_solution_opening(reveal, traced, around)
    terms_of_draw = DrawTerms(
        judged=judged_solutions(
            entries,
            task.terms,
            released=traced.released,
            maximum=around.parameters.chain.judged_solutions,
        ),
        barred=frozenset({task.owner, *(solution.miner for solution in entries)}),
    )
    tallies = audit_ballots(traced, terms_of_draw, around)
    ended = EndedRound(
        data_node=task.owner,
        terms=task.terms,
        keys_posted=idle or traced.keys is not None,
        closed_early=idle or traced.closed is not None,
        released=traced.released,
        solutions=entries,
        judged=terms_of_draw.judged if tallies else None,
        findings=tallies[-1] if tallies else None,
        tolerance=around.parameters.committee.tolerance,
        challenge=_challenge(traced, tallies),
    )
    judgement = judge(ended)
    return RoundResult(ended, judgement, settle(ended, judgement, around.parameters.chain))


def _challenge(traced: RoundTrace, tallies: Sequence[tuple[Finding, ...]]) -> Challenge | None:
    """Return the challenge that was made with a bond, if any."""
    for challenge in traced.challenges:
        if challenge.bond:
            dropped = challenge.attempt + 1 == len(tallies)
            return Challenge(challenge.challenger, challenge.bond, tallies[challenge.attempt], dropped)
    return None


def _check_owner(traced: RoundTrace, *, idle: bool) -> None:
    if not idle and traced.test_seed is not None:
        raise IntegrityError("a test seed was drawn, but the round is on a data node's task")
    if idle and any((traced.keys, traced.closed, traced.test)):
        raise IntegrityError("an idle round has records of a data node")


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
