"""What workers must not forget: every key, and every intent, under which a journal keeps something of theirs.

Version 1 of docs/formats.md, "Journals". Every later version reads what an earlier one wrote: another meaning
takes another key. Intents name transactions: the chain sends nothing twice under the same one.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final

from pole.protocol.encoding.commitments import SALT_BYTES
from pole.protocol.state import TaskFiles, Verdict, Vote
from pole.roles.ports import Journal

DONE: Final = b"done"
NOTHING: Final = b""
OPEN_ROUNDS: Final = "open-rounds"
AWAITED_MODELS: Final = "awaited-models"
SPEED: Final = "speed"
NAME_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Claim:
    """What a miner committed to: the model's digest and its correct predictions on the training set."""

    model_digest: bytes
    train_correct: int


@dataclass(frozen=True, slots=True)
class MinerMemory:
    """What a miner remembers of each round; `random_bytes` makes salts."""

    journal: Journal
    random_bytes: Callable[[int], bytes] = field(repr=False)

    def salt(self, round_id: int) -> bytes:
        """Return the salt of this miner's commitment, made and kept first when there is none."""
        return self.journal.secret(f"salt/{round_id}", lambda: self.random_bytes(SALT_BYTES))

    def claim(self, round_id: int) -> Claim | None:
        """Return what this miner trained for the round, None when it has nothing yet."""
        return self._claim(f"claim/{round_id}")

    def keep_claim(self, round_id: int, claim: Claim) -> None:
        """Keep what was trained, before anything is sent."""
        self._keep_claim(f"claim/{round_id}", claim)

    def has_committed(self, round_id: int) -> bool:
        """Return whether the commitment to what was trained is on the chain."""
        return _is_noted(self.journal, f"committed/{round_id}")

    def note_committed(self, round_id: int) -> None:
        """Note that the commitment to what was trained is on the chain."""
        self.journal.put(f"committed/{round_id}", DONE)

    def first_claim(self, round_id: int) -> Claim | None:
        """Return what this miner committed to before it had trained, None when it did not."""
        return self._claim(f"first-claim/{round_id}")

    def keep_first_claim(self, round_id: int, claim: Claim) -> None:
        """Keep what is committed to before anything is trained, before it is sent."""
        self._keep_claim(f"first-claim/{round_id}", claim)

    def speed(self) -> float | None:
        """Return how many multiplications of judging work a second this miner does, None before it knows."""
        kept = self.journal.get(SPEED)
        return None if kept is None else float(kept)

    def keep_speed(self, speed: float) -> None:
        """Keep a measured speed."""
        self.journal.put(SPEED, repr(speed).encode())

    def has_reported_displaced(self, round_id: int) -> bool:
        """Return whether it was said that a higher claim took this miner's place."""
        return _is_noted(self.journal, f"displaced/{round_id}")

    def note_reported_displaced(self, round_id: int) -> None:
        """Note that it was said."""
        self.journal.put(f"displaced/{round_id}", DONE)

    def test_correct(self, round_id: int) -> int | None:
        """Return the count on the test set that was found for the reveal, None before."""
        kept = self.journal.get(f"test-correct/{round_id}")
        return None if kept is None else int(kept)

    def keep_test_correct(self, round_id: int, correct: int) -> None:
        """Keep the count on the test set, before anything is sent."""
        self.journal.put(f"test-correct/{round_id}", str(correct).encode())

    def has_revealed(self, round_id: int) -> bool:
        """Return whether the reveal is on the chain."""
        return _is_noted(self.journal, f"revealed/{round_id}")

    def note_revealed(self, round_id: int) -> None:
        """Note that the reveal is on the chain."""
        self.journal.put(f"revealed/{round_id}", DONE)

    def has_considered_tally(self, ballot_id: int) -> bool:
        """Return whether the ballot's tally was held against this miner's own evaluation."""
        return _is_noted(self.journal, f"tally-considered/{ballot_id}")

    def note_considered_tally(self, ballot_id: int) -> None:
        """Note that the tally was held against this miner's own evaluation."""
        self.journal.put(f"tally-considered/{ballot_id}", DONE)

    def commit_intent(self, round_id: int) -> str:
        """Return the intent of the commitment to what was trained."""
        return f"commit/{round_id}"

    def first_commit_intent(self, round_id: int) -> str:
        """Return the intent of the commitment before anything is trained."""
        return f"first-commit/{round_id}"

    def reveal_intent(self, round_id: int) -> str:
        """Return the intent of the reveal."""
        return f"reveal/{round_id}"

    def challenge_intent(self, ballot_id: int) -> str:
        """Return the intent of challenging a ballot's tally."""
        return f"challenge/{ballot_id}"

    def _claim(self, key: str) -> Claim | None:
        kept = self.journal.get(key)
        if kept is None:
            return None
        claim = json.loads(kept)
        return Claim(bytes.fromhex(claim["modelDigest"]), claim["trainCorrect"])

    def _keep_claim(self, key: str, claim: Claim) -> None:
        kept = {"modelDigest": claim.model_digest.hex(), "trainCorrect": claim.train_correct}
        self.journal.put(key, json.dumps(kept).encode())


