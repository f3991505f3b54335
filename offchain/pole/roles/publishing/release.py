"""Releasing a test set: putting it on IPFS, and signing a release that others relay."""

from collections.abc import Callable
from pathlib import Path

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.release_signature import release_hash
from pole.protocol.formats.encrypted_set import Part
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.state import FileRef, Phase, Round, Step
from pole.roles.ports import Chain, Moment, Store
from pole.roles.publishing.task_folder import TaskFolder


def publish_test_set(chain: Chain, store: Store, home: Path, open_round: Round) -> FileRef:
    """Put the round's test set on IPFS and return its manifest.

    Raises IntegrityError when IPFS stores it otherwise than the task promised, and InputError when the task's
    files are not here.
    """
    folder = TaskFolder.of(home, chain.task(open_round.task_id).files.mpk_digest)
    manifest = folder.read_manifest(Part.TEST)
    for number, shard in enumerate(manifest.shards):
        cid = store.add(folder.shard("test", number))
        if cid != shard.cid:
            raise IntegrityError(
                f"IPFS stores {folder.shard('test', number)} as {cid}, but the task promised "
                f"{shard.cid}: use the daemon that the task was posted with."
            )
    return FileRef(store.add(folder.manifest("test")), open_round.test_digest)


def sign_release(
    chain: Chain, store: Store, home: Path, sign: Callable[[bytes], bytes], *, round_id: int
) -> SignedRelease:
    """Return the round's release, its test set on IPFS and the time taken from the newest Ethereum block.

    `sign` signs 32 bytes. Raises InputError, before anything is shown to anybody, unless this wallet is the
    round's data node and the round waits for its test set in another block than the one that closed it.
    """
    moments, open_round = chain.moments(), chain.round(round_id)
    moment = moments[round_id % len(moments)]
    _check_turn(chain, moment, open_round)
    test = publish_test_set(chain, store, home, open_round)
    digest = release_hash(
        chain_id=chain.identity.chain_id,
        chain_address=chain.identity.chain_address,
        round_id=round_id,
        test=test,
        timestamp=moment.timestamp,
    )
    return SignedRelease(round_id, test, moment.timestamp, sign(digest))


def _check_turn(chain: Chain, moment: Moment, open_round: Round) -> None:
    if open_round.data_node != chain.identity.address:
        raise InputError(
            f"The data node of round {open_round.round_id} is {open_round.data_node}, not this wallet."
        )
    is_closed = moment.phase is Phase.TEST_RELEASE and open_round.step is Step.CLOSED
    if moment.round_id != open_round.round_id or not is_closed:
        phase = moment.phase.name if moment.round_id == open_round.round_id else "over"
        raise InputError(
            f"Round {open_round.round_id} does not wait for its test set (it is {phase}): sign once "
            "submissions are closed."
        )
    if moment.block <= open_round.since_block:
        raise InputError("Submissions were closed in the newest block: sign after the next one.")
