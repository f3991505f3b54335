"""Combining partial keys: checks what the holders announce, and posts the keys as the task's delegate."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pole.errors import IntegrityError, UnreachableError
from pole.ipfe.scheme import FunctionalKeys, verify_keys
from pole.ipfe.threshold import combine_keys, verify_partial_keys
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import SCALAR_BYTES, read_partial_keys
from pole.protocol.formats.keys import write_functional_keys
from pole.protocol.formats.tensors import MAX_HEADER_BYTES
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.state import FileRef, Round
from pole.roles.keys.sharing import TaskSharing
from pole.roles.memory import keys_intent
from pole.roles.ports import Chain, Store
from pole.roles.support.events import report
from pole.roles.support.files import Wanted, fetch, write_durably

LOG: Final = logging.getLogger("pole.key-combiner")
FETCHES_AT_ONCE: Final = 16

Announced = tuple[int, FileRef]
"""A holder's number, and where it says that its partial keys are."""


@dataclass(frozen=True, slots=True)
class KeyRound:
    """What the keys of an open round are made of: its seed, the task's sharing, the query plan."""

    open_round: Round
    shared: TaskSharing
    plan: QueryPlan

    @property
    def posters(self) -> tuple[str, str]:
        """Return from whom the contract takes the keys: the task's delegate, and its data node."""
        return self.shared.delegation.delegate, self.shared.task.owner


@dataclass(slots=True)
class _Gathered:
    """What was gathered for a round's seed and sharing: keys that are right, by holder, and wrong ones."""

    round: KeyRound
    good: dict[int, FunctionalKeys] = field(default_factory=dict)
    refused: set[Announced] = field(default_factory=set)

    def serves(self, other: KeyRound) -> bool:
        """Return whether it is for this round's seed and sharing."""
        return (self.round.open_round.seed, self.round.shared.digest) == (
            other.open_round.seed,
            other.shared.digest,
        )


@dataclass(slots=True)
class KeyCombiner:
    """Makes functional keys of partial ones, where its wallet is the task's delegate or data node.

    Partial keys are fetched side by side through `partial_store`, which should not wait long: a holder may
    announce what nobody has. `store` takes the functional keys, `home` keeps the files, `random_bytes`
    weights the checks. A holder whose keys are wrong is named in the log, and never asked again for those.
    """

    chain: Chain
    store: Store
    partial_store: Store
    home: Path
    random_bytes: Callable[[int], bytes]
    _gathered: dict[int, _Gathered] = field(default_factory=dict, init=False)

    def combine(self, current: KeyRound) -> str | None:
        """Take in what was announced; post the keys once the threshold is reached. Return what was done."""
        if self.chain.identity.address not in current.posters:
            return None
        gathered = self._gather(current)
        threshold = current.shared.sharing.threshold
        if len(gathered.good) < threshold:
            return None
        keys = combine_keys(gathered.good, threshold)
        verify_keys(current.shared.commitments.master_public_key, current.plan, keys, self.random_bytes)
        self._post(current.open_round, keys, sorted(gathered.good))
        return "keys combined"

    def _gather(self, current: KeyRound) -> _Gathered:
        """Add the good partial keys that were announced since, up to the threshold; kept lane by lane."""
        lane = current.open_round.round_id % self.chain.parameters.committee.lanes
        gathered = self._gathered.get(lane)
        if gathered is None or not gathered.serves(current):
            gathered = self._gathered[lane] = _Gathered(current)
        for (index, ref), content in self._fetched(current, list(self._outstanding(current, gathered))):
            if len(gathered.good) >= current.shared.sharing.threshold:
                break
            try:
                gathered.good[index] = self._checked(current, index, content)
            except IntegrityError as error:
                gathered.refused.add((index, ref))
                self._report_refused(current, index, error)
            else:
                _report_taken(current, index, len(gathered.good))
        return gathered

    def _outstanding(self, current: KeyRound, gathered: _Gathered) -> Iterator[Announced]:
        holders = current.shared.sharing.holders
        addresses = {holder.address for holder in holders}
        announced = self.chain.partial_keys(current.shared.task.task_id, addresses)
        for index, holder in enumerate(holders, start=1):
            ref = announced.get(holder.address)
            if ref is not None and index not in gathered.good and (index, ref) not in gathered.refused:
                yield index, ref

    def _fetched(self, current: KeyRound, wanted: list[Announced]) -> Iterator[tuple[Announced, bytes]]:
        """Yield what the store gives of the files now."""
        if not wanted:
            return
        size = current.plan.windows.shape[0] * current.plan.vectors.shape[0] * SCALAR_BYTES
        get = partial(self._fetch, size + MAX_HEADER_BYTES)
        with ThreadPoolExecutor(min(len(wanted), FETCHES_AT_ONCE)) as pool:
            contents = list(pool.map(get, wanted))
        for each, content in zip(wanted, contents, strict=True):
            if content is not None:
                yield each, content

    def _fetch(self, max_bytes: int, announced: Announced) -> bytes | None:
        _, ref = announced
        try:
            return fetch(self.partial_store, Wanted(ref.cid, ref.digest, max_bytes), self.home / "files")
        except UnreachableError as error:
            LOG.info("%s", error)
            return None

    def _checked(self, current: KeyRound, index: int, content: bytes) -> FunctionalKeys:
        plan, shared = current.plan, current.shared
        eta = read_partial_keys(
            content,
            round_id=current.open_round.round_id,
            seed=current.open_round.seed,
            sharing_digest=shared.digest,
            index=index,
            windows=len(plan.windows),
            queries=len(plan.vectors),
        )
        keys = FunctionalKeys(eta)
        verify_partial_keys(shared.commitments, index, plan, keys, self.random_bytes)
        return keys

    def _report_refused(self, current: KeyRound, index: int, error: IntegrityError) -> None:
        round_id, holder = current.open_round.round_id, current.shared.sharing.holders[index - 1].address
        sentence = f"Round {round_id}: {holder} announced wrong partial keys. {error}"
        report(LOG, "partial-keys-refused", sentence, round=round_id, holder=holder, index=index)

    def _post(self, open_round: Round, keys: FunctionalKeys, indices: list[int]) -> None:
        round_id = open_round.round_id
        content = write_functional_keys(keys.eta, round_id=round_id, seed=open_round.seed)
        path = self.home / "keys" / f"{round_id}.safetensors"
        write_durably(path, content)
        ref = FileRef(self.store.add(path), keccak256(content))
        self.chain.post_functional_keys(round_id, ref, intent=keys_intent(round_id))
        holders = ", ".join(map(str, indices))
        sentence = f"Round {round_id}: combined and posted the keys of holders {holders}."
        report(LOG, "keys-combined", sentence, round=round_id, cid=ref.cid, holders=holders)


def _report_taken(current: KeyRound, index: int, count: int) -> None:
    round_id, threshold = current.open_round.round_id, current.shared.sharing.threshold
    sentence = f"Round {round_id}: the partial keys of holder {index} are right, {count} of {threshold}."
    report(LOG, "partial-keys-taken", sentence, round=round_id, index=index)
