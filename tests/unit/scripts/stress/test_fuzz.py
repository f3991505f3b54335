"""The fuzzer: its table is complete, it finds what it looks for, and finds nothing in the readers."""

import ast
import os
import signal
from importlib import import_module
from pathlib import Path
from random import SystemRandom

import pytest
from scripts.contracts.sources import ROOT
from scripts.stress.fuzz import __main__ as program
from scripts.stress.fuzz import trial
from scripts.stress.fuzz.mutations import mutated
from scripts.stress.fuzz.readers import NOT_HERE, Reader, readers
from scripts.stress.fuzz.trial import Outcome, fuzz, seeded, tried

from pole.errors import IntegrityError

INPUTS = 60
SEED = SystemRandom().getrandbits(32)
PACKAGE = ROOT / "offchain"
VERBS = ("read", "load", "parse", "decode", "unpack", "open", "unlock", "find")
STRANGERS = ("bytes", "bytes | str", "Path", "Record")
REFUSED_AS_THEY_ARE = {"body"}
NAMES = (
    *(
        "specification",
        "drawn-network",
        "kept-model",
        "history",
        "epoch",
        "training-plan",
        "manifest",
        "shard",
        "loose-shard",
        "master-public-key",
        "functional-keys",
        "sharing",
    ),
    "share",
    *("sealed-share", "share-box", "partial-keys", "card", "receipt", "model", "body", "proof"),
    "signed-release",
    *(
        "leaked-vote",
        "secret-box",
        "keystore",
        "wallet",
        "remote-wallet",
        "backup-list",
        "deployment",
        "submissions",
        "profiles",
        "fleet",
        "journal",
        "ledger-entry",
    ),
    *("preparation", "npz", "mapped-npz", "pole", "table", "parquet", "arrow", "workbook", "new-rows"),
    "image",
    *("record", "ethereum-header", "refusal"),
    *("verification-ticket", "verification-job", "verification-refusal"),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the fuzzer keeps inputs in this test."""
    monkeypatch.setattr(trial, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(trial, "ROOT", tmp_path)
    return tmp_path / "kept"


def table(folder: Path) -> dict[str, Reader]:
    return {reader.name: reader for reader in readers(folder)}


def lookalikes() -> set[str]:
    """Return the public functions that are called like a reader and take bytes or a file first."""
    found = set()
    for path in (PACKAGE / "pole").rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        scopes = {module: tree.body}
        scopes |= {f"{module}.{node.name}": node.body for node in tree.body if isinstance(node, ast.ClassDef)}
        for where, body in scopes.items():
            functions = [node for node in body if isinstance(node, ast.FunctionDef)]
            found |= {f"{where}.{each.name}" for each in functions if is_lookalike(each)}
    return found


def is_lookalike(node: ast.FunctionDef) -> bool:
    if node.name.split("_")[0] not in VERBS:
        return False
    first = next((each for each in node.args.args if each.arg != "self"), None)
    return first is not None and first.annotation is not None and ast.unparse(first.annotation) in STRANGERS


def test_every_reader_of_strangers_bytes_is_in_the_table(tmp_path: Path) -> None:
    covered = {name for reader in readers(tmp_path) for name in reader.covers}
    assert lookalikes() - covered - set(NOT_HERE) == set()
    assert set(NOT_HERE) <= lookalikes()
    for name in covered:
        module, _, function = name.rpartition(".")
        owner, _, kind = module.rpartition(".")
        holder = getattr(import_module(owner), kind) if kind[0].isupper() else import_module(module)
        assert callable(getattr(holder, function)), name


@pytest.mark.parametrize("name", NAMES)
def test_readers_take_what_is_valid_and_refuse_the_rest_in_a_sentence(
    tmp_path: Path, kept: Path, name: str
) -> None:
    reader = table(tmp_path)[name]
    outcomes = [tried(reader, data).outcome for data in reader.valid]
    expected = Outcome.REFUSED if name in REFUSED_AS_THEY_ARE else Outcome.READ
    assert outcomes == [expected] * len(reader.valid)
    assert fuzz(reader, seeded(SEED, name), inputs=INPUTS).faults == [], f"seed {SEED}"


def test_every_reader_is_tried_here(tmp_path: Path) -> None:
    assert list(table(tmp_path)) == list(NAMES)


def test_the_seed_makes_the_same_inputs_again(tmp_path: Path) -> None:
    valid = table(tmp_path)["manifest"].valid
    first, again = (seeded(7, "manifest") for _ in range(2))
    assert [mutated(first, valid) for _ in range(50)] == [mutated(again, valid) for _ in range(50)]


def foreign(data: bytes) -> None:
    raise KeyError(data[:1])


def unprintable(_: bytes) -> None:
    raise IntegrityError("no\x1b[2K")


def greedy(data: bytes) -> None:
    bytearray(len(data) * trial.MEMORY_OF_EACH_BYTE + 2 * trial.MEMORY_BESIDE)


@pytest.mark.parametrize(
    ("read", "fault"),
    [(foreign, "KeyError"), (unprintable, r"does not print: no\x1b[2K"), (greedy, "bytes of memory")],
)
def test_what_no_reader_may_do_is_a_finding_that_is_kept(kept: Path, read: object, fault: str) -> None:
    reader = Reader("bad", read, (IntegrityError,), (b"valid",), ())  # type: ignore[arg-type]
    result = fuzz(reader, seeded(1, "bad"), inputs=3)
    assert fault in result.faults[0]
    [path] = [each for each in kept.iterdir() if each.name in result.faults[0]]
    assert tried(reader, path.read_bytes()).outcome is not Outcome.REFUSED or read is not unprintable


def test_a_crash_is_a_finding_with_the_input_that_made_it(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = Reader("crashing", lambda _: os.kill(os.getpid(), signal.SIGKILL), (), (b"deadly",), ())
    monkeypatch.setattr(program, "readers", lambda _: (crashing,))
    monkeypatch.setattr(program, "fuzz", lambda reader, *_, note, **__: (note(b"deadly"), reader.read(b"")))
    [fault] = program._in_a_process("crashing", 1, 5).faults
    assert fault.startswith("crashing: ends its process (-9) (kept/crashing-")
    assert [path.read_bytes() for path in kept.iterdir()] == [b"deadly"]


def test_the_report_tells_inputs_and_faults() -> None:
    told = program.report(
        [trial.Result("body", inputs=9, refused=4, faults=["body: KeyError (build/fuzz/x)"])]
    )
    assert "body                      9        4" in told
    assert told.endswith("FAULT: body: KeyError (build/fuzz/x)")
