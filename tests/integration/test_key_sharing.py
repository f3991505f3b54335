"""Delegated keys on a real chain: what is read back, and what commands say before there is a sharing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Devnet, running_devnet
from tests.integration.test_commands import pole

from pole.adapters.sending.chain import EthereumChain
from pole.errors import InputError, IntegrityError, RefusedError
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.formats.key_sharing import SealedShare, write_sealed_share
from pole.protocol.state import FileRef, TaskFiles, TaskTerms
from pole.roles.keys.sharing import task_of
from pole.roles.ports import Delegation

ETHER = 10**18
DIGEST = b"\x01" * 32
TERMS = TaskTerms(ETHER, ETHER // 10, 600, 0, ETHER // 10, 1, 9000, 0, 100, 50, 1)
FILES = TaskFiles("bafkreispec", DIGEST, "bafkreitrain", DIGEST, DIGEST, DIGEST)


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """A chain of these tests' own: others count the tasks of theirs."""
    with running_devnet(tmp_path_factory.mktemp("devnet")) as running:
        yield running


@pytest.fixture
def owner(wallet: Callable[[str], EthereumChain]) -> EthereumChain:
    return wallet("owner")


@pytest.fixture
def task_id(owner: EthereumChain) -> int:
    return owner.post_task(TERMS, FILES, intent="post")


@pytest.fixture
def home(devnet: Devnet, tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("password\n")
    assert pole(devnet, tmp_path, "wallet", "new", "alice", "--light").exit_code == 0
    return tmp_path


def test_the_keys_of_another_owners_task_are_not_delegated(
    wallet: Callable[[str], EthereumChain], task_id: int
) -> None:
    stranger = wallet("stranger")
    delegation = Delegation(stranger.identity.address, FileRef("bafkreisharing", DIGEST))
    with pytest.raises(RefusedError):
        stranger.delegate_keys(task_id, delegation, intent="delegate")
    assert stranger.delegation(task_id) is None


def test_a_share_is_not_accepted_before_the_chain_names_its_sharing(
    devnet: Devnet, home: Path, owner: EthereumChain, task_id: int
) -> None:
    task = task_of(owner, owner.task(task_id), key_count=12)
    (home / "share.json").write_bytes(write_sealed_share(SealedShare(task, DIGEST, 1, b"box")))
    result = pole(devnet, home, "key-holder", "accept", str(home / "share.json"), "--wallet", "alice")
    assert result.exit_code == InputError.exit_code
    assert f"names no sharing of task {task_id} yet" in result.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"chain_id": 1}, "chain id"),
        ({"task_list": ZERO_ADDRESS}, "task list"),
        ({"owner": ZERO_ADDRESS}, "owner"),
        ({"specification_digest": bytes(32)}, "specification digest"),
    ],
)
def test_a_share_for_another_task_than_the_chain_has_is_not_accepted(
    devnet: Devnet, home: Path, owner: EthereumChain, task_id: int, change: dict[str, Any], named: str
) -> None:
    task = replace(task_of(owner, owner.task(task_id), key_count=12), **change)
    (home / "share.json").write_bytes(write_sealed_share(SealedShare(task, DIGEST, 1, b"box")))
    result = pole(devnet, home, "key-holder", "accept", str(home / "share.json"), "--wallet", "alice")
    assert result.exit_code == IntegrityError.exit_code
    assert f"they differ in {named}" in result.stderr
    assert result.stdout == ""


def test_a_secret_that_is_not_shared_is_not_dropped(devnet: Devnet, home: Path, task_id: int) -> None:
    result = pole(devnet, home, "data-node", "drop-secret", str(task_id), "--wallet", "alice", "--yes")
    assert result.exit_code == InputError.exit_code
    assert "share it first" in result.stderr


def test_a_task_whose_secret_is_elsewhere_is_not_shared(devnet: Devnet, home: Path, task_id: int) -> None:
    card = home / "alice.card"
    card.write_text(pole(devnet, home, "key-holder", "new", "--wallet", "alice").stdout)
    options = ("--threshold", "1", "--holder", str(card), "--out", str(home / "shares"))
    result = pole(devnet, home, "data-node", "share", str(task_id), "--wallet", "alice", *options)
    assert result.exit_code == InputError.exit_code
    assert "There is no secret master-secret" in result.stderr


def test_the_newest_delegation_and_everybodys_last_announcement_are_read(
    wallet: Callable[[str], EthereumChain], owner: EthereumChain, task_id: int
) -> None:
    holders = [wallet("holder-1"), wallet("holder-2")]
    for number, holder in enumerate(holders, start=1):
        sharing = FileRef(f"bafkreisharing{number}", bytes([number]) * 32)
        owner.delegate_keys(task_id, Delegation(holder.identity.address, sharing), intent=f"d/{number}")
        for turn in (1, 2):
            partial = FileRef(f"bafkreipartial{number}{turn}", DIGEST)
            holder.announce_partial_keys(task_id, partial, intent=f"a/{turn}")
    first, second = (holder.identity.address for holder in holders)
    assert owner.delegation(task_id) == Delegation(second, FileRef("bafkreisharing2", b"\x02" * 32))
    assert owner.partial_keys(task_id, [first, second]) == {
        first: FileRef("bafkreipartial12", DIGEST),
        second: FileRef("bafkreipartial22", DIGEST),
    }
    assert owner.delegation(task_id + 1) is None
    assert set(owner.partial_keys(task_id, [second])) == {second}
    assert owner.partial_keys(task_id + 1, [first, second]) == {}
