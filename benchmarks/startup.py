"""What commands and waiting workers cost: python -m benchmarks.startup [--against REV] [--runs N].

Claim: `pole task list` takes at most 0.6 s of processor; a verifier that waits for rounds has at most 110 MiB
in memory (RSS), a miner 300. n: medians of 7 runs of each command, user and system time of the process as the
kernel counts it, with the fewest and the most; one worker of each role, looked at after 40 seconds. All are
against an anvil of this machine with the contracts and five tasks that wait. With --against another revision
does the same in turn with ours, checked out beside it, with this environment's packages. Hardware: whatever
it runs on, Linux. The contracts have to be compiled (`tools/brownie compile`).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eth_account import Account
from scripts.contracts.sources import ROOT
from tests.integration import deploying
from tests.integration.test_full_list import TERMS
from tests.integration.test_round import FILES

from benchmarks.common.resident import proportional, resident
from benchmarks.common.revisions import checked_out
from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    ChainProgram,
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    stop_devnet,
)
from pole.adapters.sending.chain import open_ethereum_chain
from pole.adapters.sending.faucet import fund
from pole.adapters.storage.journal import SqliteJournal

MIB = 2**20
COMMANDS = (
    ("--help",),
    ("task", "list"),
    ("task", "show", "1"),
    ("wallet", "list"),
    ("chain", "log"),
    ("chain", "verify"),
    ("miner", "history", "--wallet", "miner-1"),
)
ROLES = ("data-node", "miner", "verifier")
TASKS = 5
RESTED = 40


@dataclass(frozen=True, slots=True)
class Version:
    """A revision of the package, as a folder has it."""

    name: str
    tree: Path

    def pole(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command of this revision."""
        command = [sys.executable, "-c", "from pole.cli import main; main()", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self.tree / "offchain"), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def network(folder: Path) -> Iterator[list[str]]:
    """Give the options that lead to a chain with tasks, and to a wallet for each role."""
    chain = DevnetSettings(folder, programs_folder(), rpc_port=free_port(), block_time=0)
    chain = replace(chain, chain=ChainProgram.ANVIL)
    deployment, password = folder / "deployment.json", folder / "password"
    password.write_text("a password\n")
    password.chmod(0o600)
    start_chain(chain)
    try:
        w3, account = connect(chain.rpc), Account.create()
        deploying.deploy(w3, deployment)
        fund(w3, account.address, 10**20)
        with closing(SqliteJournal(folder / "journal.sqlite")) as journal:
            reader = open_chain_reader(chain.rpc, deployment)
            sender = open_ethereum_chain(reader, account, journal, locks=folder / "locks")
            for number in range(TASKS):
                sender.post_task(TERMS, FILES, intent=f"post/{number}")
        where = ("--rpc", chain.rpc, "--deployment", str(deployment), "--home", str(folder / "home"))
        options = [*where, "--password-file", str(password)]
        for role in ROLES:
            if Version("here", ROOT).pole(["wallet", "new", f"{role}-1", "--light", *options]).wait():
                sys.exit(f"no wallet could be made for the {role}")
        yield options
    finally:
        stop_devnet(folder)


def cost(version: Version, arguments: Sequence[str]) -> float:
    """Return the seconds of processor of one run, its own and the system's for it."""
    run = version.pole(arguments)
    _, status, used = os.wait4(run.pid, 0)
    if status:
        sys.exit(f"pole {' '.join(arguments)} failed")
    return used.ru_utime + used.ru_stime


def commands(versions: Sequence[Version], options: Sequence[str], runs: int) -> None:
    """Print what each command costs."""
    for command in COMMANDS:
        arguments = [*command, *(options if "--help" not in command else ())]
        found: dict[str, list[float]] = {version.name: [] for version in versions}
        for _ in range(runs):
            for version in versions:
                found[version.name].append(cost(version, arguments))
        first = statistics.median(found[versions[0].name])
        for name, taken in found.items():
            median = statistics.median(taken)
            words, ratio = " ".join(command), median / first
            spread = f"{median:>5.2f} s ({min(taken):.2f} to {max(taken):.2f})"
            print(f"pole {words:<32} {name:<8} {spread} x{ratio:.2f}")


def workers(versions: Sequence[Version], options: Sequence[str]) -> None:
    """Print what memory workers hold that have waited for some time, all roles side by side."""
    for version in versions:
        begun = {role: version.pole([role, "run", "--wallet", f"{role}-1", *options]) for role in ROLES}
        try:
            time.sleep(RESTED)
            for role, worker in begun.items():
                if worker.poll() is not None:
                    sys.exit(f"pole {role} run ended with exit code {worker.returncode}")
                held, share = resident(worker.pid) / MIB, proportional(worker.pid) / MIB
                print(
                    f"pole {f'{role} run':<32} {version.name:<8} {held:>4.0f} MiB RSS {share:>4.0f} MiB PSS"
                )
        finally:
            for worker in begun.values():
                worker.terminate()
                worker.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="REV", help="another revision to measure in turn with this one")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    versions = [Version("here", ROOT)]
    if options.against is not None:
        versions.append(Version(options.against, checked_out(options.against)))
    with tempfile.TemporaryDirectory() as folder, network(Path(folder)) as place:
        commands(versions, place, options.runs)
        workers(versions, place)


if __name__ == "__main__":
    main()
