"""How long keys wait for the opening of their round to be buried: a reorganised chain draws another seed."""

import logging
from dataclasses import dataclass, field
from typing import Final

from pole.protocol.state import Round
from pole.roles.ports import Chain, Moment
from pole.roles.support.events import tell

LOG: Final = logging.getLogger("pole.keys")


@dataclass(slots=True)
class OpeningWait:
    """Waits for `confirmations` Ethereum blocks after the one that opened a round.

    Never longer than half of the key window: the other half is for making the keys and having them mined.
    """

    chain: Chain
    confirmations: int
    _told: bytes = field(default=b"", init=False)

    def is_over(self, moment: Moment, open_round: Round) -> bool:
        """Return whether keys may be issued now for the seed of a round in Keys.

        They may not while the node says two things about the seed, which it does in a reorganisation.
        """
        if self.confirmations == 0:
            return True
        opening = self.chain.opening(open_round.round_id)
        if opening.seed != open_round.seed:
            return False
        self._tell(open_round)
        is_late = 2 * moment.timestamp >= open_round.opened_at + moment.deadline
        return is_late or moment.block >= opening.block + self.confirmations

    def _tell(self, open_round: Round) -> None:
        if self._told == open_round.seed:
            return
        self._told = open_round.seed
        sentence = (
            f"Round {open_round.round_id}: its keys wait for {self.confirmations} blocks after its opening, "
            f"seed {open_round.seed.hex()[:8]}."
        )
        tell(LOG, "keys-wait", sentence, round=open_round.round_id, blocks=self.confirmations)
