"""Valid inputs, which mutations start from: a small one of every format, made by its writer."""

import io
import json
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet as arrow_parquet
from scripts.contracts.sources import ROOT

from pole.adapters.backup.contents import Contents, Entry, write_list
from pole.adapters.ethereum.deployment import CONTRACTS, FORMAT_VERSION
from pole.adapters.storage.journal import SqliteJournal
from pole.adapters.wallet import holder_card, remote_wallet, secret_box, share_box, share_receipt
from pole.learning.data import own
from pole.learning.data.preparation import (
    CategoryColumn,
    ClassTarget,
    NumberColumn,
    Preparation,
    TableSource,
    TimeColumn,
    TruthColumn,
)
from pole.learning.data.quantisation import Quantisation
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.privacy.rules import Rule
from pole.protocol.encoding.records import TaskCancelled, VoteRevealed, encode_record
from pole.protocol.formats import block_body, encrypted_set, key_sharing, keys, leaked_vote, signed_release
from pole.protocol.formats.shared_task import SharedTask
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.protocol.replay import proofs
from pole.protocol.state import FileRef, Header, Record, Verdict, Vote
from pole.roles.keys import ledger
from pole.roles.models.record import ModelRecord, Score, write_record
from pole.roles.training.history.trainings import Check, Ending, Outcome, Start, Training, write_history

RANDOM: Final = np.random.default_rng(9)
SEED, DIGEST = bytes(range(32)), bytes(range(32, 64))
DIMENSION, ROWS, WINDOWS, QUERIES, ROUND, INDEX = 4, 3, 2, 5, 7, 2
SPECIFICATION: Final = mlp(
    input_shape=(DIMENSION,), input_bits=8, mapping=LinearMapping(bits=8, queries=6), hidden=(5,), classes=3
)
ACCOUNT: Final = Account.from_key(b"\x01" * 32)
SEALING_KEY: Final = b"\x02" * 32
PASSWORD, CONTEXT = "password", "master-secret-00"
CHEAP: Final = secret_box.ScryptCost(2, 8, 1)
PREPARATION: Final = Preparation(
    source=TableSource(
        columns=(
            NumberColumn(name="age", low=0, high=100, fill=40),
            CategoryColumn(name="town", values=("Bern", "Ulm")),
            TruthColumn(name="member", fill=True),
            TimeColumn(name="since", low=0, high=864000, fill=0),
        )
    ),
    target=ClassTarget(column="churned", names=("no", "yes")),
)
ERRORS: Final[list[dict[str, Any]]] = [
    {"type": "error", "name": name, "inputs": [{"name": field, "type": kind} for field, kind in inputs]}
    for name, inputs in {
        "NoTask": [],
        "EmptyField": [("field", "string")],
        "StakeBound": [("verifier", "address"), ("reclaimableAt", "uint256")],
        "NotMember": [("ballotId", "uint256"), ("caller", "address")],
        "WrongTestSet": [("given", "bytes32"), ("expected", "bytes32")],
        "Odd": [("names", "string[]"), ("content", "bytes")],
    }.items()
]


