"""Waiting: for files, for confirmations of a round's opening, and for the end of a phase."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pole.errors import RefusedError, UnreachableError
from pole.protocol.state import Phase, Round
from pole.quoting import quoted
from pole.roles.loop import Pace
from pole.roles.ports import Chain, Moment, Store
from pole.roles.support.events import report

LOG: Final = logging.getLogger("pole.miner")
KEYS_LOG: Final = logging.getLogger("pole.keys")


@dataclass(slots=True)
class RoundWatch:
    """Tells work when its round is in none of `phases` any more; looks at the chain once a second at most."""

    chain: Chain
    round_id: int
    clock: Callable[[], float]
    stopping: Callable[[], bool]
    phases: frozenset[Phase] = frozenset({Phase.TRAINING})
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
            moment = self.chain.moment()
        except (UnreachableError, RefusedError) as error:
            # The deadline still ends the work when the chain does not answer, or with another round's state.
            LOG.debug("the chain does not answer during long work: %s", error)
            return False
        return moment.round_id != self.round_id or moment.phase not in self.phases


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
        self._report(open_round)
        is_late = 2 * moment.timestamp >= open_round.opened_at + moment.deadline
        return is_late or moment.block >= opening.block + self.confirmations

    def _report(self, open_round: Round) -> None:
        if self._told == open_round.seed:
            return
        self._told = open_round.seed
        sentence = (
            f"Round {open_round.round_id}: its keys wait for {self.confirmations} blocks after its opening, "
            f"seed {open_round.seed.hex()[:8]}."
        )
        report(KEYS_LOG, "keys-wait", sentence, round=open_round.round_id, blocks=self.confirmations)


LONGEST_PAUSE: Final = Pace().longest
LAST_TRY: Final = 2.0
PART: Final = 2


@dataclass(slots=True)
class PatientStore:
    """A store whose every fetch takes at most half of the time that is left, or two seconds.

    So a step that ends with the first file that is missing is over in time to be repeated. When no time is
    left, files that were missing before are asked for again within two seconds, and then no more.
    """

    store: Store
    clock: Callable[[], float]
    _until: float = field(default=math.inf, init=False)
    _missed: set[str] = field(default_factory=set, init=False)

    @contextmanager
    def until(self, seconds: float) -> Iterator[None]:
        """Bound the fetches inside: so many seconds from now none is under way but for a last try."""
        self._until = self.clock() + max(seconds, 0)
        try:
            yield
        finally:
            self._until = math.inf

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
            within = max(LAST_TRY, left / PART)
        try:
            self.store.fetch(cid, path, max_bytes=max_bytes, within=within)
        except UnreachableError:
            self._missed.add(cid)
            raise
