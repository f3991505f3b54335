"""`pole chain check` says of a proof's file whether it holds, without a node where the hash is given."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.explore.asking import ask
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.cli import main
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.protocol.replay.history import prove
from pole.protocol.replay.proofs import write_proof

HEIGHT, INDEX = 2, 3
LEDGER = played(("block", "nobody", "block"))
HASH = "0x" + LEDGER.blocks[HEIGHT].hash.hex()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file that the explorer gives whoever asks for a proof."""
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        chain = chain_of(LEDGER)
        index.catch_up(chain)
        answer = ask(application(index, chain.head, ()), f"/blocks/{HEIGHT}/records/{INDEX}/proof")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    wanted = f'attachment; filename="pole-proof-{HEIGHT}-{INDEX}.json"'
    assert answer.headers["content-disposition"] == wanted
    path = tmp_path / "proof.json"
    path.write_bytes(answer.body)
    return path


def check(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["chain", "check", str(path), *words])


def test_a_proof_of_the_explorer_holds(file: Path) -> None:
    assert file.read_bytes() == write_proof(prove(LEDGER.history(), HEIGHT, INDEX))
    shown = check(file, "--block-hash", HASH)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"Record {INDEX} (")
    assert f"is in block {HEIGHT}, {HASH}: the proof holds." in shown.stdout
    told = json.loads(check(file, "--block-hash", HASH, "--json").stdout)
    assert (told["height"], told["index"], told["blockHash"]) == (HEIGHT, INDEX, HASH)


def test_a_line_break_at_its_end_is_no_matter(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")
    assert check(file, "--block-hash", HASH).exit_code == 0


@pytest.mark.parametrize("part", ["header", "record", "siblings"])
def test_a_proof_that_was_changed_does_not_hold(file: Path, part: str) -> None:
    document = json.loads(file.read_bytes())
    if part == "header":
        document["header"]["trainCorrect"] += 1
    elif part == "record":
        data = document["record"]["data"]
        document["record"]["data"] = data[:-1] + ("1" if data[-1] == "0" else "0")
    else:
        document["siblings"][0] = "0x" + "ab" * 32
    file.write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    assert check(file, "--block-hash", HASH).exit_code == 4


def test_another_blocks_hash_is_refused(file: Path) -> None:
    assert check(file, "--block-hash", "0x" + "00" * 32).exit_code == 4


@pytest.mark.parametrize("text", ["", "0x", "12" * 32, "0x" + "g" * 64, "0x" + "1" * 65])
def test_what_is_no_hash_is_refused(file: Path, text: str) -> None:
    shown = check(file, "--block-hash", text)
    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 50, b"[" * 10_000])
def test_what_is_no_proof_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(content)
    assert check(path, "--block-hash", HASH).exit_code == 4
    assert check(tmp_path / "nowhere.json", "--block-hash", HASH).exit_code == 2
