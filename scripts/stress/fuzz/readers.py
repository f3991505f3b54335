"""The table of readers: every function that parses bytes which strangers may have written.

A test finds such functions by their names and parameters and holds the table to be complete.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from scripts.stress.fuzz import examples
from scripts.stress.fuzz.examples import (
    CONTEXT,
    DIGEST,
    DIMENSION,
    INDEX,
    PASSWORD,
    QUERIES,
    ROUND,
    SEED,
    WINDOWS,
)

from pole.adapters.backup import contents
from pole.adapters.ethereum import contract_errors, deployment
from pole.adapters.explorers import sourcify
from pole.adapters.explorers.submissions import read_submissions
from pole.adapters.machine.fleet import fleet_file
from pole.adapters.signing.remote_account import open_account
from pole.adapters.storage import profiles
from pole.adapters.storage.journal import SqliteJournal
from pole.adapters.wallet import holder_card, keystore, remote_wallet, secret_box, share_box, share_receipt
from pole.errors import InputError, IntegrityError, PoleError
from pole.explore.views.tasks.drawing import drawn_layers
from pole.explore.views.tasks.specification import read_view
from pole.learning.data import datasets, reading
from pole.learning.data.preparation import ImageSource, parse_preparation
from pole.learning.evaluation import model_file
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.preparing import images, tables
from pole.learning.preparing.applying import read_rows
from pole.protocol.encoding import ethereum_headers, records
from pole.protocol.formats import block_body, encrypted_set, key_sharing, keys, leaked_vote, signed_release
from pole.protocol.models.specification import parse_specification
from pole.protocol.replay import proofs
from pole.protocol.state import Record, RecordKind
from pole.roles.keys.ledger import KeyLedger
from pole.roles.models import record
from pole.roles.training.history.epoch_notes import read_epoch
from pole.roles.training.history.trainings import read_history
from pole.roles.training.parallel.machines import Plan, read_plan


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader under its name: what it promises to raise, and the valid inputs that mutations start from.

    `covers` names the functions of the package that it calls, as module and function.
    """

    name: str
    read: Callable[[bytes], object]
    raises: tuple[type[PoleError], ...]
    valid: tuple[bytes, ...]
    covers: tuple[str, ...]


NOT_HERE: Final[Mapping[str, str]] = {
    "pole.adapters.node.answers.parse_answer": "the boundary's property tests give it any bytes",
    "pole.adapters.signing.remote_account.read_signer_answer": "its property test gives it any bytes",
    "pole.adapters.node.answers.parse_answers": "the boundary's property tests give it any bytes",
    "pole.adapters.storage.ipfs_daemon.read_name": "the boundary's property tests give it any bytes",
    "pole.adapters.machine.cluster.security.open_security": "it reads this machine's own certificates",
    "pole.api.settings.find_deployment": "it parses nothing",
    "pole.api.terms.read_specification": "behind it is parse_specification",
    "pole.ipfe.group.decode": "it takes 32 bytes, and property tests hold it to RFC 9496",
    "pole.learning.training.checkpoint.unpack": "its file is this machine's own, behind a digest",
    "pole.protocol.formats.canonical_json.read_document": "it is behind every reader of JSON here",
    "pole.protocol.models.documents.parse_json": "it is behind every reader of documents of ours",
    "pole.protocol.formats.tensors.read_metadata": "it is behind the reader of sharings",
    "pole.protocol.formats.tensors.read_tensors": "it is behind every reader of tensors here",
    "pole.roles.models.folder.find_model": "behind it are the readers of the files in a folder",
    "pole.roles.models.folder.open_model": "behind it are the readers of the files in a folder",
    "pole.roles.models.sealed_rows.SealedRows.open": "behind it is read_loose_shard",
    "pole.roles.support.files.open_private": "it writes",
    "pole.roles.support.files.read_bounded": "it parses nothing",
    "pole.roles.support.files.read_with_digest": "it parses nothing",
}
"""Functions that look like readers of strangers' bytes, and why no line of the table names them."""

DEAREST_BOX: Final = 12
"""log2 of scrypt's N above which no box is tried: up to 2^20, a GiB, is what `open_box` promises to pay."""


def readers(folder: Path) -> tuple[Reader, ...]:
    """Return the table; readers of files write them to `folder`."""
    return (*_formats(), *_on_disk(folder), *_of_data(folder), *_of_nodes())


