"""The store against a real daemon, also one that goes away."""

import os
from pathlib import Path

import pytest

from pole.adapters.machine.devnet import DevnetSettings, start_ipfs, stop_devnet
from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
from pole.errors import IntegrityError, UnreachableError

NOT_THERE = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
QUICK = IpfsPolicy(first_byte_within=2, attempts=2, pause=0.1)


def test_the_store_keeps_what_it_is_given_and_tells_what_it_has_not(
    ipfs: DevnetSettings, tmp_path: Path
) -> None:
    store = IpfsStore(ipfs.ipfs, policy=QUICK)
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)
    expected = store.cid_of(tmp_path / "file")
    cid = store.add(tmp_path / "file")
    assert cid == expected
    assert cid.startswith("baf")
    store.fetch(cid, tmp_path / "copy", max_bytes=len(content))
    assert (tmp_path / "copy").read_bytes() == content
    with pytest.raises(IntegrityError, match="longer than"):
        store.fetch(cid, tmp_path / "short", max_bytes=len(content) - 1)
    for cid_without_content in (NOT_THERE, "nonsense"):
        with pytest.raises(UnreachableError, match=f"could not fetch '{cid_without_content}"):
            store.fetch(cid_without_content, tmp_path / "none", max_bytes=100)
    assert not (tmp_path / "short").exists()
    assert not (tmp_path / "none").exists()


def test_a_daemon_that_was_stopped_is_unreachable_and_has_everything_when_it_is_back(
    ipfs: DevnetSettings, tmp_path: Path
) -> None:
    store = IpfsStore(ipfs.ipfs, policy=QUICK)
    (tmp_path / "file").write_bytes(b"content")
    cid = store.add(tmp_path / "file")
    stop_devnet(ipfs.folder)
    with pytest.raises(UnreachableError, match="pole devnet up"):
        store.fetch(cid, tmp_path / "copy", max_bytes=7)
    start_ipfs(ipfs)
    store.fetch(cid, tmp_path / "copy", max_bytes=7)
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_a_daemon_keeps_what_is_served_on_until_its_name_is_forgotten(
    ipfs: DevnetSettings, tmp_path: Path
) -> None:
    store = IpfsStore(ipfs.ipfs, policy=QUICK)
    (tmp_path / "file").write_bytes(b"content")
    cid = store.add(tmp_path / "file")
    for name in ("wallet/1", "wallet/1", "wallet/2"):
        store.keep(cid, name)
    for _ in range(2):
        store.forget("wallet/1")
    store.fetch(cid, tmp_path / "copy", max_bytes=7)
    assert (tmp_path / "copy").read_bytes() == b"content"
