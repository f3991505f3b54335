import subprocess
import sys
from typing import cast

import pytest
from experiments.running.environment import REPOSITORY
from experiments.running.progress import now_and_then, of_download, of_training

from pole.learning.networks.network import Network
from pole.learning.training.training_run import Progress


def epoch(number: int, seconds: float) -> Progress:
    return Progress(number, 0.5, 1.0, seconds, 0.001, 60, None, cast("Network", None))


def test_something_is_said_every_ten_seconds_at_most(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    say = now_and_then(lambda: now[0])
    with caplog.at_level("INFO", logger="experiments"):
        for second in range(25):
            now[0] = 100.0 + second
            say(f"{second} s")
    assert caplog.messages == ["  10 s", "  20 s"]


def test_a_training_says_how_far_it_is_and_how_long_it_will_take() -> None:
    said: list[str] = []
    of_training(20, said.append)(epoch(5, 30.0))
    of_training(None, said.append)(epoch(5, 30.0))
    assert said == ["epoch 5 of 20: loss 0.500, 30 s, about 90 s left", "epoch 5: loss 0.500, 30 s"]


def test_a_download_says_how_much_is_here() -> None:
    said: list[str] = []
    of_download(said.append)("cifar-10-binary.tar.gz", 1_500_000, 170_052_171)
    assert said == ["cifar-10-binary.tar.gz: 1.5 of 170.1 MB"]


def test_mining_processes_do_without_torch() -> None:
    script = "import sys, experiments.problems.pow_chain; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY).returncode == 0
