"""A fleet by one file: who is killed comes back, who is drained or renewed in mid-round loses nothing."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from scripts.demo.cast import ONE_THREAD, POLE, Worker
from scripts.demo.network import take_seats
from scripts.demo.play import OPTIONS, POLL, has_ended
from scripts.demo.setting import Setting
from tests.e2e.rounds import PATIENCE, address, lone, post_iris, wait_for_end, wait_for_event
from tests.e2e.rounds import worker as named

from pole.adapters.machine.devnet import free_port
from pole.adapters.machine.process import Process, running_process
from pole.protocol.state import Phase, VoidReason


@dataclass
class Fleet:
    """A `pole fleet up` that runs: its file, ports of metrics by worker, how often it told what of whom."""

    file: Path
    home: Path
    process: subprocess.Popen[str]
    ports: Mapping[str, int]
    starts: Counter[str] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def listen(self, setting: Setting) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                name, _, text = line.rstrip("\n").partition(" | ")
                self.note(name.strip(), text)
                setting.stage.story.hear(name.strip(), text)

    def note(self, name: str, text: str) -> None:
        self.starts[name] += text.startswith("started, process ")
        if text.startswith(("ended (", "is asked ")):
            self.told[name, text] += 1

    def running(self, name: str) -> Process | None:
        return running_process(self.home / "fleets" / "fleet" / f"{name}.json")

    def metrics_of(self, name: str) -> str:
        """Return what Prometheus reads of a worker."""
        with urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def ask(self, request: str, *names: str) -> subprocess.Popen[str]:
        command = [str(POLE), "fleet", request, str(self.file), *names, "--home", str(self.home), "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answer_of(asked: subprocess.Popen[str]) -> object:
    answer, _ = asked.communicate(timeout=PATIENCE)
    assert asked.returncode == 0
    return json.loads(answer)


def written(setting: Setting, folder: Path, ports: Mapping[str, int]) -> Path:
    """Write the file of a fleet of everybody, each with a port for its metrics."""
    place = setting.ground.place
    lines = [f'rpc = "{place.rpc}"', f'ipfs = "{place.ipfs}"', f'deployment = "{place.deployment}"']
    for worker in setting.stage.cast:
        options = ["--poll", f"{POLL:g}", "--json-log", "--withdraw", *OPTIONS.get(worker.role, ())]
        lines += [
            "[[worker]]",
            f'name = "{worker.name}"',
            f'role = "{worker.role}"',
            f'home = "{worker.home}"',
            f'password-file = "{worker.password_file}"',
            f"metrics = {ports[worker.name]}",
            f"options = {json.dumps(options)}",
        ]
    file = folder / "fleet.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def fleet(setting: Setting, tmp_path: Path) -> Iterator[Fleet]:
    """Everybody of the network, in one fleet for as long as a test takes."""
    for worker in setting.stage.cast:
        setting.stage.kill(worker)
    ports = {worker.name: free_port() for worker in setting.stage.cast}
    file, home = written(setting, tmp_path, ports), tmp_path / "home"
    process = subprocess.Popen(
        [POLE, "fleet", "up", file, "--home", home],
        env=os.environ | ONE_THREAD,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    fleet = Fleet(file, home, process, ports)
    listener = threading.Thread(target=fleet.listen, args=(setting,), daemon=True)
    listener.start()
    try:
        yield fleet
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        listener.join(PATIENCE)
        for worker in setting.stage.cast:
            setting.stage.start(worker)


def test_a_killed_worker_comes_back_and_a_drained_one_ends_with_its_round(
    setting: Setting, fleet: Fleet
) -> None:
    stage, miner = setting.stage, address(setting, "miner-1")
    stage.wait_for("everybody", lambda: len(fleet.starts) == len(stage.cast), patience=PATIENCE)
    round_id = post_iris(setting)
    wait_for_event(setting, "miner-1", "committed", round=round_id)
    for worker in stage.cast:
        assert f'role="{worker.role}"' in fleet.metrics_of(worker.name)
    drain = fleet.ask("drain", "miner-1")
    asked = ("miner-1", "is asked to take on nothing new, and to end.")
    stage.wait_for("the request", lambda: fleet.told[asked] == 1, patience=PATIENCE)
    assert not has_ended(setting.reader, round_id)
    killed = fleet.running("verifier-1")
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    stage.wait_for("verifier-1 again", lambda: fleet.starts["verifier-1"] == 2, patience=PATIENCE)
    wait_for_end(setting, round_id)
    assert answer_of(drain) == {"drained": ["miner-1"]}
    assert lone(setting).phase is Phase.FINAL
    assert next(each for each in setting.reader.solutions(round_id) if each.miner == miner).revealed
    assert fleet.running("miner-1") is None
    assert fleet.told["miner-1", "ended (exit code 0)."] == 1
    assert fleet.told["verifier-1", "ended (by SIGKILL); starting it again in 1 s."] == 1

    assert answer_of(fleet.ask("upgrade", "miner-1")) == {"renewed": ["miner-1"]}
    following = post_iris(setting)
    wait_for_event(setting, "miner-2", "training", round=following)
    upgrade = fleet.ask("upgrade")
    stage.wait_for("the next round's end", lambda: has_ended(setting.reader, following), patience=PATIENCE)
    assert answer_of(upgrade) == {"renewed": [worker.name for worker in stage.cast]}
    assert lone(setting).phase is Phase.FINAL
    again = {"miner-1": 3, "verifier-1": 3}
    assert fleet.starts == {worker.name: 2 for worker in stage.cast} | again
    ballot = setting.reader.ballot(4 * following).ballot
    assert (ballot.committed, ballot.revealed) == (0b111, 0b111)

    fleet.process.send_signal(signal.SIGTERM)
    assert fleet.process.wait(PATIENCE) == 0
    assert not any(fleet.running(worker.name) for worker in stage.cast)


def test_a_drained_verifier_gives_its_seat_up_and_a_data_node_serves_the_task_that_waits(
    setting: Setting, fleet: Fleet
) -> None:
    stage, verifier = setting.stage, address(setting, "verifier-1")
    stage.wait_for("everybody", lambda: len(fleet.starts) == len(stage.cast), patience=PATIENCE)
    first = post_iris(setting)
    wait_for_event(setting, "miner-2", "training", round=first)
    second = post_iris(setting)
    drains = [fleet.ask("drain", "data-1")]
    wait_for_end(setting, first)
    assert fleet.running("data-1") is not None
    wait_for_event(setting, "miner-2", "training", round=second)
    assert fleet.running("data-1") is not None
    drains.append(fleet.ask("drain", "verifier-1"))
    wait_for_event(setting, "verifier-1", "seat-left")
    assert not setting.reader.stake_of(verifier).seated
    wait_for_end(setting, second)
    assert [answer_of(drain) for drain in drains] == [{"drained": ["data-1"]}, {"drained": ["verifier-1"]}]
    assert lone(setting).phase is Phase.FINAL
    ballot = setting.reader.ballot(4 * second)
    assert verifier in ballot.members
    assert (ballot.ballot.committed, ballot.ballot.revealed) == (0b111, 0b111)
    assert (
        fleet.told["data-1", "ended (exit code 0)."] == fleet.told["verifier-1", "ended (exit code 0)."] == 1
    )
    assert setting.reader.round(second).void_reason is VoidReason.NONE
    assert setting.reader.stake_of(verifier).amount == setting.reader.parameters.committee.seat_stake

    take_seats([named(setting, "verifier-1")], setting.ground.place)
    says = supervised(setting, named(setting, "verifier-1"))
    assert says[0] == ["READY=1", f"STATUS=Ready as {verifier}."]
    assert says[1][0].startswith("STATUS=To be started anew: no round has anything at stake, but ")
    assert says[2:] == [["STOPPING=1"]]
    assert setting.reader.stake_of(verifier).seated


def supervised(setting: Setting, who: Worker) -> list[list[str]]:
    """Run a worker as systemd would, ask it to end for another start; return what it said meanwhile."""
    where, says = who.home / "notify", []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(where))
        listener.settimeout(PATIENCE)
        environment = who.environment(setting.ground.place) | ONE_THREAD | {"NOTIFY_SOCKET": str(where)}
        with subprocess.Popen(who.run_command(), env=environment, stdout=subprocess.DEVNULL) as process:
            says.append(listener.recv(4096).decode().splitlines())
            process.send_signal(signal.SIGUSR2)
            while says[-1] != ["STOPPING=1"]:
                says.append(listener.recv(4096).decode().splitlines())
        assert process.returncode == 0
    where.unlink()
    return says
