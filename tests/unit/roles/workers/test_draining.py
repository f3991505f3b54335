"""Workers that are asked to leave: what they still do and give up, and until when they have to stay."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.fakes import FakeStake
from tests.unit.roles.keys.shared_secret import DELEGATE, HOLDERS, Shared, shared_task

from pole.errors import FundsError, UnreachableError
from pole.protocol.rounds.seats import can_reclaim
from pole.protocol.state import Phase
from pole.quoting import utc
from pole.roles.loop import Role
from pole.roles.ports import Moment
from pole.roles.support.draining import Draining, Participant
from pole.roles.support.waiting import Sight
from pole.roles.workers.miner.miner import Miner
from pole.roles.workers.tables import Worker
from pole.roles.workers.verifier.verifier import Verifier

PHASES = (Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW, Phase.VOTE_COMMIT)
ALWAYS = 2**40


def drained_miner(stage: Stage, address: str = MINERS[0]) -> Worker[Miner]:
    worker = stage.miner(address)
    worker.means.draining = lambda: True
    return worker


def drained_verifier(stage: Stage, address: str = VERIFIERS[0]) -> Worker[Verifier]:
    worker = stage.verifier(address)
    worker.means.draining = lambda: True
    return worker


def drain(worker: Participant, said: list[str] | None = None) -> Draining:
    return Draining(worker, lambda: True, lambda: False, (said if said is not None else []).append)


def renewal(worker: Participant, said: list[str]) -> Draining:
    return Draining(worker, lambda: False, lambda: True, said.append)


def at_stake(stage: Stage, worker: Participant) -> list[str]:
    return list(worker.at_stake(stage.world.moments()))


def owed(stage: Stage, worker: Participant) -> list[str]:
    return list(worker.owed(stage.world.moments()))


def phases_at_stake(stage: Stage, worker: Participant, workers: Sequence[Role]) -> list[Phase]:
    """Play a round to its end; return the phases in which the worker had something at stake."""
    found = []
    for phase in (*PHASES, Phase.VOTE_REVEAL, Phase.CHALLENGE, Phase.FINAL):
        stage.play(phase, Phase.FINAL, workers=workers)
        if stage.world.moment().phase is phase and at_stake(stage, worker):
            found.append(phase)
    return found


def settle(stage: Stage, worker: Role) -> None:
    """Let a worker do all that is due at once."""
    while worker.step(stage.world.moment()) is not None:
        pass


def everybody(stage: Stage, *others: Worker[Any]) -> list[Role]:
    taken = {each.means.chain.identity.address for each in others}
    rest: list[Worker[Any]] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS)]
    return [*others, *(each for each in rest if each.means.chain.identity.address not in taken)]


def test_a_miner_that_is_drained_joins_no_round(stage: Stage) -> None:
    stage.post()
    miner = drained_miner(stage)
    stage.play(Phase.FINAL, Phase.VOID, workers=[stage.data_node(), miner])
    assert stage.world.moment().phase is Phase.VOID
    assert stage.sent(MINERS[0]) == []
    settle(stage, miner)
    assert drain(miner).is_over(stage.world.moments())


def test_a_miner_that_is_drained_serves_the_round_that_it_has_joined_to_its_end(stage: Stage) -> None:
    stage.post(min_solutions=2)
    miner = stage.miner()
    workers = everybody(stage, miner)
    stage.play(Phase.TEST_RELEASE, workers=workers)
    miner.means.draining = lambda: True
    assert at_stake(stage, miner) == [
        f"the end of round 1, in TEST_RELEASE until {utc(stage.world.moment().deadline)}"
    ]
    stage.play(Phase.FINAL, workers=workers)
    assert stage.sent(MINERS[0])[:2] == ["commit/1", "reveal/1"]


def test_a_miner_stays_until_its_last_round_is_settled(stage: Stage) -> None:
    stage.post(min_solutions=2)
    miner = stage.miner()
    stage.play(Phase.FINAL, workers=everybody(stage, miner))
    restarted = drained_miner(stage)
    assert owed(stage, restarted) == ["the settlement of round 1"]
    settle(stage, restarted)
    assert drain(restarted).is_over(stage.world.moments())


def test_a_restarted_miner_knows_what_it_has_at_stake(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.TEST_RELEASE)
    assert at_stake(stage, drained_miner(stage))


def test_a_miner_stays_from_its_commitment_to_the_end(stage: Stage) -> None:
    stage.post(min_solutions=2)
    miner = stage.miner()
    found = phases_at_stake(stage, miner, everybody(stage, miner))
    assert found[:3] == [Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW]


def test_a_displaced_miner_has_nothing_at_stake(stage: Stage) -> None:
    stage.post(min_solutions=2)
    stage.play(Phase.TEST_RELEASE)
    miner = stage.miner()
    stage.displace(MINERS[0], claim=12)
    miner.means.memory.note_reported_displaced(1)
    assert at_stake(stage, miner) == []


def test_a_verifier_has_at_stake_a_ballot_that_it_sits_in(stage: Stage) -> None:
    stage.post(min_solutions=2)
    verifier = stage.verifier(VERIFIERS[0])
    workers = everybody(stage, verifier)
    stranger = stage.verifier("0x" + "6" * 40)
    seen = []
    for phase in (Phase.TRAINING, Phase.REVEAL, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL, Phase.FINAL):
        stage.play(phase, workers=workers)
        seen.append((bool(at_stake(stage, verifier)), bool(at_stake(stage, stranger))))
    assert seen == [(False, False), (False, False), (True, False), (True, False), (False, False)]


def test_a_verifier_that_drains_gives_its_seat_up_once_and_first(stage: Stage) -> None:
    said: list[str] = []
    verifier = drained_verifier(stage)
    draining = drain(verifier, said)
    assert not draining.is_over(stage.world.moments())
    assert said == [
        "Draining: it waits for its seat, which every round may draw: `pole verifier unstake` gives it up."
    ]
    assert draining.step(stage.world.moment()) == "seat left"
    assert draining.step(stage.world.moment()) is None
    assert drain(drained_verifier(stage)).step(stage.world.moment()) is None
    assert stage.sent(VERIFIERS[0]) == ["unstake/0"]
    assert VERIFIERS[0] not in stage.world.seats


def test_one_that_took_its_seat_again_gives_up_that_one_too(stage: Stage) -> None:
    drain(drained_verifier(stage)).step(stage.world.moment())
    stage.world.seats.append(VERIFIERS[0])
    assert drain(drained_verifier(stage)).step(stage.world.moment()) == "seat left"


def test_a_seat_that_was_left_unnoticed_and_taken_again_is_not_taken_for_one_that_is_left(
    stage: Stage,
) -> None:
    stage.chain(VERIFIERS[0]).unstake(intent="unstake/asked/0")
    stage.world.seats.append(VERIFIERS[0])
    verifier = drained_verifier(stage)
    intents = iter(["unstake/asked/0", "unstake/asked/1"])
    verifier.means.next_intent = lambda _: next(intents)
    assert drain(verifier).step(stage.world.moment()) == "seat left"
    assert VERIFIERS[0] not in stage.world.seats


def test_a_verifier_that_is_to_be_started_anew_keeps_its_seat(stage: Stage) -> None:
    said: list[str] = []
    verifier = stage.verifier()
    leaving = renewal(verifier, said)
    assert leaving.step(stage.world.moment()) is None
    assert leaving.is_over(stage.world.moments())
    assert said[0].startswith(
        "To be started anew: no round has anything at stake, but start it again soon for its seat, "
    )
    assert VERIFIERS[0] in stage.world.seats


def test_a_seat_that_cannot_be_given_up_yet_is_tried_again_and_keeps_the_verifier(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = drained_verifier(stage)
    draining = drain(verifier)

    def insufficient_funds(*, intent: str) -> None:
        raise FundsError(f"The wallet cannot pay for {intent}.")

    with monkeypatch.context() as patch:
        patch.setattr(stage.chain(VERIFIERS[0]), "unstake", insufficient_funds)
        for _ in range(2):
            with pytest.raises(FundsError):
                draining.step(stage.world.moment())
    assert not draining.is_over(stage.world.moments())
    assert not verifier.means.is_to_leave()
    assert draining.step(stage.world.moment()) == "seat left"


def test_what_a_verifier_prepares_ahead_gives_way_to_giving_its_seat_up(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    verifier = drained_verifier(stage)
    assert verifier.step(stage.world.moment()) is None
    drain(verifier).step(stage.world.moment())
    assert verifier.step(stage.world.moment()) == "prepared"


def test_a_verifier_that_drains_still_votes_where_its_old_seat_is_drawn_and_ends_afterwards(
    stage: Stage,
) -> None:
    said: list[str] = []
    stage.post(min_solutions=2)
    verifier = drained_verifier(stage)
    draining = drain(verifier, said)
    workers = [draining, *everybody(stage, verifier)]
    stage.play(Phase.VOTE_COMMIT, workers=workers)
    assert VERIFIERS[0] not in stage.world.seats
    assert VERIFIERS[0] in stage.world.members[4]
    assert not draining.is_over(stage.world.moments())
    assert "its vote in round 1, in VOTE_COMMIT until" in said[-1]
    stage.play(Phase.FINAL, workers=workers)
    assert stage.voting(VERIFIERS[0]) == ["vote/4", "reveal-vote/4"]
    settle(stage, verifier)
    stage.world.pass_time(stage.world.parameters.committee.seat_age)
    assert draining.is_over(stage.world.moments())
    assert said[-1] == "Drained: nothing is at stake."


def test_no_round_that_opens_after_the_drain_draws_the_seat(stage: Stage) -> None:
    verifier = drained_verifier(stage)
    draining = drain(verifier)
    draining.step(stage.world.moment())
    while not draining.is_over(stage.world.moments()):
        stage.world.pass_time(1)
    stage.post(min_solutions=2)
    others: list[Role] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS[1:])]
    stage.play(Phase.VOTE_COMMIT, workers=others)
    assert set(stage.world.members[4]) == set(VERIFIERS[1:])


@given(
    left_at=st.integers(1, 200),
    now=st.integers(1, 300),
    opened=st.none() | st.integers(1, 300),
    is_reclaimed=st.booleans(),
)
def test_a_seat_keeps_a_verifier_exactly_as_long_as_its_stake_is_bound(
    left_at: int, now: int, opened: int | None, is_reclaimed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stage = Stage(tmp_path_factory.getbasetemp())
    stage.world.seats.clear()
    stage.world.left_at[VERIFIERS[0]] = left_at
    if is_reclaimed:
        stage.world.reclaimed.add(VERIFIERS[0])
    if opened is not None:
        stage.world.now = opened
        stage.post()
        stage.keeper(OWNER).step(stage.world.moment())
    stage.world.now = now
    free = can_reclaim(
        left_at,
        seat_age=stage.world.parameters.committee.seat_age,
        now=now,
        oldest_opening=ALWAYS if opened is None else opened,
    )
    assert bool(owed(stage, stage.verifier())) == (not is_reclaimed and not free)


def test_a_data_node_has_at_stake_the_open_rounds_on_its_tasks(stage: Stage) -> None:
    stage.post(min_solutions=2)
    node = stage.data_node()
    found = phases_at_stake(stage, node, everybody(stage, node))
    assert found[:5] == [Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW]


def test_a_data_node_that_drains_waits_for_a_task_that_may_be_taken_and_says_what_leaving_costs(
    stage: Stage,
) -> None:
    said: list[str] = []
    node = stage.data_node()
    draining = drain(node, said)
    assert draining.is_over(stage.world.moments())
    stage.post()
    assert not draining.is_over(stage.world.moments())
    assert said[-1] == (
        "Draining: it waits for the round of task 1, which costs the data bond of 0.0000000000000001 ETH "
        "where no keys come within 60 s of its opening (`pole task cancel 1` takes the task back)."
    )
    stage.world.listed.clear()
    assert draining.is_over(stage.world.moments())


def test_a_data_node_waits_for_its_model_and_its_settlement_and_not_for_tasks_of_others(stage: Stage) -> None:
    stage.post(min_solutions=2)
    node = stage.data_node()
    stage.play(Phase.FINAL, workers=everybody(stage, node))
    assert owed(stage, stage.data_node()) == [
        "the settlement of round 1",
        "the model of round 1, which is asked for every minute",
    ]
    settle(stage, node)
    assert owed(stage, node) == []
    stage.post(seed=2)
    stage.world.tasks[2] = replace(stage.world.tasks[2], owner=MINERS[0])
    assert owed(stage, node) == []


def test_a_key_holder_stays_while_a_task_counts_on_its_share_until_the_keys_are_there(stage: Stage) -> None:
    shared = shared_task(stage)
    waits = ["the keys of task 1, which waits for a round: its owner alone can cancel it"]
    holders = [shared.holder(index) for index in (1, 2, 3)]
    assert [owed(stage, holder) for holder in (*holders, shared.worker(MINERS[0]))] == [waits] * 3 + [[]]
    shared.open_round()
    assert at_stake(stage, holders[0]) == [
        f"the keys of round 1, in KEYS until {utc(stage.world.moment().deadline)}"
    ]
    assert owed(stage, holders[0]) == []
    shared.let_act(*holders)
    assert stage.world.moment().phase is Phase.TRAINING
    assert drain(holders[0]).is_over(stage.world.moments())
    assert HOLDERS[0].address in stage.world.partial_keys[1]


def test_a_delegate_stays_though_it_has_no_share(stage: Stage) -> None:
    shared = shared_task(stage)
    delegate = shared.worker(DELEGATE)
    delegate.means.open_share = lambda _: None
    assert owed(stage, delegate)


def test_a_key_holder_may_leave_a_round_whose_data_node_shared_nothing(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.open_round()
    assert stage.world.moment().phase is Phase.KEYS
    assert drain(shared.holder(1)).is_over(stage.world.moments())


class Bound:
    """A worker with what tests give it at stake."""

    def __init__(self, at_stake: Iterable[str] = (), owed: Iterable[str] = ()) -> None:
        self.stakes, self.dues = list(at_stake), list(owed)
        self.sight = Sight()

    def step(self, _: Moment) -> None:
        """Do nothing."""

    def at_stake(self, _: Sequence[Moment]) -> list[str]:
        return self.stakes

    def owed(self, _: Sequence[Moment]) -> list[str]:
        return self.dues

    def owes(self, _: Moment) -> bool:
        return False

    def give_up(self) -> None:
        """Give up nothing."""


def test_who_drains_says_once_what_it_waits_for_and_ends_when_that_is_over() -> None:
    said: list[str] = []
    worker = Bound(["the end of round 3"], ["its seat"])
    draining = drain(worker, said)
    assert not draining.is_over(())
    assert not draining.is_over(())
    worker.stakes.clear()
    assert not draining.is_over(())
    worker.dues.clear()
    assert draining.is_over(())
    assert said == [
        "Draining: it waits for the end of round 3; its seat.",
        "Draining: it waits for its seat.",
        "Drained: nothing is at stake.",
    ]


def test_who_is_to_be_started_anew_waits_for_open_rounds_alone() -> None:
    said: list[str] = []
    worker = Bound(["the end of round 3"], ["its seat"])
    leaving = renewal(worker, said)
    assert not leaving.is_over(())
    worker.stakes.clear()
    assert leaving.is_over(())
    assert said == [
        "To be started anew: it waits for the end of round 3.",
        "To be started anew: no round has anything at stake, but start it again soon for its seat.",
    ]


def test_who_is_asked_for_both_drains() -> None:
    leaving = Draining(Bound((), ["its seat"]), lambda: True, lambda: True, lambda _: None)
    assert not leaving.is_over(())


def test_nobody_leaves_without_being_asked() -> None:
    assert not Draining(Bound(), lambda: False, lambda: False, pytest.fail).is_over(())


def test_a_chain_that_does_not_answer_lets_nobody_leave(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: str) -> FakeStake:
        raise UnreachableError("The node does not answer.")

    verifier = stage.verifier()
    monkeypatch.setattr(stage.chain(VERIFIERS[0]), "stake_of", silent)
    with pytest.raises(UnreachableError):
        drain(verifier).is_over(stage.world.moments())
