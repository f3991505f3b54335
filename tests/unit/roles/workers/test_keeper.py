"""The keeper: every round ends, and usually one of many workers pays for each step."""

from dataclasses import replace

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage

from pole.errors import IntegrityError
from pole.protocol.state import Phase, Step
from pole.roles.workers import tables
from pole.roles.workers.keeper import Keeper, interested, patience


def in_draw(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])
    stage.miner().step(stage.world.moment())
    assert stage.world.moment().phase is Phase.DRAW


def test_nothing_is_opened_without_a_task(stage: Stage) -> None:
    assert stage.keeper(OWNER).step(stage.world.moment()) is None
    assert stage.world.sent == []


def test_who_owns_the_waiting_task_opens_its_round_at_once(stage: Stage) -> None:
    stage.post()
    assert stage.keeper(OWNER).step(stage.world.moment()) == "opened"


def test_others_leave_a_step_to_those_with_an_interest_and_then_take_it(stage: Stage) -> None:
    stage.post()
    keeper = stage.keeper(VERIFIERS[0])
    left_for = patience("open/1", VERIFIERS[0], [OWNER])
    assert left_for >= 2
    for _ in range(left_for):
        assert keeper.step(stage.world.moment()) is None
        stage.world.pass_time(1)
    assert keeper.step(stage.world.moment()) == "opened"


def test_interests_come_in_their_order() -> None:
    first, second, third = (patience("draw/4", each, MINERS) for each in (*MINERS, OWNER))
    assert first == 0
    assert first < second < third


def test_of_many_others_one_or_two_have_the_first_turn() -> None:
    crowd = [f"0x{number:040x}" for number in range(1000)]
    firsts = []
    for step in range(50):
        turns = sorted(patience(f"finalise/{step}", address, []) for address in crowd)
        firsts.append(turns.count(turns[0]))
        assert turns[0] <= 2
    assert sum(firsts) / len(firsts) < 6


def test_the_leading_miners_draw_the_committee_and_finalise(stage: Stage) -> None:
    in_draw(stage)
    moment = stage.world.moment()
    assert interested(stage.chain(VERIFIERS[0]), moment) == (MINERS[0], OWNER)


def test_who_bought_a_larger_committee_draws_it(stage: Stage) -> None:
    in_draw(stage)
    stage.world.change(1, challengers=(VERIFIERS[2], "0x" + "0" * 40), attempt=1)
    moment = stage.world.moment()
    assert interested(stage.chain(VERIFIERS[0]), moment)[0] == VERIFIERS[2]


def test_who_is_late_is_refused_and_does_not_mind(stage: Stage) -> None:
    stage.post()
    moment = stage.world.moment()
    early, late = stage.keeper(OWNER), stage.keeper(OWNER)
    assert early.step(moment) == "opened"
    stage.chain(OWNER).receipts.clear()
    assert late.step(moment) is None


