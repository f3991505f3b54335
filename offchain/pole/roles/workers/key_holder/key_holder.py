"""What a key holder works with, and which round it serves."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.protocol.mapping.layer import query_plan
from pole.roles.keys.combiner import KeyCombiner, KeyRound
from pole.roles.keys.seeds import ServedSeeds
from pole.roles.keys.sharing import fetch_specification, read_task_sharing
from pole.roles.memory import KeyHolderMemory
from pole.roles.ports import Chain, Store
from pole.roles.support.recent import Recent
from pole.roles.workers.settlement import Settlement

LOG: Final = logging.getLogger("pole.key-holder")


@dataclass(slots=True)
class KeyHolder:
    """Serves every task that its wallet holds a share for, is the delegate of, or posted and shared.

    `open_share` returns the file of the accepted share of the sharing with this digest, None without one. The
    sharing names its task and its specification by digest, so neither a stranger nor a node that lies has
    keys made for another. The seed is that of the contract as the wallet's node tells it; `seeds` allows one
    for each master secret, so that a node that lies about it gains one set of partial keys at most. Keys,
    partial and combined, wait for so many `confirmations` of the seed.

    By lane, `current` is the newest round that was read, `contributed` the newest that has this holder's
    keys, `idle` the newest that lacks its share; `given_up` are the numbers of rounds that cannot be served.
    """

    chain: Chain
    store: Store
    memory: KeyHolderMemory
    seeds: ServedSeeds
    home: Path
    settlement: Settlement
    combiner: KeyCombiner
    open_share: Callable[[bytes], bytes | None]
    confirmations: int = 0
    current: dict[int, KeyRound] = field(default_factory=dict, init=False)
    contributed: dict[int, KeyRound] = field(default_factory=dict, init=False)
    idle: dict[int, KeyRound] = field(default_factory=dict, init=False)
    given_up: Recent[int] = field(default_factory=Recent, init=False)

    def key_round(self, round_id: int) -> KeyRound | None:
        """Return what the round's keys are made of, None when its data node shared nothing."""
        open_round = self.chain.round(round_id)
        delegation = self.chain.delegation(open_round.task_id)
        lane = self.lane(round_id)
        known = self.current.get(lane)
        if known is not None and (known.open_round, known.shared.delegation) == (open_round, delegation):
            return known
        folder = self.home / "files"
        shared = read_task_sharing(self.chain, self.store, folder, open_round.task_id)
        if shared is None:
            return None
        plan = query_plan(fetch_specification(self.store, folder, shared), open_round.seed)
        self.current[lane] = KeyRound(open_round, shared, plan)
        return self.current[lane]

    def serves(self, task_id: int) -> bool:
        """Return whether a task's keys are made by this holder's share, or combined by this wallet."""
        delegation = self.chain.delegation(task_id)
        if delegation is None:
            return False
        posters = (delegation.delegate, self.chain.task(task_id).owner)
        is_poster = self.chain.identity.address in posters
        return is_poster or self.open_share(delegation.sharing.digest) is not None

    def lane(self, round_id: int) -> int:
        """Return the lane of a round."""
        return round_id % self.chain.parameters.committee.lanes
