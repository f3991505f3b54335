"""Key holders on the command line, as far as no chain is needed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.adapters.wallet.holder_card import read_card
from pole.adapters.wallet.secret_box import ScryptCost
from pole.adapters.wallet.secret_store import SecretStore
from pole.adapters.wallet.share_box import public_sealing_key
from pole.api.key_secrets import open_share, save_share, sealing_key_of
from pole.cli import main
from pole.cli.keys.holder import describe_share
from pole.protocol.formats.shared_task import SharedTask
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp

ADDRESS = "0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("password\n")
    assert pole(tmp_path, "wallet", "new", "alice", "--light").exit_code == 0
    return tmp_path


def pole(home: Path, *words: str) -> Result:
    environment = {"POLE_HOME": str(home), "POLE_PASSWORD_FILE": str(home / "password")}
    return CliRunner().invoke(main, words, env=environment)


def share(home: Path, *words: str) -> Result:
    required = ("--wallet", "alice", "--threshold", "1", "--out", str(home / "shares"))
    return pole(home, "data-node", "share", "1", *required, *words)


def test_a_missing_card_is_named(home: Path) -> None:
    result = share(home, "--holder", str(home / "bob.card"))
    assert result.exit_code == 2
    assert f"The file {home / 'bob.card'} cannot be read" in result.stderr


def test_a_card_that_was_changed_is_named(home: Path) -> None:
    card = home / "alice.card"
    content = json.loads(pole(home, "key-holder", "new", "--wallet", "alice").stdout)
    content["sealingKey"] = "0x" + "00" * 32
    card.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    result = share(home, "--holder", str(card))
    assert result.exit_code == 4
    assert f"{card}: The card was not signed by {content['address']}" in result.stderr


def test_a_delegate_without_its_checksum_is_refused(home: Path) -> None:
    card = home / "alice.card"
    card.write_text(pole(home, "key-holder", "new", "--wallet", "alice").stdout)
    result = share(home, "--holder", str(card), "--delegate", ADDRESS.lower())
    assert result.exit_code == 2
    assert "correct --delegate" in result.stderr


def test_a_file_that_is_no_share_is_refused(home: Path) -> None:
    result = pole(home, "key-holder", "accept", str(home / "password"), "--wallet", "alice")
    assert result.exit_code == 4
    assert "pole.sealed-share file is no JSON" in result.stderr


def test_a_card_is_the_same_every_time_and_its_key_is_kept_encrypted(home: Path) -> None:
    first = pole(home, "key-holder", "new", "--wallet", "alice")
    assert first.exit_code == 0
    assert pole(home, "key-holder", "new", "--wallet", "alice").stdout == first.stdout
    holder = read_card(first.stdout.strip().encode())
    private = sealing_key_of(SecretStore(home / "secrets", "password"), holder.address)
    assert holder.sealing_key == public_sealing_key(private)
    assert not any(private in path.read_bytes() for path in (home / "secrets").iterdir())


def test_a_receipt_that_is_none_is_named_before_anything_is_dropped(home: Path) -> None:
    path = home / "alice.receipt"
    path.write_text(pole(home, "key-holder", "new", "--wallet", "alice").stdout)
    result = pole(home, "data-node", "drop-secret", "1", "--wallet", "alice", "--receipt", str(path), "--yes")
    assert result.exit_code == 4
    assert f"{path}: The file is no pole.share-receipt file" in result.stderr


def test_a_share_of_version_1_is_refused_with_the_commands_that_make_a_new_one(home: Path) -> None:
    path = home / "share.json"
    digest = "0x" + "00" * 32
    path.write_text(
        f'{{"box":"00","format":"pole.sealed-share","index":1,"sharingDigest":"{digest}","taskId":1,"version":1}}'
    )
    result = pole(home, "key-holder", "accept", str(path), "--wallet", "alice")
    assert result.exit_code == 4
    assert "share the secret again (`pole data-node share`)" in result.stderr


@pytest.mark.parametrize(("queries", "warned"), [(2, False), (3, True), (4, True)])
def test_a_holder_reads_what_it_agrees_to_and_is_warned_where_that_is_the_data(
    capsys: pytest.CaptureFixture[str], queries: int, *, warned: bool
) -> None:
    mapping = LinearMapping(bits=3, queries=queries)
    specification = mlp(input_shape=(4,), input_bits=8, mapping=mapping, hidden=(), classes=3)
    describe_share(SharedTask(1337, ADDRESS, 7, ADDRESS, specification.digest(), queries), specification)
    told = capsys.readouterr()
    assert told.out == ""
    assert f"task 7 of {ADDRESS} in the task list {ADDRESS} on chain 1337, and nothing else" in told.err
    assert f"{queries} functional keys, once, which give away up to {queries} of 4" in told.err
    assert ("warning: these keys alone disclose the data" in told.err) == warned


def test_shares_of_two_wallets_in_one_home_do_not_meet(tmp_path: Path) -> None:
    secrets = SecretStore(tmp_path, "password", ScryptCost(2, 8, 1))
    digest = bytes(32)
    save_share(secrets, ADDRESS, digest, b"share")
    assert open_share(secrets, ADDRESS, digest) == b"share"
    assert open_share(secrets, "0x" + "1" * 40, digest) is None
    assert open_share(secrets, ADDRESS, b"\x01" * 32) is None
