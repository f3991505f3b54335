"""The books of miners and verifiers, and what a seat earned: tables for people, JSON for scripts."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.unit.protocol.example_rounds import CHAIN, MINERS, TERMS
from tests.unit.protocol.ledger import SEATS, VERIFIERS, Ledger

from pole.cli import main
from pole.protocol.replay.history import History

FEE = TERMS.reward // 10


def ledger() -> Ledger:
    """Return two rounds that ended, and one that is open."""
    made = Ledger()
    for _ in range(3):
        made.post()
    made.run(miners=2)
    made.run(miners=2)
    made.run_to_reveal(miners=1)
    return made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Call a command over the history of a ledger, in which seven seats could be drawn every time."""

    def called(history: History, *words: str) -> Result:
        monkeypatch.setattr("pole.adapters.ethereum.history_source.read_history", lambda _: history)
        monkeypatch.setattr("pole.adapters.history.rounds.seats_of", seats_of)
        for name in ("history", "estimate"):
            monkeypatch.setattr(f"pole.cli.workers.{name}.open_reader", lambda _: SimpleNamespace())
        return CliRunner().invoke(main, [*words, "--home", str(tmp_path)])

    return called


def seats_of(_reader: object, rounds: list[Any]) -> dict[int, int]:
    return {each.round_id: len(SEATS) for each in rounds}


def test_a_wallet_that_is_none_is_refused(call: Any) -> None:
    result = call(ledger().history(), "miner", "history", "--wallet", "nobody")
    assert result.exit_code == 2
    assert "nobody" in result.stderr


def test_who_took_no_part_is_told_so(call: Any) -> None:
    result = call(ledger().history(), "miner", "history", "--wallet", MINERS[3])
    assert result.output == f"{MINERS[3]} took part in no such round.\n"


def test_a_miner_s_rounds_stand_by_day_with_sums_and_a_total(call: Any) -> None:
    result = call(ledger().history(), "miner", "history", "--wallet", MINERS[1].lower())
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split() == [
        *("day", "round", "lane", "block", "task", "claim", "found", "rank"),
        *("paid", "lost", "held", "why"),
    ]
    first = lines[1].split()
    assert first[:8] == ["1970-01-01", "1", "0", "1", "1", "95/9", "95/9", "2"]
    assert lines[1].endswith("lost to 0x90F8…c9C1, which has as many right and committed earlier")
    assert "paid as an ommer of an earlier block" in lines[2]
    assert lines[-1].split()[:3] == ["total", "2", "rounds"]
    assert lines[-1].endswith("net 0.000000000000001 ETH")


def test_several_days_have_sums_of_their_own(call: Any) -> None:
    table = call(ledger().history(), "miner", "history", "--wallet", MINERS[0]).output.splitlines()
    assert [line.split()[:4] for line in table if " sum " in line] == [
        ["1970-01-01", "sum", "2", "rounds"],
        ["open", "sum", "1", "round"],
    ]


def test_scripts_read_a_miner_s_rounds_and_sums_in_wei(call: Any) -> None:
    result = call(ledger().history(), "miner", "history", "--wallet", MINERS[0], "--json")
    told = json.loads(result.output)
    ended, unfinished = told["days"]
    assert (told["address"], ended["day"], unfinished["day"]) == (MINERS[0], "1970-01-01", None)
    row = ended["rows"][0]
    paid = TERMS.reward - FEE + CHAIN.block_reward
    assert row["earned"] == {"TASK_REWARD": str(TERMS.reward - FEE), "BLOCK_REWARD": str(CHAIN.block_reward)}
    assert (row["paid"], row["ending"], row["rank"], row["height"]) == (str(paid), "won", 1, 1)
    assert row["bond"] == {"made": str(CHAIN.miner_bond), "returned": str(CHAIN.miner_bond)}
    assert unfinished["rows"][0]["held"] == str(CHAIN.miner_bond)
    rows = [row for day in told["days"] for row in day["rows"]]
    for sum_of in ("paid", "lost", "held"):
        total = sum(int(row[sum_of]) for row in rows)
        assert told["total"][sum_of] == str(total)
        assert sum(int(day[sum_of]) for day in told["days"]) == total


@pytest.mark.parametrize(
    ("words", "rounds"),
    [
        (("--last", "2"), [2, 3]),
        (("--last", "9"), [1, 2, 3]),
        (("--since", "1970-01-01"), [1, 2, 3]),
        (("--since", "1970-01-02"), [3]),
        (("--since", "1d", "--last", "1"), [3]),
    ],
)
def test_rounds_are_chosen_by_time_and_number_and_open_ones_are_recent(
    call: Any, words: tuple[str, ...], rounds: list[int]
) -> None:
    result = call(ledger().history(), "miner", "history", "--wallet", MINERS[0], "--json", *words)
    assert [row["round"] for day in json.loads(result.output)["days"] for row in day["rows"]] == rounds


def test_a_verifier_s_rounds_say_what_each_committee_paid(call: Any) -> None:
    words = ("verifier", "history", "--wallet", VERIFIERS[0])
    table = call(ledger().history(), *words).output.splitlines()
    assert table[1].split()[:9] == ["1970-01-01", "1", "0", "1", "1", "3", "2", "of", "2"]
    assert table[1].endswith("cast what was found")
    told = json.loads(
        call(ledger().history(), "verifier", "history", "--wallet", VERIFIERS[0], "--json").output
    )
    seat = told["days"][0]["rows"][0]["seats"][0]
    assert seat["fee"] == str(2 * (FEE // 6))
    assert (seat["members"], seat["right"], seat["found"], seat["ending"]) == (3, 2, 2, "right")
    assert told["total"]["paid"] == str(4 * (FEE // 6))


def test_an_estimate_says_what_a_seat_earned_beside_one_that_never_votes(call: Any) -> None:
    result = call(ledger().history(), "verifier", "estimate", "--json")
    told = json.loads(result.output)
    per_seat = 2 * 3 * 2 * (FEE // 6) // len(SEATS)
    assert (told["rounds"], told["judged"], told["net"], told["penalties"]) == (2, 2, str(per_seat), "0")
    assert told["neverVoting"] == str(-(2 * 3 * 500 // len(SEATS)))
    assert told["endings"] == {"right": 6}
    newest = json.loads(call(ledger().history(), "verifier", "estimate", "--rounds", "1", "--json").output)
    assert (newest["rounds"], newest["net"]) == (1, str(per_seat // 2))
    table = call(ledger().history(), "verifier", "estimate").output
    assert "never voting" in table
    assert "6 right" in table


def test_an_estimate_of_a_chain_without_rounds_says_so(call: Any) -> None:
    assert call(Ledger().history(), "verifier", "estimate").output.startswith("No round has ended here yet")
