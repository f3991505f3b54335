"""What `pole doctor` looks at: each part of the set-up, whether it works, and what to do when it does not."""

import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import check_deployment, in_one_request, open_node, shown_url
from pole.adapters.ethereum.deployment import read_deployment
from pole.adapters.machine.exposure import can_be_entered
from pole.adapters.node.questions import Question, block_number, chain_id, client_version
from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
from pole.adapters.storage.private_file import write_private
from pole.adapters.wallet.keystore import list_wallets
from pole.errors import IntegrityError, PoleError
from pole.ipfe import backend
from pole.protocol.amounts import ether
from pole.quoting import MAX_QUOTED, one_line


class Grade(Enum):
    """How a part is: it works, it works less well than it could, it does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of the set-up, how it is, and a sentence that says so or what to do."""

    part: str
    grade: Grade
    sentence: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What is looked at: the data folder, the node's URL, the IPFS API's address and the deployment file."""

    home: Path
    rpc: str
    ipfs: str
    deployment: Path


def diagnose(setup: Setup) -> list[Finding]:
    """Return a finding for each part, in the order in which they build on one another."""
    parts: list[tuple[str, Callable[[Setup], Finding]]] = [
        ("python", _python),
        ("torch", _torch),
        ("encryption", _encryption),
        ("node.js", _node),
        ("data folder", _folder),
        ("chain", _chain),
        ("deployment", _deployment),
        ("ipfs", _ipfs),
        ("wallets", _wallets),
    ]
    return [_look(part, look, setup) for part, look in parts]


def _look(part: str, look: Callable[[Setup], Finding], setup: Setup) -> Finding:
    try:
        return look(setup)
    except PoleError as error:
        return Finding(part, Grade.FAIL, str(error))


def _python(_: Setup) -> Finding:
    supported = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding(
        "python",
        Grade.OK if supported else Grade.WARN,
        f"Python {platform.python_version()}" + ("." if supported else " is untested: use 3.11 or 3.12."),
    )


def _torch(_: Setup) -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(
            "torch", Grade.FAIL, "torch is not installed; miners and verifiers need it: run `make setup`."
        )
    # In a process of its own: it is slow to import, and a broken installation of it can end the process.
    script = "import torch; print(torch.__version__, torch.cuda.device_count())"
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Finding("torch", Grade.FAIL, f"torch cannot be imported ({reason}): run `make setup`.")
    version, gpus = asked.stdout.split()
    return Finding(
        "torch", Grade.OK, f"torch {version}, {f'{gpus} GPU' if int(gpus) else 'on the processor'}."
    )


def _encryption(_: Setup) -> Finding:
    grade = Grade.WARN if backend.choose().name == "python" else Grade.OK
    return Finding("encryption", grade, backend.describe())


def _node(_: Setup) -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding(
            "node.js",
            Grade.WARN,
            "Node.js is not installed; only `pole devnet up` needs it: install version 20.",
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return Finding("node.js", Grade.OK, f"Node.js {version}.")


def _folder(setup: Setup) -> Finding:
    probe = setup.home / ".doctor"
    write_private(probe, b"")
    probe.unlink()
    if can_be_entered(setup.home):
        sentence = f"Others can enter {setup.home}: `chmod 700 {setup.home}`."
        return Finding("data folder", Grade.WARN, sentence)
    return Finding("data folder", Grade.OK, f"{setup.home} can be written.")


def _chain(setup: Setup) -> Finding:
    asked: list[Question[Any]] = [client_version(), chain_id(), block_number()]
    client, number, height = in_one_request(open_node(setup.rpc), asked)
    shown = f"{shown_url(setup.rpc)} ({one_line(client, MAX_QUOTED)})"
    return Finding("chain", Grade.OK, f"Chain {number} at {shown}, block {height}.")


def _deployment(setup: Setup) -> Finding:
    deployment = read_deployment(setup.deployment)
    check_deployment(open_node(setup.rpc), deployment)
    return Finding("deployment", Grade.OK, f"PoLeChain is at {deployment.chain.address}.")


def _ipfs(setup: Setup) -> Finding:
    store = IpfsStore(setup.ipfs, policy=IpfsPolicy(first_byte_within=10, attempts=1))
    content = b"pole doctor\n"
    with tempfile.TemporaryDirectory() as folder:
        sent, received = Path(folder, "sent"), Path(folder, "received")
        sent.write_bytes(content)
        cid = store.add(sent)
        store.fetch(cid, received, max_bytes=len(content))
        if received.read_bytes() != content:
            raise IntegrityError(
                f"The IPFS daemon at {setup.ipfs} returns other bytes than it was given: use another."
            )
    return Finding(
        "ipfs", Grade.OK, f"IPFS {store.version()} at {setup.ipfs} returns what it is given ({cid})."
    )


def _wallets(setup: Setup) -> Finding:
    wallets = list_wallets(setup.home)
    if not wallets:
        return Finding("wallets", Grade.WARN, "There is no wallet: make one with `pole wallet new NAME`.")
    reader = ChainReader(open_node(setup.rpc), read_deployment(setup.deployment))
    held = {wallet.name: reader.balance_of(wallet.address) for wallet in wallets}
    empty = [name for name, amount in held.items() if not amount]
    listed = ", ".join(f"{name} {ether(amount)}" for name, amount in held.items())
    if empty:
        return Finding(
            "wallets",
            Grade.WARN,
            f"{listed}; {', '.join(empty)} cannot pay for gas: fund it, for instance with `pole wallet "
            "fund`.",
        )
    return Finding("wallets", Grade.OK, f"{listed}.")
