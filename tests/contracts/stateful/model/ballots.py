"""The newest committee: its draw, its votes, and what they earn or cost."""

from tests.contracts.stateful.model import blocks, money, seats, verdicts
from tests.contracts.stateful.model.system import (
    NO_HASH,
    POOL,
    STAKES,
    Ballot,
    Call,
    Round,
    System,
    need,
)

from pole.protocol.commitments import vote_commitment, vote_payload
from pole.protocol.committee_draw import draw as drawn_by
from pole.protocol.state import BallotStage, RecordKind, Verdict, Vote

NAME = "VerifierCommittee"
CHAIN_ID = 1
NO_BALLOT = Ballot(0, [], 0, 0, 0, 0)


def commit_vote(system: System, call: Call, ballot_id: int, commitment: bytes) -> tuple:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    _needs_member(ballot, call.sender)
    need(commitment != NO_HASH, "EmptyCommitment")
    need(call.sender not in ballot.commitments, "AlreadyVoted", ballot_id, call.sender)
    ballot.commitments[call.sender] = commitment
    if len(ballot.commitments) == len(ballot.members):
        ballot.commit_deadline = system.clock.time
        ballot.reveal_deadline = system.clock.time + ballot.reveal_window
    system.tell(NAME, "VoteCommitted", ballot_id, call.sender, commitment)
    blocks.record(
        system,
        RecordKind.VOTE_COMMITTED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, commitment],
    )
    return ()


def leak(system: System, call: Call, ballot_id: int, verifier: str, votes: tuple, salt: bytes) -> tuple:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    _needs_member(ballot, verifier)
    committed = ballot.commitments.get(verifier, NO_HASH)
    need(committed != NO_HASH, "NothingToLeak", ballot_id, verifier)
    _needs_opening(system, ballot_id, verifier, committed, votes, salt)
    ballot.commitments[verifier] = NO_HASH
    penalty = seats.slash(system, ballot_id, verifier)
    reward = penalty // 2
    system.tell(NAME, "VoteLeaked", ballot_id, verifier, call.sender, reward)
    if reward:
        money.pay(system, system.committee, STAKES, call.sender, reward)
    seats.forfeit(system, penalty - reward)
    return ()


def reveal_vote(system: System, call: Call, ballot_id: int, votes: tuple, salt: bytes) -> tuple:
    ballot = _in_stage(system, ballot_id, BallotStage.REVEAL)
    _needs_member(ballot, call.sender)
    need(call.sender not in ballot.votes, "AlreadyVoted", ballot_id, call.sender)
    committed = ballot.commitments.get(call.sender, NO_HASH)
    _needs_opening(system, ballot_id, call.sender, committed, votes, salt)
    need(is_well_formed(votes, ballot.choices), "MalformedVotes", ballot_id)
    ballot.votes[call.sender] = votes
    system.tell(NAME, "VoteRevealed", ballot_id, call.sender, votes)
    blocks.record(
        system,
        RecordKind.VOTE_REVEALED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, vote_payload([_vote(each) for each in votes])],
    )
    return ()


def draw(system: System, drawn: Round, entropy: bytes) -> bool:
    """Seat a committee for the judged solutions, unless too few seats are eligible."""
    chosen, now = system.parameters.chain, system.clock.time
    system.frozen_until = 0
    members = drawn_by(
        system.order[: system.mature],
        entropy,
        size=chosen["committeeSize"],
        minimum=chosen["minCommittee"],
        barred={*drawn.solutions, drawn.task.owner},
    )
    if not members:
        return False
    commit_end = now + chosen["voteCommitWindow"]
    reveal_end = commit_end + chosen["voteRevealWindow"]
    system.ballot = Ballot(
        drawn.round_id, list(members), len(drawn.judged), commit_end, reveal_end, chosen["voteRevealWindow"]
    )
    for member in members:
        system.seats[member].ballot_id = drawn.round_id
    system.tell(NAME, "Drawn", drawn.round_id, members, len(drawn.judged))
    return True


def stage(system: System, ballot: Ballot) -> BallotStage:
    if not ballot.members:
        return BallotStage.NONE
    if ballot.is_settled:
        return BallotStage.SETTLED
    if system.clock.time < ballot.commit_deadline:
        return BallotStage.COMMIT
    is_pending = len(ballot.votes) < len(ballot.commitments) and system.clock.time < ballot.reveal_deadline
    return BallotStage.REVEAL if is_pending else BallotStage.CLOSED


def ballot_of(system: System, ballot_id: int) -> Ballot:
    """Return the newest ballot when this is its id, else an empty one."""
    is_newest = system.ballot is not None and ballot_id == system.ballot.ballot_id
    return system.ballot if is_newest else NO_BALLOT


def found_by(system: System, ballot: Ballot) -> list[verdicts.Finding]:
    return [
        verdicts.finding(
            [votes[choice] for votes in ballot.votes.values()],
            len(ballot.members),
            system.parameters.committee["tolerance"],
        )
        for choice in range(ballot.choices)
    ]


def settle(system: System, ballot: Ballot, fee: int) -> None:
    """Slash whoever is absent or disagrees with a finding; share the fee among the others."""
    found, tolerance = found_by(system, ballot), system.parameters.committee["tolerance"]
    coherent, penalties = [], 0
    for member in ballot.members:
        votes = ballot.votes.get(member)
        if votes is not None and all(
            verdicts.agrees(vote, each, tolerance) for vote, each in zip(votes, found, strict=True)
        ):
            coherent.append(member)
        else:
            penalties += seats.slash(system, ballot.ballot_id, member)
    seats.forfeit(system, penalties)
    account = ballot.ballot_id.to_bytes(32, "big")
    part = fee // len(coherent) if coherent else 0
    for member in coherent if part else ():
        system.tell(NAME, "Rewarded", ballot.ballot_id, member, part)
        money.pay(system, system.committee, account, member, part)
    if fee > part * len(coherent):
        money.move(system, system.committee, account, system.chain, POOL, fee - part * len(coherent))
    ballot.is_settled = True


def _in_stage(system: System, ballot_id: int, needed: BallotStage) -> Ballot:
    ballot = ballot_of(system, ballot_id)
    now = stage(system, ballot)
    need(now is needed, "WrongStage", ballot_id, int(now), int(needed))
    return ballot


def _needs_member(ballot: Ballot, verifier: str) -> None:
    need(verifier in ballot.members, "NotMember", ballot.ballot_id, verifier)


def _needs_opening(
    system: System, ballot_id: int, verifier: str, committed: bytes, votes: tuple, salt: bytes
) -> None:
    need(all(vote[0] in list(Verdict) for vote in votes))
    shown = commitment_of(system, ballot_id, verifier, votes, salt)
    need(shown == committed, "CommitmentMismatch", ballot_id, committed, shown)


def commitment_of(system: System, ballot_id: int, verifier: str, votes: tuple, salt: bytes) -> bytes:
    return vote_commitment(
        chain_id=CHAIN_ID,
        committee_address=system.committee,
        round_id=ballot_id,
        verifier=verifier,
        votes=[_vote(each) for each in votes],
        salt=salt,
    )


def _vote(values: tuple) -> Vote:
    return Vote(*values)


def is_well_formed(votes: tuple, choices: int) -> bool:
    """Tell whether each choice has a vote, each with a verdict, and numbers with the verdict OK alone."""
    return len(votes) == choices and all(
        vote[0] == Verdict.OK or (vote[0] != Verdict.NONE and vote[1:] == (0, 0, NO_HASH)) for vote in votes
    )
