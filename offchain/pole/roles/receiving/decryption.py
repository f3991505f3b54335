"""From an encrypted set to its samples: fetched ahead, checked, decrypted, and kept shard by shard.

Memory holds a few shards, never all ciphertexts; features are mapped where they are many. Who was killed goes
on with the first shard that has no whole file of features.
"""

import logging
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import AbandonedError, IntegrityError, ShardError
from pole.ipfe.scheme import AffineCiphertexts, Ciphertexts, InnerProducts, decrypt, expand
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.machine.threads import Stop
from pole.protocol.formats.encrypted_set import EncryptedSetManifest, read_shard
from pole.protocol.mapping.layer import arrange, feature_shape, largest_feature
from pole.roles.ports import Store
from pole.roles.receiving.decryption_shards import decrypt_elsewhere
from pole.roles.receiving.feature_files import FeatureFiles
from pole.roles.receiving.point_cache import PointCache, SealedRows
from pole.roles.receiving.samples import OpenedRows, Samples
from pole.roles.receiving.task_data import TaskData, blaming_data_node
from pole.roles.support.events import Progress, report
from pole.roles.support.files import NotHadError, Wanted, fetch, sha256
from pole.roles.support.slots import Others, Slots

LOG: Final = logging.getLogger("pole.data")
SHARDS_AHEAD: Final = 8
BYTES_AHEAD: Final = 2**26
SECONDS_BETWEEN_LOOKS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Means:
    """What decrypting needs of this machine.

    `clock` times it, `threads` decrypt at a time, `points` keeps decoded shards for other keys. The machines
    of `others` decrypt beside the threads.
    """

    store: Store
    clock: Callable[[], float]
    threads: int
    points: PointCache
    others: Others | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DecryptionRequest:
    """Which set is wanted: features stay in `features`, `shards` holds shards until they are decrypted.

    Its shards are served to others under the name `served_as`, None for none.
    """

    task: TaskData
    manifest: EncryptedSetManifest
    features: Path
    shards: Path
    served_as: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A shard's rows, and whether they were kept from before."""

    opened: OpenedRows
    kept: bool


def _nothing_yet(count: int, files: FeatureFiles) -> OpenedRows:
    allocate = OnDisk(files.folder)
    features = allocate((count, *files.shape), files.dtype)
    return OpenedRows(Samples(features, allocate((count,), np.int64)), allocate((count,), np.bool_))