def _formats() -> tuple[Reader, ...]:
    integrity = (IntegrityError,)
    formats = "pole.protocol.formats"
    sharing = f"{formats}.key_sharing"
    return (
        Reader(
            "specification",
            parse_specification,
            (InputError,),
            examples.specifications(),
            ("pole.protocol.models.specification.parse_specification",),
        ),
        Reader(
            "drawn-network",
            lambda data: drawn_layers(read_view(data)),
            (InputError,),
            tuple(parse_specification(each).canonical_bytes() for each in examples.specifications()),
            ("pole.explore.views.tasks.specification.read_view",),
        ),
        Reader(
            "kept-model",
            record.read_record,
            integrity,
            (examples.kept_model(),),
            ("pole.roles.models.record.read_record",),
        ),
        Reader(
            "history",
            read_history,
            integrity,
            (examples.history(),),
            ("pole.roles.training.history.trainings.read_history",),
        ),
        Reader(
            "epoch",
            read_epoch,
            (),
            (b"[3, 0.25, 0.001]", b"[4, NaN, null]"),
            ("pole.roles.training.history.epoch_notes.read_epoch",),
        ),
        Reader(
            "training-plan",
            read_plan,
            integrity,
            (Plan("cpu", 7, {1: (2, 1), 4: (3, 4)}).written().encode(),),
            ("pole.roles.training.parallel.machines.read_plan",),
        ),
        Reader(
            "manifest",
            lambda data: encrypted_set.read_manifest(data, part=encrypted_set.Part.TRAIN),
            integrity,
            (examples.manifest(),),
            (f"{formats}.encrypted_set.read_manifest",),
        ),
        Reader(
            "shard",
            lambda data: encrypted_set.read_shard(data, examples.manifest_of(data), 0),
            integrity,
            (examples.shard(),),
            (f"{formats}.encrypted_set.read_shard",),
        ),
        Reader(
            "loose-shard",
            lambda data: encrypted_set.read_loose_shard(data, DIMENSION),
            integrity,
            (examples.shard(),),
            (f"{formats}.encrypted_set.read_loose_shard",),
        ),
        Reader(
            "master-public-key",
            lambda data: keys.read_master_public_key(data, dimension=DIMENSION),
            integrity,
            (examples.master_public_key(),),
            (f"{formats}.keys.read_master_public_key",),
        ),
        Reader(
            "functional-keys",
            lambda data: keys.read_functional_keys(
                data, round_id=ROUND, seed=SEED, windows=WINDOWS, queries=QUERIES
            ),
            integrity,
            (examples.functional_keys(),),
            (f"{formats}.keys.read_functional_keys",),
        ),
        Reader(
            "sharing",
            key_sharing.read_sharing,
            integrity,
            (examples.sharing(),),
            (f"{sharing}.read_sharing",),
        ),
        Reader(
            "share",
            lambda data: key_sharing.read_share(
                data, task=examples.TASK, sharing_digest=DIGEST, index=INDEX, dimension=DIMENSION
            ),
            integrity,
            (examples.share(),),
            (f"{sharing}.read_share",),
        ),
        Reader(
            "sealed-share",
            key_sharing.read_sealed_share,
            integrity,
            (examples.sealed_share(),),
            (f"{sharing}.read_sealed_share",),
        ),
        Reader(
            "share-box",
            lambda data: share_box.open_sealed(
                examples.SEALING_KEY, data, key_sharing.share_context(examples.TASK, DIGEST, INDEX)
            ),
            integrity,
            (examples.share_in_a_box(),),
            ("pole.adapters.wallet.share_box.open_sealed",),
        ),
        Reader(
            "partial-keys",
            lambda data: key_sharing.read_partial_keys(
                data,
                round_id=ROUND,
                seed=SEED,
                sharing_digest=DIGEST,
                index=INDEX,
                windows=WINDOWS,
                queries=QUERIES,
            ),
            integrity,
            (examples.partial_keys(),),
            (f"{sharing}.read_partial_keys",),
        ),
        Reader(
            "card",
            holder_card.read_card,
            integrity,
            (examples.card(),),
            ("pole.adapters.wallet.holder_card.read_card",),
        ),
        Reader(
            "receipt",
            share_receipt.read_receipt,
            integrity,
            (examples.receipt(),),
            ("pole.adapters.wallet.share_receipt.read_receipt",),
        ),
        Reader(
            "model",
            lambda data: model_file.load(data, examples.SPECIFICATION, SEED),
            (MalformedModelError,),
            (examples.model(),),
            ("pole.learning.evaluation.model_file.load",),
        ),
        Reader(
            "body",
            lambda data: block_body.read_body(data, expected_root=DIGEST),
            integrity,
            (examples.body(),),
            (f"{formats}.block_body.read_body",),
        ),
        Reader(
            "proof",
            proofs.read_proof,
            integrity,
            (examples.proof(),),
            ("pole.protocol.replay.proofs.read_proof",),
        ),
        Reader(
            "signed-release",
            signed_release.read_signed_release,
            integrity,
            (examples.released(),),
            (f"{formats}.signed_release.read_signed_release",),
        ),
        Reader(
            "leaked-vote",
            leaked_vote.read_leaked_vote,
            integrity,
            (examples.leaked(),),
            (f"{formats}.leaked_vote.read_leaked_vote",),
        ),
        Reader(
            "secret-box",
            _open_box,
            integrity,
            (examples.box(),),
            (
                "pole.adapters.wallet.secret_box.open_box",
                "pole.adapters.wallet.secret_store.SecretStore.load",
            ),
        ),
    )


