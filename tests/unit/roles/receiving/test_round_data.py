"""The data of rounds: kept while they last, gone when they are over."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.roles.conftest import MINERS, VERIFIERS, Stage

from pole.protocol.state import Phase, Round
from pole.roles.loop import Role
from pole.roles.receiving.round_data import RoundData


def kept(stage: Stage, address: str) -> list[str]:
    return sorted(path.name for path in (stage.home(address) / "rounds").glob("*"))


def models(stage: Stage, address: str) -> int:
    return len([path for path in stage.home(address).rglob("models/*") if path.is_file()])


def test_what_a_round_needed_is_deleted_when_it_ends(stage: Stage) -> None:
    stage.post()
    workers: list[Role] = [
        stage.data_node(),
        stage.miner(),
        *(stage.verifier(address) for address in VERIFIERS),
    ]
    stage.play(Phase.VOTE_REVEAL, workers=workers)
    assert kept(stage, MINERS[0]) == kept(stage, VERIFIERS[0]) == ["1"]
    assert models(stage, MINERS[0]) == models(stage, VERIFIERS[0]) == 1
    assert sorted(stage.store.kept) == sorted(f"{address}/1" for address in (MINERS[0], *VERIFIERS))
    stage.play(Phase.FINAL, workers=workers)
    for worker in workers:
        worker.step(stage.world.moment())
    assert kept(stage, MINERS[0]) == kept(stage, VERIFIERS[0]) == []
    assert stage.store.kept == {}
    assert models(stage, MINERS[0]) == models(stage, VERIFIERS[0]) == 0


def test_a_round_whose_seed_is_drawn_anew_has_other_keys(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    read: list[bytes] = []

    def task(open_round: Round) -> str:
        read.append(open_round.seed)
        return f"keys {len(read)}"

    monkeypatch.setattr(RoundData, "_reader", lambda data, round_id: SimpleNamespace(task=task))
    data = stage._data(MINERS[0], stage.chain(MINERS[0]), stage.store)
    first = stage.world.rounds[1]
    again = replace(first, seed=b"\x01" * 32, keys_digest=b"\x02" * 32)
    found: list[Any] = [data.task(each) for each in (first, first, again, again, first)]
    assert found == ["keys 1", "keys 1", "keys 2", "keys 2", "keys 3"]
    assert read == [first.seed, again.seed, first.seed]


def test_who_missed_the_end_of_a_round_deletes_it_in_the_next(stage: Stage) -> None:
    stage.post(seed=1)
    stage.post(seed=2)
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    stage.miner().step(stage.world.moment())
    stage.play(Phase.VOID, Phase.FINAL, workers=[stage.data_node()])
    stage.open_round()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    assert kept(stage, MINERS[0]) == ["1"]
    stage.miner().step(stage.world.moment())
    assert kept(stage, MINERS[0]) == ["2"]
