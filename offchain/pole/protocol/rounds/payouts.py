"""Who gets what when a round ends (twin of contracts/libraries/money/Settlement.sol).

All money of a round is one account of the reservoir: reward, data bond, rent, a bond of each miner, and those
of whoever challenged its tallies. The split below empties it to the last wei; every division rounds down and
the pool gets the rest.
"""

from dataclasses import dataclass
from typing import Final

from pole.protocol.ballots import committee_fee
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.judgement import (
    BASIS_POINTS,
    EndedRound,
    Judgement,
    is_proven_bad,
    is_returned,
    reaches_threshold,
)
from pole.protocol.rounds.ommer_rewards import PoolDraw
from pole.protocol.rounds.tally import is_truth
from pole.protocol.state import Payout, PayoutReason, Solution, TaskTerms, VoidReason

_DATA_LOST: Final = (VoidReason.DATA_FAULT, VoidReason.DATA_UNAVAILABLE)
_BOND_FORFEITED_FOR: Final = (VoidReason.KEYS_MISSING, *_DATA_LOST)
_NOBODY_RIGHT: Final = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The split of a round's account in wei: the credits, the committees' fee, the pool's part.

    The fee includes the bonds of challenges that changed nothing; the pool's part includes the rent used.
    """

    payouts: tuple[Payout, ...]
    verification_fee: int
    pool: int


def settle(ended: EndedRound, judgement: Judgement, parameters: ChainParameters) -> Settlement:
    """Return the split; its parts add up to `account_of` the round."""
    fee = verification_fee(ended, judgement, parameters)
    payouts = (
        *_reward(ended, judgement, parameters, fee),
        *_data_bond(ended, judgement, parameters, fee),
        Payout(ended.data_node, PayoutReason.RENT_REFUND, ended.rent - ended.used),
        *_miner_bonds(ended, parameters),
        *_challenge_bonds(ended),
    )
    # Nobody owns an idle task: what would be its owner's stays in the pool's part.
    paid = tuple(payout for payout in payouts if payout.amount > 0 and payout.payee != ZERO_ADDRESS)
    pot = fee + spent_on_challenges(ended)
    rest = account_of(ended, parameters) - pot - sum(payout.amount for payout in paid)
    return Settlement(paid, pot, rest)


def account_of(ended: EndedRound, parameters: ChainParameters) -> int:
    """Return what a round's account holds when it ends, in wei."""
    miners = sum(bond_of(solution, ended.terms, parameters) for solution in ended.solutions)
    challenges = sum(challenge.bond for challenge in ended.challenges)
    return ended.terms.reward + ended.terms.data_bond + ended.rent + miners + challenges


def bond_of(solution: Solution, terms: TaskTerms, parameters: ChainParameters) -> int:
    """Return what a solution's miner deposited, in wei."""
    return miner_bond(solution.claimed_train_correct, terms, parameters)


