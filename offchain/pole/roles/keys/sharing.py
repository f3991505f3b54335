"""A shared master secret, read from the chain and the store: for the one task that it was shared for."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from pole.errors import IntegrityError
from pole.ipfe.threshold import Commitments, KeyShare, check_commitments, check_share
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    Sharing,
    read_share,
    read_sharing,
    share_context,
)
from pole.protocol.formats.keys import write_master_public_key
from pole.protocol.formats.shared_task import SharedTask
from pole.protocol.formats.tensors import MAX_FILE_BYTES
from pole.protocol.mapping.kinds import window_count
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.protocol.state import PostedTask
from pole.roles.ports import Chain, Delegation, Store
from pole.roles.support.files import Wanted, fetch

OpenBox = Callable[[bytes, bytes], bytes]
"""Opens a box in a context (second argument); raises IntegrityError when it does not open."""


@dataclass(frozen=True, slots=True)
class TaskSharing:
    """A task with its sharing, which is checked to be of the task's own master secret and for this task."""

    task: PostedTask
    delegation: Delegation
    sharing: Sharing

    @property
    def digest(self) -> bytes:
        """The digest that names the sharing."""
        return self.delegation.sharing.digest

    @property
    def commitments(self) -> Commitments:
        """The commitments that shares and partial keys are held against."""
        return Commitments(self.sharing.commitments)


def read_task_sharing(chain: Chain, store: Store, folder: Path, task_id: int) -> TaskSharing | None:
    """Return the sharing that a task's owner named on the chain, None when it named none.

    Raises IntegrityError when it is for another task, of an earlier version, no sharing of the task's master
    secret, or holds what is no group element; NotHadError when the store does not give it now.
    """
    delegation = chain.delegation(task_id)
    if delegation is None:
        return None
    ref = delegation.sharing
    sharing = read_sharing(fetch(store, Wanted(ref.cid, ref.digest, MAX_FILE_BYTES), folder))
    task = chain.task(task_id)
    require_shared_task(chain, task, sharing.task)
    require_key_of(task, sharing)
    check_commitments(Commitments(sharing.commitments))
    return TaskSharing(task, delegation, sharing)


def require_shared_task(chain: Chain, task: PostedTask, shared: SharedTask) -> None:
    """Raise IntegrityError unless a secret was shared for exactly this task of this chain."""
    found = task_of(chain, task, shared.key_count)
    odd = [
        field.name
        for field in fields(SharedTask)
        if getattr(found, field.name) != getattr(shared, field.name)
    ]
    if odd:
        raise IntegrityError(
            f"The secret was shared for {shared}, and this is {found}: they differ in "
            f"{', '.join(odd).replace('_', ' ')}. Shares serve the task that they were made for, and no "
            "other: this task's data node has to share a secret of its own (`pole data-node share`)."
        )


def task_of(chain: Chain, task: PostedTask, key_count: int) -> SharedTask:
    """Return a task as sharings name it."""
    identity = chain.identity
    return SharedTask(
        chain_id=identity.chain_id,
        task_list=identity.task_list_address,
        task_id=task.task_id,
        owner=task.owner,
        specification_digest=task.files.spec_digest,
        key_count=key_count,
    )


def key_count(specification: ModelSpecification) -> int:
    """Return how many functional keys a round has: W·L, one for each window and query vector."""
    mapping = specification.mapping
    return window_count(mapping, specification.input.shape) * mapping.queries


def fetch_specification(store: Store, folder: Path, shared: TaskSharing) -> ModelSpecification:
    """Return the specification that the sharing names by digest, whatever the chain says now.

    Raises IntegrityError where it asks for other keys than the secret was shared for, or for other samples.
    """
    named, dimension = shared.sharing.task, shared.sharing.commitments.shape[1]
    wanted = Wanted(shared.task.files.spec_cid, named.specification_digest, MAX_DOCUMENT_BYTES)
    specification = parse_specification(fetch(store, wanted, folder))
    asked = (key_count(specification), specification.columns)
    if asked != (named.key_count, dimension):
        raise IntegrityError(
            f"The secret was shared for {named.key_count} functional keys over {dimension} values, but the "
            f"specification has {asked[0]} over {asked[1]}: ask the data node to share it again."
        )
    return specification


def accept_share(found: TaskSharing, sealed: SealedShare, holder: Holder, open_box: OpenBox) -> KeyShare:
    """Return the share in a sealed file, checked against the commitments that the chain names.

    Raises IntegrityError when it is of another sharing, for another task or holder, does not open, or is not
    the share that the commitments fix: then no partial key of it would ever be taken.
    """
    if (sealed.sharing_digest, sealed.task) != (found.digest, found.sharing.task):
        raise IntegrityError(
            f"The share is of another sharing than task {found.task.task_id} names now: ask the data node "
            "for the newest file."
        )
    index = found.sharing.index_of(holder.address)
    if index is None:
        raise IntegrityError(f"The sharing has no share for {holder.address}: use the wallet of your card.")
    if index != sealed.index:
        raise IntegrityError(f"The file is for holder {sealed.index}, but this wallet is holder {index}.")
    if found.sharing.holders[index - 1].sealing_key != holder.sealing_key:
        raise IntegrityError(
            "The share was sealed to a key that this wallet does not have: send the data node the card that "
            "`pole key-holder new` prints."
        )
    content = open_box(sealed.box, share_context(sealed.task, found.digest, index))
    share = read_own_share(found, index, content)
    check_share(found.commitments, share)
    return share


def read_own_share(found: TaskSharing, index: int, content: bytes) -> KeyShare:
    """Return holder `index`'s share of a sharing out of its file, not held against the commitments.

    Raises IntegrityError when it is of another sharing, holder or task.
    """
    scalars = read_share(
        content,
        task=found.sharing.task,
        sharing_digest=found.digest,
        index=index,
        dimension=found.sharing.commitments.shape[1],
    )
    return KeyShare(index, scalars)


def require_key_of(task: PostedTask, sharing: Sharing) -> None:
    """Raise IntegrityError unless what is shared is the master secret of a task."""
    public = Commitments(sharing.commitments).master_public_key
    if keccak256(write_master_public_key(public.points)) != task.files.mpk_digest:
        raise IntegrityError(
            f"The sharing is not of the master secret of task {task.task_id}, so its holders cannot make "
            "the keys: tell its data node."
        )
