"""The index: kept up with the chain, and taken back where that was reorganised."""

import threading
from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from pole.adapters.history.pages import MAX_PAGE, BlockMark, EventPage
from pole.errors import AbandonedError, DiskError, InputError, UnreachableError
from pole.explore.index.keeping import Keeper
from pole.explore.index.rounds import Where
from pole.explore.schema import METADATA, VERSION, about, blocks, events, lanes
from pole.quoting import reason
from pole.roles.ports import Moment

REREAD: Final = 8
"""Blocks read again with those after them: a node may know of a block, but not yet of its events."""

MARKS: Final = 256
"""Newest blocks whose hash is kept though they have no event, beyond any depth of confirmations."""


class Source(Protocol):
    """Where events come from. Every function raises UnreachableError."""

    @property
    def first_block(self) -> int:
        """Return the Ethereum block before which there is no event."""

    def head(self) -> BlockMark:
        """Return the newest Ethereum block."""

    def mark(self, number: int) -> BlockMark | None:
        """Return an Ethereum block, None where there is none of that number."""

    def page(self, first: int, last: int) -> EventPage:
        """Return the events of Ethereum blocks `first` to `last`."""

    def moments(self) -> Sequence[Moment]:
        """Return where every lane stands now."""


class EventDatabase:
    """The index of one deployment in a database; nobody else may write to it meanwhile.

    Raises InputError where the database has the index of another deployment, DiskError where it cannot be
    used.
    """

    def __init__(self, engine: Engine, where: Where) -> None:
        self.engine = engine
        self.where = where
        self._keeper = Keeper(where)
        self._stopped = threading.Event()
        try:
            with engine.begin() as connection:
                METADATA.create_all(connection)
                _claim(connection, where)
        except SQLAlchemyError as error:
            raise DiskError(f"The database of the explorer cannot be used: {reason(error)}.") from error

    def newest(self) -> BlockMark | None:
        """Return the newest Ethereum block that was read, None before the first."""
        with self.engine.connect() as connection:
            return _newest(connection)

    def catch_up(self, source: Source) -> BlockMark:
        """Read what is new, and return the block up to which all is read.

        What was read is kept page by page, so that a stop costs a page. Raises UnreachableError, also where
        the node has only older blocks of the same chain, DiskError, and AbandonedError where `stop` was
        called.
        """
        try:
            head = source.head()
            if head.number < source.first_block:
                raise _behind(head, source.first_block)
            while not self._step(source, head):
                if self._stopped.is_set():
                    raise AbandonedError("Reading was stopped; what was read is kept.")
            self._look(source.moments())
        except SQLAlchemyError as error:
            raise DiskError(f"The database of the explorer cannot be used: {reason(error)}.") from error
        return head

    def stop(self) -> None:
        """Have whoever reads in another thread end after the page that is under way, and read no more."""
        self._stopped.set()

    def _step(self, source: Source, head: BlockMark) -> bool:
        """Read a page, or go back behind a reorganisation; return whether all is read up to the head."""
        kept = self.newest()
        if kept is not None and not _stands(source, kept):
            marks = self._marks()
            _check_reorganised(source, head, marks)
            self._go_back(_fork(marks, source))
            return False
        if kept is not None and kept.number >= head.number:
            return True
        reread = source.first_block if kept is None else max(source.first_block, kept.number + 1 - REREAD)
        page = source.page(reread, min(reread + MAX_PAGE - 1, head.number))
        if kept is not None and not _stands(source, kept):
            return False
        with self.engine.begin() as connection:
            disputed = _disputed(connection, page)
            if disputed is not None:
                self._keeper.remove_from(connection, disputed)
                return False
            self._keeper.add(connection, page)
            _forget_marks(connection, page.marks[-1].number - MARKS)
        return page.marks[-1].number >= head.number

    def _go_back(self, fork: int) -> None:
        with self.engine.begin() as connection:
            self._keeper.remove_from(connection, fork + 1)

    def _marks(self) -> list[BlockMark]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(blocks).order_by(blocks.c.number.desc()))
            return [BlockMark(row.number, row.hash, row.time) for row in rows]

    def _look(self, moments: Sequence[Moment]) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(lanes))
            if moments:
                connection.execute(insert(lanes), [_lane(moment) for moment in moments])


def _claim(connection: Connection, where: Where) -> None:
    """Make an empty database this deployment's."""
    claims = {
        "schema": str(VERSION),
        "chain": str(where.chain_id),
        "contract": where.chain_address,
    }
    found = {row.name: row.value for row in connection.execute(select(about))}
    if not found:
        connection.execute(insert(about), [{"name": name, "value": value} for name, value in claims.items()])
    elif found != claims:
        raise InputError(
            "The database has the index of another deployment, or of another version of pole: name an empty "
            "one with --database, or delete it; everything in it is read again from the chain."
        )


def _newest(connection: Connection) -> BlockMark | None:
    row = connection.execute(select(blocks).order_by(blocks.c.number.desc()).limit(1)).first()
    return None if row is None else BlockMark(row.number, row.hash, row.time)


def _stands(source: Source, kept: BlockMark) -> bool:
    found = source.mark(kept.number)
    return found is not None and found.hash == kept.hash


def _check_reorganised(source: Source, head: BlockMark, marks: Sequence[BlockMark]) -> None:
    """Raise UnreachableError where a node lacks the newest mark because it is behind, on the same chain.

    Marks are newest first, and not all blocks have one: a chain that has become shorter may seem so too,
    until it is as long as before.
    """
    if marks[0].number <= head.number:
        return
    newest = next((mark for mark in marks if mark.number <= head.number), None)
    if newest is None or _stands(source, newest):
        raise _behind(head, marks[0].number)


def _behind(head: BlockMark, wanted: int) -> UnreachableError:
    return UnreachableError(
        f"The Ethereum node is behind: its newest block is {head.number}, and {wanted} is needed. Wait until "
        "it has caught up, or name another with --rpc."
    )


def _fork(marks: Sequence[BlockMark], source: Source) -> int:
    """Return the newest kept block that is still in the chain, the one before all where none is.

    Marks are newest first. What stands has all before it below itself, so that halving finds it.
    """
    low, high = 0, len(marks)
    while low < high:
        middle = (low + high) // 2
        if _stands(source, marks[middle]):
            high = middle
        else:
            low = middle + 1
    return marks[low].number if low < len(marks) else source.first_block - 1


def _disputed(connection: Connection, page: EventPage) -> int | None:
    """Return the first block of a page of which another hash is kept, None where there is none."""
    numbers = [mark.number for mark in page.marks]
    rows = connection.execute(select(blocks).where(blocks.c.number.in_(numbers)))
    kept = {row.number: row.hash for row in rows}
    differing = [mark.number for mark in page.marks if kept.get(mark.number, mark.hash) != mark.hash]
    return min(differing, default=None)


def _forget_marks(connection: Connection, below: int) -> None:
    """Forget blocks without an event that are older than any reorganisation that can be."""
    has_events = select(events.c.block).where(events.c.block == blocks.c.number).exists()
    is_old = blocks.c.number.between(below - MARKS - MAX_PAGE, below - 1)
    connection.execute(delete(blocks).where(is_old, ~has_events))


def _lane(moment: Moment) -> dict[str, object]:
    return {
        "lane": moment.lane,
        "round_id": moment.round_id,
        "phase": moment.phase.name,
        "deadline": moment.deadline,
        "deadline_block": moment.deadline_block,
        "attempt": moment.attempt,
        "block": moment.block,
        "time": moment.timestamp,
    }
