"""A worker that is killed at any call of a port, and started again, ends up as one that was not."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.unit.roles.conftest import (
    MINERS,
    OWNER,
    VERIFIERS,
    LeastSquaresLearner,
    Stage,
    dataset,
    specification,
    terms,
)
from tests.unit.roles.deaths import Death, KilledError
from tests.unit.roles.workers.test_challenging import BOND, SEATS, in_challenge

from pole.protocol.state import Phase
from pole.roles.publishing.posting import post_task
from pole.roles.publishing.preparation import TaskRequest

MAXIMUM_CALLS = 200


def as_it_was(stage: Stage, folder: Path) -> Stage:
    """Return a copy of the stage whose workers have folders of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stage.path, folder)
    return deepcopy(
        Stage(folder, *[getattr(stage, name) for name in ("world", "store", "secrets", "chains", "journals")])
    )


def mortal(stage: Stage, address: str, death: Death) -> dict[str, object]:
    ports = {"chain": stage.chain(address), "store": stage.store, "journal": stage.journal(address)}
    return {name: death.guard(port) for name, port in ports.items()}


def live_and_die(
    before: Stage, folder: Path, address: str, act: Callable[[Stage, dict[str, Any]], None], *, after: bool
) -> list[Stage]:
    """Kill a worker at its first call, its second, and so on until it survives; each time restart it once."""
    ends = []
    for at in range(1, MAXIMUM_CALLS):
        stage = as_it_was(before, folder)
        death = Death(at, after)
        try:
            act(stage, mortal(stage, address, death))
        except KilledError:
            act(stage, {})
            ends.append(stage)
        else:
            assert death.calls < at
            return ends
    raise AssertionError("it never survived")


@pytest.mark.parametrize("after", [False, True])
def test_a_miner_killed_anywhere_commits_once_and_reveals_what_it_committed(
    stage: Stage, tmp_path: Path, after: bool
) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        miner = stage.miner(**ports)
        stage.play(Phase.DRAW, workers=[stage.data_node(), miner])

    ends = live_and_die(stage, tmp_path / "again", MINERS[0], act, after=after)
    assert len(ends) > 20
    for end in ends:
        assert end.sent(MINERS[0]) == ["commit/1", "reveal/1"]
        assert end.world.solutions[1][0].revealed


def test_a_miner_trains_once_after_its_claim_is_kept(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    stage.miner().step(stage.world.moment())
    stage.journal(MINERS[0]).kept.pop("committed/1")
    learner = stage.learner = LeastSquaresLearner()
    stage.miner().step(stage.world.moment())
    assert learner.trainings == 0
    assert stage.sent(MINERS[0]) == ["commit/1"]


@pytest.mark.parametrize("after", [False, True])
def test_a_verifier_killed_anywhere_votes_once_and_reveals_its_vote(
    stage: Stage, tmp_path: Path, after: bool
) -> None:
    stage.post()
    others = [stage.verifier(address) for address in VERIFIERS[1:]]
    stage.play(Phase.VOTE_COMMIT, workers=[stage.data_node(), stage.miner(), *others])

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        others = [stage.verifier(address) for address in VERIFIERS[1:]]
        stage.play(Phase.FINAL, workers=[stage.verifier(**ports), *others])

    ends = live_and_die(stage, tmp_path / "again", VERIFIERS[0], act, after=after)
    assert len(ends) > 20
    for end in ends:
        assert end.voting(VERIFIERS[0]) == ["vote/4", "reveal-vote/4"]
        assert len(end.world.votes) == len(VERIFIERS)


@pytest.mark.parametrize("after", [False, True])
def test_a_miner_killed_anywhere_pays_one_bond_for_its_challenge(
    stage: Stage, tmp_path: Path, after: bool
) -> None:
    stage.world.seats[:] = SEATS
    in_challenge(stage)
    before = stage.chain(MINERS[0]).balance

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        stage.play(Phase.DRAW, workers=[stage.miner(**ports)])

    ends = live_and_die(stage, tmp_path / "again", MINERS[0], act, after=after)
    assert len(ends) > 5
    for end in ends:
        assert end.sent(MINERS[0])[-1] == "challenge/4"
        assert end.chain(MINERS[0]).balance == before - BOND


@pytest.mark.parametrize("after", [False, True])
def test_a_verifier_killed_anywhere_votes_once_in_every_ballot(
    stage: Stage, tmp_path: Path, after: bool
) -> None:
    stage.world.seats[:] = SEATS[:4]
    in_challenge(stage)
    stage.play(Phase.VOTE_COMMIT, workers=[stage.miner()])

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        others = [stage.verifier(address) for address in SEATS[1:4]]
        stage.play(Phase.FINAL, workers=[stage.verifier(**ports), *others])

    ends = live_and_die(stage, tmp_path / "again", SEATS[0], act, after=after)
    assert len(ends) > 10
    for end in ends:
        assert end.voting(SEATS[0]) == ["vote/5", "reveal-vote/5"]


@pytest.mark.parametrize("after", [False, True])
def test_a_data_node_killed_anywhere_serves_its_round(stage: Stage, tmp_path: Path, after: bool) -> None:
    stage.post()
    stage.play(Phase.KEYS, workers=[stage.miner()])

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        stage.play(Phase.DRAW, workers=[stage.data_node(**ports), stage.miner()])

    ends = live_and_die(stage, tmp_path / "again", OWNER, act, after=after)
    assert len(ends) > 10
    for end in ends:
        assert end.sent(OWNER) == ["post/0", "keys/1", "close/1", "release/1"]


@pytest.mark.parametrize("after", [False, True])
def test_posting_killed_anywhere_and_run_again_posts_one_task(
    stage: Stage, tmp_path: Path, after: bool
) -> None:
    request = TaskRequest(dataset(), specification(), terms())
    stage.home(OWNER).mkdir()

    def act(stage: Stage, ports: dict[str, Any]) -> None:
        chain = ports.get("chain", stage.chain(OWNER))
        journal = ports.get("journal", stage.journal(OWNER))
        # A process does not draw the same random numbers twice.
        seed = len(stage.secrets.kept)
        post_task(request, stage.workshop(seed, **ports), chain, journal, reserve=lambda _: None)

    ends = live_and_die(stage, tmp_path / "again", OWNER, act, after=after)
    # Killed after its very last call the command has succeeded: the next one asks for a second task.
    for end in ends[:-1] if after else ends:
        assert len(end.world.tasks) == 1
