"""Checking a round's ballots against the rules: who sat and for what, who voted, who was doubted and why.

Every function raises IntegrityError with half a sentence, as those of `pole.protocol.replay.round_audit`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.ballots import LAST_ATTEMPT, due_bond, target_seats
from pole.protocol.encoding.commitments import vote_commitment, vote_payload
from pole.protocol.encoding.records import CommitteeDrawn, VoteLeaked, VoteRevealed
from pole.protocol.replay.round_trace import BallotTrace, RoundTrace
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.rounds.tally import findings
from pole.protocol.state import Finding, Solution, Vote


@dataclass(frozen=True, slots=True)
class DrawTerms:
    """What every draw of a round is bound to: the solutions that are judged, and who must not sit."""

    judged: tuple[Solution, ...]
    barred: frozenset[str]


def audit_ballots(
    traced: RoundTrace, terms: DrawTerms, around: Surroundings
) -> tuple[tuple[Finding, ...], ...]:
    """Return the tally of each attempt, computed anew, and check why another one followed."""
    tallies: list[tuple[Finding, ...]] = []
    seats = around.parameters.chain.min_committee - 1
    for attempt, ballot in enumerate(traced.ballots):
        _check_draw(
            ballot.drawn, terms, minimum=seats + 1, maximum=target_seats(attempt, around.parameters.chain)
        )
        tallies.append(_count_votes(ballot, around))
        seats = len(ballot.drawn.members)
        if attempt < len(traced.challenges):
            _check_challenge(attempt, traced, tallies[attempt], around)
    return tuple(tallies)


def _check_draw(drawn: CommitteeDrawn, terms: DrawTerms, *, minimum: int, maximum: int) -> None:
    if tuple(solution.miner for solution in terms.judged) != drawn.judged:
        raise IntegrityError("the committee judges other solutions than the best claims")
    if not minimum <= len(drawn.members) <= maximum:
        raise IntegrityError(
            f"a committee of {len(drawn.members)} members sits, where {minimum} to {maximum} may"
        )
    if len(set(drawn.members)) != len(drawn.members):
        raise IntegrityError("a verifier sits twice on the committee")
    if terms.barred & set(drawn.members):
        raise IntegrityError("a miner of the round or its data node sits on the committee")


def _check_challenge(
    attempt: int, traced: RoundTrace, tally: Sequence[Finding], around: Surroundings
) -> None:
    challenge, parameters = traced.challenges[attempt], around.parameters.chain
    seats = len(traced.ballots[attempt].drawn.members)
    if attempt >= LAST_ATTEMPT or seats >= parameters.max_committee:
        raise IntegrityError(f"the tally of {seats} seats was challenged, but no committee may be larger")
    if challenge.attempt != attempt:
        raise IntegrityError(f"the tally of attempt {challenge.attempt} was challenged at attempt {attempt}")
    due = due_bond(tally, parameters)
    if challenge.bond != due:
        raise IntegrityError(f"a tally was challenged with {challenge.bond} wei, but {due} were due")
    if due and any(earlier.bond for earlier in traced.challenges[:attempt]):
        raise IntegrityError("tallies of the round were challenged with a bond twice")


def _count_votes(ballot: BallotTrace, around: Surroundings) -> tuple[Finding, ...]:
    members = ballot.drawn.members
    _check_members([each.verifier for each in ballot.commitments], members, "committed")
    committed = {each.verifier: each.commitment for each in ballot.commitments}
    _check_members([each.verifier for each in ballot.leaks], committed, "lost")
    for leak in ballot.leaks:
        _check_leak(leak, committed, around)
    unleaked = set(committed) - {each.verifier for each in ballot.leaks}
    _check_members([each.verifier for each in ballot.reveals], unleaked, "revealed")
    revealed = {each.verifier: _check_vote(each, committed, ballot, around) for each in ballot.reveals}
    return findings(
        [revealed[member] for member in members if member in revealed],
        seats=len(members),
        choices=len(ballot.drawn.judged),
        tolerance=around.parameters.committee.tolerance,
    )


def _check_members(verifiers: Sequence[str], may: Collection[str], did: str) -> None:
    if len(set(verifiers)) != len(verifiers) or not set(verifiers) <= set(may):
        raise IntegrityError(f"a verifier {did} a vote twice or had no right to")


def _check_vote(
    reveal: VoteRevealed, committed: Mapping[str, bytes], ballot: BallotTrace, around: Surroundings
) -> tuple[Vote, ...]:
    key = (reveal.ballot_id, reveal.verifier)
    votes = around.votes.get(key)
    if votes is None or vote_payload(votes) != reveal.votes_hash or len(votes) != len(ballot.drawn.judged):
        raise IntegrityError(f"the votes of {reveal.verifier} are missing or not those recorded")
    salt = around.vote_salts.get(key)
    if salt is not None and not _opens(key, votes, salt, committed, around):
        raise IntegrityError(f"the votes of {reveal.verifier} do not open its commitment")
    return votes


def _check_leak(leak: VoteLeaked, committed: Mapping[str, bytes], around: Surroundings) -> None:
    key = (leak.ballot_id, leak.verifier)
    shown = around.leaks.get(key)
    if shown is not None and not _opens(key, shown.votes, shown.salt, committed, around):
        raise IntegrityError(f"what was shown as the votes of {leak.verifier} does not open its commitment")


def _opens(
    key: tuple[int, str],
    votes: tuple[Vote, ...],
    salt: bytes,
    committed: Mapping[str, bytes],
    around: Surroundings,
) -> bool:
    ballot_id, verifier = key
    opened = vote_commitment(
        chain_id=around.chain_id,
        committee_address=around.committee_address,
        ballot_id=ballot_id,
        verifier=verifier,
        votes=votes,
        salt=salt,
    )
    return committed[verifier] == opened