def _bytes(*shape: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


TASK: Final = SharedTask(
    chain_id=1337,
    task_list=ACCOUNT.address,
    task_id=5,
    owner=ACCOUNT.address,
    specification_digest=DIGEST,
    key_count=WINDOWS * QUERIES,
)


def specifications() -> tuple[bytes, ...]:
    """Return those that come with PoLe."""
    return tuple(path.read_bytes() for path in sorted((ROOT / "examples").glob("*.json")))


def shard() -> bytes:
    """Return a shard of ROWS samples."""
    labels = np.array([0, 2, 1], dtype=np.uint16)
    return encrypted_set.write_shard(
        encrypted_set.Shard(_bytes(ROWS, 32), _bytes(ROWS, DIMENSION, 32), labels)
    )


def manifest_of(data: bytes) -> encrypted_set.EncryptedSetManifest:
    """Return a manifest whose only shard is `data`, whatever that is."""
    return encrypted_set.EncryptedSetManifest(
        part=encrypted_set.Part.TRAIN,
        count=ROWS,
        input_shape=(DIMENSION,),
        dimension=DIMENSION,
        noise_columns=0,
        classes=3,
        bits=8,
        scale=(0.1,),
        offset=(0.0,) * DIMENSION,
        master_public_key=FileRef("bafykey", DIGEST),
        shards=(encrypted_set.shard_ref("bafyshard", data, ROWS),),
    )


def manifest() -> bytes:
    """Return a manifest of the training set."""
    return encrypted_set.write_manifest(manifest_of(shard()))


def master_public_key() -> bytes:
    """Return a master public key of DIMENSION columns."""
    return keys.write_master_public_key(_bytes(DIMENSION, 32))


def functional_keys() -> bytes:
    """Return the functional keys of ROUND."""
    return keys.write_functional_keys(_bytes(WINDOWS, QUERIES, 32), round_id=ROUND, seed=SEED)


def sharing() -> bytes:
    """Return a sharing, two of three."""
    holders = tuple(
        key_sharing.Holder(Account.from_key(bytes([number]) * 32).address, bytes([number]) * 32)
        for number in (1, 2, 3)
    )
    return key_sharing.write_sharing(key_sharing.Sharing(TASK, holders, _bytes(2, DIMENSION, 32)))


def share() -> bytes:
    """Return a share of holder INDEX."""
    return key_sharing.write_share(_bytes(DIMENSION, 32), task=TASK, sharing_digest=DIGEST, index=INDEX)


def sealed_share() -> bytes:
    """Return a share on its way."""
    return key_sharing.write_sealed_share(key_sharing.SealedShare(TASK, DIGEST, INDEX, share_in_a_box()))


def share_in_a_box() -> bytes:
    """Return the box that a share is sealed into, for SEALING_KEY."""
    public = share_box.public_sealing_key(SEALING_KEY)
    return share_box.seal_to(public, share(), key_sharing.share_context(TASK, DIGEST, INDEX))


def partial_keys() -> bytes:
    """Return the partial keys of holder INDEX."""
    return key_sharing.write_partial_keys(
        _bytes(WINDOWS, QUERIES, 32), round_id=ROUND, seed=SEED, sharing_digest=DIGEST, index=INDEX
    )


def card() -> bytes:
    """Return the card of ACCOUNT."""
    return holder_card.write_card(ACCOUNT, share_box.public_sealing_key(SEALING_KEY))


def receipt() -> bytes:
    """Return the receipt of ACCOUNT for its share."""
    return share_receipt.write_receipt(ACCOUNT, key_sharing.ShareReceipt(ACCOUNT.address, DIGEST, TASK))


def model() -> bytes:
    """Return a model of SPECIFICATION."""
    tensors = {
        name: RANDOM.integers(-999, 999, shape, dtype=np.int32)
        for name, shape in tensor_shapes(SPECIFICATION).items()
    }
    features = FeatureMap(np.arange(6, dtype=np.int64), np.full(6, 0.5, dtype=np.float32))
    return model_file.save(CanonicalModel(SPECIFICATION, SEED, features, tensors))


def records() -> tuple[Record, ...]:
    """Return a few records of block 1."""
    written = (encode_record(TaskCancelled(5)), encode_record(VoteRevealed(29, ACCOUNT.address, DIGEST)))
    return tuple(Record(1, index, *each) for index, each in enumerate(written))


def body() -> bytes:
    """Return the body of block 1."""
    return block_body.write_body(block_body.BlockBody(1337, ACCOUNT.address, 1, records()))


def proof() -> bytes:
    """Return the proof of block 1's second record."""
    root = block_body.body_root(records())
    header = Header(1, DIGEST, ROUND, 5, ACCOUNT.address, SEED, 9, 8, DIGEST, root, 1_700_000_000)
    return proofs.write_proof(proofs.proof_of(header, records(), 1))


def released() -> bytes:
    """Return a signed release."""
    release = signed_release.SignedRelease(ROUND, FileRef("bafytest", DIGEST), 1_700_000_000, b"\x05" * 65)
    return signed_release.write_signed_release(release)


def leaked() -> bytes:
    """Return a leaked vote on two models."""
    votes = (Vote(Verdict.OK, 9, 8, DIGEST), Vote(Verdict.UNAVAILABLE, 0, 0, bytes(32)))
    return leaked_vote.write_leaked_vote(leaked_vote.LeakedVote(ACCOUNT.address, votes, SEED))


def box() -> bytes:
    """Return a sealed secret under PASSWORD and CONTEXT, at a cost that lets many be tried."""
    return secret_box.seal(b"a master secret", PASSWORD, context=CONTEXT, cost=CHEAP)


def keystores() -> tuple[bytes, ...]:
    """Return keystores of ACCOUNT under PASSWORD, by either function for deriving keys."""
    made = (
        Account.encrypt(ACCOUNT.key, PASSWORD, kdf="scrypt", iterations=2),
        Account.encrypt(ACCOUNT.key, PASSWORD, kdf="pbkdf2", iterations=1),
    )
    return tuple(json.dumps(each).encode() for each in made)


def remote_wallet_file() -> bytes:
    """Return the file of a wallet whose key is with a signer."""
    key = remote_wallet.RemoteKey(ACCOUNT.address, remote_wallet.SignerKind.CLEF, "/run/clef.ipc", 300)
    context = remote_wallet.context_of(ACCOUNT.address)
    return remote_wallet.write_remote_key(key, secret_box.seal(b"", PASSWORD, context=context, cost=CHEAP))


def backup_list() -> bytes:
    """Return the list of files that a backup begins with."""
    files = (Entry("wallets/a.json", 9), Entry("work/1-0-2/journal.sqlite", 0), Entry("models/a/b", 2**30))
    return write_list(Contents(1_800_000_000, files))


def profiles() -> bytes:
    kept = {"lab": {"rpc": "http://127.0.0.1:8546", "wallet": "alice"}, "default": {}}
    return json.dumps({"format": "pole.profiles", "version": 1, "use": "lab", "profiles": kept}).encode()


def fleet() -> bytes:
    """Return a fleet of two workers, with every key that a file may have."""
    return b"""home = "pole"
rpc = "http://127.0.0.1:8546"
ipfs = "/ip4/127.0.0.1/tcp/5001"
deployment = "deployments/devnet.json"
password-file = "password"

[[worker]]
name = "miner-1"
role = "miner"
options = ["--poll", "12", "--withdraw"]

[[worker]]
name = "judge"
role = "verifier"
wallet = "verifier-1"
home = "~/judge"
password-file = "judge/password"
"""


def deployment() -> bytes:
    """Return a deployment file, every parameter 1."""
    contracts = {
        name: {
            "address": f"0x{number:02x}" + "11" * 19,
            "abi": ERRORS,
            "deployedBlock": 7,
            "codeHash": "0xab",
            "source": f"contracts/{name}.sol:{name}",
        }
        for number, name in enumerate(CONTRACTS)
    }
    groups = json.loads((ROOT / "devnet" / "parameters-public.json").read_text())
    parameters = {name: dict.fromkeys(group, 1) for name, group in groups.items()}
    content = {
        "version": FORMAT_VERSION,
        "chainId": 1337,
        "contracts": contracts,
        "compiler": "v0.8.30+commit.73712a01",
        "parameters": parameters,
    }
    return json.dumps(content).encode()


def sources() -> bytes:
    """Return what the compiler was given."""
    return json.dumps({"language": "Solidity", "sources": {}, "settings": {}}).encode()


def ticket() -> bytes:
    """Return Sourcify's answer to a submission."""
    return json.dumps({"verificationId": str(UUID(int=7))}).encode()


def job() -> bytes:
    """Return Sourcify's answer about a job that failed."""
    error = {"customCode": "no_match", "message": "The code differs."}
    return json.dumps({"isJobCompleted": True, "contract": {"match": None}, "error": error}).encode()


def refused_verification() -> bytes:
    """Return Sourcify's answer to a submission that it refuses."""
    return json.dumps({"customCode": "unsupported_chain", "message": "Chain 1337 not found"}).encode()


def arrays() -> tuple[bytes, ...]:
    """Return .npz files of a data set, as it is and compressed."""
    written: list[bytes] = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        labels = np.array([0, 1, 1], dtype=np.int64)
        x = RANDOM.random((3, DIMENSION))
        save(buffer, x_train=x, y_train=labels, x_test=x, y_test=labels)
        written.append(buffer.getvalue())
    return tuple(written)


def preparation() -> bytes:
    """Return a preparation with a column of every kind."""
    return PREPARATION.canonical_bytes()


def prepared() -> bytes:
    """Return a .pole file."""
    stream = io.BytesIO()
    y = np.array([0, 1, 1])
    x = {name: RANDOM.random((3, 5)) for name in ("x_train", "x_test")}
    own.write_pole(stream, {**x, "y_train": y, "y_test": y}, PREPARATION)
    return stream.getvalue()


def texts() -> tuple[bytes, ...]:
    """Return CSV files with comma and semicolon."""
    rows = b'age,town,member,since,churned\n50,Bern,no,1970-01-02,yes\n,"a,b",,,no\n'
    return rows, "\ufeffage;price\n1;2,5\n".encode()


def _table() -> pa.Table:
    dates = [date(1970, 1, 2), None, date(2026, 12, 31)]
    return pa.table(
        {"age": [50, 40, None], "town": pa.array(["Bern", "Ulm", None]).dictionary_encode(), "since": dates}
    )


def parquet() -> bytes:
    """Return a Parquet file."""
    stream = io.BytesIO()
    arrow_parquet.write_table(_table(), stream)
    return stream.getvalue()


def arrow() -> tuple[bytes, ...]:
    """Return an Arrow IPC file and an Arrow IPC stream."""
    made = []
    for writer in (pa.ipc.new_file, pa.ipc.new_stream):
        stream = io.BytesIO()
        with writer(stream, _table().schema) as file:
            file.write_table(_table())
        made.append(stream.getvalue())
    return tuple(made)


def workbook() -> bytes:
    """Return an Excel workbook."""
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (["age", "town", "since"], [50, "Bern", date(1970, 1, 2)], [None, "Ulm", None]):
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def images() -> tuple[bytes, ...]:
    """Return a PNG and a JPEG file."""
    made = []
    for kind in ("PNG", "JPEG"):
        stream = io.BytesIO()
        Image.fromarray(_bytes(9, 7, 3)).save(stream, kind)
        made.append(stream.getvalue())
    return tuple(made)


def journal(folder: Path) -> bytes:
    """Return a journal with an entry, as one file."""
    path = folder / "journal.sqlite"
    kept = SqliteJournal(path)
    kept.put("claim/7", b'{"modelDigest":"00","trainCorrect":9}')
    kept.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    return path.read_bytes()


def ledger_entry() -> bytes:
    """Return an entry of the key ledger whose keys were issued."""
    given = ledger.GivenKeys(SEED, ROUND)
    return ledger.write_entry(ledger.LedgerEntry(DIGEST, "digits", SEED, SPECIFICATION, Rule.RANK, given))


def ethereum_header() -> bytes:
    """Return fields of an Ethereum block's header up to the mix, with prefixes of every kind."""
    encoded: bytes = rlp.encode([SEED, bytes(256), *range(11), DIGEST])
    return encoded


def refusals() -> tuple[bytes, ...]:
    """Return the bytes that calls revert with."""
    values: dict[str, list[object]] = {
        "NoTask": [],
        "EmptyField": ["reward"],
        "StakeBound": [ACCOUNT.address, 86400],
        "NotMember": [28, ACCOUNT.address],
        "WrongTestSet": [SEED, DIGEST],
        "Odd": [["a", "b"], b"\x01"],
    }
    found: list[bytes] = []
    for error in ERRORS:
        types = [argument["type"] for argument in error["inputs"]]
        selector = keccak(text=f"{error['name']}({','.join(types)})")[:4]
        found.append(selector + encode(types, values[error["name"]]))
    return tuple(found)


def history() -> bytes:
    check = Check(
        epoch=1, loss=0.7, correct=40, learning_rate=0.001, seconds=1.5, samples_per_second=60.0, time=5
    )
    ending = Ending(outcome=Outcome.GOAL, correct=55, seconds=2.5, time=6)
    start = Start(round_id=ROUND, task_id=3, lane=0, samples=60, needed=50, learner="built in")
    return write_history([Training(start, 4, (check,), ending)])


def kept_model() -> bytes:
    """Return what is known of a model that was bought."""
    return write_record(
        ModelRecord(
            chain_id=1337,
            contract=ACCOUNT.address,
            task_id=4,
            round_id=ROUND,
            height=5,
            block_hash=DIGEST,
            place=1,
            miner=ACCOUNT.address,
            seed=SEED,
            model_cid="bafkmodel",
            model_digest=DIGEST,
            spec_digest=DIGEST,
            score=Score(135, 150, 14, 15, "committee"),
            committee=3,
            quantisation=Quantisation(8, (255.0,), (0.0,)),
            noise=0,
            mpk_digest=DIGEST,
        )
    )