def _on_disk(folder: Path) -> tuple[Reader, ...]:
    wallet = folder / "wallets" / "a.json"
    kept, entry = folder / "read" / "journal.sqlite", folder / "ledger" / f"{DIGEST.hex()}.json"
    for path in (wallet, kept, entry):
        path.parent.mkdir(parents=True, exist_ok=True)
    return (
        Reader(
            "keystore",
            lambda data: keystore.unlock_wallet(folder, _written(wallet, data).stem, PASSWORD),
            (InputError,),
            examples.keystores(),
            (
                "pole.adapters.wallet.keystore.load_wallet",
                "pole.adapters.wallet.keystore.unlock_wallet",
                "pole.adapters.wallet.keystore_file.load_document",
            ),
        ),
        Reader(
            "wallet",
            lambda data: keystore.find_wallet(folder, _written(wallet, data).stem),
            (InputError,),
            examples.keystores(),
            ("pole.adapters.wallet.keystore.find_wallet",),
        ),
        Reader(
            "remote-wallet",
            lambda data: _open_wallet(_written(wallet, data)),
            (InputError,),
            (examples.remote_wallet_file(),),
            (
                "pole.adapters.signing.remote_account.open_account",
                "pole.adapters.wallet.remote_wallet.find_remote_key",
                "pole.adapters.wallet.remote_wallet.read_remote_key",
            ),
        ),
        Reader(
            "backup-list",
            contents.read_list,
            (IntegrityError,),
            (examples.backup_list(),),
            ("pole.adapters.backup.contents.read_list",),
        ),
        Reader(
            "deployment",
            lambda data: deployment.read_deployment(_written(folder / "deployment.json", data)),
            (InputError,),
            (examples.deployment(),),
            (
                "pole.adapters.ethereum.deployment.read_content",
                "pole.adapters.ethereum.deployment.read_deployment",
            ),
        ),
        Reader(
            "submissions",
            lambda data: read_submissions(_beside_sources(folder / "submitted.json", data)),
            (InputError,),
            (examples.deployment(),),
            ("pole.adapters.explorers.submissions.read_submissions",),
        ),
        Reader(
            "profiles",
            lambda data: profiles.load_profiles(_written(folder / "profiles.json", data)),
            (InputError,),
            (examples.profiles(),),
            (
                "pole.adapters.storage.profiles.load_profiles",
                "pole.adapters.storage.profiles.read_profiles",
            ),
        ),
        Reader(
            "fleet",
            lambda data: _read_fleet(folder / "fleet.toml", data),
            (InputError,),
            (examples.fleet(),),
            (
                "pole.adapters.machine.fleet.fleet_file.load_fleet",
                "pole.adapters.machine.fleet.fleet_file.read_fleet",
            ),
        ),
        Reader(
            "journal",
            lambda data: _read_journal(kept, data),
            (InputError,),
            (examples.journal(folder),),
            ("pole.adapters.storage.journal.SqliteJournal",),
        ),
        Reader(
            "ledger-entry",
            lambda data: KeyLedger(_written(entry, data).parent).read(DIGEST),
            (IntegrityError,),
            (examples.ledger_entry(),),
            ("pole.roles.keys.ledger.KeyLedger.read",),
        ),
    )


