"""The committees of a round: their votes, what these say, and what they earn or cost."""

from fractions import Fraction
from math import ceil

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import blocks, money, phases, seats, verdicts
from tests.contracts.stateful.model.system import (
    NO_HASH,
    STAKES,
    Ballot,
    Call,
    Moment,
    Round,
    System,
    need,
)

from pole.protocol.encoding.commitments import vote_commitment, vote_payload
from pole.protocol.state import BallotStage, RecordKind, Verdict, Vote

NAME = "VerifierCommittee"
CHAIN_ID = 1
NO_BALLOT = Ballot(0, [], 0, BallotStage.NONE, Moment(0, 0))
IDS_A_ROUND = 4


def commit_vote(system: System, call: Call, ballot_id: int, member: int, commitment: bytes) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    _needs_member(ballot, member, call.sender)
    need(commitment != NO_HASH, "EmptyCommitment")
    need(call.sender not in ballot.commitments, "AlreadyVoted", ballot_id, call.sender)
    ballot.commitments[call.sender] = commitment
    if len(ballot.commitments) == len(ballot.members):
        _begin_reveals(system, ballot)
    system.report(NAME, "VoteCommitted", ballot_id, call.sender, commitment)
    blocks.record(
        system,
        RecordKind.VOTE_COMMITTED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, commitment],
    )
    return ()


def leak(system: System, call: Call, ballot_id: int, member: int, votes: Values, salt: bytes) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.COMMIT)
    need(member < len(ballot.members), "NotMember", ballot_id, member, call.sender)
    verifier = ballot.members[member]
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


def reveal_vote(
    system: System, call: Call, ballot_id: int, member: int, votes: Values, salt: bytes
) -> Values:
    ballot = _in_stage(system, ballot_id, BallotStage.REVEAL)
    _needs_member(ballot, member, call.sender)
    need(call.sender not in ballot.votes, "AlreadyVoted", ballot_id, call.sender)
    committed = ballot.commitments.get(call.sender, NO_HASH)
    _needs_opening(system, ballot_id, call.sender, committed, votes, salt)
    need(is_well_formed(votes, ballot.choices), "MalformedVotes", ballot_id)
    ballot.votes[call.sender] = votes
    if len(ballot.votes) == len(ballot.commitments):
        _close(system, ballot)
    system.report(NAME, "VoteRevealed", ballot_id, call.sender, votes)
    blocks.record(
        system,
        RecordKind.VOTE_REVEALED,
        ["uint256", "address", "bytes32"],
        [ballot_id, call.sender, vote_payload([_vote(each) for each in votes])],
    )
    return ()


def end_votes(system: System, _call: Call, ballot_id: int) -> Values:
    ballot = ballot_of(system, ballot_id)
    is_voted_on = ballot.stage in (BallotStage.COMMIT, BallotStage.REVEAL)
    need(is_voted_on, "WrongStage", ballot_id, int(ballot.stage), int(BallotStage.REVEAL))
    is_over = phases.has_come(system, ballot.end)
    need(is_over, "VotesAwaited", ballot_id, ballot.end.time, ballot.end.number)
    if ballot.stage is BallotStage.COMMIT and ballot.commitments:
        _begin_reveals(system, ballot)
    else:
        # Where nobody committed there is nothing to wait for.
        _close(system, ballot)
    return ()


def _begin_reveals(system: System, ballot: Ballot) -> None:
    ballot.stage = BallotStage.REVEAL
    ballot.end = phases.later(system, phases.now(system), system.parameters.chain["voteRevealWindow"])


def _close(system: System, ballot: Ballot) -> None:
    ballot.stage, ballot.end = BallotStage.CLOSED, phases.now(system)


def begin(system: System, drawn: Round, members: list[str]) -> Ballot:
    """Return the ballot of a committee on the models that were revealed."""
    choices, ballot_id = len(drawn.models), id_of(drawn)
    window = system.parameters.chain["voteCommitWindow"] + choices * drawn.task.judging_time
    system.report(NAME, "Drawn", ballot_id, tuple(members), choices)
    end = phases.later(system, phases.now(system), window)
    return Ballot(ballot_id, members, choices, BallotStage.COMMIT, end)


def asked(system: System, drawn: Round, attempt: int) -> int:
    """Return how many members an attempt's committee is to have."""
    chosen = system.parameters.chain
    first = seats_for(system, drawn.task.terms.reward, chosen["committeeSize"])
    return min([first, 2 * first + 1, chosen["maxCommittee"]][attempt], chosen["maxCommittee"])


def seats_for(system: System, reward: int, fewest: int) -> int:
    """Return how many seats a reward needs: one decides on so much and no more."""
    return max(fewest, ceil(Fraction(reward, system.parameters.chain["rewardPerSeat"])))


def id_of(drawn: Round) -> int:
    """Return the id of the ballot of a round's newest attempt."""
    return drawn.round_id * IDS_A_ROUND + drawn.attempt


def newest_of(drawn: Round) -> Ballot:
    """Return the ballot of a round's newest attempt, an empty one before its draw."""
    return drawn.ballots[drawn.attempt] if drawn.attempt < len(drawn.ballots) else NO_BALLOT


