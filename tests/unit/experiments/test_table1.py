from pathlib import Path
from types import SimpleNamespace
from typing import cast

from experiments import table1
from experiments.problems.pole_blocks import PARTS, breakdown
from experiments.running.records import Record, Size, append
from experiments.running.session import KEEPING

from pole.adapters.ethereum.chain_log import LoggedBlock

EVENTS = {
    ("data-2", "keys-issued"): 103.0,
    ("miner-1", "training"): 105.0,
    ("miner-2", "training"): 104.0,
    ("miner-1", "committed"): 112.0,
    ("miner-2", "committed"): 109.0,
    ("data-2", "closed"): 114.0,
}


def block(timestamp: int, winner: str = "0x1") -> LoggedBlock:
    header = SimpleNamespace(timestamp=timestamp, winner=winner, round_id=2)
    return cast("LoggedBlock", SimpleNamespace(header=header))


def test_the_parts_of_a_block_add_up_to_its_time() -> None:
    parts = breakdown(EVENTS, block(100), block(120), {"0x1": "miner-1"})
    assert parts == (3.0, 2.0, 7.0, 2.0, 6.0)
    assert len(parts) == len(PARTS)


def test_proof_of_work_is_set_to_the_mean_that_was_measured(tmp_path: Path) -> None:
    before = KEEPING.set(tmp_path)
    assert table1.measured_mean(Size.REDUCED) == table1.EXPECTED[Size.REDUCED]
    for setting, mean in (("PoLe", 21.5), ("PoW", 99.0)):
        append(tmp_path / "table1.jsonl", Record("table1", Size.REDUCED, setting, 0, {"mean": mean}, {}, 1.0))
    assert table1.measured_mean(Size.REDUCED) == 21.5
    KEEPING.reset(before)


def test_the_table_gives_variance_over_the_mean_squared() -> None:
    measured = {"mean": 2.0, "interval": [1.0, 3.0], **{part: [0.5, 0.5] for part in PARTS}}
    told = table1.report([Record("table1", Size.QUICK, "PoLe", 0, measured, {}, 1.0)])
    assert "| PoLe | 2 | 2.00 | 3.00 | 1.00 | 1.00 | 0.2500 | 222.64 | 140.28 | 0.0028 |" in told
    assert "| training | 0.5 | 25 % |" in told


def test_the_table_says_what_proof_of_work_was_set_to() -> None:
    measured = {"mean": 2.0, "expected": 2.54, "interval": [1.0, 3.0]}
    told = table1.report([Record("table1", Size.QUICK, "PoW", 0, measured, {}, 1.0)])
    assert "Proof of work was set to 2.5 s a block" in told
