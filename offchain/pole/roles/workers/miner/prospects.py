"""What a miner may earn and must stake in a round, before it joins, and whether that is worth it now."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pole.protocol.amounts import ether, written
from pole.protocol.ballots import committee_fee
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.ommer_rewards import fee_covers
from pole.protocol.rounds.payouts import miner_bond
from pole.protocol.state import Round
from pole.roles.support.events import report
from pole.roles.workers.miner.miner import LOG, Miner

GAS_OF_A_ROUND: Final = 400_000
"""Two commitments and a reveal at most (docs/gas.md); what a keeper sends is not in it."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What joining a round promises, in wei.

    `reward` is what the winner is paid, `bond` what a claim at the training threshold locks, `gas` what the
    round's transactions cost at the present price. `rivals` are the other miners to be expected.
    """

    reward: int
    bond: int
    gas: int
    rivals: int

    @property
    def chance(self) -> Fraction:
        """Return the chance to win among equals."""
        return Fraction(1, self.rivals + 1)

    @property
    def profit(self) -> int:
        """Return what is expected to be left: the reward by its chance, less the gas, rounded down."""
        return int(self.reward * self.chance // 1) - self.gas


def prospect_of(miner: Miner, standing: Round) -> Prospect:
    """Return what a round promises a miner; asks the node for the price of gas."""
    terms, parameters = standing.terms, miner.chain.parameters.chain
    reward = terms.reward - committee_fee(terms.reward, parameters)
    if not standing.is_idle and fee_covers(
        terms.fee, block_reward=parameters.block_reward, margin_bps=parameters.fee_margin_bps
    ):
        reward += parameters.block_reward
    ready = -(-terms.required_train_accuracy * terms.train_count // BASIS_POINTS)
    return Prospect(
        reward=reward,
        bond=miner_bond(ready, terms, parameters),
        gas=GAS_OF_A_ROUND * miner.chain.gas_price(),
        rivals=rivals_of(miner, standing),
    )


def rivals_of(miner: Miner, standing: Round) -> int:
    """Return how many other miners to expect: the mean of recent rounds, or those that committed if more."""
    own = miner.chain.identity.address
    others = [len(miners - {own}) for miners in miner.chain.recent_miners()]
    mean = Fraction(sum(others), len(others)) if others else Fraction()
    return max(round(mean), standing.committed)


def reason_to_wait(miner: Miner, standing: Round) -> str:
    """Return why a round is not worth joining now, "" where it is: gas may be cheaper later."""
    settings, chain = miner.settings, miner.chain
    if settings.gas_budget is not None and chain.gas_spent() >= settings.gas_budget:
        return f"the budget of {ether(settings.gas_budget)} for gas is spent"
    price = chain.gas_price() if settings.maximum_fee is not None else 0
    if settings.maximum_fee is not None and price > settings.maximum_fee:
        return f"gas costs {written(price, 'gwei')}, above {written(settings.maximum_fee, 'gwei')}"
    if settings.minimum_profit is None:
        return ""
    prospect = prospect_of(miner, standing)
    if prospect.profit >= settings.minimum_profit:
        return ""
    return f"{_expected(prospect)}, and it should be {ether(settings.minimum_profit)} at least"


def report_prospect(miner: Miner, standing: Round, seconds: float) -> None:
    """Say once what a round promises that the miner joins, in which it will need so many seconds."""
    if standing.round_id in miner.joined:
        return
    miner.joined.add(standing.round_id)
    prospect, limit = prospect_of(miner, standing), standing.terms.time_limit
    is_measured = miner.memory.speed() is not None and not standing.is_idle
    time = f"some {seconds:.0f} s of {limit}" if is_measured else f"up to {limit} s, its speed not known yet"
    sentence = (
        f"Round {standing.round_id}: joining for {ether(prospect.reward)}, {time}. At stake are a bond of "
        f"{ether(prospect.bond)} and {ether(prospect.gas)} for gas; {_expected(prospect)}."
    )
    report(
        LOG,
        "joining",
        sentence,
        round=standing.round_id,
        seconds=round(seconds),
        reward=str(prospect.reward),
        bond=str(prospect.bond),
        gas=str(prospect.gas),
        rivals=prospect.rivals,
        profit=str(prospect.profit),
    )


def _expected(prospect: Prospect) -> str:
    miners = "other miner" if prospect.rivals == 1 else "other miners"
    return f"with {prospect.rivals} {miners} it may expect {ether(prospect.profit)}"
