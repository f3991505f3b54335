"""What is left to do once a round has ended: fetch the money, and keep the new block's body available."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError, UnreachableError
from pole.protocol.amounts import WEI_PER_ETHER
from pole.roles.memory import SettlementMemory
from pole.roles.ports import Chain, Moment, Store
from pole.roles.support.events import report
from pole.roles.support.files import write_durably

LOG: Final = logging.getLogger("pole.settlement")


def report_nothing(_round_id: int) -> None:
    """Say nothing of a round that has ended."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Follows the rounds a wallet took part in to their end.

    `withdraws` says whether credits are fetched without being asked; `body_of` returns the body of the block
    at a height in the format of pole.protocol.formats.block_body, and the block is pinned under it.
    `report_result` says what a round paid the wallet and cost it; it raises UnreachableError where the node
    does not show that yet.
    """

    chain: Chain
    store: Store
    memory: SettlementMemory
    home: Path
    body_of: Callable[[int], bytes]
    withdraws: bool
    report_result: Callable[[int], None] = report_nothing

    def follow(self, round_id: int) -> None:
        """Remember to come back to this round when it has ended."""
        rounds = self.memory.open_rounds()
        if round_id not in rounds:
            self.memory.keep_open_rounds([*rounds, round_id])

    def withdraw(self, occasion: str, title: str, **details: int) -> None:
        """Fetch this wallet's credit if that is wanted, once for an occasion."""
        if not self.withdraws:
            return
        amount = self.chain.withdraw(intent=self.memory.withdraw_intent(occasion))
        if amount:
            report(
                LOG,
                "withdrew",
                f"{title}: withdrew {amount / WEI_PER_ETHER:.6f} ETH.",
                wei=str(amount),
                **details,
            )

    def step(self, moment: Moment) -> str | None:
        """Settle one round of a lane that has ended."""
        rounds = self.memory.open_rounds()
        ended = [number for number in rounds if moment.has_ended(number)]
        if not ended:
            return None
        self._settle(ended[0])
        self.memory.keep_open_rounds([number for number in rounds if number != ended[0]])
        return "settled"

    def _settle(self, round_id: int) -> None:
        height = self.chain.round(round_id).height
        if height:
            self._pin_body(height)
        self.report_result(round_id)
        self.withdraw(str(round_id), f"Round {round_id}", round=round_id)

    def _pin_body(self, height: int) -> None:
        path = self.home / "bodies" / f"{height}.json"
        try:
            write_durably(path, self.body_of(height))
        except InputError as error:
            # The node that told of the block does not show its events yet.
            raise UnreachableError(str(error)) from error
        cid = self.store.add(path)
        report(LOG, "body-pinned", f"Block {height}: body pinned as {cid}.", height=height, cid=cid)