def ballot_of(system: System, ballot_id: int) -> Ballot:
    """Return a ballot of the last drawn round of its lane, an empty one for any other id."""
    drawn = system.drawn.get(ballot_id // IDS_A_ROUND % system.lanes)
    known = drawn.ballots if drawn else []
    return next((ballot for ballot in known if ballot.ballot_id == ballot_id), NO_BALLOT)


def found_after(system: System, ballot_id: int) -> list[verdicts.Finding]:
    """Return what stands after a ballot, nothing where it is none."""
    ballot, drawn = ballot_of(system, ballot_id), system.drawn.get(ballot_id // IDS_A_ROUND % system.lanes)
    if drawn is None or ballot not in drawn.ballots:
        return []
    return standing(drawn.ballots[: drawn.ballots.index(ballot) + 1])


def standing(judged: list[Ballot]) -> list[verdicts.Finding]:
    """Return what stands of each choice after a round's ballots."""
    found = [verdicts.Finding()] * judged[0].choices if judged else []
    for ballot in judged:
        found = [
            verdicts.standing(before, votes, len(ballot.members))
            for before, votes in zip(found, _by_choice(ballot), strict=True)
        ]
    return found


def _by_choice(ballot: Ballot) -> list[list[Values]]:
    return [[votes[choice] for votes in ballot.votes.values()] for choice in range(ballot.choices)]


def settle(system: System, settled: Round, fee: int) -> None:
    """Let every member of every attempt answer for its votes by what stands in the end; share the pay."""
    found, penalties = standing(settled.ballots), 0
    right: list[tuple[int, str, int]] = []
    for ballot in settled.ballots:
        answers = list(
            zip(found, _is_answered(settled, ballot, found), _leading(settled, ballot), strict=True)
        )
        for member in _in_order(ballot):
            earning, lost = _answer(system, ballot, member, answers)
            penalties += lost
            right.append((ballot.ballot_id, member, earning))
        ballot.stage = BallotStage.SETTLED
    right.sort(key=lambda each: (each[0], _place(settled, each)))
    parts = sum(len(ballot.members) * ballot.choices for ballot in settled.ballots)
    is_pot = len(settled.ballots) > 1
    part, rest = (fee + is_pot * penalties) // parts, fee + penalties
    for ballot_id, member, earning in right:
        if part * earning:
            system.report(NAME, "Rewarded", ballot_id, member, part * earning)
            money.pay(system, system.committee, STAKES, member, part * earning)
            rest -= part * earning
    seats.forfeit(system, rest)


def _place(settled: Round, each: tuple[int, str, int]) -> int:
    ballot_id, member, _ = each
    return settled.ballots[ballot_id % IDS_A_ROUND].members.index(member)


def _in_order(ballot: Ballot) -> list[str]:
    """Return the members as they answer: those who voted alike together, the silent last."""
    first: dict[Values, int] = {}
    for votes in ballot.votes.values():
        first.setdefault(votes, len(first))
    return sorted(
        ballot.members,
        key=lambda member: first[ballot.votes[member]] if member in ballot.votes else len(first),
    )


def _leading(settled: Round, ballot: Ballot) -> list[verdicts.Finding | None]:
    """Return the truths that more than half of the last committee's seats say, None for an earlier one."""
    if ballot is not settled.ballots[-1]:
        return [None] * ballot.choices
    return [verdicts.majority(votes, len(ballot.members)) for votes in _by_choice(ballot)]


def _is_answered(settled: Round, ballot: Ballot, found: list[verdicts.Finding]) -> list[bool]:
    """Tell of each choice whether this committee or a later one found, by its own quorum, what stands."""
    own = [
        [verdicts.finding(votes, len(each.members)) for votes in _by_choice(each)]
        for each in settled.ballots[settled.ballots.index(ballot) :]
    ]
    return [
        any(last.is_truth and each[choice][:3] == last[:3] for each in own)
        for choice, last in enumerate(found)
    ]


Answer = tuple[verdicts.Finding, bool, verdicts.Finding | None]
"""What stands of a choice, whether the committee or a later one found it, and what most of the last say."""


def _answer(system: System, ballot: Ballot, member: str, answers: list[Answer]) -> tuple[int, int]:
    """Return how many votes of a member earn, and what it lost."""
    if member not in ballot.votes:
        return 0, seats.slash(system, ballot.ballot_id, member)
    told = [verdicts.said(vote) for vote in ballot.votes[member]]
    pairs = [(own, last) for own, (last, _, _) in zip(told, answers, strict=True)]
    if any(map(_is_false, told, answers)):
        return 0, seats.slash(system, ballot.ballot_id, member)
    is_seated = member in system.order
    if any(map(_is_alone, told, answers)):
        if is_seated:
            seats.leave(system, member)
        return 0, 0
    right = sum(own.is_truth and last.is_truth and not verdicts.differ(own, last) for own, last in pairs)
    if any(last.is_truth and not own.is_truth for own, last in pairs):
        if is_seated:
            seats.strike(system, ballot.ballot_id, member)
    elif right == len(answers):
        system.seats[member].strikes = 0
    return right, 0


def _is_false(own: verdicts.Finding, answer: Answer) -> bool:
    """Tell whether a vote is for another truth than one that the own committee, or a later one, found.

    Predictions bind to a ballot: they count where the member's own committee is the last.
    """
    last, is_answered, leader = answer
    if not is_answered or not own.is_truth:
        return False
    return verdicts.differ(own, last) if leader is None else own != last


def _is_alone(own: verdicts.Finding, answer: Answer) -> bool:
    """Tell whether a vote is against what more than half of the last committee's seats say, and not right."""
    last, is_answered, leader = answer
    if leader is None or is_answered or not leader.is_truth or not own.is_truth or own == leader:
        return False
    return not last.is_truth or verdicts.differ(own, last)


def _in_stage(system: System, ballot_id: int, needed: BallotStage) -> Ballot:
    ballot = ballot_of(system, ballot_id)
    need(ballot.stage is needed, "WrongStage", ballot_id, int(ballot.stage), int(needed))
    return ballot


def _needs_member(ballot: Ballot, member: int, verifier: str) -> None:
    is_own = member < len(ballot.members) and ballot.members[member] == verifier
    need(is_own, "NotMember", ballot.ballot_id, member, verifier)


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
