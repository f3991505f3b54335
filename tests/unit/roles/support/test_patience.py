"""Fetches that block: none takes a phase's time away from what has to be done in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.roles.conftest import MINERS, VERIFIERS, Stage
from tests.unit.roles.fake_storage import FakeStore
from tests.unit.roles.fakes import World
from tests.unit.roles.workers.test_miner import in_reveal
from tests.unit.roles.workers.test_verifier import forge, in_vote, verdicts

from pole.errors import UnreachableError
from pole.ipfe.scheme import decrypt
from pole.protocol.state import Verdict
from pole.roles.loop import Pace, Role
from pole.roles.receiving import decryption
from pole.roles.support.waiting import LAST_TRY, PatientStore

UNBOUNDED = 92


class BlockingStore(FakeStore):
    """A store that is asked in vain for what is missing until its bound is over, as a daemon is."""

    def __init__(self, world: World, files: dict[str, bytes], missing: set[str]) -> None:
        super().__init__(files, missing=missing)
        self.world = world
        self.asked: list[tuple[str, float | None]] = []

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        self.asked.append((cid, within))
        if cid in self.missing:
            self.world.pass_time(int(UNBOUNDED if within is None else within))
        super().fetch(cid, path, max_bytes=max_bytes)


def blocking(stage: Stage, *missing: str) -> BlockingStore:
    return BlockingStore(stage.world, stage.store.files, set(missing))


def act_until_done(stage: Stage, worker: Role) -> None:
    """Drive a worker as the loop does, with its longest pause after each failure."""
    phase = stage.world.moment().phase
    while stage.world.moment().phase is phase:
        try:
            if worker.step(stage.world.moment()):
                return
        except UnreachableError:
            stage.world.pass_time(int(Pace().longest))
    raise AssertionError("its phase is over and nothing was done")


def test_a_fetch_takes_at_most_half_of_the_time_left(stage: Stage, tmp_path: Path) -> None:
    store = blocking(stage, "bafygone")
    patient = PatientStore(store, lambda: float(stage.world.now))
    with patient.until(40):
        for _ in range(3):
            with pytest.raises(UnreachableError):
                patient.fetch("bafygone", tmp_path / "x", max_bytes=1)
    assert store.asked == [("bafygone", 20.0), ("bafygone", 10.0), ("bafygone", 5.0)]


def test_no_fetch_takes_longer_than_half_a_minute(stage: Stage, tmp_path: Path) -> None:
    store = blocking(stage, "bafygone")
    patient = PatientStore(store, lambda: float(stage.world.now))
    with patient.until(86_400), pytest.raises(UnreachableError):
        patient.fetch("bafygone", tmp_path / "x", max_bytes=1)
    assert store.asked == [("bafygone", 30.0)]


def test_a_time_within_another_ends_with_itself(stage: Stage, tmp_path: Path) -> None:
    store = blocking(stage, "bafygone")
    patient = PatientStore(store, lambda: float(stage.world.now))
    with patient.until(40):
        with patient.until(10):
            pass
        with pytest.raises(UnreachableError):
            patient.fetch("bafygone", tmp_path / "x", max_bytes=1)
    assert store.asked == [("bafygone", 20.0)]


def test_without_time_what_was_missing_is_asked_for_once_more_and_the_rest_briefly(
    stage: Stage, tmp_path: Path
) -> None:
    store = blocking(stage, "bafygone", "bafynew")
    patient = PatientStore(store, lambda: float(stage.world.now))
    with patient.until(-5):
        for cid in ("bafygone", "bafygone", "bafynew"):
            with pytest.raises(UnreachableError):
                patient.fetch(cid, tmp_path / "x", max_bytes=1)
    assert store.asked == [("bafygone", LAST_TRY), ("bafynew", LAST_TRY)]
    with patient.until(-5), pytest.raises(UnreachableError):
        patient.fetch("bafygone", tmp_path / "x", max_bytes=1)
    assert store.asked[2:] == [("bafygone", LAST_TRY)]


def test_who_sets_no_time_waits_as_long_as_the_store_does(stage: Stage, tmp_path: Path) -> None:
    store = blocking(stage, "bafygone")
    with pytest.raises(UnreachableError):
        PatientStore(store, lambda: 0.0).fetch("bafygone", tmp_path / "x", max_bytes=1)
    assert store.asked == [("bafygone", None)]


def test_a_verifier_votes_in_time_that_models_are_missing(stage: Stage) -> None:
    in_vote(stage)
    gone = [forge(stage, name) for name in (b"one", b"two")]
    stage.world.models[1] = dict(zip(MINERS, gone, strict=True))
    act_until_done(stage, stage.verifier(store=blocking(stage, *(model.cid for model in gone))))
    assert verdicts(stage) == [Verdict.UNAVAILABLE] * 2


def test_a_verifier_votes_in_time_that_the_test_set_is_missing(stage: Stage) -> None:
    in_vote(stage)
    act_until_done(stage, stage.verifier(store=blocking(stage, stage.world.tests[1].cid)))
    assert verdicts(stage) == [Verdict.DATA_UNAVAILABLE] * 2


def test_a_missing_model_keeps_no_other_from_being_fetched(stage: Stage) -> None:
    in_vote(stage)
    second = stage.world.models[1][MINERS[1]].cid
    stage.world.models[1][MINERS[0]] = forge(stage, b"gone")
    store = blocking(stage, stage.world.models[1][MINERS[0]].cid)
    with pytest.raises(UnreachableError):
        stage.verifier(store=store).step(stage.world.moment())
    assert second in [cid for cid, _ in store.asked]


def test_a_miner_reveals_in_time_without_a_test_set_that_is_missing(stage: Stage) -> None:
    in_reveal(stage)
    act_until_done(stage, stage.miner(store=blocking(stage, stage.world.tests[1].cid)))
    assert stage.world.solutions[1][0].revealed
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def slow_to_decrypt(stage: Stage, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let each shard take so long that its set is not decrypted in time."""

    def slow(*given: Any, **named: Any) -> object:
        stage.world.pass_time(seconds)
        return decrypt(*given, **named)

    monkeypatch.setattr(decryption, "decrypt", slow)


def test_a_miner_reveals_in_time_without_a_test_set_that_is_slow(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_reveal(stage)
    slow_to_decrypt(stage, monkeypatch, 52)
    assert stage.miner().step(stage.world.moment()) == "revealed"
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def test_a_miner_that_is_told_to_stop_leaves_the_test_set(stage: Stage) -> None:
    in_reveal(stage)
    miner = stage.miner()
    miner.means.stopping = lambda: True
    assert miner.step(stage.world.moment()) is None
    assert not stage.world.solutions[1][0].revealed


def test_a_verifier_leaves_the_data_of_a_vote_that_is_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_vote(stage)

    def slow(*given: Any, **named: Any) -> object:
        stage.world.pass_time(61)
        stage.chain(VERIFIERS[1]).end_votes(stage.world.moment().ballot_id, intent="end")
        return decrypt(*given, **named)

    monkeypatch.setattr(decryption, "decrypt", slow)
    assert stage.verifier().step(stage.world.moment()) is None
    assert "not voted. The round ended while its data was decrypted." in caplog.text
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept


@pytest.mark.parametrize("reach", [in_vote, in_reveal])
def test_a_verifier_that_is_told_to_stop_leaves_its_work(
    stage: Stage, reach: Callable[[Stage], None]
) -> None:
    reach(stage)
    verifier = stage.verifier()
    verifier.means.stopping = lambda: True
    assert verifier.step(stage.world.moment()) is None
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept
