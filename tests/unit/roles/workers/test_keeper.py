"""The keeper: every round ends, and usually one of many keepers pays for it."""

from tests.unit.roles.conftest import MINERS, VERIFIERS, Stage

from pole.protocol.state import Phase
from pole.roles.workers import tables
from pole.roles.workers.keeper import Keeper, turn


def in_draw(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])
    stage.miner().step(stage.world.moment())
    assert stage.world.moment().phase is Phase.DRAW


def test_nothing_is_opened_without_a_task(stage: Stage) -> None:
    assert stage.keeper().step(stage.world.moment()) is None
    assert stage.world.sent == []


def test_a_keeper_waits_for_its_turn(stage: Stage) -> None:
    stage.post()
    keeper = stage.keeper(spread=100.0)
    due = turn("open/1", VERIFIERS[0], 100.0)
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(int(due))
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(1)
    assert keeper.step(stage.world.moment()) == "opened"


def test_turns_lie_apart() -> None:
    turns = [turn("arm/3/0", address, 10.0) for address in (*MINERS, *VERIFIERS)]
    assert len(set(turns)) == 5
    assert all(0 <= seconds < 10 for seconds in turns)


def test_drawing_is_another_turn_than_arming(stage: Stage) -> None:
    in_draw(stage)
    keeper = stage.keeper(spread=100.0)
    while keeper.step(stage.world.moment()) is None:
        stage.world.pass_time(1)
    stage.world.pass_time(3)
    assert keeper.step(stage.world.moment()) is None


def test_who_is_late_is_refused_and_does_not_mind(stage: Stage) -> None:
    stage.post()
    moment = stage.world.moment()
    assert stage.keeper(VERIFIERS[0]).step(moment) == "opened"
    assert stage.keeper(VERIFIERS[1]).step(moment) is None


def test_the_draw_waits_for_its_block(stage: Stage) -> None:
    in_draw(stage)
    keeper = stage.keeper()
    assert keeper.step(stage.world.moment()) == "armed"
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(3)
    assert keeper.step(stage.world.moment()) == "drawn"


def test_a_lost_block_hash_arms_the_draw_again(stage: Stage) -> None:
    in_draw(stage)
    keeper = stage.keeper()
    keeper.step(stage.world.moment())
    stage.world.pass_time(300)
    assert keeper.step(stage.world.moment()) == "armed"
    stage.world.pass_time(3)
    assert keeper.step(stage.world.moment()) == "drawn"
    assert len([intent for _, intent in stage.world.sent if intent.startswith("arm/")]) == 2


def test_a_keeper_is_made_of_a_chain_a_clock_and_a_spread(stage: Stage) -> None:
    keeper = tables.keeper(Keeper(stage.chain(VERIFIERS[0]), lambda: 0.0, 0.0))
    stage.post()
    assert keeper.step(stage.world.moment()) == "opened"
