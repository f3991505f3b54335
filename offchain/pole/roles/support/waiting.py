"""Waiting: for files, for confirmations of what a secret is given away after, and for the end of a phase."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import PoleError, RefusedError, UnreachableError
from pole.protocol.state import Phase, Round
from pole.quoting import quoted
from pole.roles.loop import Pace, by_deadline
from pole.roles.ports import Chain, Moment, Store
from pole.roles.support.recent import Recent
from pole.roles.support.urgent import nothing

LOG: Final = logging.getLogger("pole.miner")


def unseen(_: Sequence[Moment]) -> None:
    """Do nothing with what was seen."""


@dataclass(slots=True)
class Sight:
    """What is to be done with the moments that a worker sees during long work, whatever the work is."""

    seen: Callable[[Sequence[Moment]], None] = unseen


@dataclass(slots=True)
class RoundWatch:
    """Tells work when its round is in none of `phases` any more; looks at the chain once a second at most.

    Or when another lane calls: `called_by` says so of the moments of the others, those that end first before
    the rest. Before it is asked of one `meanwhile` may do what is due there. Each look is shown to `sight`.
    `block` is the newest Ethereum block that was seen.
    """

    chain: Chain
    round_id: int
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    phases: frozenset[Phase] = frozenset({Phase.TRAINING})
    called_by: Callable[[Moment], bool] = lambda _: False
    meanwhile: Callable[[Moment], None] = nothing
    sight: Sight = field(default_factory=Sight)
    block: int = field(default=0, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _over: bool = field(default=False, init=False)

    def over(self) -> bool:
        """Return whether the phases are over, as far as is known, or the process is to end."""
        now = self.clock()
        if not self._over and now - self._looked_at >= 1.0:
            self._looked_at = now
            self._over = self._look()
        return self._over or self.stopping()

    def _look(self) -> bool:
        try:
            moments = self.chain.moments()
            is_over = self._is_over(moments)
        except (UnreachableError, RefusedError) as error:
            # The deadline still ends the work when the chain does not answer, or with another round's state.
            LOG.debug("the chain does not answer during long work: %s", error)
            return False
        self._show(moments)
        return is_over

    def _show(self, moments: Sequence[Moment]) -> None:
        try:
            self.sight.seen(moments)
        except PoleError as error:
            # Whoever looks on ends no work: the loop's next look meets the same.
            LOG.debug("what was seen during long work is not noted: %s", error)

    def _is_over(self, moments: Sequence[Moment]) -> bool:
        self.block = max(each.block for each in moments)
        own = next((each for each in moments if each.round_id == self.round_id), None)
        if own is None or own.phase not in self.phases:
            return True
        others = (each for each in moments if each.lane != own.lane)
        return any(self._gives_way_to(each) for each in sorted(others, key=by_deadline))

    def _gives_way_to(self, other: Moment) -> bool:
        self.meanwhile(other)
        return self.called_by(other)


def is_buried(moment: Moment, standing: Round, confirmations: int) -> bool:
    """Return whether the last step of a round has so many Ethereum blocks after its own.

    Keys wait so after the seed, the test set after the close, models after the release, and votes by
    `are_commitments_buried`: a reorganisation that undoes the step finds no secret given away. Round and
    block are of one look, so a step that was taken anew is waited for anew. Windows last more than twice
    `parameters.chain.confirmations` blocks.
    """
    return moment.block >= standing.since_block + confirmations


def are_commitments_buried(moment: Moment, window_blocks: int, confirmations: int) -> bool:
    """Return whether the end of a vote's commitments has so many Ethereum blocks after its own.

    Of a moment in VoteReveal, which lasts `window_blocks` at least. A reorganisation that undoes the end
    opens the commitments again, in which whoever knows votes and salt has their maker slashed (`leak`).
    """
    return moment.block >= moment.deadline_block - window_blocks + confirmations


LONGEST_PAUSE: Final = Pace().longest
BLOCKS_TO_SEND: Final = 2
"""A transaction has so many of a window's last blocks beside half of those that are left."""
LAST_TRY: Final = 2.0
LONGEST_TRY: Final = 30.0
PART: Final = 2


def spare_blocks(moment: Moment) -> int:
    """Return for how many Ethereum blocks work may go on in a window whose seconds are over.

    It lasts until its blocks have passed as well. Half of them, and two more, are for the transaction.
    """
    return max((moment.deadline_block - moment.block) // 2 - BLOCKS_TO_SEND, 0)


def seconds_to_wait(moment: Moment, margin: float) -> float:
    """Return for how long a file may be waited for in a window, 0 or less where it is the last chance.

    The transaction has `margin` seconds, or the blocks that `spare_blocks` leaves it, and the longest pause
    between two steps comes before it. A block takes a second at least.
    """
    return max(moment.deadline - moment.timestamp - margin, spare_blocks(moment)) - LONGEST_PAUSE


def is_late(watch: RoundWatch, moment: Moment, end: float) -> bool:
    """Return whether work that began at a moment is to end, as its window is over or nearly so.

    Nearly: `end` has come by the watch's clock, and the watch has seen the spare blocks pass.
    """
    if watch.over():
        return True
    # Of a chain that does not answer no block was seen.
    passed = max(watch.block - moment.block, 0)
    return watch.clock() >= end and passed >= spare_blocks(moment)


@dataclass(slots=True)
class PatientStore:
    """A store whose every fetch takes at most half of the time that is left, 30 seconds, or two at the least.

    So a step that ends with the first file that is missing is over in time to be repeated, and to serve other
    lanes: what came until then need not come again, for a daemon keeps its blocks. When no time is left,
    files that were missing before are asked for again within two seconds, and then no more.
    """

    store: Store
    clock: Callable[[], float]
    _until: float = field(default=math.inf, init=False)
    _missed: Recent[str] = field(default_factory=Recent, init=False)

    @contextmanager
    def until(self, seconds: float) -> Iterator[None]:
        """Bound the fetches inside: so many seconds from now none is under way but for a last try."""
        before, self._until = self._until, self.clock() + max(seconds, 0)
        try:
            yield
        finally:
            self._until = before

    def add(self, path: Path) -> str:
        """See Store."""
        return self.store.add(path)

    def cid_of(self, path: Path) -> str:
        """See Store."""
        return self.store.cid_of(path)

    def keep(self, cid: str, name: str) -> None:
        """See Store."""
        self.store.keep(cid, name)

    def forget(self, name: str) -> None:
        """See Store."""
        self.store.forget(name)

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        """See Store."""
        left = self._until - self.clock()
        if left <= -LAST_TRY and cid in self._missed:
            raise UnreachableError(f"{quoted(cid)} was not to be had while there was time.")
        if left < math.inf:
            within = min(max(LAST_TRY, left / PART), LONGEST_TRY)
        try:
            self.store.fetch(cid, path, max_bytes=max_bytes, within=within)
        except UnreachableError:
            self._missed.add(cid)
            raise
