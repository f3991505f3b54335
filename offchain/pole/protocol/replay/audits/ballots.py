"""Checking a round's ballots against the rules: who sat and for what, who voted, who was doubted and why.

Every function raises IntegrityError with half a sentence, as those of `pole.protocol.replay.audits.rounds`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pole.errors import IntegrityError
from pole.protocol.ballots import LAST_ATTEMPT, challenge_bond, minimum_members, minimum_seats, seats_asked
from pole.protocol.encoding.commitments import vote_commitment, vote_payload
from pole.protocol.encoding.records import VoteLeaked, VoteRevealed
from pole.protocol.replay.round_trace import BallotTrace, RoundTrace
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.rounds.outcomes import Committee
from pole.protocol.rounds.tally import findings
from pole.protocol.state import Finding, Vote


@dataclass(frozen=True, slots=True)
class DrawTerms:
    """What every draw of a round is bound to.

    The reward in wei that is decided on, how many solutions are judged, and who must not sit.
    """

    reward: int
    choices: int
    barred: frozenset[str]


def audit_ballots(
    traced: RoundTrace, terms: DrawTerms, around: Surroundings
) -> tuple[tuple[tuple[Finding, ...], ...], tuple[Committee, ...]]:
    """Return what stood after each attempt and its committee, computed anew; check why another followed."""
    tallies: list[tuple[Finding, ...]] = []
    committees: list[Committee] = []
    parameters = around.parameters.chain
    minimum = minimum_members(terms.reward, parameters)
    for attempt, ballot in enumerate(traced.ballots):
        _check_draw(ballot, terms, minimum, seats_asked(attempt, terms.reward, parameters))
        _check_seats(ballot, terms, minimum_seats(terms.reward, parameters))
        committee = _committee(ballot, terms.choices, around)
        minimum = len(committee.members) + 1
        votes, before = list(committee.votes.values()), tallies[-1] if tallies else ()
        tallies.append(findings(before, votes, seats=len(committee.members), choices=terms.choices))
        committees.append(committee)
        if attempt < len(traced.challenges):
            _check_challenge(attempt, traced, terms, around)
    return tuple(tallies), tuple(committees)


def _check_draw(ballot: BallotTrace, terms: DrawTerms, minimum: int, maximum: int) -> None:
    members = ballot.drawn.members
    if not minimum <= len(members) <= maximum:
        raise IntegrityError(f"a committee of {len(members)} members sits, where {minimum} to {maximum} may")
    if len(set(members)) != len(members):
        raise IntegrityError("a verifier sits twice on the committee")
    if terms.barred & set(members):
        raise IntegrityError("a miner of the round or its data node sits on the committee")
    if terms.choices == 0:
        raise IntegrityError("a committee was drawn although nobody revealed")


def _check_seats(ballot: BallotTrace, terms: DrawTerms, needed: int) -> None:
    """Raise IntegrityError where fewer seats are told than the reward asks for.

    Where fewer sit than were asked for, all sit that are not barred.
    """
    maximum = len(ballot.drawn.members) + len(terms.barred)
    if maximum < needed:
        raise IntegrityError(f"a committee was drawn from {maximum} seats at most, where {needed} are needed")


def _check_challenge(attempt: int, traced: RoundTrace, terms: DrawTerms, around: Surroundings) -> None:
    made, parameters = traced.challenges[attempt], around.parameters.chain
    seats = len(traced.ballots[attempt].drawn.members)
    if attempt >= LAST_ATTEMPT or seats >= parameters.max_committee:
        raise IntegrityError(f"the tally of {seats} seats was challenged, but no committee may be larger")
    if made.attempt != attempt:
        raise IntegrityError(f"the tally of attempt {made.attempt} was challenged at attempt {attempt}")
    due = challenge_bond(attempt, terms.reward, parameters)
    if made.bond != due:
        raise IntegrityError(f"a tally was challenged with {made.bond} wei, but {due} were due")


def _committee(ballot: BallotTrace, choices: int, around: Surroundings) -> Committee:
    members = ballot.drawn.members
    _check_members([each.verifier for each in ballot.commitments], members, "committed")
    committed = {each.verifier: each.commitment for each in ballot.commitments}
    _check_members([each.verifier for each in ballot.leaks], committed, "lost")
    for leak in ballot.leaks:
        _check_leak(leak, committed, around)
    unleaked = set(committed) - {each.verifier for each in ballot.leaks}
    _check_members([each.verifier for each in ballot.reveals], unleaked, "revealed")
    revealed = {each.verifier: _check_vote(each, committed, choices, around) for each in ballot.reveals}
    return Committee(members, revealed)


def _check_members(verifiers: Sequence[str], may: Collection[str], did: str) -> None:
    if len(set(verifiers)) != len(verifiers) or not set(verifiers) <= set(may):
        raise IntegrityError(f"a verifier {did} a vote twice or had no right to")


def _check_vote(
    reveal: VoteRevealed, committed: Mapping[str, bytes], choices: int, around: Surroundings
) -> tuple[Vote, ...]:
    key = (reveal.ballot_id, reveal.verifier)
    votes = around.votes.get(key)
    if votes is None or vote_payload(votes) != reveal.votes_hash or len(votes) != choices:
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