def miner_bond(claimed_train_correct: int, terms: TaskTerms, parameters: ChainParameters) -> int:
    """Return the bond in wei of a claim: a part of the reward, or the minimum bond.

    A claim that reaches the training threshold can end the training, and so is dearer.
    """
    ready = reaches_threshold(claimed_train_correct, terms)
    part = parameters.ready_bond_bps if ready else parameters.miner_bond_bps
    return max(parameters.miner_bond, terms.reward * part // BASIS_POINTS)


def verification_fee(ended: EndedRound, judgement: Judgement, parameters: ChainParameters) -> int:
    """Return what the committees earn: nothing where the last one found no truth.

    It is at most what those can pay who made the round void: the data bond after a data fault, the forfeited
    miner bonds where no solution qualified.
    """
    if not any(is_truth(finding) for finding in ended.findings or ()):
        return 0
    fee = committee_fee(ended.terms.reward, parameters)
    if judgement.void_reason is VoidReason.DATA_FAULT:
        return min(fee, ended.terms.data_bond)
    if judgement.void_reason in _NOBODY_RIGHT:
        return min(fee, _forfeited_bonds(ended, parameters))
    return fee


def spent_on_challenges(ended: EndedRound) -> int:
    """Return what challenges pay the larger committees that they bought, in wei."""
    return sum(
        challenge.bond
        for attempt, challenge in enumerate(ended.challenges)
        if not is_returned(ended, attempt)
    )


def pool_payouts(draw: PoolDraw, winner: str) -> tuple[Payout, ...]:
    """Return the credits that a block draws from the pool, those of 0 wei left out."""
    drawn = [
        Payout(winner, PayoutReason.BLOCK_REWARD, draw.block_reward),
        Payout(winner, PayoutReason.OMMER_INCLUSION, draw.inclusion_reward),
    ]
    if draw.ommer is not None:
        drawn.append(Payout(draw.ommer.miner, PayoutReason.OMMER_REWARD, draw.ommer_reward))
    return tuple(payout for payout in drawn if payout.amount > 0)


def _reward(ended: EndedRound, judgement: Judgement, parameters: ChainParameters, fee: int) -> list[Payout]:
    if judgement.winner is not None:
        return [Payout(judgement.winner.miner, PayoutReason.TASK_REWARD, ended.terms.reward - fee)]
    rest = ended.terms.reward
    if judgement.void_reason is not VoidReason.DATA_FAULT:
        rest -= fee - _paid_by_bonds(ended, judgement, parameters, fee)
    if judgement.void_reason not in _DATA_LOST and judgement.trained is None:
        return [Payout(ended.data_node, PayoutReason.REWARD_REFUND, rest)]
    part = rest * parameters.missed_share_bps // BASIS_POINTS
    refund = Payout(ended.data_node, PayoutReason.REWARD_REFUND, rest - part)
    if judgement.trained is None:
        # Of bad data nothing tells who trained and who showed junk, so the pool keeps the part.
        return [refund]
    return [Payout(judgement.trained.miner, PayoutReason.TRAINING_REWARD, part), refund]


def _data_bond(
    ended: EndedRound, judgement: Judgement, parameters: ChainParameters, fee: int
) -> list[Payout]:
    withheld = bool(ended.solutions) and not ended.released
    if not withheld and judgement.void_reason not in _BOND_FORFEITED_FOR:
        return [Payout(ended.data_node, PayoutReason.DATA_BOND, ended.terms.data_bond)]
    if judgement.void_reason is VoidReason.DATA_UNAVAILABLE:
        # Nobody gains by data that could not be had.
        return []
    spent = fee if judgement.void_reason is VoidReason.DATA_FAULT else 0
    shared = (ended.terms.data_bond - spent) * parameters.fault_share_bps // BASIS_POINTS
    revealed = [solution.miner for solution in ended.solutions if solution.revealed]
    return [Payout(miner, PayoutReason.DATA_BOND_SHARE, shared // len(revealed)) for miner in revealed]


def _miner_bonds(ended: EndedRound, parameters: ChainParameters) -> list[Payout]:
    return [
        Payout(solution.miner, PayoutReason.MINER_BOND, bond_of(solution, ended.terms, parameters))
        for solution in ended.solutions
        if solution.revealed and (ended.findings is None or not is_proven_bad(ended, solution))
    ]


def _forfeited_bonds(ended: EndedRound, parameters: ChainParameters) -> int:
    deposited = sum(bond_of(solution, ended.terms, parameters) for solution in ended.solutions)
    return deposited - sum(payout.amount for payout in _miner_bonds(ended, parameters))


def _paid_by_bonds(ended: EndedRound, judgement: Judgement, parameters: ChainParameters, fee: int) -> int:
    """Return what forfeited miner bonds pay of the fee where nobody wins for what miners did."""
    if judgement.void_reason not in (VoidReason.THRESHOLD_MISSED, *_NOBODY_RIGHT):
        return 0
    return min(fee, _forfeited_bonds(ended, parameters))


def _challenge_bonds(ended: EndedRound) -> list[Payout]:
    return [
        Payout(challenge.challenger, PayoutReason.CHALLENGE_BOND, challenge.bond)
        for attempt, challenge in enumerate(ended.challenges)
        if is_returned(ended, attempt)
    ]
