"""Where key holders say that their partial keys are.

Anybody can announce keys for any task, and any number of times: a node is asked for what a task's own holders
said, and not for the rest.
"""

from collections.abc import Callable, Collection

from pole.adapters.ethereum.events.event_index import EventIndex, Wanted
from pole.protocol.encoding.abi_codec import WORD
from pole.protocol.state import FileRef

EVENT = "PartialKeysAnnounced"


class Announcements:
    """What holders announced: an `index` for each of the tasks that were asked for last, `kept` of them."""

    def __init__(self, index: Callable[[Wanted], EventIndex], kept: int) -> None:
        self._index = index
        self._kept = kept
        self._indices: dict[tuple[int, frozenset[str]], EventIndex] = {}

    def of(self, task_id: int, holders: Collection[str], posted_in: int) -> dict[str, FileRef]:
        """Return each holder's last word for a task, which was posted in the block `posted_in`."""
        if not holders:
            return {}
        events = self._of(task_id, frozenset(holders), posted_in).events(EVENT)
        return {
            told["holder"]: FileRef(told["keysCid"], bytes(told["keysDigest"]))
            for told in (event.arguments for event in events)
            if told["taskId"] == task_id and told["holder"] in holders
        }

    def _of(self, task_id: int, holders: frozenset[str], posted_in: int) -> EventIndex:
        key = (task_id, holders)
        if key not in self._indices:
            topics = [bytes.fromhex(each.removeprefix("0x")).rjust(WORD, b"\0") for each in sorted(holders)]
            indexed = ([task_id.to_bytes(WORD, "big")], topics)
            self._indices[key] = self._index(Wanted({"TaskList": (EVENT,)}, posted_in, indexed))
            if len(self._indices) > self._kept:
                del self._indices[next(iter(self._indices))]
        return self._indices[key]
