"""The newest committee: its draw, its votes, and what they earn or cost."""

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import blocks, money, seats, verdicts
from tests.contracts.stateful.model.system import (
    NO_HASH,
    NOBODY,
    POOL,
    STAKES,
    Ballot,
    Call,
    Round,
    System,
    need,
)

from pole.protocol.encoding.commitments import vote_commitment, vote_payload
from pole.protocol.rounds.committee_draw import draw as drawn_by
from pole.protocol.state import BallotStage, RecordKind, Verdict, Vote

NAME = "VerifierCommittee"
CHAIN_ID = 1
NO_BALLOT = Ballot(0, [], 0, 0, 0, 0)
LAST_ATTEMPT = 2
IDS_A_ROUND = 4


def commit_vote(system: System, call: Call, ballot_id: int, commitment: bytes) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    _needs_member(ballot, call.sender)
    need(commitment != NO_HASH, "EmptyCommitment")
    need(call.sender not in ballot.commitments, "AlreadyVoted", ballot_id, call.sender)
    ballot.commitments[call.sender] = commitment
    if len(ballot.commitments) == len(ballot.members):
        window = ballot.reveal_deadline - ballot.commit_deadline
        ballot.commit_deadline = system.clock.time
        ballot.reveal_deadline = system.clock.time + window
    system.report(NAME, "VoteCommitted", ballot_id, call.sender, commitment)
    blocks.record(
        system,
        RecordKind.VOTE_COMMITTED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, commitment],
    )
    return ()


def leak(system: System, call: Call, ballot_id: int, verifier: str, votes: Values, salt: bytes) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    _needs_member(ballot, verifier)
    committed = ballot.commitments.get(verifier, NO_HASH)
    need(committed != NO_HASH, "NothingToLeak", ballot_id, verifier)
    _needs_opening(system, ballot_id, verifier, committed, votes, salt)
    ballot.commitments[verifier] = NO_HASH
    penalty = seats.slash(system, ballot_id, verifier)
    reward = penalty // 2
    system.report(NAME, "VoteLeaked", ballot_id, verifier, call.sender, reward)
    blocks.record(
        system,
        RecordKind.VOTE_LEAKED,
        ["uint256", "address", "address"],
        [ballot_id, verifier, call.sender],
    )
    if reward:
        money.pay(system, system.committee, STAKES, call.sender, reward)
    seats.forfeit(system, penalty - reward)
    return ()


def reveal_vote(system: System, call: Call, ballot_id: int, votes: Values, salt: bytes) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.REVEAL)
    _needs_member(ballot, call.sender)
    need(call.sender not in ballot.votes, "AlreadyVoted", ballot_id, call.sender)
    committed = ballot.commitments.get(call.sender, NO_HASH)
    _needs_opening(system, ballot_id, call.sender, committed, votes, salt)
    need(is_well_formed(votes, ballot.choices), "MalformedVotes", ballot_id)
    ballot.votes[call.sender] = votes
    if len(ballot.votes) == len(ballot.commitments):
        ballot.reveal_deadline = system.clock.time
    system.report(NAME, "VoteRevealed", ballot_id, call.sender, votes)
    blocks.record(
        system,
        RecordKind.VOTE_REVEALED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, vote_payload([_vote(each) for each in votes])],
    )
    return ()


def draw(system: System, drawn: Round, entropy: bytes) -> Ballot | None:
    """Seat a committee for the judged solutions: a first one, or a larger one; None with too few seats."""
    chosen, now, attempt = system.parameters.chain, system.clock.time, drawn.attempt
    system.frozen_until = 0
    mature = system.order[: system.mature]
    barred = {*drawn.solutions, drawn.task.owner}
    asked = [chosen["committeeSize"], 2 * chosen["committeeSize"] + 1, chosen["maxCommittee"]][attempt]
    members = drawn_by(
        mature,
        entropy,
        size=min(asked, chosen["maxCommittee"]),
        minimum=len(system.ballots[-1].members) + 1 if attempt else chosen["minCommittee"],
        barred=barred,
    )
    if not members:
        return None
    commit_end = now + chosen["voteCommitWindow"]
    reveal_end = commit_end + chosen["voteRevealWindow"]
    ballot_id, choices = id_of(drawn), len(drawn.judged)
    ballot = Ballot(ballot_id, list(members), choices, commit_end, reveal_end, len({*mature} - barred))
    system.ballots = [*(system.ballots if attempt else []), ballot]
    system.report(NAME, "Drawn", ballot_id, members, choices)
    return ballot


def id_of(drawn: Round) -> int:
    """Return the id of the ballot of a round's newest attempt."""
    return drawn.round_id * IDS_A_ROUND + drawn.attempt


def newest_of(system: System, drawn: Round) -> Ballot:
    """Return the ballot of a round's newest attempt, an empty one before its draw."""
    return ballot_of(system, id_of(drawn))


