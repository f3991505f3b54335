"""The outsider's attacks, on a chain of their own."""

import json
from collections.abc import Iterator
from functools import partial

import pytest
from scripts.stress.attack.__main__ import as_json, as_table, attack
from scripts.stress.attack.attacks import ATTACKS, Attack
from scripts.stress.attack.world import World
from tests.integration.conftest import Devnet, running_devnet


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with running_devnet(tmp_path_factory.mktemp("attacked")) as running:
        yield running


def gift(world: World) -> dict[str, int]:
    """Break a promise: the attacker is promised a wei that nobody has."""
    return {"attacker": 1}


def trespass(world: World) -> dict[str, int]:
    """Break another one: what must be refused is not."""
    world.refused(world.attacker, world.committee.functions.stake(), "NotChain", world.seats.seatStake)
    return {}


def test_a_broken_promise_is_told_and_is_an_exit_code(idle: Devnet) -> None:
    told: list[str] = []
    attacks = (Attack("Money is made.", "wish", gift), Attack("Seats are closed.", "stake", trespass))
    report = partial(as_table, show=told.append)
    assert attack(idle.w3, idle.deployment, attacks=attacks, report=report) == 1
    assert "BROKEN  gained: nobody anything; promised: attacker +1e-18" in told[1]
    assert "BROKEN  stake should be refused with NotChain, and is with nothing" in told[2]
    assert told[-1] == "\n0 promises kept, 2 broken"


def test_contracts_that_others_use_are_not_attacked(idle: Devnet) -> None:
    snapshot = idle.w3.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
    contracts = attack_world(idle)
    contracts.send(contracts.verifiers[0], contracts.committee.functions.stake(), contracts.seats.seatStake)
    with pytest.raises(SystemExit, match="attack a fresh deployment"):
        attack(idle.w3, idle.deployment, report=as_table)
    idle.w3.provider.make_request("evm_revert", [snapshot])  # type: ignore[arg-type]


def test_a_kept_promise_is_told_with_everybodys_gains(
    idle: Devnet, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [each for each in ATTACKS if each.title == "ask for that of others"]
    assert attack(idle.w3, idle.deployment, attacks=chosen, report=as_json) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["promise"], told["broken"], told["gains"]) == (chosen[0].promise, None, {})


def attack_world(devnet: Devnet) -> World:
    return World(devnet.w3, json.loads(devnet.deployment.read_text())["contracts"])
