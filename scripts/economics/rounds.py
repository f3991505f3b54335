"""What a round that somebody spoils costs everybody, computed by the protocol's own settlement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pole.protocol.parameters import Parameters
from pole.protocol.rounds.judgement import EndedRound, Judgement, choose, judge
from pole.protocol.rounds.payouts import bond_of, settle
from pole.protocol.state import Finding, Solution, TaskTerms, Verdict

DATA_NODE: Final = "data node"
HONEST: Final = ("honest 1", "honest 2", "honest 3")
ATTACKER: Final = "attacker"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round ended and by how many wei everybody is better off than before the task was posted."""

    judgement: Judgement
    gains: dict[str, int]
    verifiers: int
    pool: int

    @property
    def attacker(self) -> int:
        """Return what all of the attacker's names gain together."""
        return sum(gain for name, gain in self.gains.items() if name.startswith(ATTACKER))


def solution(miner: str, order: int, *, claims: int, revealed: bool = True, model: str = "") -> Solution:
    """Return a solution that claims `claims` correct predictions of 100, on both sets, for `model`.

    Without a name its model is like no other.
    """
    test, digest = (claims, (model or miner).encode().ljust(32)) if revealed else (0, bytes(32))
    return Solution(miner, bytes(32), digest, claims, test, order, 0, revealed)


def ended_round(
    terms: TaskTerms,
    solutions: Sequence[Solution],
    true_counts: dict[str, int | Verdict],
) -> EndedRound:
    """Return a round whose committee finds each miner's true count of 100, or a verdict other than Ok."""
    chosen = choose(solutions)
    found = {each.choice: true_counts[each.miner] for each in chosen if each.revealed}
    return EndedRound(
        data_node=DATA_NODE,
        terms=terms,
        keys_posted=True,
        closed_early=True,
        released=True,
        solutions=chosen,
        findings=tuple(_finding(found[choice]) for choice in sorted(found)),
    )


def without_keys(ended: EndedRound) -> EndedRound:
    """Return the same round, whose keys never came."""
    return replace(ended, solutions=(), findings=None, keys_posted=False)


def outcome(ended: EndedRound, parameters: Parameters) -> Outcome:
    """Settle the round and balance everybody's books; what a block draws from the pool is left out."""
    judgement = judge(ended)
    split = settle(ended, judgement, parameters.chain)
    gains = {DATA_NODE: -ended.terms.reward - ended.terms.data_bond - ended.terms.fee}
    for each in ended.solutions:
        gains[each.miner] = gains.get(each.miner, 0) - bond_of(each, ended.terms, parameters.chain)
    for payout in split.payouts:
        gains[payout.payee] += payout.amount
    return Outcome(judgement, gains, split.verification_fee, split.pool + ended.terms.fee)


def _finding(truth: int | Verdict) -> Finding:
    return Finding(truth, 0, 0, 0) if isinstance(truth, Verdict) else Finding(Verdict.OK, truth, truth, 1)
