"""What commands load: each process pays for it in processor time and memory before it does anything."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak
from tests.unit.adapters.ethereum import test_chain_reader as contracts
from tests.unit.adapters.ethereum import test_deployment as deployments

HEAVY = frozenset(
    (
        *("web3", "eth_abi", "eth_account", "eth_utils", "pydantic", "aiohttp", "requests"),
        *("numpy", "torch", "scipy", "sklearn", "flint", "PIL", "onnx", "pyarrow", "ipfshttpclient"),
    )
)
COMMAND = "from pole.cli import main; main(sys.argv[1:], standalone_mode=False)"
REPORT = "import json, sys; {work}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def loaded(work: str, *arguments: str) -> set[str]:
    """Return which heavy modules a process has that did some work."""
    script = REPORT.format(work=work)
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stderr.splitlines()[-1])) & HEAVY


class Deployed(contracts.Contracts):
    """A node with the contracts, and no task yet."""

    def _eth_getCode(self, *_: Any) -> str:
        return "0x6000"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[list[str]]:
    """Return the options that lead to such a node and its deployment file."""
    node = Deployed()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = node.post(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    content = deployments.deployment()
    for name, entry in content["contracts"].items():
        code_hash = f"0x{keccak(b'`' + bytes(1)).hex()}"
        entry.update(address=contracts.address(name), abi=contracts.ABIS[name], codeHash=code_hash)
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(content))
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    rpc = f"http://127.0.0.1:{server.server_port}"
    yield ["--rpc", rpc, "--deployment", str(path), "--home", str(tmp_path)]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["task", "list", "--help"], ["miner", "run", "--help"], ["doctor", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(COMMAND, *arguments) == set()


@pytest.mark.parametrize("arguments", [["task", "list"], ["task", "list", "--json"]], ids=" ".join)
def test_tasks_are_listed_with_what_speaks_http_alone(place: list[str], arguments: list[str]) -> None:
    assert loaded(COMMAND, *arguments, *place) == {"requests"}


def test_wallets_are_listed_without_what_opens_them(place: list[str], tmp_path: Path) -> None:
    (tmp_path / "wallets").mkdir()
    (tmp_path / "wallets" / "miner-1.json").write_text(json.dumps({"address": "ab" * 20}))
    assert loaded(COMMAND, "wallet", "list", *place) == {"requests"}


def test_a_verifier_evaluates_without_torch_and_counts_no_keys() -> None:
    work = (
        "import pole.cli.workers.verifier_run, pole.roles.workers.tables, pole.adapters.sending.chain;"
        "import pole.roles.workers.verifier.verifier, pole.learning.evaluation.canonical, pole.ipfe.scheme"
    )
    assert not loaded(work) & {"torch", "scipy", "sklearn", "flint", "PIL", "onnx", "pyarrow"}


def test_a_miner_loads_torch_and_nothing_else_that_learns() -> None:
    work = "import pole.cli.common.training, pole.roles.workers.tables, pole.adapters.sending.chain"
    assert loaded(work) & {"torch", "scipy", "sklearn", "flint", "PIL", "onnx", "pyarrow"} == {"torch"}
