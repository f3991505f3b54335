"""The verifier: what it finds out, and what it votes when something is missing or wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, TEST, TRAIN, VERIFIERS, Stage, specification
from tests.unit.roles.fake_storage import FakeStore

from pole.errors import AbandonedError, DiskError, InputError, UnreachableError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import evaluate
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.rounds.judgement import choose
from pole.protocol.state import FileRef, Phase, Solution, Verdict, VoidReason
from pole.roles.judging.assessment import evaluate_model
from pole.roles.loop import Role
from pole.roles.ports import BallotView
from pole.roles.receiving.decryption import Decryption
from pole.roles.receiving.samples import Samples

NO_SAMPLES = Samples(np.empty((0, 3), np.int64), np.empty(0, np.int64))


def in_vote(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.VOTE_COMMIT, workers=[stage.data_node(), *map(stage.miner, MINERS)])


def verdicts(stage: Stage) -> list[Verdict]:
    return [vote.verdict for vote in stage.votes(VERIFIERS[0], 4)]


def seconds_over(stage: Stage, blocks: int) -> None:
    """Let the seconds of the phase be over, and so many of its Ethereum blocks be left."""
    moment = stage.world.moment()
    stage.world.now, stage.world.block = moment.deadline + 5, moment.deadline_block - blocks


def forge(stage: Stage, content: bytes) -> FileRef:
    path = stage.path / "forged"
    path.write_bytes(content)
    return FileRef(stage.store.add(path), keccak256(content))


def test_it_finds_what_the_miners_claim(stage: Stage) -> None:
    in_vote(stage)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    votes = stage.votes(VERIFIERS[0], 4)
    assert [(vote.train_correct, vote.test_correct) for vote in votes] == [(TRAIN, TEST)] * 2


def test_it_ends_within_an_evaluation_when_it_is_told_to(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    told: list[bool] = []
    verifier = stage.verifier()
    verifier.means.stopping = lambda: bool(told)

    def endless(*arguments: Any) -> None:
        told.append(True)
        assert arguments[-1]()
        raise AbandonedError("It was stopped.")

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", endless)
    assert verifier.step(stage.world.moment()) is None
    assert len(told) == 1
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept
    # What it owes, and loses where it does not come back, is told when the round has ended.
    assert verifier.means.settlement.memory.open_rounds() == [1]


def test_a_model_that_is_no_model_is_malformed(stage: Stage) -> None:
    in_vote(stage)
    stage.world.models[1][MINERS[0]] = forge(stage, b"not a model")
    stage.verifier().step(stage.world.moment())
    assert verdicts(stage) == [Verdict.MALFORMED, Verdict.OK]


def test_a_model_of_another_round_is_malformed(stage: Stage) -> None:
    in_vote(stage)
    stage.world.change(1, seed=keccak256(b"another round"))
    model = stage.store.files[stage.world.models[1][MINERS[0]].cid]
    with pytest.raises(MalformedModelError):
        evaluate_model(model, specification(), stage.world.rounds[1].seed, NO_SAMPLES)


def test_a_missing_model_is_waited_for_and_then_unavailable(stage: Stage) -> None:
    in_vote(stage)
    stage.store.missing.add(stage.world.models[1][MINERS[0]].cid)
    # Both miners found the same model; the second one's must not stand in for the first one's.
    stage.world.models[1][MINERS[0]] = forge(stage, b"gone")
    stage.store.missing.add(stage.world.models[1][MINERS[0]].cid)
    verifier = stage.verifier()
    with pytest.raises(UnreachableError):
        verifier.step(stage.world.moment())
    stage.world.pass_time(55)
    assert verifier.step(stage.world.moment()) == "voted"
    assert verdicts(stage)[0] is Verdict.UNAVAILABLE


def test_who_names_a_place_without_bytes_for_a_model_of_another_harms_nobody(stage: Stage) -> None:
    in_vote(stage)
    first, second = stage.world.solutions[1]
    same = replace(first, model_digest=second.model_digest)
    stage.world.solutions[1] = [*choose([same, second])]
    stage.world.models[1][MINERS[0]] = FileRef("nowhere", second.model_digest)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.OK]


def test_a_model_longer_than_the_specification_allows_is_unavailable(stage: Stage) -> None:
    in_vote(stage)
    stage.world.models[1][MINERS[0]] = forge(stage, bytes(2**20))
    stage.world.pass_time(55)
    stage.verifier().step(stage.world.moment())
    assert verdicts(stage)[0] is Verdict.UNAVAILABLE


def test_wrong_keys_are_a_data_fault_on_every_choice(stage: Stage) -> None:
    in_vote(stage)
    content = bytearray(stage.store.files[stage.world.keys[1].cid])
    content[-1] ^= 1
    stage.world.keys[1] = forge(stage, bytes(content))
    stage.verifier().step(stage.world.moment())
    assert verdicts(stage) == [Verdict.DATA_FAULT] * 2


@pytest.mark.parametrize("count", ["train_count", "test_count"])
def test_a_task_whose_sets_no_memory_holds_is_a_data_fault(stage: Stage, count: str) -> None:
    in_vote(stage)
    stage.world.change(1, terms=replace(stage.world.rounds[1].terms, **{count: 2**32 - 1}))
    stage.verifier().step(stage.world.moment())
    assert verdicts(stage) == [Verdict.DATA_FAULT] * 2


def test_a_task_that_declares_too_little_work_is_a_data_fault(stage: Stage) -> None:
    in_vote(stage)
    terms = stage.world.rounds[1].terms
    stage.world.change(1, terms=replace(terms, work=terms.work - 1))
    stage.verifier().step(stage.world.moment())
    assert verdicts(stage) == [Verdict.DATA_FAULT] * 2


def test_a_back_end_that_is_missing_here_is_nobody_else_s_fault(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    monkeypatch.setenv("POLE_IPFE_BACKEND", "kuda")
    with pytest.raises(InputError, match="no back end 'kuda' here"):
        stage.verifier().step(stage.world.moment())
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept


def test_a_manifest_of_another_part_is_a_data_fault_that_voids_the_round(stage: Stage) -> None:
    stage.post(min_solutions=1)
    workers: list[Role] = [stage.data_node(), stage.miner()]
    stage.play(Phase.REVEAL, workers=workers)
    test = stage.world.tests[1]
    released = next(content for content in stage.store.files.values() if keccak256(content) == test.digest)
    # A training manifest in the place of the test manifest: right digest, wrong part.
    stage.world.tests[1] = forge(stage, released.replace(b'"part":"test"', b'"part":"train"'))
    stage.play(Phase.VOID, workers=[stage.miner(), *map(stage.verifier, VERIFIERS)])
    assert stage.world.rounds[1].void_reason is VoidReason.DATA_FAULT


@pytest.mark.parametrize("what", ["keys", "tests"])
def test_data_that_cannot_be_had_is_waited_for_and_then_abstained_from(stage: Stage, what: str) -> None:
    in_vote(stage)
    stage.store.missing.add(getattr(stage.world, what)[1].cid)
    verifier = stage.verifier()
    with pytest.raises(UnreachableError):
        verifier.step(stage.world.moment())
    stage.world.pass_time(55)
    verifier.step(stage.world.moment())
    assert verdicts(stage) == [Verdict.DATA_UNAVAILABLE] * 2


@pytest.mark.parametrize("late", [0, 55])
def test_who_is_not_done_in_time_abstains_rather_than_being_absent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    in_vote(stage)
    shown = stage.store.files[stage.world.models[1][MINERS[0]].cid]
    stage.world.models[1][MINERS[1]] = forge(stage, shown + b" ")
    loaded = model_file.load(shown, specification(), stage.world.rounds[1].seed)
    stage.world.pass_time(late)
    done: list[object] = []

    def slow(*arguments: Any) -> Any:
        done.append(arguments)
        if len(done) > 2:  # the first model, on both sets
            while not arguments[-1]():
                stage.world.pass_time(1)
            raise AbandonedError("It took too long.")
        return evaluate(*arguments[:3])

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", slow)
    monkeypatch.setattr("pole.roles.judging.assessment.model_file.load", lambda *_: loaded)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.OK, Verdict.UNAVAILABLE]


@pytest.mark.parametrize(("blocks", "evaluated"), [(25, True), (4, False), (0, False)])
def test_a_window_whose_seconds_are_over_lasts_for_its_blocks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, blocks: int, evaluated: bool
) -> None:
    stage.with_chain(window_blocks=25)
    in_vote(stage)
    seconds_over(stage, blocks)

    def slow(*arguments: Any) -> Any:
        for _ in range(2):
            stage.world.now += 12
            stage.world.block += 1
            if arguments[-1]():
                raise AbandonedError("It took too long.")
        return evaluate(*arguments[:3])

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", slow)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.OK if evaluated else Verdict.DATA_UNAVAILABLE] * 2


def test_half_of_the_blocks_are_left_for_the_vote(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.with_chain(window_blocks=25)
    in_vote(stage)
    seconds_over(stage, 25)

    def endless(*arguments: Any) -> Any:
        while not arguments[-1]():
            stage.world.now += 12
            stage.world.block += 1
        raise AbandonedError("It took too long.")

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", endless)
    last = stage.world.moment().deadline_block
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert last - stage.world.block >= 25 // 2


def test_a_file_is_waited_for_while_the_window_has_blocks_to_spare(stage: Stage) -> None:
    stage.with_chain(window_blocks=60)
    in_vote(stage)
    stage.store.missing.add(stage.world.models[1][MINERS[0]].cid)
    seconds_over(stage, 60)
    verifier = stage.verifier()
    with pytest.raises(UnreachableError):
        verifier.step(stage.world.moment())
    stage.world.block += 40
    assert verifier.step(stage.world.moment()) == "voted"
    assert verdicts(stage)[0] is Verdict.UNAVAILABLE


def test_data_that_is_not_decrypted_in_time_is_abstained_from(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)

    def slow(_: Decryption, stop: Callable[[], bool]) -> Samples:
        while not stop():
            stage.world.pass_time(1)
        raise AbandonedError("It took too long.")

    monkeypatch.setattr(Decryption, "samples", slow)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.DATA_UNAVAILABLE] * 2


def test_a_model_that_comes_late_in_the_vote_is_voted_for(stage: Stage) -> None:
    in_vote(stage)
    model = stage.world.models[1][MINERS[0]].cid
    stage.store.missing.add(model)
    verifier = stage.verifier()
    with pytest.raises(UnreachableError):
        verifier.step(stage.world.moment())
    stage.world.pass_time(55)
    stage.store.missing.clear()
    assert verifier.step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.OK] * 2


def test_all_models_are_fetched_and_served_on_before_one_is_evaluated(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    stage.world.models[1][MINERS[1]] = forge(stage, b"another")
    wanted = {model.cid for model in stage.world.models[1].values()}
    name = f"{VERIFIERS[0]}/1"

    def evaluate_now(*arguments: Any) -> Any:
        assert wanted <= stage.store.kept[name]
        return evaluate(*arguments)

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", evaluate_now)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert {stage.world.keys[1].cid, stage.world.tests[1].cid} <= stage.store.kept[name]


def test_who_cannot_serve_on_votes_all_the_same(stage: Stage) -> None:
    class Selfish(FakeStore):
        def keep(self, cid: str, name: str) -> None:
            raise UnreachableError("This daemon knows no file tree.")

    in_vote(stage)
    assert stage.verifier(store=Selfish(stage.store.files)).step(stage.world.moment()) == "voted"


def test_an_eager_verifier_evaluates_models_when_they_are_revealed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post(min_solutions=2)
    workers: list[Role] = [stage.data_node(), *map(stage.miner, MINERS)]
    stage.play(Phase.REVEAL, workers=workers)
    verifier, patient = stage.verifier(), stage.verifier(VERIFIERS[1])
    verifier.means.eager = True
    assert verifier.step(stage.world.moment()) == patient.step(stage.world.moment()) == "prepared"
    workers[1].step(stage.world.moment())
    assert verifier.step(stage.world.moment()) == "evaluated"
    assert verifier.step(stage.world.moment()) is patient.step(stage.world.moment()) is None
    stage.play(Phase.VOTE_COMMIT, workers=[*workers, verifier])
    stage.store.missing |= set(stage.store.files)
    monkeypatch.delattr("pole.roles.judging.assessment.evaluate")
    assert verifier.step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.OK] * 2


def test_an_eager_verifier_forgives_a_model_that_is_missing_when_it_is_revealed(stage: Stage) -> None:
    in_vote(stage)
    missing = forge(stage, b"gone")
    stage.world.models[1][MINERS[0]] = missing
    stage.store.missing.add(missing.cid)
    stage.world.ballots.clear()
    verifier = stage.verifier()
    verifier.means.eager = True
    assert stage.world.moment().phase is Phase.DRAW
    assert verifier.step(stage.world.moment()) == "evaluated"
    assert verifier.step(stage.world.moment()) is None
    stage.store.missing.clear()
    assert verifier.step(stage.world.moment()) == "evaluated"


@pytest.mark.parametrize("late", [0, 55])
def test_a_full_disk_is_no_vote(stage: Stage, late: int) -> None:
    class FullDisk(FakeStore):
        def fetch(self, cid: str, *_: object, **__: object) -> None:
            raise DiskError("The disk is full.")

    in_vote(stage)
    stage.world.pass_time(late)
    with pytest.raises(DiskError):
        stage.verifier(store=FullDisk()).step(stage.world.moment())
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept


def test_who_is_not_drawn_does_not_vote(stage: Stage) -> None:
    in_vote(stage)
    stage.world.members[4] = VERIFIERS[1:]
    assert stage.verifier().step(stage.world.moment()) is None
    assert not [key for key in stage.journal(VERIFIERS[0]).kept if key.startswith("vote")]


def test_who_was_not_drawn_asks_again_at_the_next_block_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    drawn = stage.world.members[4]
    asked: list[int] = []
    stage.world.members[4] = VERIFIERS[1:]
    verifier = stage.verifier()
    ballot = verifier.means.chain.ballot

    def counted(number: int) -> BallotView:
        asked.append(number)
        return ballot(number)

    monkeypatch.setattr(verifier.means.chain, "ballot", counted)
    for _ in range(3):
        assert verifier.step(stage.world.moment()) is None
    assert asked == [4]
    stage.world.members[4] = drawn
    stage.world.pass_time(1)
    assert verifier.step(stage.world.moment()) == "voted"


def redraw(stage: Stage) -> None:
    """Let a reorganisation draw the committee of round 1 anew, before anybody voted."""
    stage.world.vote_commitments.clear()
    stage.world.change(1, entropy=keccak256(b"another block"))
    stage.world.pass_time(1)


def test_a_committee_that_is_drawn_anew_is_voted_in_again(stage: Stage) -> None:
    in_vote(stage)
    verifier = stage.verifier()
    assert verifier.step(stage.world.moment()) == "voted"
    before = stage.votes(VERIFIERS[0], 4)
    redraw(stage)
    assert verifier.step(stage.world.moment()) == "voted"
    assert stage.votes(VERIFIERS[0], 4) == before
    assert stage.voting(VERIFIERS[0]) == ["vote/4"]


def test_a_model_that_the_node_does_not_show_yet_is_waited_for(stage: Stage) -> None:
    in_vote(stage)
    model = stage.world.models[1].pop(MINERS[0])
    verifier = stage.verifier()
    with pytest.raises(UnreachableError, match=f"does not show the model of {MINERS[0]} yet"):
        verifier.step(stage.world.moment())
    stage.world.models[1][MINERS[0]] = model
    assert verifier.step(stage.world.moment()) == "voted"


def test_who_cannot_read_what_to_judge_by_the_last_chance_abstains(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    verifier = stage.verifier()

    def too_many(_: int) -> dict[str, FileRef]:
        raise UnreachableError("The node gives no answer so large.")

    monkeypatch.setattr(verifier.means.chain, "models", too_many)
    with pytest.raises(UnreachableError, match="no answer so large"):
        verifier.step(stage.world.moment())
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept
    stage.world.pass_time(55)
    assert verifier.step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.UNAVAILABLE] * 2


def test_a_model_that_the_node_never_shows_is_abstained_from(stage: Stage) -> None:
    in_vote(stage)
    del stage.world.models[1][MINERS[0]]
    stage.world.pass_time(55)
    assert stage.verifier().step(stage.world.moment()) == "voted"
    assert verdicts(stage) == [Verdict.UNAVAILABLE] * 2


def test_who_cannot_read_even_what_is_to_be_voted_on_does_not_vote(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vote(stage)
    verifier = stage.verifier()

    def silent(_: int) -> tuple[Solution, ...]:
        raise UnreachableError("The node does not answer.")

    monkeypatch.setattr(verifier.means.chain, "solutions", silent)
    stage.world.pass_time(55)
    with pytest.raises(UnreachableError):
        verifier.step(stage.world.moment())
    assert "votes/4" not in stage.journal(VERIFIERS[0]).kept


def test_a_vote_that_missed_its_window_is_not_revealed(stage: Stage) -> None:
    in_vote(stage)
    stage.verifier().step(stage.world.moment())
    for address in VERIFIERS[1:]:
        stage.verifier(address).step(stage.world.moment())
    assert stage.world.moment().phase is Phase.VOTE_REVEAL
    stage.world.vote_commitments.pop((4, VERIFIERS[0]))
    stage.verifier().step(stage.world.moment())
    assert stage.voting(VERIFIERS[0]) == ["vote/4"]


def test_a_vote_that_one_look_does_not_show_is_revealed_at_the_next(stage: Stage) -> None:
    in_vote(stage)
    for address in VERIFIERS:
        stage.verifier(address).step(stage.world.moment())
    hidden = stage.world.vote_commitments.pop((4, VERIFIERS[0]))
    assert stage.verifier().step(stage.world.moment()) is None
    stage.world.vote_commitments[4, VERIFIERS[0]] = hidden
    assert stage.verifier().step(stage.world.moment()) == "vote-revealed"
    assert stage.voting(VERIFIERS[0]) == ["vote/4", "reveal-vote/4"]


def test_features_are_prepared_while_miners_train(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    verifier = stage.verifier()
    assert verifier.step(stage.world.moment()) == "prepared"
    assert verifier.step(stage.world.moment()) is None
    assert list((stage.home(VERIFIERS[0]) / "rounds" / "1").glob("train-*/00000"))


def test_preparing_forgives_a_store_that_is_down(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    stage.store.down = True
    assert stage.verifier().step(stage.world.moment()) is None
