"""What somebody asks for again: what was interrupted is gone on with, and nothing else is taken for it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.unit.adapters.sending.desk import ACCOUNT, Desk
from tests.unit.protocol.example_rounds import PARAMETERS
from tests.unit.roles.conftest import VERIFIERS, terms
from tests.unit.roles.fakes import FakeStake

from pole.adapters.sending.fees import FeePolicy
from pole.adapters.sending.transactions import Call
from pole.cli import main
from pole.protocol.formats.leaked_vote import LeakedVote, write_leaked_vote
from pole.protocol.state import Verdict, Vote

CONTRACTS = "0x" + "22" * 20
COMMANDS = {"stake": ("verifier",), "unstake": ("verifier",), "reclaim": ("verifier",), "withdraw": ()}
CALLS = ("stake", "unstake", "reclaim", "withdraw", "challenge", "leak")
VOTES = (Vote(Verdict.OK, 60, 30, bytes(32)),)


class Contracts:
    """A seat and a credit behind a real sender: the first byte of a call says what it does."""

    parameters = PARAMETERS

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.is_stalled = False

    def calls(self) -> list[str]:
        """Return what was mined, in order."""
        return [f"{CALLS[each['data'][0]]} {each['data'][1:].hex()}".strip() for each in self._mined()]

    def was_sent(self, intent: str) -> bool:
        return self.desk.sender().was_sent(intent)

    def stake_of(self, _: str) -> FakeStake:
        seated, amount, _credit = self._state()
        return FakeStake(amount, seated, 1)

    def credit_of(self, _: str) -> int:
        return self._state()[2]

    def balance_of(self, _: str) -> int:
        return 0

    def round(self, round_id: int) -> SimpleNamespace:
        return SimpleNamespace(attempt=self.calls().count(f"challenge {round_id:02x}"), terms=terms())

    def stake(self, *, intent: str) -> None:
        self._send("stake", intent)

    def unstake(self, *, intent: str) -> None:
        self._send("unstake", intent)

    def reclaim(self, *, intent: str) -> None:
        self._send("reclaim", intent)

    def withdraw(self, *, intent: str) -> int:
        self._send("withdraw", intent)
        return 1

    def challenge(self, round_id: int, *, intent: str, bond: int) -> None:
        assert bond
        self._send("challenge", intent, round_id)

    def leak(self, ballot: int, leaked: LeakedVote, *, intent: str) -> None:
        self._send("leak", intent, ballot, int(leaked.verifier, 16) % 16)

    def _send(self, what: str, intent: str, *arguments: int) -> None:
        sender = self.desk.sender(FeePolicy(give_up_after=10, replace_after=1000, poll=1))
        sender._wait = self.desk.stall if self.is_stalled else self.desk.wait
        sender.send(Call(CONTRACTS, "0x" + bytes([CALLS.index(what), *arguments]).hex()), intent=intent)

    def _mined(self) -> list[dict[str, Any]]:
        return sorted(self.desk.node.mined.values(), key=lambda each: int(each["nonce"]))

    def _state(self) -> tuple[bool, int, int]:
        """Return whether there is a seat, its stake, and the credit."""
        seated, amount, credit = False, 0, 5
        for call in self.calls():
            match call:
                case "stake":
                    seated, amount = True, 1
                case "unstake":
                    seated = False
                case "reclaim":
                    amount, credit = 0, credit + amount
                case "withdraw":
                    credit = 0
        return seated, amount, credit


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contracts:
    desk = Desk(tmp_path)
    made = Contracts(desk)

    class Session(SimpleNamespace):
        def __enter__(self) -> "Session":
            return self

        def __exit__(self, *_: object) -> None:
            pass

    desk.sender()
    session = Session(chain=made, journal=desk.journal, account=ACCOUNT)
    for module in ("cli.workers.verifier", "cli.network.withdraw", "cli.network.chain"):
        monkeypatch.setattr(f"pole.{module}.open_session", lambda *_: session)
        monkeypatch.setattr(f"pole.{module}.read_password", lambda _: "password")
    monkeypatch.setattr("pole.roles.judging.leaking.leak", Contracts.leak)
    return made


def ask(*words: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(main, [*words, "--wallet", "vera"])
    assert result.exit_code == exit_code, result.output
    return result.stdout


def ask_in_vain(contracts: Contracts, *words: str) -> None:
    """Ask for something whose transaction is mined only after everybody has stopped waiting for it."""
    contracts.is_stalled = True
    ask(*words, exit_code=3)
    contracts.is_stalled = False


@pytest.mark.parametrize("is_mined", [False, True])
def test_a_challenge_that_was_interrupted_is_not_taken_for_that_of_another_round(
    contracts: Contracts, is_mined: bool
) -> None:
    ask_in_vain(contracts, "chain", "challenge", "3")
    if is_mined:
        contracts.desk.node.mine()
    assert "The tally of round 7 is challenged" in ask("chain", "challenge", "7")
    assert contracts.calls() == ["challenge 03", "challenge 07"]


@pytest.mark.parametrize("is_mined", [False, True])
def test_a_challenge_that_was_interrupted_is_gone_on_with(contracts: Contracts, is_mined: bool) -> None:
    ask_in_vain(contracts, "chain", "challenge", "3")
    if is_mined:
        contracts.desk.node.mine()
    told = ask("chain", "challenge", "3")
    assert f"The tally of round 3 {'was challenged before' if is_mined else 'is challenged'}" in told
    assert contracts.calls() == ["challenge 03"]
    assert "The tally of round 3 is challenged" in ask("chain", "challenge", "3")
    assert contracts.calls() == ["challenge 03"] * 2


def leaked_by(folder: Path, verifier: str) -> str:
    path = folder / f"{verifier}.json"
    path.write_bytes(write_leaked_vote(LeakedVote(verifier, VOTES, bytes(32))))
    return str(path)


@pytest.mark.parametrize(
    ("round_id", "verifier", "second"), [("2", VERIFIERS[0], "0807"), ("1", VERIFIERS[1], "0408")]
)
def test_a_leak_that_was_interrupted_is_not_taken_for_that_of_another_vote(
    contracts: Contracts, tmp_path: Path, round_id: str, verifier: str, second: str
) -> None:
    first = leaked_by(tmp_path, VERIFIERS[0])
    ask_in_vain(contracts, "verifier", "leak", "1", "--file", first)
    ask("verifier", "leak", round_id, "--file", leaked_by(tmp_path, verifier))
    assert contracts.calls() == ["leak 0407", f"leak {second}"]


@pytest.mark.parametrize(
    ("action", "before", "between"),
    [
        ("stake", (), ("unstake",)),
        ("unstake", ("stake",), ("stake",)),
        ("reclaim", ("stake", "unstake"), ("stake", "unstake")),
        ("withdraw", (), ("stake", "unstake", "reclaim")),
    ],
)
def test_what_was_mined_after_it_was_forgotten_is_done_again_where_it_was_undone_since(
    contracts: Contracts, action: str, before: tuple[str, ...], between: tuple[str, ...]
) -> None:
    for each in before:
        ask(*COMMANDS[each], each)
    ask_in_vain(contracts, *COMMANDS[action], action)
    contracts.desk.node.mine()
    for each in between:
        ask(*COMMANDS[each], each)
    told = json.loads(ask(*COMMANDS[action], action, "--json"))
    assert contracts.calls() == [*before, action, *between, action]
    if action == "withdraw":
        assert told["withdrawn"] == "2"


@pytest.mark.parametrize("is_mined", [False, True])
@pytest.mark.parametrize("action", ["stake", "withdraw"])
def test_what_was_interrupted_is_done_once(contracts: Contracts, action: str, is_mined: bool) -> None:
    ask_in_vain(contracts, *COMMANDS[action], action)
    if is_mined:
        contracts.desk.node.mine()
    ask(*COMMANDS[action], action)
    assert contracts.calls() == [action]
