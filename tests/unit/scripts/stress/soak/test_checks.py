"""The checks after a soak find what they look for."""

from pathlib import Path

import pytest
from scripts.demo.cast import Worker
from scripts.stress.soak.checks.faults_named import RECOVERY, named
from scripts.stress.soak.checks.processes import MORE_DESCRIPTORS, check_descriptors, check_ends, check_words
from scripts.stress.soak.checks.rounds import check_rounds
from scripts.stress.soak.checks.sending import Mined, Noted, breaches_of, read_journal
from scripts.stress.soak.conductor import Incident, PlayedRound
from scripts.stress.soak.crew.crew import End, Look, Member
from scripts.stress.soak.node.proxy import FaultyNode
from scripts.stress.soak.plan import CHAIN, IPFS, Fault, FaultKind, RoundPlan

from pole.adapters.storage.journal import SendState, SignedSend, SqliteJournal
from pole.protocol.state import Phase, VoidReason

WALLET = "0xabc"
DONE = {"0x1": Noted("commit/1", SendState.DONE), "0x2": Noted("reveal/1", SendState.DONE)}


def mined(*hashes: str, succeeded: bool = True) -> list[Mined]:
    return [Mined(WALLET, each, succeeded) for each in hashes]


def incident(
    kind: FaultKind, target: str, began: float | None, ended: float | None, held: bool = True
) -> Incident:
    return Incident(Fault(kind, target, Phase.TRAINING, 0.0), 1, began, ended, held)


def test_an_intent_that_succeeded_twice_is_found() -> None:
    journal = DONE | {"0x3": Noted("commit/1", SendState.LOST)}
    assert breaches_of(mined("0x1", "0x2", "0x3"), journal) == ["commit/1 succeeded 2 times"]


def test_a_transaction_that_no_journal_knows_is_found() -> None:
    assert breaches_of(mined("0x1", "0x2", "0x9"), DONE) == ["0x9 is in no journal"]


def test_a_success_that_the_chain_does_not_have_is_found() -> None:
    [breach] = breaches_of([*mined("0x1"), *mined("0x2", succeeded=False)], DONE)
    assert breach.startswith("0x2 for reveal/1")


def test_each_intent_once_and_reverted_attempts_break_nothing() -> None:
    journal = DONE | {"0x3": Noted("arm/1", SendState.REVERTED), "0x4": Noted("arm/1", SendState.DONE)}
    assert breaches_of([*mined("0x1", "0x2", "0x4"), *mined("0x3", succeeded=False)], journal) == []


def test_journals_are_read_as_workers_write_them(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "1337-a-b"
    folder.mkdir(parents=True)
    journal = SqliteJournal(folder / "journal.sqlite")
    journal.add_send(SignedSend("commit/1", 0, "0x1", b"raw", 1, 1, SendState.PENDING))
    journal.mark_send("0x1", SendState.DONE)
    assert read_journal(tmp_path) == {"0x1": DONE["0x1"]}


def test_faults_are_named_that_a_worker_felt_in_the_time() -> None:
    felt = [
        incident(FaultKind.STOP, "miner-1", 90, 110),
        incident(FaultKind.NO_CHAIN, CHAIN, 150, None),
        incident(FaultKind.NO_IPFS, IPFS, 60, 101 - RECOVERY),
    ]
    others = [
        incident(FaultKind.STOP, "miner-2", 90, 110),
        incident(FaultKind.STOP, "miner-1", 201, 210),
        incident(FaultKind.STOP, "miner-1", 10, 99 - RECOVERY),
        incident(FaultKind.STOP, "miner-1", 120, 130, held=False),
        incident(FaultKind.STOP, "miner-1", None, None),
    ]
    assert named([*felt, *others], "miner-1", 100, 200) == [str(each.fault) for each in felt]


@pytest.mark.parametrize(("code", "holds"), [(-9, False), (3, False), (-15, False)])
def test_a_worker_that_ended_by_itself_is_found(code: int, holds: bool) -> None:
    assert check_ends([End("miner-1", 100, 5, code)], {}, []).holds is holds


def test_a_worker_that_died_where_the_plan_said_or_could_not_start_is_no_breach() -> None:
    ends = [End("miner-1", 100, 5, -9), End("miner-1", 100, 5, 3)]
    point = incident(FaultKind.KILL_AT_POINT, "miner-1", 90, 101)
    promise = check_ends(ends, {"miner-1": 0}, [point])
    assert promise.holds
    assert "exit code 3" in promise.remarks[0]


def test_a_worker_that_does_not_stop_well_is_found() -> None:
    assert check_ends([], {"miner-1": 0, "miner-2": -15}, []).breaches == (
        "miner-2 was stopped in the end with exit code -15",
    )


@pytest.mark.parametrize("more", [MORE_DESCRIPTORS, MORE_DESCRIPTORS + 1])
def test_descriptors_are_compared_within_one_process(more: int) -> None:
    member = Member(Worker("miner-1", "miner", Path()), FaultyNode(""))
    member.looks = [Look(1, 30, 0, 90), Look(2, 30, 0, 20), Look(2, 90, 0, 20 + more)]
    assert check_descriptors({"miner-1": member}).holds is (more == MORE_DESCRIPTORS)


def test_tracebacks_of_workers_and_of_posting_are_found(tmp_path: Path) -> None:
    (tmp_path / "miner-1.log").write_text("all is well\n")
    (tmp_path / "miner-2.log").write_text("Traceback (most recent call last)\n")
    promise = check_words(tmp_path, ["it failed", "Traceback (most recent call last)"])
    assert [breach.split(" ")[0] for breach in promise.breaches] == ["miner-2.log", "a"]
    assert check_words(tmp_path / "none", []).holds


def test_rounds_that_stand_or_were_not_played_are_found_and_void_ones_named() -> None:
    plan = RoundPlan(1, is_idle=False, lies=False, faults=())
    ended = PlayedRound(2, 1, plan, 0.0, Phase.VOID, 9.0)
    stands = PlayedRound(3, 2, plan, 0.0, Phase.KEYS)
    void = {2: VoidReason.NO_QUORUM}
    kept = check_rounds([ended], void, 1, is_stuck=False)
    assert (kept.holds, kept.remarks) == (True, ("round 2 is void: NO_QUORUM",))
    broken = check_rounds([ended, stands], void, 3, is_stuck=True)
    assert len(broken.breaches) == 3
