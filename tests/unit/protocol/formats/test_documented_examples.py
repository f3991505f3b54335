"""The worked examples of docs/formats.md, byte for byte."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.unit.protocol.example_rounds import MINERS

from pole.learning.data.preparation import (
    CategoryColumn,
    ClassTarget,
    NumberColumn,
    Preparation,
    TableSource,
    TimeColumn,
    TruthColumn,
    parse_preparation,
)
from pole.learning.data.quantisation import Quantisation
from pole.learning.privacy.measure import DataMeasure, KeysMeasure
from pole.learning.privacy.rules import Rule
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment, vote_payload
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.merkle_body import leaf
from pole.protocol.encoding.records import DrawArmed, RecordData, TaskCancelled, encode_record
from pole.protocol.formats.block_body import BlockBody, body_root, read_body, write_body
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    read_manifest,
    read_shard,
    shard_ref,
    write_manifest,
    write_shard,
)
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    Sharing,
    read_partial_keys,
    read_sealed_share,
    read_sharing,
    share_context,
    write_partial_keys,
    write_sealed_share,
    write_share,
    write_sharing,
)
from pole.protocol.formats.keys import (
    read_functional_keys,
    read_master_public_key,
    write_functional_keys,
    write_master_public_key,
)
from pole.protocol.formats.leaked_vote import LeakedVote, read_leaked_vote, write_leaked_vote
from pole.protocol.formats.predictions import predictions_digest
from pole.protocol.formats.shared_task import SharedTask
from pole.protocol.formats.signed_release import SignedRelease, read_signed_release, write_signed_release
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.protocol.replay.proofs import proof_of, read_proof, verify_proof, write_proof
from pole.protocol.state import FileRef, Header, Record, RecordKind, Verdict, Vote
from pole.roles.keys.ledger import GivenKeys, LedgerEntry, Measures, write_entry
from pole.roles.keys.seeds import write_served_seed
from pole.roles.models.record import ModelRecord, Score, read_record, write_record

DOCUMENT = Path(__file__).parents[4] / "docs" / "formats.md"

CHAIN = "0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab"
COMMITTEE = "0x5b1869D9A4C187F2EAa108f3062412ecf0526b24"
SEED = bytes(range(32))
SALT = b"\x5a" * 32

KEY_FILE = write_master_public_key(np.full((1, 32), 0x11, dtype=np.uint8))
KEYS_FILE = write_functional_keys(np.full((1, 1, 32), 0x22, dtype=np.uint8), round_id=7, seed=SEED)
SHARED_TASK = SharedTask(
    chain_id=1337,
    task_list=CHAIN,
    task_id=5,
    owner=MINERS[0],
    specification_digest=b"\x12" * 32,
    key_count=1,
)
SHARING_FILE = write_sharing(
    Sharing(SHARED_TASK, (Holder(COMMITTEE, b"\x55" * 32),), np.full((1, 1, 32), 0x11, dtype=np.uint8))
)
SHARING_DIGEST = keccak256(SHARING_FILE)
SHARE_FILE = write_share(
    np.full((1, 32), 0x88, dtype=np.uint8), task=SHARED_TASK, sharing_digest=SHARING_DIGEST, index=1
)
SEALED_SHARE = SealedShare(task=SHARED_TASK, sharing_digest=SHARING_DIGEST, index=1, box=b"\x99" * 64)
PARTIAL_KEYS_FILE = write_partial_keys(
    np.full((1, 1, 32), 0x22, dtype=np.uint8),
    round_id=7,
    seed=SEED,
    sharing_digest=SHARING_DIGEST,
    index=1,
)
SHARD_FILE = write_shard(
    Shard(
        np.full((1, 32), 0x33, dtype=np.uint8),
        np.full((1, 1, 32), 0x44, dtype=np.uint8),
        np.array([2], np.uint16),
    )
)
MANIFEST = EncryptedSetManifest(
    part=Part.TRAIN,
    count=1,
    input_shape=(1,),
    dimension=1,
    noise_columns=0,
    classes=3,
    bits=8,
    scale=(0.1,),
    offset=(0.0,),
    master_public_key=FileRef("bafykey", keccak256(KEY_FILE)),
    shards=(shard_ref("bafyshard", SHARD_FILE, 1),),
)
LEDGER_ENTRY = LedgerEntry(
    mpk_digest=b"\x66" * 32,
    data_set="iris-77777777",
    data_digest=b"\x77" * 32,
    specification=mlp(
        input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=3, queries=2), hidden=(), classes=3
    ),
    consent=Rule.ENTROPY,
    given=GivenKeys(SEED, 7),
    measures=Measures(
        DataMeasure(4, 4, 4, bits=17, samples=150, measured=150), KeysMeasure(2, 13), KeysMeasure(2, 13)
    ),
)
VOTES = (Vote(Verdict.OK, 90, 9, b"\x66" * 32), Vote(Verdict.MALFORMED, 0, 0, bytes(32)))
RECORDED: tuple[RecordData, ...] = (TaskCancelled(5), DrawArmed(7, 1234))
RECORDS = tuple(Record(1, index, *encode_record(data)) for index, data in enumerate(RECORDED))
BODY = BlockBody(1337, CHAIN, 1, RECORDS)
HEADER = Header(
    1, b"\x01" * 32, 7, 5, MINERS[0], b"\x77" * 32, 90, 9, b"\x02" * 32, body_root(RECORDS), 1_700_000_000
)
PROOF = proof_of(HEADER, RECORDS, 1)

SIGNED_RELEASE = SignedRelease(3, FileRef("bafytest", b"\x7e" * 32), 1_700_000_000, b"\x5d" * 65)
KEPT_MODEL = ModelRecord(
    chain_id=1337,
    contract=CHAIN,
    task_id=5,
    round_id=7,
    height=1,
    block_hash=header_hash(HEADER),
    place=1,
    miner=MINERS[0],
    seed=SEED,
    model_cid="bafymodel",
    model_digest=b"\x77" * 32,
    spec_digest=b"\x12" * 32,
    score=Score(90, 100, 9, 10, "committee"),
    committee=3,
    quantisation=Quantisation(8, (255.0,), (0.0,)),
    noise=0,
    mpk_digest=b"\x66" * 32,
)
LEAKED_VOTE = LeakedVote(MINERS[1], VOTES, SALT)

PREPARATION = Preparation(
    source=TableSource(
        columns=(
            NumberColumn(name="age", low=0, high=100, fill=40, indicator=True),
            CategoryColumn(name="town", values=("Bern", "Ulm")),
            TruthColumn(name="member", fill=True),
            TimeColumn(name="since", low=0, high=864000, fill=0),
        ),
        ignored=("name",),
    ),
    target=ClassTarget(column="churned", names=("no", "yes")),
)

EXAMPLES = {
    "preparation": PREPARATION.canonical_bytes(),
    "master-public-key": KEY_FILE,
    "functional-keys": KEYS_FILE,
    "key-sharing": SHARING_FILE,
    "key-share": SHARE_FILE,
    "sealed-share": write_sealed_share(SEALED_SHARE),
    "share-context": share_context(SHARED_TASK, SHARING_DIGEST, 1),
    "partial-keys": PARTIAL_KEYS_FILE,
    "encrypted-shard": SHARD_FILE,
    "encrypted-set": write_manifest(MANIFEST),
    "key-ledger-entry": write_entry(LEDGER_ENTRY),
    "served-seed": write_served_seed(b"\x66" * 32, SEED),
    "predictions": predictions_digest(0, np.array([0, 2, -1], np.int16), np.array([1], np.int16)),
    "record": encode_record(DrawArmed(7, 1234))[1],
    "leaf": leaf(RecordKind.DRAW_ARMED, RECORDS[1].data),
    "body-root": body_root(RECORDS),
    "body": write_body(BODY),
    "header-hash": header_hash(HEADER),
    "proof": keccak256(write_proof(PROOF)),
    "solution-commitment": solution_commitment(
        chain_id=1337,
        chain_address=CHAIN,
        round_id=7,
        miner=MINERS[0],
        model_digest=b"\x77" * 32,
        claimed_train_correct=90,
        salt=SALT,
    ),
    "vote-payload": vote_payload(VOTES),
    "vote-commitment": vote_commitment(
        chain_id=1337,
        committee_address=COMMITTEE,
        ballot_id=ballot_id(7, 0),
        verifier=MINERS[1],
        votes=VOTES,
        salt=SALT,
    ),
    "kept-model": write_record(KEPT_MODEL),
    "leaked-vote": write_leaked_vote(LEAKED_VOTE),
    "signed-release": write_signed_release(SIGNED_RELEASE),
}


def documented() -> dict[str, bytes]:
    """Return the examples in the document: lines of hex, or of text that stands for its own bytes."""
    blocks = re.findall(r"<!-- example: ([\w-]+) -->\n```\w*\n(.*?)\n```", DOCUMENT.read_text(), re.DOTALL)
    return {name: b"".join(_line(line) for line in block.split("\n")) for name, block in blocks}


def _line(line: str) -> bytes:
    return bytes.fromhex(line) if re.fullmatch(r"[0-9a-f ]+", line) else line.encode()


def test_every_example_is_documented_and_nothing_else() -> None:
    assert sorted(documented()) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documented_bytes_are_those_written(name: str) -> None:
    assert documented()[name] == EXAMPLES[name]


def test_the_documented_files_are_read() -> None:
    examples = documented()
    manifest = read_manifest(examples["encrypted-set"], part=Part.TRAIN)
    assert read_shard(examples["encrypted-shard"], manifest, 0).labels.tolist() == [2]
    assert read_master_public_key(examples["master-public-key"], dimension=1).shape == (1, 32)
    assert read_leaked_vote(examples["leaked-vote"]) == LEAKED_VOTE
    assert parse_preparation(examples["preparation"]) == PREPARATION
    assert read_signed_release(examples["signed-release"]) == SIGNED_RELEASE
    keys = read_functional_keys(examples["functional-keys"], round_id=7, seed=SEED, windows=1, queries=1)
    assert keys.shape == (1, 1, 32)
    assert read_sharing(examples["key-sharing"]).threshold == 1
    assert read_sealed_share(examples["sealed-share"]) == SEALED_SHARE
    partial = read_partial_keys(
        examples["partial-keys"],
        round_id=7,
        seed=SEED,
        sharing_digest=keccak256(examples["key-sharing"]),
        index=1,
        windows=1,
        queries=1,
    )
    assert partial.shape == (1, 1, 32)
    assert read_body(examples["body"], expected_root=examples["body-root"]) == BODY


def test_the_documented_hashes_follow_from_their_bytes() -> None:
    plain = b"pole.predictions.v2" + bytes.fromhex("00 03000000 0000 0200 ffff 01000000 0100")
    assert documented()["predictions"] == keccak256(plain)
    verify_proof(read_proof(write_proof(PROOF)), header_hash(HEADER))
    assert read_record(documented()["kept-model"]) == KEPT_MODEL
