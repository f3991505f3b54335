"""What rounds paid a miner and cost it: rewards and ommer's parts, bonds of claims and of challenges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.encoding.records import SolutionCommitted, SolutionDisplaced
from pole.protocol.parameters import Parameters
from pole.protocol.replay.earnings.endings import Ending, SolutionEnding, solution_ending
from pole.protocol.replay.earnings.places import RoundPlace, place_of
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.rounds.payouts import miner_bond
from pole.protocol.state import PayoutReason, Solution, TaskTerms, VoidReason

EARNED: Final = frozenset(
    {
        PayoutReason.TASK_REWARD,
        PayoutReason.TRAINING_REWARD,
        PayoutReason.DATA_BOND_SHARE,
        PayoutReason.BLOCK_REWARD,
        PayoutReason.OMMER_INCLUSION,
        PayoutReason.OMMER_REWARD,
    }
)
"""The payouts that a miner earns; its other payouts are bonds that come back."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What was paid in as a bond, and what of it came back, in wei."""

    made: int = 0
    returned: int = 0

    @property
    def missing(self) -> int:
        """Return what has not come back."""
        return self.made - self.returned


@dataclass(frozen=True, slots=True)
class MinerRow:
    """One round as a miner's books have it, in wei.

    `solution` is what its place held in the end, None where it had none; `claimed` is its newest claim on
    the training set, None where it committed to nothing. `earned` is by what it was paid for. `bond` is the
    bonds of its claims, those of displaced ones too, `challenges` those of its challenges.
    """

    place: RoundPlace
    terms: TaskTerms
    released: bool
    void_reason: VoidReason
    ending: SolutionEnding
    solution: Solution | None
    claimed: int | None
    earned: Mapping[PayoutReason, int]
    bond: Deposit
    challenges: Deposit

    @property
    def paid(self) -> int:
        """Return what was earned."""
        return sum(self.earned.values())

    @property
    def lost(self) -> int:
        """Return the bonds that were forfeited."""
        return 0 if self.place.ended_at is None else self.bond.missing + self.challenges.missing

    @property
    def held(self) -> int:
        """Return the bonds that an open round holds."""
        return self.bond.missing + self.challenges.missing if self.place.ended_at is None else 0


def miner_rows(rounds: Sequence[ReplayedRound], miner: str, parameters: Parameters) -> tuple[MinerRow, ...]:
    """Return a row of every round in which a miner committed or challenged, or that paid it, in their order.

    An ommer's reward stands in the round that paid it. What a data node has back is in none.
    """
    rows = (miner_row(played, miner, parameters) for played in rounds)
    return tuple(row for row in rows if row is not None)


def miner_row(played: ReplayedRound, miner: str, parameters: Parameters) -> MinerRow | None:
    """Return a round as a miner's books have it, None where it had no part in it."""
    commitments = [each for each in played.traced.commitments if each.miner == miner]
    challenges = [each.bond for each in played.traced.challenges if each.challenger == miner]
    payouts = played.traced.payouts.payouts if played.traced.payouts else ()
    credited: dict[PayoutReason, int] = {}
    for payout in payouts:
        if payout.payee == miner:
            credited[payout.reason] = credited.get(payout.reason, 0) + payout.amount
    earned = {reason: amount for reason, amount in credited.items() if reason in EARNED}
    if not (commitments or challenges or earned):
        return None
    own = next((each for each in played.result.ended.solutions if each.miner == miner), None)
    bond = _bond(played, miner, parameters)
    back = Deposit(bond.made, bond.returned + credited.get(PayoutReason.MINER_BOND, 0))
    return MinerRow(
        place=place_of(played, parameters.committee.lanes),
        terms=played.task.terms,
        released=played.traced.released,
        void_reason=VoidReason.NONE if played.clock is None else played.result.judgement.void_reason,
        ending=_ending(played, own, has_committed=bool(commitments), has_challenged=bool(challenges)),
        solution=own,
        claimed=commitments[-1].claimed_train_correct if commitments else None,
        earned=earned,
        bond=back,
        challenges=Deposit(sum(challenges), credited.get(PayoutReason.CHALLENGE_BOND, 0)),
    )


def _bond(played: ReplayedRound, miner: str, parameters: Parameters) -> Deposit:
    """Return what a miner's commitments cost it, and what came back when it was displaced."""
    made, returned, held = 0, 0, 0
    for record in played.traced.submissions:
        if record.miner != miner:
            continue
        match record:
            case SolutionCommitted():
                bond = miner_bond(record.claimed_train_correct, played.task.terms, parameters.chain)
                made, held = made + bond - held, bond
            case SolutionDisplaced():
                returned, held = returned + held, 0
    return Deposit(made, returned)


def _ending(
    played: ReplayedRound, own: Solution | None, *, has_committed: bool, has_challenged: bool
) -> SolutionEnding:
    if played.clock is None:
        return SolutionEnding(Ending.OPEN)
    if own is not None:
        return solution_ending(played.result.ended, played.result.judgement, own)
    if has_committed:
        return SolutionEnding(Ending.DISPLACED)
    return SolutionEnding(Ending.CHALLENGED if has_challenged else Ending.OMMER)
