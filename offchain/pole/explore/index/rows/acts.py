"""Lines of a timeline: who did what when, of events that people want to see."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pole.adapters.history.pages import ChainEvent
from pole.explore.index.stored import subjects
from pole.protocol.amounts import ether
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    KeysPosted,
    RecordData,
    RoundVoided,
    SolutionCommitted,
    SolutionRevealed,
    TallyChallenged,
    TestSetReleased,
    VoteLeaked,
)
from pole.quoting import one_line

MAX_DETAIL: Final = 200
"""Characters of a line's detail: a CID has 128 at most."""

_OTHERS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]]] = {
    "Staked": ("verifier", lambda told: ether(told["stake"])),
    "SeatLeft": ("verifier", lambda told: ether(told["stake"])),
    "Reclaimed": ("verifier", lambda told: ether(told["stake"])),
    "Slashed": ("verifier", lambda told: ether(told["amount"])),
    "Rewarded": ("verifier", lambda told: ether(told["amount"])),
    "Struck": ("verifier", lambda told: f"strike {told['strikes']}"),
    "Withdrawn": ("payee", lambda told: ether(told["amount"])),
    "KeysDelegated": ("delegate", lambda told: str(told["sharingCid"])),
    "PartialKeysAnnounced": ("holder", lambda told: str(told["keysCid"])),
}
"""Events that no record repeats: the argument that acts, and what is said of it."""


def act_of(event: ChainEvent, record: RecordData | None, time: int) -> dict[str, Any] | None:
    """Return the line of an event in an Ethereum block of that time, None where it has none."""
    if record is not None:
        kind, who, detail = type(record).__name__, _actor(record), _detail(record)
    elif event.name in _OTHERS:
        name, say = _OTHERS[event.name]
        kind, who, detail = event.name, event.arguments[name], say(event.arguments)
    else:
        return None
    round_id, task_id, _ = subjects(event, record)
    return {
        "block": event.block,
        "log_index": event.log_index,
        "time": time,
        "kind": kind,
        "who": who,
        "round_id": round_id,
        "task_id": task_id,
        "detail": one_line(detail, MAX_DETAIL),
    }


def _actor(record: RecordData) -> str:
    """Return who made a record, "" where it does not say."""
    if isinstance(record, VoteLeaked):
        return record.informer
    for name in ("miner", "verifier", "challenger", "owner"):
        who = getattr(record, name, None)
        if who is not None:
            return str(who)
    return ""


def _detail(record: RecordData) -> str:
    match record:
        case SolutionCommitted():
            return f"claims {record.claimed_train_correct} right in training"
        case SolutionRevealed():
            return (
                f"{record.model_cid}, claims {record.claimed_train_correct} right in training "
                f"and {record.claimed_test_correct} in the test"
            )
        case KeysPosted():
            return record.keys_cid
        case TestSetReleased():
            return record.test_cid
        case CommitteeDrawn():
            return f"{len(record.members)} seats"
        case TallyChallenged():
            return f"with a bond of {ether(record.bond)}"
        case VoteLeaked():
            return f"of {record.verifier}"
        case RoundVoided():
            return record.reason.name
    return ""
