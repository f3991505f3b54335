"""When a miner leaves the training for one round for another that would end for want of any miner.

Miners that all take the best round leave those void whose Training begins meanwhile. Each has a lot in every
round, and the time that a round waits before it calls a miner grows with that miner's lot. So a few of any
number of miners answer, and the commitment of the first of them tells all others to stay.
"""

from math import log2
from typing import Final

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import Phase, Round
from pole.roles.ports import Moment
from pole.roles.workers.miner.miner import Miner

BEGIN, END = 0.25, 0.5
"""The parts of the grace between which a round calls: free miners come before, and files take time after."""
HALVINGS: Final = 16
"""How often the part of all miners that are called doubles meanwhile."""
ALONE: Final = 2
"""How many times its pay a round is worth that nobody works in: any other has a rival at the least."""


def lot(miner: Miner, round_id: int) -> float:
    """Return the miner's lot in a round: from 0 to 1, by a hash that differs from round to round."""
    identity = miner.chain.identity
    named = f"{identity.chain_id} {identity.chain_address} {round_id} {identity.address}"
    return int.from_bytes(keccak256(named.encode())[:8], "big") / 2**64


def turn(miner: Miner, round_id: int) -> float:
    """Return the part of the grace after which a round calls this miner."""
    part = 1 + log2(max(lot(miner, round_id), 2**-HALVINGS)) / HALVINGS
    return BEGIN + (END - BEGIN) * part


def calls(miner: Miner, moment: Moment) -> bool:
    """Return whether a round in Training that nobody has committed to has waited until this miner's turn.

    As long as no commitment stands, the moment's deadline is the end of the grace.
    """
    if moment.phase is not Phase.TRAINING:
        return False
    waited = 1 - (moment.deadline - moment.timestamp) / miner.chain.parameters.chain.grace_window
    return waited >= BEGIN and waited >= turn(miner, moment.round_id)


def may_leave(miner: Miner, standing: Round) -> bool:
    """Return whether a round goes on without this miner: others have committed, and it has not."""
    return standing.committed > 0 and not miner.takes_part(standing.round_id)
