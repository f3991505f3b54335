"""The data node's side of a sharing: dealing the shares, and leaving the keys to those who took them in."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError
from pole.ipfe.scheme import MasterSecretKey
from pole.ipfe.threshold import KeyShare, share_secret
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    ShareReceipt,
    Sharing,
    share_context,
    write_share,
    write_sharing,
)
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef, PostedTask
from pole.roles.keys.sharing import TaskSharing, key_count, require_key_of, task_of
from pole.roles.memory import DataNodeMemory, delegate_intent
from pole.roles.ports import Chain, Delegation, Journal, Store
from pole.roles.support.events import report
from pole.roles.support.files import write_durably

LOG: Final = logging.getLogger("pole.key-sharing")

Seal = Callable[[bytes, bytes, bytes], bytes]
"""Seals a plaintext to a holder's sealing key (first argument) in a context (third)."""


@dataclass(frozen=True, slots=True)
class SharingRequest:
    """What a data node asks for: any `threshold` of `holders` are to make the task's keys.

    `delegate` is the address that may post them. `specification` is the task's as the data node itself keeps
    it: holders will make keys for no other.
    """

    task_id: int
    specification: ModelSpecification
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

        Return where the sharing is. Dealing again makes another sharing, which replaces this one on the chain
        but takes no share back: shares of two sharings do not combine. Raises InputError when the task is
        another's or has another specification, or holders and threshold do not fit; IntegrityError when the
        secret is not the task's.
        """
        task = self.chain.task(request.task_id)
        self._require_own(task, request.specification)
        count = len(request.holders)
        commitments, shares = share_secret(
            secret, threshold=request.threshold, holders=count, random_bytes=self.random_bytes
        )
        shared = task_of(self.chain, task, key_count(request.specification))
        sharing = Sharing(shared, request.holders, commitments.points)
        require_key_of(task, sharing)
        ref = self._publish(write_sharing(sharing))
        deliver([self._sealed(ref.digest, sharing, share) for share in shares])
        delegation = Delegation(request.delegate, ref)
        intent = delegate_intent(task.task_id, ref.digest)
        self.chain.delegate_keys(task.task_id, delegation, intent=intent)
        sentence = f"Task {task.task_id}: shared its master secret, {request.threshold} of {count} make keys."
        report(LOG, "keys-shared", sentence, task=task.task_id, threshold=request.threshold, holders=count)
        return ref

    def _require_own(self, task: PostedTask, specification: ModelSpecification) -> None:
        if task.owner != self.chain.identity.address:
            raise InputError(f"Task {task.task_id} belongs to {task.owner}: share it from that wallet.")
        if specification.digest() != task.files.spec_digest:
            raise InputError(
                f"The chain says that task {task.task_id} has another specification than the one posted from "
                "here: check --rpc and --deployment, and share nothing before they agree."
            )

    def _publish(self, content: bytes) -> FileRef:
        digest = keccak256(content)
        path = self.home / "sharings" / f"{digest.hex()}.safetensors"
        write_durably(path, content)
        return FileRef(self.store.add(path), digest)

    def _sealed(self, digest: bytes, sharing: Sharing, share: KeyShare) -> SealedShare:
        task, index = sharing.task, share.index
        content = write_share(share.scalars, task=task, sharing_digest=digest, index=index)
        recipient = sharing.holders[index - 1].sealing_key
        box = self.seal(recipient, content, share_context(task, digest, index))
        return SealedShare(task, digest, index, box)


def count_receipts(found: TaskSharing, receipts: Sequence[ShareReceipt]) -> int:
    """Return how many holders of a sharing took in their share, by their receipts.

    Raises InputError for a receipt of another sharing or of nobody that it names, and where the holders are
    fewer than make keys.
    """
    sharing = found.sharing
    for receipt in receipts:
        named = (receipt.sharing_digest, receipt.task) == (found.digest, sharing.task)
        if not named or sharing.index_of(receipt.holder) is None:
            raise InputError(
                f"The receipt of {receipt.holder} is not for the sharing that task {found.task.task_id} "
                "names now: ask for what `pole key-holder accept` prints for the newest file."
            )
    count = len({receipt.holder for receipt in receipts})
    if count < sharing.threshold:
        raise InputError(
            f"There are receipts of {count} of the {len(sharing.holders)} holders, but {sharing.threshold} "
            "make keys together: ask the others for what `pole key-holder accept` prints, and name each file "
            "with --receipt."
        )
    return count


def drop_secret(chain: Chain, journal: Journal, found: TaskSharing, remove: Callable[[bytes], None]) -> None:
    """Remove the master secret of a shared task, and remember that its holders issue the keys from now on.

    The caller has counted their receipts. Raises InputError where the task is another's.
    """
    if found.task.owner != chain.identity.address:
        raise InputError(f"Task {found.task.task_id} belongs to {found.task.owner}: use that wallet.")
    mpk_digest = found.task.files.mpk_digest
    DataNodeMemory(journal).note_dropped_secret(mpk_digest)
    remove(mpk_digest)
