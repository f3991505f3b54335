"""Checking one round's trace against the rules: reveals, draw, votes, judgement, payouts.

Every function raises IntegrityError with half a sentence; `pole.protocol.history` completes it with height
and round.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.commitments import solution_commitment, vote_commitment, vote_payload
from pole.protocol.idle_task import IDLE_TASK_ID
from pole.protocol.judgement import EndedRound, Judgement, judge, judged_solutions
from pole.protocol.parameters import Parameters
from pole.protocol.payouts import Settlement, settle
from pole.protocol.records import CommitteeDrawn, SolutionRevealed, VoteRevealed
from pole.protocol.round_trace import RoundTrace, solutions
from pole.protocol.state import Finding, PostedTask, Solution, Vote
from pole.protocol.tally import findings

Member = tuple[int, str]
"""A round's id and the address of one who acted in it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a round's records are held against, beside the records themselves.

    `votes` are those revealed, by round and verifier; the salts, which only the calls to the contracts
    show, are there for as many openings of commitments as the caller has looked up.
    """

    chain_id: int
    chain_address: str
    committee_address: str
    parameters: Parameters
    votes: Mapping[Member, tuple[Vote, ...]]
    solution_salts: Mapping[Member, bytes]
    vote_salts: Mapping[Member, bytes]


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
    entries = solutions(traced)
    _check_counts(traced, task)
    for reveal in traced.reveals:
        _check_solution_opening(reveal, traced, around)
    judged, found = None, None
    if traced.drawn is not None:
        judged = _check_draw(traced, traced.drawn, entries, task, around)
        found = _count_votes(traced, traced.drawn, around)
    elif traced.vote_commitments or traced.vote_reveals:
        raise IntegrityError("there are votes, but no committee was drawn")
    ended = EndedRound(
        data_node=task.owner,
        terms=task.terms,
        keys_posted=idle or traced.keys is not None,
        closed_early=idle or traced.closed is not None,
        released=traced.released,
        solutions=entries,
        judged=judged,
        findings=found,
        tolerance=around.parameters.committee.tolerance,
    )
    judgement = judge(ended)
    return RoundResult(ended, judgement, settle(ended, judgement, around.parameters.chain))


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


def _check_draw(
    traced: RoundTrace,
    drawn: CommitteeDrawn,
    entries: tuple[Solution, ...],
    task: PostedTask,
    around: Surroundings,
) -> tuple[Solution, ...]:
    parameters = around.parameters.chain
    judged = judged_solutions(entries, released=traced.released, at_most=parameters.judged_solutions)
    if tuple(solution.miner for solution in judged) != drawn.judged:
        raise IntegrityError("the committee judges other solutions than the best claims")
    if not parameters.min_committee <= len(drawn.members) <= parameters.committee_size:
        raise IntegrityError(f"a committee of {len(drawn.members)} members sits")
    if len(set(drawn.members)) != len(drawn.members):
        raise IntegrityError("a verifier sits twice on the committee")
    barred = {task.owner, *(solution.miner for solution in entries)}
    if barred & set(drawn.members):
        raise IntegrityError("a miner of the round or its data node sits on the committee")
    return judged


def _count_votes(traced: RoundTrace, drawn: CommitteeDrawn, around: Surroundings) -> tuple[Finding, ...]:
    _check_members(
        [each.verifier for each in traced.vote_commitments], drawn.members.__contains__, "committed"
    )
    committed = {each.verifier: each.commitment for each in traced.vote_commitments}
    _check_members([each.verifier for each in traced.vote_reveals], committed.__contains__, "revealed")
    revealed = {each.verifier: _check_vote(each, committed, drawn, around) for each in traced.vote_reveals}
    return findings(
        [revealed[member] for member in drawn.members if member in revealed],
        seats=len(drawn.members),
        choices=len(drawn.judged),
        tolerance=around.parameters.committee.tolerance,
    )


def _check_members(verifiers: list[str], may: Callable[[str], bool], did: str) -> None:
    if len(set(verifiers)) != len(verifiers) or not all(may(verifier) for verifier in verifiers):
        raise IntegrityError(f"a verifier {did} a vote twice or had no right to")


def _check_vote(
    reveal: VoteRevealed, committed: Mapping[str, bytes], drawn: CommitteeDrawn, around: Surroundings
) -> tuple[Vote, ...]:
    key = (reveal.round_id, reveal.verifier)
    votes = around.votes.get(key)
    if votes is None or vote_payload(votes) != reveal.votes_hash or len(votes) != len(drawn.judged):
        raise IntegrityError(f"the votes of {reveal.verifier} are missing or not those recorded")
    salt = around.vote_salts.get(key)
    if salt is not None and committed[reveal.verifier] != vote_commitment(
        chain_id=around.chain_id,
        committee_address=around.committee_address,
        round_id=reveal.round_id,
        verifier=reveal.verifier,
        votes=votes,
        salt=salt,
    ):
        raise IntegrityError(f"the votes of {reveal.verifier} do not open its commitment")
    return votes