def test_a_header_that_does_not_give_its_hash_costs_but_that_draw(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage.with_lanes(2)
    in_draw(stage)
    stage.world.pass_time(3)
    keeper, chain = stage.keeper(MINERS[0]), stage.chain(MINERS[0])
    lane, tried = stage.world.newest % 2, []

    def draw(round_id: int, **_: str) -> None:
        tried.append(round_id)
        raise IntegrityError("The header of Ethereum block 7 does not give the block's hash.")

    caplog.set_level("WARNING", "pole.keeper")
    with monkeypatch.context() as patch:
        patch.setattr(chain, "draw", draw)
        stage.post(seed=2)
        taken = set()
        for _ in range(30):
            assert keeper.step(stage.world.moment(lane)) is None
            taken.add(keeper.step(stage.world.moment(1 - lane)))
            stage.world.pass_time(1)
    assert "opened" in taken
    assert len(tried) > 2
    warned = [(record.name, record.message) for record in caplog.records if record.levelname == "WARNING"]
    assert [message for name, message in warned if name == "pole.keeper"] == [
        f"Round {round_id}: its next step is left to others. The header of Ethereum block 7 does not give "
        "the block's hash."
        for round_id in dict.fromkeys(tried)
    ]
    assert keeper.step(stage.world.moment(lane)) == "drawn"


def test_a_draw_waits_for_its_block(stage: Stage) -> None:
    stage.post()
    keeper = stage.keeper(OWNER)
    assert keeper.step(stage.world.moment()) == "opened"
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(3)
    assert keeper.step(stage.world.moment()) == "seed-drawn"
    assert stage.world.moment().phase is Phase.KEYS


def test_a_lost_block_hash_arms_the_draw_again(stage: Stage) -> None:
    in_draw(stage)
    stage.world.pass_time(300)
    keeper = stage.keeper(MINERS[0])
    assert keeper.step(stage.world.moment()) == "armed"
    stage.world.pass_time(3)
    assert keeper.step(stage.world.moment()) == "drawn"


def test_a_round_whose_time_is_over_is_closed_by_its_leading_miner(stage: Stage) -> None:
    stage.post(min_solutions=5)
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    if stage.world.rounds[1].step is Step.KEYED:
        assert stage.keeper(MINERS[0]).step(stage.world.moment()) == "closed"
    assert stage.world.rounds[1].step is Step.CLOSED


def test_a_keeper_is_made_of_a_chain_and_a_clock(stage: Stage) -> None:
    keeper = tables.keeper(Keeper(stage.chain(OWNER), lambda: 0.0))
    stage.post()
    assert keeper.step(stage.world.moment()) == "opened"


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_as_many_lanes_are_opened_as_tasks_wait(stage: Stage, tasks: int) -> None:
    stage.with_lanes(2)
    for seed in range(tasks):
        stage.post(seed=seed + 1)
    keeper = stage.keeper(OWNER)
    for _ in range(3):
        for lane in range(2):
            keeper.step(stage.world.moment(lane))
    assert sorted(stage.world.rounds) == [2, 3][:tasks]


def test_the_reveals_begin_without_a_test_set_once_its_window_is_over(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    stage.keeper(MINERS[0]).step(stage.world.moment())
    assert stage.world.rounds[1].step is Step.CLOSED
    keeper = stage.keeper(MINERS[0])
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(stage.world.parameters.chain.test_window)
    assert keeper.step(stage.world.moment()) == "test-missed"
    assert stage.world.moment().phase is Phase.REVEAL


def test_the_votes_are_ended_once_their_window_is_over(stage: Stage) -> None:
    in_draw(stage)
    stage.play(Phase.VOTE_COMMIT, workers=[])
    keeper, committee = stage.keeper(MINERS[0]), stage.world.moment().ballot_id
    stage.verifier().step(stage.world.moment())
    assert keeper.step(stage.world.moment()) is None
    stage.world.pass_time(stage.world.moment().deadline - stage.world.now)
    assert keeper.step(stage.world.moment()) == "votes-ended"
    assert stage.world.moment().phase is Phase.VOTE_REVEAL
    assert stage.world.ballots[committee].committed
    stage.world.pass_time(stage.world.parameters.chain.vote_reveal_window)
    assert keeper.step(stage.world.moment()) == "votes-ended"
    assert stage.world.moment().phase in (Phase.CHALLENGE, Phase.SETTLEMENT)


def test_a_draw_is_sent_at_the_named_block_for_the_next(stage: Stage) -> None:
    in_draw(stage)
    named = stage.world.rounds[1].draw_block
    keeper = stage.keeper(MINERS[0])
    while stage.world.block < named:
        assert keeper.step(stage.world.moment()) is None
        stage.world.pass_time(1)
    assert stage.world.block == named
    assert keeper.step(stage.world.moment()) == "drawn"


def test_a_round_is_finalised_in_the_first_block_that_is_too_late_for_a_challenge(stage: Stage) -> None:
    stage.world.seats.append("0x" + "77" * 20)
    stage.post()
    stage.play(Phase.CHALLENGE)
    deadline = stage.world.moment().deadline
    keeper = stage.keeper(MINERS[0])
    while stage.world.now + 1 < deadline:
        assert keeper.step(stage.world.moment()) is None
        stage.world.pass_time(1)
    assert stage.world.moment().phase is Phase.CHALLENGE
    # What ending a round takes that was challenged is not known before it can be asked for.
    assert keeper.step(replace(stage.world.moment(), attempt=1)) is None
    assert keeper.step(stage.world.moment()) == "finalised"
    assert stage.world.moment().phase is Phase.FINAL
