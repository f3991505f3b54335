"""Rounds that end, or stand, in every way."""

from collections.abc import Iterable
from dataclasses import replace

from tests.unit.protocol.ledger import HONEST, SEATS, VERIFIERS, Ledger

from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import KeysPosted, TaskCancelled
from pole.protocol.state import Verdict, Vote

LIE = Vote(Verdict.OK, 60, 5, b"\x66" * 32)
MISSING = Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32))
NO_TEXT = "bafy\udcff\udc80\x00keys"
"""Contracts hold strings to nothing: bytes that are no UTF-8, and a zero, which PostgreSQL has not."""
MOODS = (
    *("block", "nobody", "silent", "false", "leaked", "challenged", "unrevealed"),
    *("keyless", "open", "cancelled"),
)


def played(moods: tuple[str, ...]) -> Ledger:
    """Return a chain of rounds that end, or stand, as their moods say; only the last may stay open."""
    ledger = Ledger()
    for mood in moods:
        _play(ledger, mood)
    return ledger


def named(texts: Iterable[str]) -> Ledger:
    """Return a chain of rounds, in which whatever is a CID elsewhere is one of the texts."""
    ledger = Ledger()
    for text in texts:
        task_id = ledger.post()
        files = replace(ledger.tasks[task_id].files, spec_cid=text, train_cid=text)
        ledger.tasks[task_id] = replace(ledger.tasks[task_id], files=files)
        round_id = ledger.open()
        ledger.seed(round_id)
        ledger.add(KeysPosted(round_id, text, b"\x21" * 32))
        ledger.finalise(round_id)
    return ledger


def _play(ledger: Ledger, mood: str) -> None:
    if mood == "cancelled":
        task_id = ledger.post()
        ledger.waiting.pop(task_id)
        ledger.add(TaskCancelled(task_id))
        return
    ledger.post()
    if mood in ("block", "silent", "false"):
        ledger.run(vote={"block": HONEST, "silent": None, "false": MISSING}[mood])
    elif mood == "keyless":
        round_id = ledger.open()
        ledger.seed(round_id)
        ledger.finalise(round_id)
    elif mood == "nobody":
        ledger.finalise(ledger.run_to_training())
    elif mood == "unrevealed":
        round_id = ledger.run_to_training()
        ledger.commit(round_id, 0)
        ledger.reveal_all(round_id)
        ledger.finalise(round_id)
    elif mood == "leaked":
        round_id = ledger.run_to_reveal()
        ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id), leaked=VERIFIERS[:1])
        ledger.finalise(round_id)
    elif mood == "open":
        round_id = ledger.run_to_reveal()
        ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id), VERIFIERS[:2])
    else:
        round_id = ledger.run_to_reveal()
        ledger.vote(ballot_id(round_id, 0), (LIE,) * ledger.draw(round_id))
        ledger.challenge(round_id)
        ledger.vote(ballot_id(round_id, 1), (HONEST,) * ledger.draw(round_id, SEATS), SEATS)
        ledger.finalise(round_id)