class Decryption:
    """One set being decrypted by threads of its own; who waits for it may leave it, and come back.

    What is under way goes on meanwhile. At most 64 MiB of shards are fetched ahead, or one, and `threads` + 1
    are being decrypted, and as many more as keep the cluster busy. Close it in the end.
    """

    def __init__(self, request: DecryptionRequest, means: Means) -> None:
        self._request, self._means, self._manifest = request, means, request.manifest
        task, self._refs = request.task, request.manifest.shards
        largest = 2**request.manifest.bits - 1
        self._bound = largest_feature(task.specification, task.plan, largest_value=largest)
        self.files = FeatureFiles(request.features, feature_shape(task.specification), self._bound)
        ends = np.cumsum([ref.rows for ref in self._refs])
        self._rows = [slice(int(end) - ref.rows, int(end)) for end, ref in zip(ends, self._refs, strict=True)]
        self._all = _nothing_yet(int(ends[-1]), self.files)
        self._progress = Progress(LOG, "decrypted", self._manifest.part, int(ends[-1]), means.clock)
        own = min(means.threads, len(self._refs))
        self._each = -(-means.threads // own)
        self._others = means.others
        self._slots = Slots(own, None if means.others is None else means.others.shards)
        at_once = self._slots.count
        ahead = max(1, min(SHARDS_AHEAD, BYTES_AHEAD // max(ref.size for ref in self._refs)))
        self._fetching, self._opening = ThreadPoolExecutor(ahead), ThreadPoolExecutor(at_once)
        self._maximum = ahead + at_once
        self._left = deque(range(len(self._refs)))
        self._begun: deque[tuple[int, Future[_Part]]] = deque()

    def samples(self, stop: Stop) -> Samples:
        """Return the samples, features in the smallest integer type that holds their bound.

        A row that does not decrypt has features of 0, for everybody alike: docs/decisions/0038. Raises
        DataFault naming the shard where the data node's bytes are proven wrong, NotHadError where a shard is
        not to be had, and AbandonedError when `stop` says so; it is asked every second.
        """
        while self._left or self._begun:
            self._begin()
            _, first = self._begun[0]
            wait([first], timeout=SECONDS_BETWEEN_LOOKS)
            if stop():
                raise AbandonedError("The round ended while its data was decrypted.")
            # What `stop` did meanwhile may have taken it.
            if self._begun and self._begun[0][1] is first and first.done():
                self._take()
        samples, bad = self._all.samples, self._all.bad
        _report_decrypted(self._manifest, self._progress, samples.features)
        if bad.any():
            _report_bad(self._request, bad)
        return samples

    def leave(self) -> None:
        """Begin with nothing any more; what is under way ends by itself."""
        self._fetching.shutdown(wait=False, cancel_futures=True)
        self._opening.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Begin with nothing any more, and wait for the end of what is under way."""
        self.leave()
        self._fetching.shutdown()
        self._opening.shutdown()

    def _begin(self) -> None:
        while self._left and len(self._begun) < self._maximum:
            number = self._left.popleft()
            fetched = self._fetching.submit(self._fetch, number)
            self._begun.append((number, self._opening.submit(self._open_fetched, number, fetched)))

    def _take(self) -> None:
        """Put a part where its rows belong; one that failed is begun anew by who comes back."""
        number, future = self._begun.popleft()
        try:
            part = future.result()
        except BaseException:
            self._left.appendleft(number)
            raise
        rows, samples = self._rows[number], part.opened.samples
        self._all.samples.features[rows] = samples.features
        self._all.samples.labels[rows] = samples.labels
        self._all.bad[rows] = part.opened.bad
        (self._progress.skip if part.kept else self._progress.add)(len(samples.labels))

    def _fetch(self, number: int) -> SealedRows | _Part:
        ref = self._refs[number]
        kept = self.files.read(number, ref, ref.rows)
        if kept is not None:
            return _Part(kept, kept=True)
        return self._means.points.find(self._manifest, number) or self._shard(number)

    def _shard(self, number: int) -> SealedRows:
        ref = self._refs[number]
        wanted = Wanted(ref.cid, bytes.fromhex(ref.digest), ref.size, sha256)
        try:
            content = fetch(
                self._means.store, wanted, self._folder(number), served_as=self._request.served_as
            )
        except NotHadError as error:
            name = self._manifest.shard_name(number)
            raise NotHadError(f"The {name} is not to be had: {error}") from error
        with blaming_data_node():
            shard = read_shard(content, self._manifest, number)
        return SealedRows(Ciphertexts(shard.ct0, shard.ct), shard.labels)

    def _open_fetched(self, number: int, fetched: Future[SealedRows | _Part]) -> _Part:
        found = fetched.result()
        if isinstance(found, _Part):
            return found
        opened = self._slots.run(
            lambda: self._opened(number, found), lambda _: self._opened_elsewhere(number, found)
        )
        self.files.write(number, self._refs[number], opened)
        shutil.rmtree(self._folder(number), ignore_errors=True)
        return _Part(opened, kept=False)

    def _opened(self, number: int, found: SealedRows) -> OpenedRows:
        if not isinstance(found.ciphertexts, AffineCiphertexts):
            return self._open_shard(number, found)
        opened = self._open(found)
        if not opened.bad.any():
            return opened
        self._means.points.drop(self._manifest, number)
        return self._open_shard(number, self._shard(number))

    def _open_shard(self, number: int, shard: SealedRows) -> OpenedRows:
        """Open a shard; where the cache has room for any and all rows decrypt, keep it decoded."""
        if not self._means.points.max_bytes or not isinstance(shard.ciphertexts, Ciphertexts):
            return self._open(shard)
        decoded = SealedRows(expand(shard.ciphertexts, threads=self._each), shard.labels)
        opened = self._open(decoded)
        if not opened.bad.any():
            self._means.points.keep(self._manifest, number, decoded)
        return opened

    def _opened_elsewhere(self, number: int, found: SealedRows) -> OpenedRows:
        """Open a shard elsewhere; one that is decoded is opened here, where that costs half.

        What workers fail at is opened here too: a round has a deadline, and bonds are at stake.
        """
        sealed, task = found.ciphertexts, self._request.task
        if isinstance(sealed, AffineCiphertexts) or self._others is None:
            return self._slots.here(lambda: self._opened(number, found))
        try:
            products = decrypt_elsewhere(self._others, sealed, task.plan, task.keys, self._bound)
        except (ShardError, IntegrityError) as error:
            LOG.error("%s This machine does the work itself.", error)
            return self._slots.here(lambda: self._opened(number, found))
        return self._samples_of(products, found)

    def _open(self, found: SealedRows) -> OpenedRows:
        task = self._request.task
        products = decrypt(found.ciphertexts, task.plan, task.keys, self._bound, threads=self._each)
        return self._samples_of(products, found)

    def _samples_of(self, products: InnerProducts, found: SealedRows) -> OpenedRows:
        task = self._request.task
        features = arrange(products.values, task.specification).astype(self.files.dtype)
        return OpenedRows(Samples(features, found.labels.astype(np.int64)), products.bad)

    def _folder(self, number: int) -> Path:
        return self._request.shards / f"{number:05}"


def _report_decrypted(manifest: EncryptedSetManifest, progress: Progress, features: NDArray[Any]) -> None:
    count, products, seconds = len(features), features[0].size, progress.seconds
    sentence = (
        f"Decrypted {count} samples of the {manifest.part.value} set, {products} inner products each, "
        f"in {seconds:.1f} s."
    )
    report(LOG, "decrypted", sentence, part=manifest.part.value, samples=count, seconds=round(seconds, 3))


def _report_bad(request: DecryptionRequest, bad: NDArray[np.bool_]) -> None:
    """Say how many rows do not decrypt, and where the first of them is."""
    part, count = request.manifest.part.value, int(bad.sum())
    sample = int(bad.argmax())
    ends = np.cumsum([ref.rows for ref in request.manifest.shards])
    shard = int(np.searchsorted(ends, sample, side="right"))
    row = sample - int(ends[shard]) + request.manifest.shards[shard].rows
    sentence = (
        f"{count} of {len(bad)} samples of the {part} set do not decrypt, the first of them in row {row} of "
        f"{request.manifest.shard_name(shard)}: their features are 0, for everybody alike."
    )
    details = {"samples": count, "of": len(bad), "shard": shard, "row": row}
    report(LOG, "not-decrypted", sentence, part=part, **details)
    if 2 * count > len(bad):
        LOG.warning("Most of the %s set holds nothing: a model can learn little from it.", part)
