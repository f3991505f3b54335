"""The index in PostgreSQL is the index in SQLite, row by row."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from tests.unit.explore.chains import FIRST, chain_of, happenings_of, where
from tests.unit.explore.databases import dump, opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import MOODS, NO_TEXT, named, played
from tests.unit.explore.replayed import check_parity
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.adapters.machine.devnet import free_port
from pole.errors import DiskError
from pole.explore import schema
from pole.explore.database import open_database
from pole.explore.index.following import EventDatabase
from pole.explore.index.keeping import Keeper
from pole.explore.views.accounts import account_page
from pole.explore.views.economics import economics_page
from pole.explore.views.leaderboards import miner_board, verifier_board
from pole.explore.views.looking import LARGEST, Look


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the DSN of a server of our own, which refuses to run as root."""
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not on the path")
    try:
        owner = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        pytest.skip("root has no user postgres to run the server as")
    # Not in tmp_path: its folders are closed to the user that the server runs as.
    folder, port = Path(mkdtemp(prefix="pole-postgres-")), free_port()
    folder.chmod(0o777)

    def do(*words: str) -> None:
        user = owner.pw_name if os.getuid() == 0 else None
        subprocess.run(words, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    data = folder / "data"
    do("initdb", "-D", str(data), "-U", "pole", "-A", "trust", "--no-sync")
    flags = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    do("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", flags, "start")
    try:
        yield f"postgresql+psycopg://pole@127.0.0.1:{port}/postgres"
    finally:
        do("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def engine(server: str) -> Iterator[Engine]:
    engine = open_database(server)
    yield engine
    schema.METADATA.drop_all(engine)
    engine.dispose()


def test_a_server_that_is_away_is_told() -> None:
    engine = open_database(f"postgresql+psycopg://pole@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(DiskError, match="cannot be used"):
        EventDatabase(engine, where(PARAMETERS))


def test_after_a_reorganisation_both_databases_have_the_same_rows(engine: Engine, tmp_path: Path) -> None:
    before, after = played(MOODS[:6]), played((*MOODS[:3], *MOODS[6:]))
    shared = len(happenings_of(played(MOODS[:3]).history()))
    chain = chain_of(before)
    chain.unreceipted = {FIRST + 4, FIRST + shared + 3}
    index = EventDatabase(engine, where(PARAMETERS))
    index.catch_up(chain)
    start = FIRST + shared - 5
    chain.reorganise(start, happenings_of(after.history())[start - FIRST :], b"other")
    index.catch_up(chain)
    check_parity(engine, after.history())
    with opened(tmp_path) as other:
        EventDatabase(other, where(PARAMETERS)).catch_up(chain)
        assert dump(engine) == dump(other)


def test_a_transaction_sees_one_state_and_changes_no_other(engine: Engine) -> None:
    chain = chain_of(played(("block", "false")))
    index = EventDatabase(engine, where(PARAMETERS))
    index.catch_up(chain)
    start = chain.head().number - 3
    with engine.connect() as late:
        before = late.execute(select(schema.events.c.block, schema.events.c.log_index)).all()
        chain.reorganise(start, chain.happenings[-2:], b"other")
        index.catch_up(chain)
        assert late.execute(select(schema.events.c.block, schema.events.c.log_index)).all() == before
        with pytest.raises(OperationalError):
            Keeper(where(PARAMETERS)).remove_from(late, start)


def test_a_string_that_is_no_text_is_the_same_in_both(engine: Engine, tmp_path: Path) -> None:
    chain = chain_of(named([NO_TEXT]))
    EventDatabase(engine, where(PARAMETERS)).catch_up(chain)
    with opened(tmp_path) as other:
        EventDatabase(other, where(PARAMETERS)).catch_up(chain)
        assert dump(engine) == dump(other)


def test_pages_of_money_are_the_same_from_both(engine: Engine, tmp_path: Path) -> None:
    chain = GeneratedChain(12, people=14)
    with opened(tmp_path) as other:
        shown = []
        for each in (engine, other):
            EventDatabase(each, where(PARAMETERS)).catch_up(chain)
            with each.connect() as connection:
                look = Look(connection, where(PARAMETERS))
                people = sorted(connection.scalars(select(schema.account_totals.c.address).distinct()))
                accounts = [account_page(look, who, LARGEST, LARGEST) for who in people]
                boards = (miner_board(look, "", 0), verifier_board(look, "", 0), economics_page(look, ""))
                shown.append((accounts, *boards))
    assert len(shown[0][0]) == 14
    assert shown[0] == shown[1]
