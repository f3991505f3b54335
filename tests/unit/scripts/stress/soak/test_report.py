"""The report says what was planned, what happened, and what was kept or broken."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripts.demo.cast import Worker
from scripts.stress.soak.checks.all import Findings
from scripts.stress.soak.checks.promise import Promise
from scripts.stress.soak.conductor import Incident, PlayedRound
from scripts.stress.soak.crew.crew import MEBIBYTE, Look, Member
from scripts.stress.soak.node.answers import Answer
from scripts.stress.soak.node.proxy import FaultyNode
from scripts.stress.soak.plan import Fault, FaultKind, RoundPlan
from scripts.stress.soak.report import Circumstances, as_json, as_text, lives

from pole.adapters.ethereum.chain_log import ChainLog
from pole.protocol.state import Phase, VoidReason

WHERE = Circumstances(7, "anvil", 2, "a machine, 2 cores", "2026-11-29", 600.0)
STOP = Fault(FaultKind.STOP, "miner-1", Phase.TRAINING, 1.0, 20.0)
KILL = Fault(FaultKind.KILL, "miner-1", Phase.REVEAL, 1.0)
KEPT = Promise("nothing was sent twice", remarks=("12 transactions",))
BROKEN = Promise("no bond was lost", ("miner-1 lost 1 ETH",))


@pytest.fixture
def conductor() -> Any:
    member = Member(
        Worker("miner-1", "miner", Path()), FaultyNode("", Counter({Answer.RIGHT: 1200})), starts=3
    )
    member.looks = [
        Look(1, 30, 400 * MEBIBYTE, 20),
        Look(2, 30, 300 * MEBIBYTE, 20),
        Look(2, 90, 310 * MEBIBYTE, 22),
    ]
    crew = SimpleNamespace(members={"miner-1": member}, kills=Counter({"miner-1": 2}))
    quiet = PlayedRound(2, 1, RoundPlan(1, is_idle=False, lies=False, faults=()), 0.0, Phase.FINAL, 20.0)
    hurt = PlayedRound(
        4, 2, RoundPlan(2, is_idle=False, lies=True, faults=(STOP, KILL)), 20.0, Phase.VOID, 60.0
    )
    hurt.incidents = [Incident(STOP, 4, 25.0, 45.0, held=True), Incident(KILL, 4)]
    liar = SimpleNamespace(lies={(4, "commit"), (4, "challenge")})
    setting = SimpleNamespace(crew=crew)
    return SimpleNamespace(rounds={2: quiet, 4: hurt}, setting=setting, liar=liar)


def findings(*promises: Promise) -> Findings:
    return Findings(promises, ChainLog((), {4: VoidReason.NO_QUORUM}))


def test_a_person_reads_rounds_faults_workers_and_promises(conductor: Any) -> None:
    text = as_text(WHERE, conductor, findings(KEPT, BROKEN))
    assert "2 rounds: 1 final, 1 void; without faults 20 s in the middle" in text
    assert "with faults 40 s in the middle" in text
    rows = {line.split("  ")[0]: line.split()[-3:] for line in text.splitlines() if line}
    assert rows["stopped"] == ["1", "1", "1"]
    assert rows["killed"] == ["1", "0", "0"]
    assert "1,200 right" in text
    assert "1 × challenge, 1 × commit" in text
    assert "300 to 310" in text
    assert "kept    nothing was sent twice\n        12 transactions" in text
    assert "BROKEN  no bond was lost\n        BROKEN: miner-1 lost 1 ETH" in text


def test_a_program_reads_the_same(conductor: Any) -> None:
    document = json.loads(as_json(WHERE, conductor, findings(KEPT, BROKEN)))
    assert document["faults"]["stopped"] == {"planned": 1, "begun": 1, "met": 1}
    assert [each["phase"] for each in document["rounds"]] == ["FINAL", "VOID"]
    assert [each["holds"] for each in document["promises"]] == [True, False]
    [worker] = document["workers"]
    assert (worker["memory"], worker["highest"], worker["descriptors"]) == ([300, 310], 400, [20, 22])


def test_a_life_is_the_longest_of_one_process(conductor: Any) -> None:
    [life] = lives(conductor.setting.crew.members, {})
    assert (life.memory, life.descriptors, life.highest) == ((300.0, 310.0), (20, 22), 400.0)


def test_growth_is_shown_of_who_was_never_killed(conductor: Any) -> None:
    [member] = conductor.setting.crew.members.values()
    member.looks = [Look(1, 30.0 * n, (300 + n) * MEBIBYTE, 20) for n in range(100)]
    spared = "miner-3"
    conductor.setting.crew.members = {spared: member}
    text = as_text(WHERE, conductor, findings())
    told = "300 309 318 327 336 345 354 363 372 381 390 399 MiB"
    assert f"{spared}, never killed, over 100 looks: {told}" in text