def can_grow(system: System, drawn: Round, ballot: Ballot) -> bool:
    """Tell whether a larger committee could judge anew."""
    maximum = min(system.parameters.chain["maxCommittee"], ballot.eligible)
    return not drawn.is_dropped and drawn.attempt < LAST_ATTEMPT and len(ballot.members) < maximum


def is_decided(found: list[verdicts.Finding]) -> bool:
    """Tell whether a tally found the data to be at fault, or something of every choice."""
    is_complete = all(each.verdict != Verdict.NONE for each in found)
    return is_complete or any(each.verdict == Verdict.DATA_FAULT for each in found)


def stage(system: System, ballot: Ballot) -> BallotStage:
    if not ballot.members:
        return BallotStage.NONE
    if ballot.is_settled:
        return BallotStage.SETTLED
    if system.clock.time < ballot.commit_deadline:
        return BallotStage.COMMIT
    return BallotStage.REVEAL if system.clock.time < ballot.closes_at else BallotStage.CLOSED


def ballot_of(system: System, ballot_id: int) -> Ballot:
    """Return a ballot of the last drawn round, an empty one for any other id."""
    return next((ballot for ballot in system.ballots if ballot.ballot_id == ballot_id), NO_BALLOT)


def found_by(system: System, ballot: Ballot) -> list[verdicts.Finding]:
    return [
        verdicts.finding(
            [votes[choice] for votes in ballot.votes.values()],
            len(ballot.members),
            system.parameters.committee["tolerance"],
        )
        for choice in range(ballot.choices)
    ]


def settle(system: System, fee: int, informer: str, challenged: int) -> None:
    """Slash whoever was absent or disagrees with the last tally, on any ballot; the others share the fee.

    The informer, if there is one, has half of what the members of the challenged ballot lose.
    """
    last, penalties, coherent = found_by(system, system.ballots[-1]), 0, []
    for ballot in system.ballots:
        right = [member for member in ballot.members if _is_coherent(system, ballot, member, last)]
        lost = sum(
            seats.slash(system, ballot.ballot_id, member) for member in ballot.members if member not in right
        )
        if ballot.ballot_id == challenged and informer != NOBODY and lost > 1:
            system.report(NAME, "ChallengeRewarded", challenged, informer, lost // 2)
            money.pay(system, system.committee, STAKES, informer, lost // 2)
            lost -= lost // 2
        penalties += lost
        coherent += [(ballot.ballot_id, member) for member in right]
        ballot.is_settled = True
    seats.forfeit(system, penalties)
    _share(system, fee, coherent)


def _share(system: System, fee: int, coherent: list[tuple[int, str]]) -> None:
    """Pay equal parts of the fee, in the committee's account, for each vote; the rest goes to the pool."""
    account = system.ballots[-1].ballot_id.to_bytes(32, "big")
    part = fee // len(coherent) if coherent else 0
    for ballot_id, member in coherent if part else ():
        system.report(NAME, "Rewarded", ballot_id, member, part)
        money.pay(system, system.committee, account, member, part)
    if fee > part * len(coherent):
        money.move(system, system.committee, account, system.chain, POOL, fee - part * len(coherent))


def _is_coherent(system: System, ballot: Ballot, member: str, last: list[verdicts.Finding]) -> bool:
    votes, tolerance = ballot.votes.get(member), system.parameters.committee["tolerance"]
    own = found_by(system, ballot)
    return votes is not None and all(
        verdicts.agrees(*each, tolerance) for each in zip(votes, own, last, strict=True)
    )


def _in_stage(system: System, ballot_id: int, needed: BallotStage) -> Ballot:
    ballot = ballot_of(system, ballot_id)
    now = stage(system, ballot)
    need(now is needed, "WrongStage", ballot_id, int(now), int(needed))
    return ballot


def _needs_member(ballot: Ballot, verifier: str) -> None:
    need(verifier in ballot.members, "NotMember", ballot.ballot_id, verifier)


def _needs_opening(
    system: System, ballot_id: int, verifier: str, committed: bytes, votes: Values, salt: bytes
) -> None:
    need(all(vote[0] in list(Verdict) for vote in votes))
    shown = commitment_of(system, ballot_id, verifier, votes, salt)
    need(shown == committed, "CommitmentMismatch", ballot_id, committed, shown)


def commitment_of(system: System, ballot_id: int, verifier: str, votes: Values, salt: bytes) -> bytes:
    return vote_commitment(
        chain_id=CHAIN_ID,
        committee_address=system.committee,
        ballot_id=ballot_id,
        verifier=verifier,
        votes=[_vote(each) for each in votes],
        salt=salt,
    )


def _vote(values: Values) -> Vote:
    return Vote(*values)


def is_well_formed(votes: Values, choices: int) -> bool:
    """Tell whether each choice has a vote, each with a verdict, and numbers with the verdict OK alone."""
    return len(votes) == choices and all(
        vote[0] == Verdict.OK or (vote[0] != Verdict.NONE and vote[1:] == (0, 0, NO_HASH)) for vote in votes
    )
