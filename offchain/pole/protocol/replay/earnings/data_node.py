"""What a round cost the data node of its task: the reward, what of it came back, and the data bond."""

from dataclasses import dataclass

from pole.protocol.parameters import Parameters
from pole.protocol.replay.earnings.miner import Deposit
from pole.protocol.replay.earnings.places import RoundPlace, place_of
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.state import PayoutReason, VoidReason


@dataclass(frozen=True, slots=True)
class DataNodeRow:
    """One round of a task of its own as a data node has it, in wei.

    `winner` is whose model it bought, None in a void or open round. `withheld` says whether somebody
    committed and the test set was not released in time.
    """

    place: RoundPlace
    winner: str | None
    void_reason: VoidReason
    withheld: bool
    reward: Deposit
    bond: Deposit

    @property
    def paid(self) -> int:
        """Return nothing: a data node buys."""
        return 0

    @property
    def lost(self) -> int:
        """Return the bond that was forfeited, and what a void round kept of the reward."""
        if self.place.ended_at is None:
            return 0
        return self.bond.missing + (self.reward.missing if self.winner is None else 0)

    @property
    def held(self) -> int:
        """Return the reward and the bond that an open round holds."""
        return self.bond.missing + self.reward.missing if self.place.ended_at is None else 0


def data_node_row(played: ReplayedRound, owner: str, parameters: Parameters) -> DataNodeRow | None:
    """Return a round as the owner of its task has it, None where the task is another's."""
    if played.task.owner != owner:
        return None
    terms, judgement = played.task.terms, played.result.judgement
    payouts = played.traced.payouts.payouts if played.traced.payouts else ()
    back = {each.reason: each.amount for each in payouts if each.payee == owner}
    is_over = played.clock is not None
    return DataNodeRow(
        place=place_of(played, parameters.committee.lanes),
        winner=judgement.winner.miner if is_over and judgement.winner is not None else None,
        void_reason=judgement.void_reason if is_over else VoidReason.NONE,
        withheld=bool(played.result.ended.solutions) and not played.traced.released,
        reward=Deposit(terms.reward, back.get(PayoutReason.REWARD_REFUND, 0)),
        bond=Deposit(terms.data_bond, back.get(PayoutReason.DATA_BOND, 0)),
    )
