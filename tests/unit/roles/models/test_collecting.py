"""Models that were won: what is refused, what is kept, and that nothing is half written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, TEST, TRAIN, Stage, dataset
from tests.unit.roles.results import result_of

from pole.errors import InputError, IntegrityError, UnreachableError
from pole.protocol.encoding.hashing import address
from pole.protocol.encoding.headers import header_hash
from pole.protocol.formats.block_body import body_root
from pole.protocol.state import Phase, Record, RecordKind
from pole.roles.models.collecting import Collector
from pole.roles.models.fetching import fetch_model
from pole.roles.models.folder import MODEL, PREPARATION, PROOF, RECORD, kept_models, open_model
from pole.roles.models.record import read_record, write_record
from pole.roles.models.result import RoundResult, WonBlock
from pole.roles.publishing.task_folder import TaskFolder


def collector(stage: Stage) -> Collector:
    return Collector(stage.store, stage.path)


@pytest.fixture
def ended(stage: Stage) -> RoundResult:
    stage.post()
    stage.play(Phase.FINAL)
    result = result_of(stage.world, 1)
    assert result is not None
    return result


def block_of(result: RoundResult) -> WonBlock:
    return result.won_block()


def left(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.path / "models").glob("*") if path.name)


def test_a_void_round_has_no_model(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    result = result_of(stage.world, 1)
    assert result is not None
    with pytest.raises(InputError, match=r"ended without a block \(NO_COMMITMENT\): nobody won"):
        collector(stage).collect(result)
    assert left(stage) == []


def test_a_place_that_nobody_has_is_refused(stage: Stage, ended: RoundResult) -> None:
    with pytest.raises(InputError, match="has 2 revealed models, so none at place 3"):
        collector(stage).collect(ended, place=3)


def test_a_block_that_the_contract_does_not_name_is_refused(stage: Stage, ended: RoundResult) -> None:
    lie = replace(ended, block=replace(block_of(ended), hash=b"\x01" * 32))
    with pytest.raises(IntegrityError, match="header is not that of block"):
        collector(stage).collect(lie)


def test_a_record_that_is_not_in_the_block_is_refused(stage: Stage, ended: RoundResult) -> None:
    block = block_of(ended)
    records = tuple(
        Record(record.height, record.index, record.kind, record.data[:-1] + bytes([record.data[-1] ^ 1]))
        if record.index == ended.ranked()[0].index
        else record
        for record in block.records
    )
    with pytest.raises(IntegrityError):
        collector(stage).collect(replace(ended, block=replace(block, records=records)))
    assert left(stage) == []


def interleaved(result: RoundResult) -> RoundResult:
    """Return the same round, if another lane had appended a block right after the reveals."""
    block = block_of(result)
    own = [record for record in block.records if record.kind is RecordKind.COMMITTEE_DRAWN]
    records = tuple(replace(record, index=index) for index, record in enumerate(own))
    later = replace(block.header, height=block.header.height + 1, body_root=body_root(records))
    return replace(result, block=WonBlock(later, header_hash(later), records), earlier=(block,))


def test_a_model_whose_reveal_is_in_the_body_of_another_lanes_block_is_proven_there(
    stage: Stage, ended: RoundResult
) -> None:
    kept = collector(stage).collect(interleaved(ended))
    assert open_model(kept.folder).record == kept.record
    assert (kept.record.place, kept.record.block_hash) == (1, block_of(ended).hash)


def test_a_header_that_names_another_winner_is_refused_wherever_the_reveal_is(
    stage: Stage, ended: RoundResult
) -> None:
    told = interleaved(ended)
    lie = replace(block_of(told), header=replace(block_of(told).header, test_correct=TEST + 1))
    with pytest.raises(IntegrityError, match="header is not that of block"):
        collector(stage).collect(replace(told, block=lie))


def test_a_model_for_another_seed_is_refused(stage: Stage, ended: RoundResult) -> None:
    with pytest.raises(IntegrityError, match="no solution of this round"):
        collector(stage).collect(replace(ended, seed=bytes(32)))
    assert left(stage) == []


def test_bytes_that_are_not_the_models_are_refused(stage: Stage, ended: RoundResult) -> None:
    cid = ended.ranked()[0].solution.model_cid
    stage.store.lies[cid] = b"something else"
    with pytest.raises(UnreachableError, match="gives other bytes"):
        collector(stage).collect(ended)
    assert left(stage) == []


def test_a_folder_with_other_files_is_left_alone(stage: Stage, ended: RoundResult, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds other files than a model"):
        collector(stage).collect(ended, folder=folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_the_winners_model_is_kept_with_its_proof(stage: Stage, ended: RoundResult) -> None:
    kept = collector(stage).collect(ended)
    found = open_model(kept.folder)
    assert kept.folder == stage.path / "models" / "task-1"
    assert found.record == kept.record
    assert (found.record.miner, found.record.place) == (block_of(ended).header.winner, 1)
    score = found.record.score
    assert (score.train_of, score.test_of, score.found_by) == (TRAIN, TEST, "committee")
    assert found.record.committee == 3
    assert stage.store.files[found.record.model_cid] == (kept.folder / MODEL).read_bytes()
    data = dataset()
    labels = found.trained.labels(found.trained.logits(data.x_test))
    assert int((labels == data.y_test).sum()) == score.test
    assert not list(kept.folder.parent.glob(".*"))


def test_the_second_place_has_a_folder_of_its_own_and_its_claims(stage: Stage, ended: RoundResult) -> None:
    kept = collector(stage).collect(ended, place=2)
    assert kept.folder.name == "task-1-place-2"
    assert kept.record.miner != block_of(ended).header.winner
    assert kept.record.miner in map(address, MINERS)
    assert kept.record.score.found_by == "miner"


def test_a_model_that_is_there_already_stays(stage: Stage, ended: RoundResult) -> None:
    folder = collector(stage).collect(ended).folder
    (folder / "model.onnx").write_bytes(b"exported")
    again = collector(stage).collect(ended)
    assert (again.folder, again.moved) == (folder, None)
    assert (folder / "model.onnx").exists()


def test_a_model_of_another_deployment_is_moved_aside(stage: Stage, ended: RoundResult) -> None:
    first = collector(stage).collect(ended)
    for _ in range(2):
        known = replace(read_record((first.folder / RECORD).read_bytes()), chain_id=5)
        (first.folder / RECORD).write_bytes(write_record(known))
        moved = collector(stage).collect(ended).moved
        assert moved is not None
        assert open_model(moved).record.chain_id == 5
    assert left(stage) == ["task-1", "task-1.5-cccccccc", "task-1.5-cccccccc.2"]
    assert [known and known.chain_id for _, known in kept_models(first.folder.parent)] == [1337, 5, 5]


@pytest.mark.parametrize("name", [MODEL, PROOF, RECORD, "specification.json"])
def test_a_file_that_was_changed_is_told_and_fetched_anew(
    stage: Stage, ended: RoundResult, name: str
) -> None:
    folder = collector(stage).collect(ended).folder
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises((InputError, IntegrityError)):
        open_model(folder)
    assert collector(stage).collect(ended).moved is not None
    assert (folder / name).read_bytes() == content


def test_the_proof_of_another_model_is_refused(stage: Stage, ended: RoundResult) -> None:
    first, second = (collector(stage).collect(ended, place=place).folder for place in (1, 2))
    (first / PROOF).write_bytes((second / PROOF).read_bytes())
    with pytest.raises(IntegrityError, match="proof is that of another model"):
        open_model(first)


def test_the_owners_preparation_goes_with_it(stage: Stage, ended: RoundResult) -> None:
    owner = collector(stage)
    folder = owner.collect(ended).folder
    wallet = stage.path / "work" / "1337-cccccccc-11111111"
    path = TaskFolder.of(wallet, ended.task.files.mpk_digest).preparation
    path.parent.mkdir(parents=True)
    with pytest.raises(InputError, match="has no preparation"):
        open_model(folder).require_preparation()
    path.write_text(json.dumps(PREPARED))
    owner.collect(ended)
    assert open_model(folder).require_preparation().target.classes == 3
    assert (folder / PREPARATION).stat().st_mode & 0o077 == 0


def test_a_preparation_of_another_task_is_refused(stage: Stage, ended: RoundResult) -> None:
    folder = collector(stage).collect(ended).folder
    other = {**PREPARED, "source": {"kind": "array", "shape": [5], "low": [0.0], "high": [1.0]}}
    (folder / PREPARATION).write_text(json.dumps(other))
    with pytest.raises(InputError, match="it is that of another task"):
        open_model(folder)


def test_what_is_fetched_is_what_miners_made(stage: Stage, ended: RoundResult, tmp_path: Path) -> None:
    fetched = fetch_model(ended, stage.store, tmp_path)
    assert stage.store.files[fetched.record.model_cid] == fetched.model
    assert read_record(write_record(fetched.record)) == fetched.record
    assert stage.home(OWNER).exists()


PREPARED = {
    "format": "pole.preparation",
    "version": 1,
    "source": {"kind": "array", "shape": [4], "low": [0.0], "high": [255.0]},
    "target": {"kind": "class", "column": "label", "names": ["a", "b", "c"]},
}