@dataclass(frozen=True, slots=True)
class VerifierMemory:
    """What a verifier remembers of each ballot; `random_bytes` makes salts.

    A draw is a ballot under the entropy that its votes were found with: a reorganisation draws anew.
    """

    journal: Journal
    random_bytes: Callable[[int], bytes] = field(repr=False)

    def salt(self, ballot_id: int) -> bytes:
        """Return the salt of the vote commitment, made and kept first when there is none."""
        return self.journal.secret(f"vote-salt/{ballot_id}", lambda: self.random_bytes(SALT_BYTES))

    def votes(self, ballot_id: int, entropy: bytes) -> tuple[Vote, ...] | None:
        """Return the votes that were found, in the order of choices, None before."""
        kept = self.journal.get(f"votes/{_draw(ballot_id, entropy)}")
        return None if kept is None else _read_votes(kept)

    def keep_votes(self, ballot_id: int, entropy: bytes, votes: tuple[Vote, ...]) -> None:
        """Keep votes, before anything is sent."""
        self.journal.put(f"votes/{_draw(ballot_id, entropy)}", _write_votes(votes))

    def has_voted(self, ballot_id: int, entropy: bytes) -> bool:
        """Return whether the vote commitment is on the chain."""
        return _is_noted(self.journal, f"voted/{_draw(ballot_id, entropy)}")

    def note_voted(self, ballot_id: int, entropy: bytes) -> None:
        """Note that the vote commitment is on the chain."""
        self.journal.put(f"voted/{_draw(ballot_id, entropy)}", DONE)

    def has_revealed(self, ballot_id: int, entropy: bytes) -> bool:
        """Return whether the votes were revealed."""
        return _is_noted(self.journal, f"vote-revealed/{_draw(ballot_id, entropy)}")

    def note_revealed(self, ballot_id: int, entropy: bytes) -> None:
        """Note that the votes were revealed."""
        self.journal.put(f"vote-revealed/{_draw(ballot_id, entropy)}", DONE)

    def commit_intent(self, ballot_id: int, commitment: bytes) -> str:
        """Return the intent of a vote commitment: one that a reorganisation undid has the same again."""
        return f"vote/{ballot_id}/{_name(commitment)}"

    def reveal_intent(self, ballot_id: int, commitment: bytes) -> str:
        """Return the intent of revealing what a vote commitment binds."""
        return f"reveal-vote/{ballot_id}/{_name(commitment)}"


@dataclass(frozen=True, slots=True)
class DataNodeMemory:
    """What a data node remembers of its tasks."""

    journal: Journal

    def given_seed(self, mpk_digest: bytes) -> bytes | None:
        """Return the seed that an earlier version noted to have given keys for, None without one."""
        return _given_seed(self.journal, mpk_digest)

    def prepared(self, request_digest: bytes) -> TaskFiles | None:
        """Return the files of a request that was prepared and not yet posted, None when there are none."""
        kept = self.journal.get(f"task/{request_digest.hex()}")
        return _read_files(kept) if kept else None

    def keep_prepared(self, request_digest: bytes, files: TaskFiles) -> None:
        """Keep the files of a prepared request, before anything is sent."""
        self.journal.put(f"task/{request_digest.hex()}", _write_files(files))

    def begun(self, request_digest: bytes) -> bytes | None:
        """Return the digest of the master key that a request is being prepared under, None without one."""
        return self.journal.get(f"begun/{request_digest.hex()}") or None

    def keep_begun(self, request_digest: bytes, mpk_digest: bytes) -> None:
        """Keep the digest of the master key that a request is prepared under, before it is encrypted."""
        self.journal.put(f"begun/{request_digest.hex()}", mpk_digest)

    def forget_prepared(self, request_digest: bytes) -> None:
        """Forget a request that was posted: the same one again is a new task, under another master key."""
        # First what it was begun under: while its files are kept, nobody asks for that.
        self.journal.put(f"begun/{request_digest.hex()}", NOTHING)
        self.journal.put(f"task/{request_digest.hex()}", NOTHING)

    def has_dropped_secret(self, mpk_digest: bytes) -> bool:
        """Return whether this data node left the master secret to its holders."""
        return _is_noted(self.journal, f"secret-dropped/{mpk_digest.hex()}")

    def note_dropped_secret(self, mpk_digest: bytes) -> None:
        """Note that the holders issue the keys from now on."""
        self.journal.put(f"secret-dropped/{mpk_digest.hex()}", b"1")

    def has_settled_replaced(self, task_id: int) -> bool:
        """Return whether a task that a better one replaced was settled."""
        return _is_noted(self.journal, f"replaced/{task_id}")

    def note_settled_replaced(self, task_id: int) -> None:
        """Note that a replaced task was settled."""
        self.journal.put(f"replaced/{task_id}", DONE)

    def awaited_models(self) -> list[int]:
        """Return the rounds of this data node's tasks whose models are not kept yet."""
        kept = self.journal.get(AWAITED_MODELS)
        return [int(number) for number in json.loads(kept)] if kept else []

    def keep_awaited_models(self, rounds: list[int]) -> None:
        """Keep the rounds whose models are still to be kept."""
        self.journal.put(AWAITED_MODELS, json.dumps(rounds).encode())

    def post_intent(self, mpk_digest: bytes) -> str:
        """Return the intent of posting the task of a master key."""
        return f"post/{mpk_digest.hex()}"

    def close_intent(self, round_id: int) -> str:
        """Return the intent of closing submissions."""
        return f"close/{round_id}"

    def release_intent(self, round_id: int) -> str:
        """Return the intent of releasing the test set."""
        return f"release/{round_id}"


