"""Who gets what when a round ends (twin of contracts/libraries/Settlement.sol).

All money of a round is one account of the reservoir: reward, data bond, a bond of each miner, and one of
whoever challenged its tally. The split below empties it to the last wei; every division rounds down and the
pool gets the rest.
"""

from dataclasses import dataclass
from typing import Final

from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.parameters import ChainParameters
from pole.protocol.rounds.judgement import BASIS_POINTS, EndedRound, Judgement, is_proven_bad, is_upheld
from pole.protocol.rounds.ommer_rewards import PoolDraw
from pole.protocol.state import Payout, PayoutReason, Solution, Verdict, VoidReason

_BOND_FORFEITED_FOR: Final = (VoidReason.KEYS_MISSING, VoidReason.DATA_FAULT)
_NOBODY_RIGHT: Final = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The split of a round's account in wei: the credits, the committee's fee, the pool's part.

    The fee includes the bond of a challenge that changed nothing.
    """

    payouts: tuple[Payout, ...]
    verification_fee: int
    pool: int


def settle(ended: EndedRound, judgement: Judgement, parameters: ChainParameters) -> Settlement:
    """Return the split; its parts add up to all bonds and the reward."""
    fee = verification_fee(ended, judgement, parameters)
    payouts = (
        *_reward(ended, judgement, parameters, fee),
        *_data_bond(ended, judgement, parameters, fee),
        *_miner_bonds(ended, parameters),
        *_challenge_bond(ended),
    )
    # Nobody owns an idle task: what would be its owner's stays in the pool's part.
    paid = tuple(payout for payout in payouts if payout.amount > 0 and payout.payee != ZERO_ADDRESS)
    bond = ended.challenge.bond if ended.challenge else 0
    pot = fee if is_upheld(ended) else fee + bond
    bonds = miner_bond(ended.terms.reward, parameters) * len(ended.solutions)
    account = ended.terms.reward + ended.terms.data_bond + bonds + bond
    return Settlement(paid, pot, account - pot - sum(payout.amount for payout in paid))


def miner_bond(reward: int, parameters: ChainParameters) -> int:
    """Return the bond of a solution of a task with this reward in wei: a part of it, or the minimum bond."""
    return max(parameters.miner_bond, reward * parameters.miner_bond_bps // BASIS_POINTS)


def verification_fee(ended: EndedRound, judgement: Judgement, parameters: ChainParameters) -> int:
    """Return what the committee earns: nothing without a finding.

    It is at most what those can pay who made the round void: the data bond after a data fault, the forfeited
    miner bonds where no solution qualified.
    """
    if all(finding.verdict is Verdict.NONE for finding in ended.findings or ()):
        return 0
    fee = ended.terms.reward * parameters.verification_fee_bps // BASIS_POINTS
    if judgement.void_reason is VoidReason.DATA_FAULT:
        return min(fee, ended.terms.data_bond)
    if judgement.void_reason in _NOBODY_RIGHT:
        return min(fee, _forfeited_bonds(ended, parameters))
    return fee


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
        winner = (ended.judged or ())[judgement.winner].miner
        return [Payout(winner, PayoutReason.TASK_REWARD, ended.terms.reward - fee)]
    refund = ended.terms.reward
    if judgement.void_reason is not VoidReason.DATA_FAULT:
        refund -= fee - min(fee, _forfeited_bonds(ended, parameters))
    return [Payout(ended.data_node, PayoutReason.REWARD_REFUND, refund)]


def _data_bond(
    ended: EndedRound, judgement: Judgement, parameters: ChainParameters, fee: int
) -> list[Payout]:
    withheld = bool(ended.solutions) and not ended.released
    if not withheld and judgement.void_reason not in _BOND_FORFEITED_FOR:
        return [Payout(ended.data_node, PayoutReason.DATA_BOND, ended.terms.data_bond)]
    revealed = [solution for solution in ended.solutions if solution.revealed]
    if not revealed:
        return []
    spent = fee if judgement.void_reason is VoidReason.DATA_FAULT else 0
    shared = (ended.terms.data_bond - spent) * parameters.fault_share_bps // BASIS_POINTS
    share = shared // len(revealed)
    return [Payout(solution.miner, PayoutReason.DATA_BOND_SHARE, share) for solution in revealed]


def _miner_bonds(ended: EndedRound, parameters: ChainParameters) -> list[Payout]:
    bond = miner_bond(ended.terms.reward, parameters)
    return [
        Payout(solution.miner, PayoutReason.MINER_BOND, bond)
        for solution in ended.solutions
        if solution.revealed and not _is_bad(ended, solution)
    ]


def _forfeited_bonds(ended: EndedRound, parameters: ChainParameters) -> int:
    forfeited = len(ended.solutions) - len(_miner_bonds(ended, parameters))
    return forfeited * miner_bond(ended.terms.reward, parameters)


def _challenge_bond(ended: EndedRound) -> list[Payout]:
    if ended.challenge is None or not is_upheld(ended):
        return []
    return [Payout(ended.challenge.challenger, PayoutReason.CHALLENGE_BOND, ended.challenge.bond)]


def _is_bad(ended: EndedRound, solution: Solution) -> bool:
    judged = [other.miner for other in ended.judged or ()]
    return solution.miner in judged and is_proven_bad(ended, judged.index(solution.miner))
