"""Workers that are killed with SIGKILL in the middle of a round, and an IPFS daemon that goes away for a
while.
"""

from scripts.demo.setting import Setting
from tests.e2e.rounds import (
    address,
    lone,
    post_iris,
    wait_for_end,
    wait_for_event,
    wait_for_phase,
    worker,
)

from pole.adapters.ethereum.decoding import to_record
from pole.adapters.machine.process import stop_process
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import SolutionCommitted, decode_record
from pole.protocol.state import Phase


def commitments(setting: Setting, round_id: int, miner: str) -> list[SolutionCommitted]:
    records = [decode_record(to_record(event.arguments)) for event in setting.reader.index.events("Recorded")]
    committed = [record for record in records if isinstance(record, SolutionCommitted)]
    return [each for each in committed if (each.round_id, each.miner) == (round_id, miner)]


def test_a_miner_killed_after_its_commitment_still_reveals(setting: Setting) -> None:
    miner = address(setting, "miner-1")
    round_id = post_iris(setting)
    wait_for_event(setting, "miner-1", "committed", round=round_id)
    setting.stage.kill(worker(setting, "miner-1"))
    wait_for_phase(setting, round_id, Phase.REVEAL)
    assert not next(each for each in setting.reader.solutions(round_id) if each.miner == miner).revealed
    setting.stage.start(worker(setting, "miner-1"))
    wait_for_end(setting, round_id)
    assert next(each for each in setting.reader.solutions(round_id) if each.miner == miner).revealed
    assert len(commitments(setting, round_id, miner)) == 1
    assert lone(setting).phase is Phase.FINAL


def test_a_verifier_killed_after_its_vote_still_reveals_it(setting: Setting) -> None:
    round_id = post_iris(setting)
    wait_for_phase(setting, round_id, Phase.DRAW)
    # Votes are revealed once all have voted: one that waits holds the others before that.
    setting.stage.fleet.pause("verifier-2")
    wait_for_event(setting, "verifier-1", "voted", round=round_id)
    setting.stage.kill(worker(setting, "verifier-1"))
    setting.stage.start(worker(setting, "verifier-1"))
    setting.stage.fleet.resume("verifier-2")
    wait_for_end(setting, round_id)
    ballot = setting.reader.ballot(ballot_id(round_id, 0)).ballot
    assert (ballot.seats, ballot.committed, ballot.revealed) == (3, 0b111, 0b111)
    assert lone(setting).phase is Phase.FINAL


def test_a_round_survives_an_ipfs_daemon_that_goes_away(setting: Setting) -> None:
    round_id = post_iris(setting)
    assert stop_process(setting.ground.folder / "devnet" / "devnet" / "ipfs.json")
    setting.stage.wait_for(
        "a worker that misses IPFS",
        lambda: any("IPFS" in text for _, text in setting.stage.story.warnings),
        patience=60,
    )
    setting.ground.up()
    wait_for_end(setting, round_id)
    assert lone(setting).phase is Phase.FINAL
