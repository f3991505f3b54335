"""A data node that begins: the master secrets that its tasks need are tried before a round needs them."""

from typing import Any

import pytest
from tests.unit.roles.conftest import OWNER, Stage
from tests.unit.roles.keys.shared_secret import Shared

from pole.errors import DiskError, InputError, IntegrityError, PoleError
from pole.protocol.state import Phase
from pole.roles.keys.dealing import drop_secret
from pole.roles.workers.data_node.data_node import DataNode
from pole.roles.workers.data_node.opening import MAX_SECRETS, require_secrets

WRONG = IntegrityError("The password is wrong, or the file was changed.")


def node_under_another_password(stage: Stage, error: PoleError = WRONG) -> tuple[DataNode, list[bytes]]:
    """Return a data node whose secrets do not open, and what it tries."""
    node, tried = stage.data_node().means, list[bytes]()

    def fail(digest: bytes) -> Any:
        tried.append(digest)
        raise error

    node.open_secret = fail
    return node, tried


def test_secrets_that_open_say_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.post()
    require_secrets(stage.data_node().means)
    assert caplog.messages == []


def test_a_secret_under_another_password_is_told_before_a_round_needs_it(stage: Stage) -> None:
    stage.post()
    node, _ = node_under_another_password(stage)
    with pytest.raises(InputError, match=r"secret of task 1 does not open.*pole task cancel 1"):
        require_secrets(node)


def test_a_secret_that_cannot_be_read_is_told_and_no_error(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.post()
    node, _ = node_under_another_password(stage, DiskError("The disk does not read."))
    require_secrets(node)
    assert "Task 1 cannot be served from here: The disk does not read." in caplog.text


@pytest.mark.parametrize("phase", [Phase.SEED, Phase.KEYS, Phase.TRAINING, Phase.TEST_RELEASE])
def test_an_open_round_is_served_whatever_does_not_open(
    stage: Stage, caplog: pytest.LogCaptureFixture, phase: Phase
) -> None:
    stage.post(seed=1)
    stage.post(seed=2)
    is_early = phase in (Phase.SEED, Phase.KEYS)
    stage.play(phase, workers=(stage.miner(),) if is_early else (stage.miner(), stage.data_node()))
    node, tried = node_under_another_password(stage)
    require_secrets(node)
    assert len(tried) == 1
    assert f"cannot be served from here: {WRONG}" in caplog.text


def test_a_secret_that_its_holders_have_is_not_tried(stage: Stage) -> None:
    stage.post()
    shared = Shared(stage)
    shared.deal()
    drop_secret(stage.chain(OWNER), stage.journal(OWNER), shared.found(), stage.secrets.kept.__delitem__)
    node, tried = node_under_another_password(stage)
    require_secrets(node)
    assert tried == []


def test_a_secret_of_another_data_folder_is_told_and_no_error(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.post()
    stage.secrets.kept.clear()
    require_secrets(stage.data_node().means)
    assert "Task 1 cannot be served from here: There is no such secret" in caplog.text


def test_so_many_secrets_are_tried_that_it_begins_soon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(1, MAX_SECRETS + 3):
        stage.post(seed=seed, reward=1000 + seed)
    node, tried = stage.data_node().means, list[bytes]()
    monkeypatch.setattr(node, "open_secret", tried.append)
    require_secrets(node)
    dearest = sorted(node.chain.waiting_tasks(), key=lambda each: -each.reward)[:MAX_SECRETS]
    assert tried == [node.chain.task(each.task_id).files.mpk_digest for each in dearest]
