"""Signing the release of a test set, for others to relay."""

import pytest
from eth_account import Account
from tests.unit.roles.conftest import MINERS, OWNER, Stage

from pole.errors import InputError
from pole.protocol.encoding.release_signature import release_hash
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.state import Phase
from pole.roles.publishing.release import sign_release

ACCOUNT = Account.from_key("0x" + "5d" * 32)


def sign(stage: Stage, by: str = OWNER, round_id: int = 1) -> SignedRelease:
    def signature(digest: bytes) -> bytes:
        return bytes(ACCOUNT.unsafe_sign_hash(digest).signature)

    return sign_release(stage.chain(by), stage.store, stage.home(by), signature, round_id=round_id)


def closed(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    stage.world.pass_time(1)


def test_another_wallet_does_not_sign(stage: Stage) -> None:
    closed(stage)
    stored = len(stage.store.files)
    with pytest.raises(InputError, match=f"data node of round 1 is {OWNER}, not this wallet"):
        sign(stage, by=MINERS[0])
    assert len(stage.store.files) == stored


def test_nothing_is_shown_before_submissions_are_closed(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    stored = len(stage.store.files)
    with pytest.raises(InputError, match=r"does not wait for its test set \(it is TRAINING\)"):
        sign(stage)
    assert len(stage.store.files) == stored


def test_what_was_signed_can_be_relayed_and_the_round_goes_on(stage: Stage) -> None:
    closed(stage)
    release = sign(stage)
    moment = stage.world.moment()
    assert (release.round_id, release.timestamp) == (1, moment.timestamp)
    identity = stage.chain(OWNER).identity
    digest = release_hash(
        chain_id=identity.chain_id,
        chain_address=identity.chain_address,
        round_id=1,
        test=release.test,
        timestamp=release.timestamp,
    )
    assert Account._recover_hash(digest, signature=release.signature) == ACCOUNT.address
    stage.chain(MINERS[1]).release_test_set_for(release, intent="relay")
    stage.play(Phase.FINAL, Phase.VOID)
    assert stage.world.moment().phase is Phase.FINAL
