"""Attacks elsewhere: what this machine would find, judged here, with the samples that are attacked kept."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.privacy.structures import data_set
from tests.unit.learning.privacy.test_reconstruction import LINEAR, correlated, views
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import IntegrityError, PoleError
from pole.learning.privacy.disclosure import ATTACKS, Disclosure, Scene, attack, reconstruct
from pole.learning.privacy.views import View
from pole.protocol.formats.tensors import MAX_HEADER_BYTES, write_tensors
from pole.protocol.mapping.kinds import LinearMapping
from pole.roles.keys.attack_shards import attack_elsewhere, attack_shard, attacks_beside, mount
from pole.roles.support import slots
from pole.roles.support.slots import Slots

DATA = data_set(np.concatenate([correlated(60, 6, 5), correlated(30, 6, 6)]))
NOISY = views((6,), LinearMapping(bits=3, queries=4), noise=40)


def scene_of(shown: list[View]) -> Scene:
    scenes: list[Scene] = []

    def noted(scene: Scene) -> Mapping[str, None]:
        scenes.append(scene)
        return dict.fromkeys(ATTACKS)

    found = reconstruct(DATA, shown, bits=8, steps=5, attack_all=noted)
    assert found.left_out == tuple(ATTACKS)
    return scenes[0]


SCENE = scene_of(LINEAR)


def samples(held: np.ndarray) -> bytes:
    return write_tensors({"samples": held.astype("<f8").view(np.uint8)}, {"work": "attack"})


@pytest.mark.parametrize(
    "answer",
    [
        b"no result",
        samples(np.zeros((3, 5))),
        samples(np.zeros((1000, 6))),
        samples(np.full((3, 6), np.nan)),
        samples(np.full((3, 6), np.inf)),
    ],
    ids=["nothing", "columns", "rows", "no numbers", "infinite"],
)
def test_a_result_that_cannot_be_names_its_worker(answer: bytes) -> None:
    with pytest.raises(IntegrityError, match="worker-1"):
        attack_elsewhere(FakeShards(answer=lambda _: answer), "linear, learned", SCENE)


@pytest.mark.parametrize("shown", [LINEAR, NOISY, [*LINEAR, *NOISY]], ids=["exact", "noisy", "both"])
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_elsewhere_finds_what_it_finds_here(name: str, shown: list[View]) -> None:
    scene = scene_of(shown)
    here, there = attack(name, scene), attack_elsewhere(FakeShards(), name, scene)
    if here is None or there is None:
        assert here is there
    else:
        assert np.array_equal(here, there)


def told(found: Disclosure) -> list[tuple[str, float]]:
    return [(each.method, each.likeness.mse) for each in (*found.guesses, *found.attacks)]


@pytest.mark.parametrize(
    "cluster", [FakeShards(), FakeShards(lasts=0), FakeShards(lasts=1), FakeShards(fails=True)]
)
def test_all_attacks_come_back_in_their_order_whatever_the_cluster_does(cluster: FakeShards) -> None:
    here = reconstruct(DATA, LINEAR, bits=8, steps=5)
    beside = reconstruct(DATA, LINEAR, bits=8, steps=5, attack_all=attacks_beside(cluster))
    assert told(here) == told(beside)
    assert here.left_out == beside.left_out


@pytest.fixture
def only_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(slots: Slots, _: Callable[[], object], there: Callable[[object], object]) -> object:
        return there(slots._shards)

    monkeypatch.setattr(Slots, "run", run)


@pytest.mark.usefixtures("only_elsewhere")
def test_the_samples_that_are_attacked_stay_here_and_known_ones_travel() -> None:
    cluster = FakeShards()
    found = reconstruct(DATA, LINEAR, bits=8, steps=5, attack_all=attacks_beside(cluster))
    assert len(cluster.sent) == len(ATTACKS)
    attacked = np.rint(found.samples * SCENE.largest).astype(np.uint8)
    for shard in cluster.sent:
        assert SCENE.known.tobytes() in shard.content
        assert all(row.tobytes() not in shard.content for row in attacked[:3])


def test_a_scene_that_is_too_large_is_attacked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MAX_SHARD_BYTES", MAX_HEADER_BYTES + 100)
    cluster = FakeShards()
    reconstruct(DATA, LINEAR, bits=8, steps=5, attack_all=attacks_beside(cluster))
    assert not cluster.sent


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 3000), byte=st.integers(0, 255), cut=st.integers(0, 8))
def test_any_other_bytes_are_one_of_our_errors_or_a_result(at: int, byte: int, cut: int) -> None:
    content = bytearray(attack_shard("least squares", SCENE).content)
    content[at % len(content)] = byte
    try:
        mount(bytes(content[: len(content) - cut]))
    except PoleError:
        return