@dataclass(frozen=True, slots=True)
class KeyHolderMemory:
    """What a key holder remembers of the master secrets that it has shares of."""

    journal: Journal

    def given_seed(self, mpk_digest: bytes) -> bytes | None:
        """Return the seed that an earlier version noted to have given partial keys for, else None."""
        return _given_seed(self.journal, mpk_digest)

    def partial_keys_intent(self, round_id: int, sharing_digest: bytes) -> str:
        """Return the intent of announcing the partial keys of a share."""
        return f"partial-keys/{round_id}/{sharing_digest.hex()}"


@dataclass(frozen=True, slots=True)
class SettlementMemory:
    """The rounds whose end a wallet has to come back to."""

    journal: Journal

    def open_rounds(self) -> list[int]:
        """Return the rounds that are not settled yet, in the order in which they were taken part in."""
        kept = self.journal.get(OPEN_ROUNDS)
        return [int(number) for number in json.loads(kept)] if kept else []

    def keep_open_rounds(self, rounds: list[int]) -> None:
        """Keep the rounds that are not settled yet."""
        self.journal.put(OPEN_ROUNDS, json.dumps(rounds).encode())

    def withdraw_intent(self, occasion: str) -> str:
        """Return the intent of fetching credit, once for an occasion."""
        return f"withdraw/{occasion}"


def keys_intent(round_id: int) -> str:
    """Return the intent of posting functional keys, for a data node and the delegate of holders alike."""
    return f"keys/{round_id}"


def delegate_intent(task_id: int, sharing_digest: bytes) -> str:
    """Return the intent of naming a task's sharing."""
    return f"delegate/{task_id}/{sharing_digest.hex()}"


def _given_seed(journal: Journal, mpk_digest: bytes) -> bytes | None:
    return journal.get(f"keys-given/{mpk_digest.hex()}")


def _is_noted(journal: Journal, key: str) -> bool:
    return journal.get(key) is not None


def _draw(ballot_id: int, entropy: bytes) -> str:
    return f"{ballot_id}/{_name(entropy)}"


def _name(hashed: bytes) -> str:
    return hashed.hex()[:NAME_DIGITS]


def _write_votes(votes: tuple[Vote, ...]) -> bytes:
    rows = [
        [vote.verdict.value, vote.train_correct, vote.test_correct, vote.predictions.hex()] for vote in votes
    ]
    return json.dumps(rows).encode()


def _read_votes(kept: bytes) -> tuple[Vote, ...]:
    rows = json.loads(kept)
    return tuple(
        Vote(Verdict(verdict), train, test, bytes.fromhex(digest)) for verdict, train, test, digest in rows
    )


def _write_files(files: TaskFiles) -> bytes:
    fields = asdict(files).items()
    return json.dumps({k: value.hex() if isinstance(value, bytes) else value for k, value in fields}).encode()


def _read_files(kept: bytes) -> TaskFiles:
    fields = json.loads(kept)
    return TaskFiles(
        spec_cid=fields["spec_cid"],
        spec_digest=bytes.fromhex(fields["spec_digest"]),
        train_cid=fields["train_cid"],
        train_digest=bytes.fromhex(fields["train_digest"]),
        test_digest=bytes.fromhex(fields["test_digest"]),
        mpk_digest=bytes.fromhex(fields["mpk_digest"]),
    )
