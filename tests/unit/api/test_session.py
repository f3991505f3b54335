"""A session keeps a backup away for as long as it lives, and leaves nothing open where it cannot begin."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pole.adapters.sending.fees import FeePolicy
from pole.adapters.storage import journal
from pole.adapters.storage.home_lock import alone_in, present_in
from pole.adapters.wallet.keystore import new_wallet
from pole.api.session import Session, open_session
from pole.api.settings import Settings
from pole.errors import InputError

DEPLOYMENT = SimpleNamespace(chain_id=1337, chain=SimpleNamespace(address="0x" + "Ab" * 20))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("pole.api.session.open_reader", lambda _: SimpleNamespace(deployment=DEPLOYMENT))
    monkeypatch.setattr("pole.adapters.sending.chain.open_ethereum_chain", lambda *_, **__: None)
    new_wallet(tmp_path, "alice", "password", rounds=2)
    return Settings(tmp_path, "", "/ip4/127.0.0.1/tcp/5001", tmp_path / "none.json", None)


def opened(settings: Settings) -> Session:
    return open_session(settings, "alice", "password")


def test_nobody_is_alone_beside_a_session_and_sessions_are_beside_each_other(settings: Settings) -> None:
    refused = pytest.raises(InputError, match="stop it first")
    with opened(settings), opened(settings), refused, alone_in(settings.home):
        pass
    with alone_in(settings.home), pytest.raises(InputError, match="is being backed up"):
        opened(settings)
    with present_in(settings.home), opened(settings):
        pass


def test_a_session_that_cannot_begin_leaves_nothing_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[journal.SqliteJournal] = []

    class Watched(journal.SqliteJournal):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            made.append(self)

    def refuse(*_: Any, **__: Any) -> None:
        raise InputError("Another chain.")

    monkeypatch.setattr("pole.adapters.storage.journal.SqliteJournal", Watched)
    monkeypatch.setattr("pole.adapters.sending.chain.open_ethereum_chain", refuse)
    with pytest.raises(InputError, match="Another chain"):
        opened(settings)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0]._connection.execute("SELECT 1")
    with alone_in(settings.home):
        pass


@pytest.mark.parametrize(("given", "ceiling"), [(None, 500 * 10**9), (900 * 10**9, 900 * 10**9)])
def test_a_session_offers_as_much_for_gas_as_it_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, given: int | None, ceiling: int
) -> None:
    seen: list[FeePolicy] = []
    monkeypatch.setattr(
        "pole.adapters.sending.chain.open_ethereum_chain", lambda *_, policy, **__: seen.append(policy)
    )
    with open_session(settings, "alice", "password", fee_ceiling=given):
        assert seen == [FeePolicy(ceiling=ceiling)]
