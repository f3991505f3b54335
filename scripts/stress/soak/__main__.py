"""Play rounds of real processes under faults, and check afterwards that nothing was lost.

    python -m scripts.stress.soak --rounds 5 --seed 7
    python -m scripts.stress.soak --minutes 10

The plan of faults follows from the seed; what meets which instruction does not. The exit code is 1 where a
promise is broken.
"""

import argparse
import math
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import SystemRandom
from typing import Final, NoReturn

from scripts.demo.network import REPOSITORY, free_ports, prepare_ground
from scripts.stress.soak.checks.all import Findings, check_all
from scripts.stress.soak.conductor import Conductor
from scripts.stress.soak.liar import open_liar
from scripts.stress.soak.plan import RoundPlan, plan_round
from scripts.stress.soak.posting import Posting, until
from scripts.stress.soak.report import Circumstances, as_json, as_text, machine
from scripts.stress.soak.setting import set_up

from pole.adapters.machine.devnet import ChainProgram
from pole.errors import PoleError
from pole.protocol.models.specification import parse_specification

FOLDER: Final = REPOSITORY / "build" / "soak"
SPECIFICATION: Final = REPOSITORY / "examples" / "iris-mlp.json"
ROUNDS_A_MINUTE: Final = 4
"""More than there can be, so that the money suffices."""
PROGRAMS: Final = [each.value for each in ChainProgram]
THREADS: Final = 4
USUAL_ROUNDS: Final = 10


def main() -> int:
    """Play what the command line says; return the exit code."""
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return _play(options)
    except KeyboardInterrupt:
        print("Interrupted; what was started is stopped.")
        return 130
    except PoleError as error:
        print(f"error: {error}")
        return error.exit_code


def _play(options: argparse.Namespace) -> int:
    began, day = time.monotonic(), f"{datetime.now(UTC):%Y-%m-%d}"

    def report(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True)

    rounds = options.rounds or math.ceil(ROUNDS_A_MINUTE * options.minutes)
    report(f"seed {options.seed}, {machine()}")
    ground = prepare_ground(FOLDER, block_time=options.block_time, ports=free_ports())
    ground = replace(ground, chain=ChainProgram(options.chain))
    with ExitStack() as at_end:
        setting = set_up(ground, at_end, report, lanes=options.lanes, rounds=rounds)
        pool = at_end.enter_context(ThreadPoolExecutor(THREADS))
        liar = open_liar(setting.liar, ground.place, parse_specification(SPECIFICATION.read_bytes()))
        posting = Posting(setting, options.lanes, _plans(options))
        conductor = Conductor(setting, posting, liar, report, pool)
        conductor.play()
        codes = setting.crew.fleet.stop()
        findings = check_all(conductor, codes)
        seconds = time.monotonic() - began
    where = Circumstances(options.seed, options.chain, options.lanes, machine(), day, seconds)
    print(as_text(where, conductor, findings))
    if options.json is not None:
        options.json.write_text(as_json(where, conductor, findings))
    return _code(findings)


def _plans(options: argparse.Namespace) -> Iterator[RoundPlan]:
    """Return the plans of so many rounds, of those that begin in so many minutes from the first one on."""
    numbers = count(1) if options.rounds is None else range(1, options.rounds + 1)
    plans = (plan_round(options.seed, number) for number in numbers)
    if options.minutes is None:
        return plans
    end = time.monotonic() + 60 * options.minutes
    return until(plans, lambda: time.monotonic() > end)


def _code(findings: Findings) -> int:
    return int(not all(promise.holds for promise in findings.promises))


def _interrupt(number: int, _: object) -> NoReturn:
    # A second signal must not interrupt the clean-up.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.stress.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, help="play so many rounds (default: 10 without --minutes)")
    parser.add_argument("--minutes", type=float, help="begin rounds for so many minutes")
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().getrandbits(32), help="of all faults (default: a new one)"
    )
    parser.add_argument("--lanes", type=int, choices=range(1, 5), default=2, help="default %(default)s")
    parser.add_argument("--chain", choices=PROGRAMS, default="anvil", help="default %(default)s")
    parser.add_argument("--block-time", type=float, default=1.0, help="seconds (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to this file, too")
    options = parser.parse_args()
    if options.rounds is None and options.minutes is None:
        options.rounds = USUAL_ROUNDS
    return options


if __name__ == "__main__":
    sys.exit(main())
