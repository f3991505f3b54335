"""Sharing a task's master secret: the data node deals, holders accept, everybody reads the sharing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.ipfe.scheme import MasterSecretKey
from pole.ipfe.threshold import Commitments, KeyShare, check_share, share_secret
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    Sharing,
    read_share,
    read_sharing,
    share_context,
    write_share,
    write_sharing,
)
from pole.protocol.formats.keys import write_master_public_key
from pole.protocol.formats.tensors import MAX_FILE_BYTES
from pole.protocol.state import FileRef, PostedTask
from pole.roles.memory import DataNodeMemory, delegate_intent
from pole.roles.ports import Chain, Delegation, Journal, Store
from pole.roles.support.events import report
from pole.roles.support.files import Wanted, fetch, write_durably

LOG: Final = logging.getLogger("pole.key-sharing")

Seal = Callable[[bytes, bytes, bytes], bytes]
"""Seals a plaintext to a holder's sealing key (first argument) in a context (third)."""

OpenBox = Callable[[bytes, bytes], bytes]
"""Opens a box in a context (second argument); raises IntegrityError when it does not open."""


@dataclass(frozen=True, slots=True)
class TaskSharing:
    """A task with its sharing, which is checked to be of the task's own master secret."""

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


@dataclass(frozen=True, slots=True)
class SharingRequest:
    """What a data node asks for: any `threshold` of `holders` are to make the task's keys.

    `delegate` is the address that may post them.
    """

    task_id: int
    holders: tuple[Holder, ...]
    threshold: int
    delegate: str


@dataclass(frozen=True, slots=True)
class Dealer:
    """A data node that shares the master secret of one of its tasks; `home` keeps the public files."""

    chain: Chain
    store: Store
    home: Path
    seal: Seal
    random_bytes: Callable[[int], bytes]

    def deal(
        self,
        request: SharingRequest,
        secret: MasterSecretKey,
        deliver: Callable[[Sequence[SealedShare]], None],
    ) -> FileRef:
        """Share the secret, hand the sealed shares to `deliver`, then name the sharing on the chain.

        Return where the sharing is. Dealing again makes another sharing, which replaces this one: shares of
        two sharings do not combine. Raises InputError when the task is another's, holders and threshold do
        not fit, or the secret is not the task's.
        """
        task = self.chain.task(request.task_id)
        if task.owner != self.chain.identity.address:
            raise InputError(f"Task {task.task_id} belongs to {task.owner}: share it from that wallet.")
        count = len(request.holders)
        commitments, shares = share_secret(
            secret, threshold=request.threshold, holders=count, random_bytes=self.random_bytes
        )
        sharing = Sharing(request.holders, commitments.points)
        _require_key_of(task, sharing)
        ref = self._publish(write_sharing(sharing))
        deliver([self._sealed(task, ref.digest, sharing, share) for share in shares])
        delegation = Delegation(request.delegate, ref)
        intent = delegate_intent(task.task_id, ref.digest)
        self.chain.delegate_keys(task.task_id, delegation, intent=intent)
        sentence = f"Task {task.task_id}: shared its master secret, {request.threshold} of {count} make keys."
        report(LOG, "keys-shared", sentence, task=task.task_id, threshold=request.threshold, holders=count)
        return ref

    def _publish(self, content: bytes) -> FileRef:
        digest = keccak256(content)
        path = self.home / "sharings" / f"{digest.hex()}.safetensors"
        write_durably(path, content)
        return FileRef(self.store.add(path), digest)

    def _sealed(self, task: PostedTask, digest: bytes, sharing: Sharing, share: KeyShare) -> SealedShare:
        content = write_share(share.scalars, sharing_digest=digest, index=share.index)
        recipient = sharing.holders[share.index - 1].sealing_key
        box = self.seal(recipient, content, share_context(digest, share.index))
        return SealedShare(task.task_id, digest, share.index, box)


def read_task_sharing(chain: Chain, store: Store, folder: Path, task_id: int) -> TaskSharing | None:
    """Return the sharing that a task's owner named on the chain, None when it named none.

    Raises IntegrityError when it is no sharing of the task's master secret, NotHadError when the store does
    not give it now.
    """
    delegation = chain.delegation(task_id)
    if delegation is None:
        return None
    ref = delegation.sharing
    sharing = read_sharing(fetch(store, Wanted(ref.cid, ref.digest, MAX_FILE_BYTES), folder))
    task = chain.task(task_id)
    _require_key_of(task, sharing)
    return TaskSharing(task, delegation, sharing)


def accept_share(found: TaskSharing, sealed: SealedShare, holder: Holder, open_box: OpenBox) -> KeyShare:
    """Return the share in a sealed file, checked against the commitments that the chain names.

    Raises IntegrityError when it is of another sharing, for another holder, does not open, or is not the
    share that the commitments fix: then no partial key of it would ever be taken.
    """
    if sealed.sharing_digest != found.digest:
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
    content = open_box(sealed.box, share_context(found.digest, index))
    dimension = found.sharing.commitments.shape[1]
    share = KeyShare(
        index, read_share(content, sharing_digest=found.digest, index=index, dimension=dimension)
    )
    check_share(found.commitments, share)
    return share


def drop_secret(chain: Chain, journal: Journal, task_id: int, remove: Callable[[bytes], None]) -> None:
    """Remove the master secret of a shared task, and remember that its holders issue the keys from now on.

    Raises InputError where the task is another's, or its secret is not shared.
    """
    task = chain.task(task_id)
    if task.owner != chain.identity.address or chain.delegation(task_id) is None:
        raise InputError(
            f"This wallet shares no secret of task {task_id}: share it first (`pole data-node share`)."
        )
    DataNodeMemory(journal).note_dropped_secret(task.files.mpk_digest)
    remove(task.files.mpk_digest)


def _require_key_of(task: PostedTask, sharing: Sharing) -> None:
    public = Commitments(sharing.commitments).master_public_key
    if keccak256(write_master_public_key(public.points)) != task.files.mpk_digest:
        raise IntegrityError(
            f"The sharing is not of the master secret of task {task.task_id}, so its holders cannot make "
            "the keys: tell its data node."
        )
