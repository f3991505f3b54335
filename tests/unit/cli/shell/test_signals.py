"""What signals ask of a worker, also in the first moments of its process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pole.cli.shell import signals
from pole.cli.shell.signals import heed_signals

EARLY = """
import os, signal, sys
sys.argv = ["pole", *sys.argv[2:]] if (number := int(sys.argv[1])) else []

class Signals:
    # The first import of the command tree is when an early signal arrives.
    def find_spec(self, name, *_):
        if name == "pole.cli.app":
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Signals())
import pole.cli
from pole.cli.shell.signals import heed_signals
with heed_signals() as asked:
    sys.exit(8 - asked.draining.is_set() - 2 * asked.renewing.is_set())
"""


def early(number: int, *words: str, **environment: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", EARLY, str(number), *words], env=os.environ | environment, check=False
    ).returncode


@pytest.mark.parametrize("words", [("miner", "run"), ("--rpc", "x", "data-node", "--home", "y", "run", "-h")])
def test_a_worker_that_is_asked_to_end_while_it_loads_ends_well(words: tuple[str, ...]) -> None:
    assert early(signal.SIGTERM, *words) == 0


def test_a_worker_that_is_asked_to_be_drained_while_it_loads_remembers_it() -> None:
    assert early(signal.SIGUSR1, "verifier", "run") == 7
    assert early(signal.SIGUSR2, "verifier", "run") == 6
    assert early(signal.SIGCONT, "verifier", "run") == 8
    assert early(signal.SIGCONT, "verifier", "run", POLE_DRAINING="1") == 7


@pytest.mark.parametrize("words", [("task", "post"), ("miner", "history"), ("devnet", "run")])
def test_other_commands_end_by_signals_as_programs_do(words: tuple[str, ...]) -> None:
    assert early(signal.SIGTERM, *words) == -signal.SIGTERM


BLOCKED = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
os.kill(os.getpid(), signal.{name})
program = "import sys; print('loads', flush=True); sys.argv = ['pole', *sys.argv[1:]]; import pole.cli"
os.execv(sys.executable, [sys.executable, "-c", program, *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("SIGTERM", ("miner", "run"), 0),
        ("SIGUSR1", ("miner", "run"), 0),
        ("SIGTERM", ("task", "post"), -signal.SIGTERM),
    ],
)
def test_a_signal_that_came_before_anything_of_ours_was_loaded_is_heeded_where_it_was_blocked(
    name: str, words: tuple[str, ...], code: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(name=name), *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (code, "loads\n")


def test_signals_ask_and_the_old_actions_come_back() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        with heed_signals() as asked:
            os.kill(os.getpid(), number)
            asks_for = {signal.SIGUSR1: asked.draining, signal.SIGUSR2: asked.renewing}
            assert asks_for.get(number, asked.stopping).wait(5)
            assert [asked.stopping.is_set(), asked.draining.is_set(), asked.renewing.is_set()].count(
                True
            ) == 1
            assert asked.is_leaving() != asked.stopping.is_set()
    assert [signal.getsignal(number) for number in numbers] == before


def test_what_catches_signals_loads_nothing_first() -> None:
    source = Path(str(signals.__file__)).read_text()
    assert "click" not in source