def _of_data(folder: Path) -> tuple[Reader, ...]:
    npz, pole = folder / "data.npz", folder / "data.pole"
    preparation = parse_preparation(examples.preparation())
    table = {
        "table": (folder / "rows.csv", examples.texts()),
        "parquet": (folder / "rows.parquet", (examples.parquet(),)),
        "arrow": (folder / "rows.arrow", examples.arrow()),
        "workbook": (folder / "rows.xlsx", (examples.workbook(),)),
    }
    return (
        Reader(
            "preparation",
            parse_preparation,
            (InputError,),
            (examples.preparation(),),
            ("pole.learning.data.preparation.parse_preparation",),
        ),
        Reader(
            "npz",
            lambda data: datasets.load(str(_written(npz, data)), None),
            (InputError,),
            examples.arrays(),
            ("pole.learning.data.datasets.load", "pole.learning.data.own.read_npz"),
        ),
        Reader(
            "mapped-npz",
            lambda data: _mapped(_written(npz, data)),
            (InputError,),
            examples.arrays(),
            ("pole.learning.data.reading.mapped_entry",),
        ),
        Reader(
            "pole",
            lambda data: datasets.load(str(_written(pole, data)), None),
            (InputError,),
            (examples.prepared(),),
            ("pole.learning.data.own.read_pole",),
        ),
        *(_table_reader(name, path, valid) for name, (path, valid) in table.items()),
        Reader(
            "new-rows",
            lambda data: read_rows(_written(folder / "new.csv", data), preparation),
            (InputError,),
            examples.texts(),
            ("pole.learning.preparing.applying.read_rows",),
        ),
        Reader(
            "image",
            lambda data: images.decoded(
                [_written(folder / "image.png", data)], ImageSource(height=8, width=8, channels=3)
            ),
            (InputError,),
            examples.images(),
            ("pole.learning.preparing.images.decoded",),
        ),
    )


def _mapped(path: Path) -> None:
    """Read a data set as one is read whose arrays are all large."""
    with patch.object(reading, "MAPPED_FROM", 1):
        datasets.load(str(path), None)


def _table_reader(name: str, path: Path, valid: tuple[bytes, ...]) -> Reader:
    return Reader(
        name,
        lambda data: tables.read_table(_written(path, data)),
        (InputError,),
        valid,
        ("pole.learning.preparing.tables.read_table",),
    )


def _of_nodes() -> tuple[Reader, ...]:
    table = contract_errors.ErrorTable([examples.ERRORS])
    return (
        Reader(
            "record",
            _decode_record,
            (IntegrityError,),
            tuple(bytes([record.kind]) + record.data for record in examples.records()),
            ("pole.protocol.encoding.records.decode_record",),
        ),
        Reader(
            "ethereum-header",
            ethereum_headers.mix_of,
            (IntegrityError,),
            (examples.ethereum_header(),),
            ("pole.protocol.encoding.ethereum_headers.mix_of",),
        ),
        Reader(
            "refusal",
            lambda data: _shown(table.sentence(data)),
            (),
            examples.refusals(),
            ("pole.adapters.ethereum.contract_errors.ErrorTable.sentence",),
        ),
        *_of_explorers(),
    )


def _of_explorers() -> Iterator[Reader]:
    for name, read, valid in (
        ("verification-ticket", sourcify.read_ticket, examples.ticket()),
        ("verification-job", sourcify.read_job, examples.job()),
        ("verification-refusal", sourcify.read_refusal, examples.refused_verification()),
    ):
        covers = (f"pole.adapters.explorers.sourcify.{read.__name__}",)
        yield Reader(name, read, (IntegrityError,), (valid,), covers)


def _beside_sources(path: Path, data: bytes) -> Path:
    path.with_suffix(".sources.json").write_bytes(examples.sources())
    return _written(path, data)


def _open_wallet(wallet: Path) -> object:
    home = wallet.parents[1]
    key = remote_wallet.find_remote_key(home, wallet.stem)
    if key is not None:
        _, box = remote_wallet.read_remote_key(wallet.read_bytes())
        # The reader of boxes has those that are dear to open.
        if len(box) > 9 and box[9] > DEAREST_BOX:
            return key
    return open_account(home, wallet.stem, PASSWORD)


def _open_box(data: bytes) -> bytes:
    if len(data) > 9 and data[9] > DEAREST_BOX:
        data = data[:9] + bytes([DEAREST_BOX]) + data[10:]
    return secret_box.open_box(data, PASSWORD, context=CONTEXT)


def _decode_record(data: bytes) -> object:
    kinds = list(RecordKind)
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    return records.decode_record(Record(1, 0, kind, data[1:]))


def _read_journal(path: Path, data: bytes) -> object:
    for beside in path.parent.iterdir():
        beside.unlink()
    journal = SqliteJournal(_written(path, data))
    try:
        return journal.get("claim/7"), journal.pending_sends()
    finally:
        journal.close()


def _read_fleet(path: Path, data: bytes) -> object:
    shared = fleet_file.Shared(path.parent, "http://127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", path, None)
    fleet = fleet_file.read_fleet(data, path, shared)
    with suppress(InputError):
        # Of what it names nothing is here, but any path in it must be fit to be looked for.
        fleet_file.load_fleet(_written(path, data), shared)
    return fleet


def _shown(sentence: str) -> str:
    assert sentence.isprintable()
    return sentence


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
