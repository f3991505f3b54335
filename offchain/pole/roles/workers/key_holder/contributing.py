"""The key holder's duty in Keys: announce partial keys of its share, then combine what is there."""

from pole.errors import InputError, IntegrityError, JournalError
from pole.ipfe.threshold import derive_partial_keys
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import write_partial_keys
from pole.protocol.state import FileRef
from pole.roles.keys.combiner import KeyRound
from pole.roles.keys.sharing import read_own_share
from pole.roles.ports import Moment
from pole.roles.support.events import report
from pole.roles.support.files import write_durably
from pole.roles.support.waiting import is_buried
from pole.roles.workers.key_holder.key_holder import LOG, KeyHolder


def make_keys(holder: KeyHolder, moment: Moment) -> str | None:
    """Announce the partial keys of this wallet's share; delegate and data node also combine and post."""
    if moment.round_id in holder.given_up:
        return None
    try:
        current = holder.key_round(moment.round_id)
        if current is None or not is_buried(moment, current.open_round, holder.confirmations):
            return None
        return _contribute(holder, current) or holder.combiner.combine(current)
    except JournalError:
        raise
    except (InputError, IntegrityError) as error:
        holder.given_up.add(moment.round_id)
        LOG.warning("Round %d: this holder cannot serve it: %s", moment.round_id, error)
        return None


def _contribute(holder: KeyHolder, current: KeyRound) -> str | None:
    """Announce the partial keys of this wallet's share, once for a round and sharing."""
    if holder.contributed.get(holder.lane(current.open_round.round_id)) is current:
        return None
    index = current.shared.sharing.index_of(holder.chain.identity.address)
    if index is None:
        return None
    content = holder.open_share(current.shared.digest)
    if content is None:
        _report_idle(holder, current, index)
        return None
    round_id, task_id = current.open_round.round_id, current.shared.task.task_id
    holder.settlement.follow(round_id)
    mpk_digest = current.shared.task.files.mpk_digest
    holder.seeds.enter(mpk_digest, current.open_round.seed, before=holder.memory.given_seed(mpk_digest))
    ref = _publish(holder, current, index, content)
    intent = holder.memory.partial_keys_intent(round_id, current.shared.digest)
    holder.chain.announce_partial_keys(task_id, ref, intent=intent)
    sentence = f"Round {round_id}: announced the partial keys of holder {index}."
    report(LOG, "partial-keys-announced", sentence, round=round_id, index=index, cid=ref.cid)
    holder.contributed[holder.lane(round_id)] = current
    return "partial keys announced"


def _publish(holder: KeyHolder, current: KeyRound, index: int, content: bytes) -> FileRef:
    shared, open_round = current.shared, current.open_round
    partial = derive_partial_keys(read_own_share(shared, index, content), current.plan)
    written = write_partial_keys(
        partial.eta,
        round_id=open_round.round_id,
        seed=open_round.seed,
        sharing_digest=shared.digest,
        index=index,
    )
    path = holder.home / "partial-keys" / f"{open_round.round_id}.safetensors"
    write_durably(path, written)
    return FileRef(holder.store.add(path), keccak256(written))


def _report_idle(holder: KeyHolder, current: KeyRound, index: int) -> None:
    """Say once that the share is missing; it may still be accepted while the round waits."""
    lane = holder.lane(current.open_round.round_id)
    if holder.idle.get(lane) is not current:
        LOG.warning(
            "Round %d: this wallet is holder %d of task %d, but its share is not here: take it in with "
            "`pole key-holder accept`.",
            current.open_round.round_id,
            index,
            current.shared.task.task_id,
        )
    holder.idle[lane] = current
