"""A member's votes and salt as somebody got hold of them, before its committee reveals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pole.errors import IntegrityError
from pole.protocol.encoding.commitments import SALT_BYTES
from pole.protocol.formats.canonical_json import (
    check_fields,
    read_address,
    read_document,
    read_hex,
    read_list,
    read_whole,
    write_document,
)
from pole.protocol.state import Verdict, Vote

FORMAT: Final = "pole.leaked-vote"
MAX_BYTES: Final = 2**20
MAXIMUM_CHOICES: Final = 256

_VOTE_FIELDS: Final = ("verdict", "trainCorrect", "testCorrect", "predictions")
_VERDICTS: Final = {verdict.name: verdict for verdict in Verdict if verdict is not Verdict.NONE}
_UINT32: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LeakedVote:
    """What opens `verifier`'s commitment: whoever shows it voids the vote and earns part of its stake."""

    verifier: str
    votes: tuple[Vote, ...]
    salt: bytes = field(repr=False)


def write_leaked_vote(leaked: LeakedVote) -> bytes:
    """Return the file of a leaked vote."""
    votes = [
        {
            "verdict": vote.verdict.name,
            "trainCorrect": vote.train_correct,
            "testCorrect": vote.test_correct,
            "predictions": f"0x{vote.predictions.hex()}",
        }
        for vote in leaked.votes
    ]
    salt = f"0x{leaked.salt.hex()}"
    return write_document(
        {"format": FORMAT, "version": 1, "verifier": leaked.verifier, "votes": votes, "salt": salt}
    )


def read_leaked_vote(data: bytes) -> LeakedVote:
    """Return the leaked vote in a file, not held against the chain; raises IntegrityError for other bytes."""
    fields = ["verifier", "votes", "salt"]
    document = read_document(data, kind=FORMAT, version=1, fields=fields, max_bytes=MAX_BYTES)
    votes = read_list(document, "votes", maximum=MAXIMUM_CHOICES)
    return LeakedVote(
        read_address(document, "verifier"),
        tuple(_read_vote(check_fields(vote, _VOTE_FIELDS, "A vote")) for vote in votes),
        read_hex(document, "salt", length=SALT_BYTES),
    )


def _read_vote(fields: Mapping[str, Any]) -> Vote:
    verdict = fields["verdict"]
    if not isinstance(verdict, str) or verdict not in _VERDICTS:
        raise IntegrityError(f"verdict must be one of {', '.join(_VERDICTS)}.")
    return Vote(
        _VERDICTS[verdict],
        read_whole(fields, "trainCorrect", minimum=0, maximum=_UINT32),
        read_whole(fields, "testCorrect", minimum=0, maximum=_UINT32),
        read_hex(fields, "predictions", length=32),
    )
