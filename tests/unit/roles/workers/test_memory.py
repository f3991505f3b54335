"""What workers remember: a journal that an earlier version wrote is read by this one, and by no other names.

The journals in this folder were written by version 1, by the workers of one round on a world of plain Python.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.fake_storage import MemoryJournal

from pole.adapters.storage.journal import SqliteJournal
from pole.protocol.encoding.commitments import SALT_BYTES
from pole.protocol.state import TaskFiles, Verdict, Vote
from pole.roles.memory import (
    Claim,
    DataNodeMemory,
    KeyHolderMemory,
    MinerMemory,
    SettlementMemory,
    VerifierMemory,
    keys_intent,
)

JOURNALS = Path(__file__).parent / "journals"
REPOSITORY = Path(__file__).parents[4]
MODEL = bytes.fromhex("010a6e53857a120f611ae2715946256609c746864dc59c32ce763b864c5fa5de")
MINER_SALT = bytes.fromhex("c1586bd64803f9426471fb1b63ea694c1eb1ef691f1971d0fd6f86739dcd8717")
VERIFIER_SALT = bytes.fromhex("f8c2becf931aed15f5d3ef2d059d9f3c36ec6d2ec75220cd240786de39920895")
SEED = bytes.fromhex("88f94e560eee4c82ac67ef441e47265cf7a05361dab148a9b32699b324fe00d6")
MPK = bytes.fromhex("36d056f9f9911b09006a5db4e2241ccf41d5bac31f627c66d324a8e418e4a28c")
ENTROPY = bytes.fromhex("a342824ceb38fecf") + bytes(24)


def no_more_random(_: int) -> bytes:
    raise AssertionError("A salt that is kept must not be drawn anew.")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Callable[[str], SqliteJournal]]:
    """Give the journals of the earlier version as this version opens them."""
    opened: list[SqliteJournal] = []

    def open_copy(name: str) -> SqliteJournal:
        path = tmp_path / f"{name}.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript((JOURNALS / f"{name}.sql").read_text(encoding="utf-8"))
        connection.close()
        opened.append(SqliteJournal(path))
        return opened[-1]

    yield open_copy
    for each in opened:
        each.close()


def test_a_miner_that_committed_under_version_1_reveals_what_it_committed_to(
    journal: Callable[[str], SqliteJournal],
) -> None:
    memory = MinerMemory(journal("miner-committed"), no_more_random)
    assert memory.claim(1) == Claim(MODEL, 12)
    assert memory.salt(1) == MINER_SALT
    assert memory.has_committed(1)
    assert not memory.has_revealed(1)
    assert memory.test_correct(1) is None
    assert memory.claim(2) is None


def test_a_miner_that_revealed_under_version_1_reveals_nothing_again(
    journal: Callable[[str], SqliteJournal],
) -> None:
    kept = journal("miner-revealed")
    memory = MinerMemory(kept, no_more_random)
    assert memory.has_revealed(1)
    assert memory.test_correct(1) == 6
    assert not memory.has_reported_displaced(1)
    assert not memory.has_considered_tally(4)
    assert SettlementMemory(kept).open_rounds() == [1]


def test_a_verifier_that_voted_under_version_1_reveals_the_same_votes(
    journal: Callable[[str], SqliteJournal],
) -> None:
    memory = VerifierMemory(journal("verifier-voted"), no_more_random)
    assert memory.salt(4) == VERIFIER_SALT
    assert memory.has_voted(4, ENTROPY)
    assert not memory.has_revealed(4, ENTROPY)
    votes = memory.votes(4, ENTROPY)
    assert votes is not None
    assert [(vote.verdict, vote.train_correct, vote.test_correct) for vote in votes] == [
        (Verdict.OK, 12, 6),
        (Verdict.OK, 12, 6),
    ]
    assert memory.votes(4, bytes(32)) is None, "another draw has votes of its own"


def test_a_data_node_that_gave_keys_under_version_1_gives_none_for_another_seed(
    journal: Callable[[str], SqliteJournal],
) -> None:
    kept = journal("data-node-served")
    assert DataNodeMemory(kept).given_seed(MPK) == SEED
    assert KeyHolderMemory(kept).given_seed(MPK) == SEED
    assert KeyHolderMemory(kept).given_seed(bytes(32)) is None
    assert not DataNodeMemory(kept).has_dropped_secret(MPK)


def test_intents_are_those_of_version_1_so_that_nothing_is_sent_twice() -> None:
    journal, digest = MemoryJournal(), bytes.fromhex("e7737659ce7707aa") + bytes(24)
    miner, verifier = MinerMemory(journal, no_more_random), VerifierMemory(journal, no_more_random)
    node, holder = DataNodeMemory(journal), KeyHolderMemory(journal)
    assert [miner.commit_intent(1), miner.reveal_intent(1), miner.challenge_intent(4)] == [
        "commit/1",
        "reveal/1",
        "challenge/4",
    ]
    assert verifier.commit_intent(4, digest) == "vote/4/e7737659ce7707aa"
    assert verifier.reveal_intent(4, digest) == "reveal-vote/4/e7737659ce7707aa"
    assert [node.close_intent(1), node.release_intent(1)] == ["close/1", "release/1"]
    assert node.post_intent(b"\x01\x02") == "post/0102"
    assert holder.partial_keys_intent(1, b"\x01\x02") == "partial-keys/1/0102"
    assert keys_intent(1) == "keys/1"
    assert SettlementMemory(journal).withdraw_intent("1") == "withdraw/1"


@given(st.integers(1, 2**32), st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1))
def test_a_claim_is_read_as_it_was_kept(round_id: int, digest: bytes, correct: int) -> None:
    memory = MinerMemory(MemoryJournal(), no_more_random)
    memory.keep_claim(round_id, Claim(digest, correct))
    assert memory.claim(round_id) == Claim(digest, correct)
    assert memory.claim(round_id + 1) is None


VOTES = st.lists(
    st.builds(
        Vote,
        st.sampled_from(Verdict),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(min_size=32, max_size=32),
    ),
    max_size=5,
).map(tuple)


@given(VOTES, st.binary(min_size=32, max_size=32))
def test_votes_are_read_as_they_were_kept(votes: tuple[Vote, ...], entropy: bytes) -> None:
    memory = VerifierMemory(MemoryJournal(), no_more_random)
    memory.keep_votes(4, entropy, votes)
    assert memory.votes(4, entropy) == votes


def test_prepared_files_are_read_as_they_were_kept_until_they_are_posted() -> None:
    memory, request = DataNodeMemory(MemoryJournal()), b"\x07" * 32
    files = TaskFiles("spec", b"\x01" * 32, "train", b"\x02" * 32, b"\x03" * 32, b"\x04" * 32)
    memory.keep_prepared(request, files)
    assert memory.prepared(request) == files
    memory.forget_prepared(request)
    assert memory.prepared(request) is None


def test_a_salt_is_drawn_once_and_kept() -> None:
    journal, drawn = MemoryJournal(), iter([b"\x01" * SALT_BYTES, b"\x02" * SALT_BYTES])
    memory = MinerMemory(journal, lambda count: next(drawn))
    assert memory.salt(1) == memory.salt(1) == b"\x01" * SALT_BYTES
    assert memory.salt(2) == b"\x02" * SALT_BYTES


@pytest.mark.parametrize("memory", [MinerMemory, VerifierMemory])
def test_no_source_of_randomness_is_shown(memory: Callable[..., object]) -> None:
    assert "random" not in repr(memory(MemoryJournal(), no_more_random))


def test_the_document_of_formats_has_every_key_and_intent() -> None:
    source = (REPOSITORY / "offchain/pole/roles/memory.py").read_text(encoding="utf-8")
    page = (REPOSITORY / "docs/formats.md").read_text(encoding="utf-8").partition("## Journal")[2]
    names = set(re.findall(r'f"([a-z-]+)/', source))
    assert len(names) > 20
    assert {name for name in names if f"`{name}/`" not in page} == set()
