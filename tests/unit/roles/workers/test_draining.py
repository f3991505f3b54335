"""Workers that are asked to take on nothing new: what they still do, and until when they have to stay."""

from tests.unit.roles.conftest import MINERS, VERIFIERS, Stage
from tests.unit.roles.keys.shared_secret import HOLDERS, Shared, shared_task

from pole.protocol.state import Phase
from pole.roles.loop import Participant, Role
from pole.roles.workers.miner.miner import Miner
from pole.roles.workers.tables import Worker


def drained_miner(stage: Stage, address: str = MINERS[0]) -> Worker[Miner]:
    worker = stage.miner(address)
    worker.means.draining = lambda: True
    return worker


def phases_at_stake(stage: Stage, worker: Participant, workers: list[Role]) -> list[Phase]:
    """Play a round to its end; return the phases in which the worker had something at stake."""
    found = []
    order = (Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW, Phase.VOTE_COMMIT)
    for phase in (*order, Phase.VOTE_REVEAL, Phase.CHALLENGE, Phase.FINAL):
        stage.play(phase, Phase.FINAL, workers=workers)
        if stage.world.moment().phase is phase and worker.has_at_stake(stage.world.moment()):
            found.append(phase)
    return found


def everybody(stage: Stage) -> list[Role]:
    return [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS)]


def test_a_miner_that_is_drained_joins_no_round(stage: Stage) -> None:
    stage.post()
    miner = drained_miner(stage)
    stage.play(Phase.FINAL, Phase.VOID, workers=[stage.data_node(), miner])
    assert stage.world.moment().phase is Phase.VOID
    assert stage.sent(MINERS[0]) == []
    assert not miner.has_at_stake(stage.world.moment())


def test_a_miner_that_is_drained_serves_the_round_that_it_has_joined_to_its_end(stage: Stage) -> None:
    stage.post(min_solutions=2)
    workers = everybody(stage)
    stage.play(Phase.TEST_RELEASE, workers=workers)
    assert isinstance(workers[1], Worker)
    workers[1].means.draining = lambda: True
    assert workers[1].has_at_stake(stage.world.moment())
    stage.play(Phase.FINAL, workers=workers)
    assert stage.sent(MINERS[0])[:2] == ["commit/1", "reveal/1"]


def test_a_restarted_miner_knows_what_it_has_at_stake(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.TEST_RELEASE)
    assert drained_miner(stage).has_at_stake(stage.world.moment())


def test_a_miner_stays_from_its_commitment_to_the_end(stage: Stage) -> None:
    stage.post(min_solutions=2)
    workers = everybody(stage)
    miner = stage.miner()
    workers[1] = miner
    assert phases_at_stake(stage, miner, workers)[:3] == [Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW]


def test_a_displaced_miner_has_nothing_at_stake(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.TEST_RELEASE)
    miner = stage.miner()
    stage.displace(MINERS[0], claim=12)
    miner.means.memory.note_reported_displaced(1)
    assert not miner.has_at_stake(stage.world.moment())


def test_a_verifier_stays_while_a_ballot_is_open_that_it_sits_in(stage: Stage) -> None:
    stage.post(min_solutions=2)
    workers = everybody(stage)
    verifier = stage.verifier(VERIFIERS[0])
    workers[3] = verifier
    stranger = stage.verifier("0x" + "6" * 40)
    seen = []
    for phase in (Phase.TRAINING, Phase.REVEAL, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL, Phase.FINAL):
        stage.play(phase, workers=workers)
        moment = stage.world.moment()
        seen.append((verifier.has_at_stake(moment), stranger.has_at_stake(moment)))
    assert seen == [(False, False), (False, False), (True, False), (True, False), (False, False)]


def test_a_data_node_stays_while_a_round_of_its_task_is_open(stage: Stage) -> None:
    stage.post(min_solutions=2)
    workers = everybody(stage)
    node = stage.data_node()
    workers[0] = node
    found = phases_at_stake(stage, node, workers)
    assert found[:5] == [Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW]


def test_a_key_holder_stays_while_keys_of_a_shared_secret_are_due(stage: Stage) -> None:
    shared = shared_task(stage)
    shared.open_round()
    holder = shared.holder(1)
    assert stage.world.moment().phase is Phase.KEYS
    assert holder.has_at_stake(stage.world.moment())
    stage.play(Phase.VOID, workers=[holder])
    assert stage.world.partial_keys[1].keys() == {HOLDERS[0].address}


def test_a_key_holder_may_leave_a_round_whose_data_node_shared_nothing(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.open_round()
    assert stage.world.moment().phase is Phase.KEYS
    assert not shared.holder(1).has_at_stake(stage.world.moment())
