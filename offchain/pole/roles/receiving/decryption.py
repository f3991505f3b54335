"""From an encrypted set to its samples: fetched ahead, checked, decrypted, and kept shard by shard.

Memory holds a few shards and all features, never all ciphertexts. Who was killed goes on with the first shard
that has no whole file of features.
"""

import logging
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import AbandonedError
from pole.ipfe.scheme import AffineCiphertexts, Ciphertexts, decrypt, expand
from pole.learning.threads import Stop
from pole.protocol.formats.encrypted_set import EncryptedSetManifest, read_shard
from pole.protocol.mapping.layer import arrange, feature_shape, largest_feature
from pole.roles.ports import Store
from pole.roles.receiving.feature_files import FeatureFiles
from pole.roles.receiving.point_cache import PointCache, SealedRows
from pole.roles.receiving.samples import OpenedRows, Samples
from pole.roles.receiving.task_data import TaskData, blaming_data_node
from pole.roles.support.events import Progress, report
from pole.roles.support.files import NotHadError, Wanted, fetch, sha256
from pole.roles.support.look_ahead import look_ahead

LOG: Final = logging.getLogger("pole.data")
SHARDS_AHEAD: Final = 8
BYTES_AHEAD: Final = 2**26

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Means:
    """What decrypting needs of this machine.

    `clock` times it, `threads` decrypt at a time, `points` keeps decoded shards for other keys.
    """

    store: Store
    clock: Callable[[], float]
    threads: int
    points: PointCache


@dataclass(frozen=True, slots=True, eq=False)
class DecryptionRequest:
    """Which samples of a set are wanted: all, or the ascending `rows`; features stay in `features`.

    `shards` holds fetched shards until they are decrypted.
    """

    task: TaskData
    manifest: EncryptedSetManifest
    rows: Rows | None
    features: Path
    shards: Path


def decrypt_set(request: DecryptionRequest, means: Means, *, stop: Stop) -> Samples:
    """Return the samples of a wish, features in the smallest integer type that holds their bound.

    A row that does not decrypt has features of 0, for everybody alike: docs/decisions/0038. Raises DataFault
    naming the shard where the data node's bytes are proven wrong, NotHadError where a shard is not to be
    had, and AbandonedError when `stop` says so between two shards. At most 64 MiB of shards are fetched
    ahead, or one, and `threads` + 1 are being decrypted.
    """
    work = _Work(request, means)
    features = np.empty((work.count, *work.files.shape), dtype=work.files.dtype)
    labels, bad = np.empty(work.count, dtype=np.int64), np.empty(work.count, dtype=np.bool_)
    progress = Progress(LOG, "decrypted", request.manifest.part, work.count, means.clock)
    done = 0
    with closing(work.run()) as parts:
        for part in parts:
            if stop():
                raise AbandonedError("The round ended while its data was decrypted.")
            samples = part.opened.samples
            rows = slice(done, done + len(samples.labels))
            features[rows], labels[rows], bad[rows] = samples.features, samples.labels, part.opened.bad
            done = rows.stop
            (progress.skip if part.kept else progress.add)(len(samples.labels))
    _report_decrypted(request.manifest, progress, features)
    if bad.any():
        _report_bad(request, bad)
    return Samples(features, labels)


@dataclass(frozen=True, slots=True)
class _Share:
    """A shard's part in a wish: its number, and its `count` rows wanted, all that it has where None."""

    number: int
    count: int
    rows: Rows | None

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the wanted rows of one of the shard's arrays."""
        return array if self.rows is None else array[self.rows]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A shard's rows, and whether they were kept from before."""

    opened: OpenedRows
    kept: bool


class _Work:
    """One set being decrypted by several threads."""

    def __init__(self, request: DecryptionRequest, means: Means) -> None:
        self._request, self._means, self._manifest = request, means, request.manifest
        task = request.task
        largest = 2**request.manifest.bits - 1
        self._bound = largest_feature(task.specification, task.plan, largest_value=largest)
        self.files = FeatureFiles(request.features, feature_shape(task.specification), self._bound)
        self._shares = tuple(_shares(request.manifest, request.rows))
        self.count = sum(share.count for share in self._shares)
        self._at_once = min(means.threads, len(self._shares))
        self._each = -(-means.threads // self._at_once)

    def run(self) -> Generator[_Part]:
        """Yield the parts in order; shards are fetched while others are decrypted."""
        largest = max(ref.size for ref in self._manifest.shards)
        ahead = max(1, min(SHARDS_AHEAD, BYTES_AHEAD // largest))
        fetched = look_ahead(self._fetch, self._shares, workers=ahead, maximum=ahead)
        with closing(fetched):
            yield from look_ahead(self._decrypt, fetched, workers=self._at_once, maximum=self._at_once + 1)

    def _fetch(self, share: _Share) -> tuple[_Share, SealedRows | _Part]:
        kept = self.files.read(share.number, self._manifest.shards[share.number], share.count)
        if kept is not None:
            return share, _Part(kept, kept=True)
        return share, self._means.points.find(self._manifest, share.number) or self._shard(share)

    def _shard(self, share: _Share) -> SealedRows:
        ref = self._manifest.shards[share.number]
        wanted = Wanted(ref.cid, bytes.fromhex(ref.digest), ref.size, sha256)
        try:
            content = fetch(self._means.store, wanted, self._folder(share))
        except NotHadError as error:
            name = self._manifest.shard_name(share.number)
            raise NotHadError(f"The {name} is not to be had: {error}") from error
        with blaming_data_node():
            shard = read_shard(content, self._manifest, share.number)
        return SealedRows(Ciphertexts(shard.ct0, shard.ct), shard.labels)

    def _decrypt(self, fetched: tuple[_Share, SealedRows | _Part]) -> _Part:
        share, found = fetched
        if isinstance(found, _Part):
            return found
        opened = self._opened(share, found)
        self.files.write(share.number, self._manifest.shards[share.number], opened)
        shutil.rmtree(self._folder(share), ignore_errors=True)
        return _Part(opened, kept=False)

    def _opened(self, share: _Share, found: SealedRows) -> OpenedRows:
        if not isinstance(found.ciphertexts, AffineCiphertexts):
            return self._open_shard(share, found)
        opened = self._open(share, found)
        if not opened.bad.any():
            return opened
        self._means.points.drop(self._manifest, share.number)
        return self._open_shard(share, self._shard(share))

    def _open_shard(self, share: _Share, shard: SealedRows) -> OpenedRows:
        """Open a shard; where the cache has room for any and all rows decrypt, keep it decoded."""
        if not self._means.points.max_bytes or not isinstance(shard.ciphertexts, Ciphertexts):
            return self._open(share, shard)
        decoded = SealedRows(expand(shard.ciphertexts, threads=self._each), shard.labels)
        opened = self._open(share, decoded)
        if not opened.bad.any():
            self._means.points.keep(self._manifest, share.number, decoded)
        return opened

    def _open(self, share: _Share, found: SealedRows) -> OpenedRows:
        task, some = self._request.task, found.ciphertexts
        chosen = type(some)(share.of(some.ct0), share.of(some.ct))
        products = decrypt(chosen, task.plan, task.keys, self._bound, threads=self._each)
        features = arrange(products.values, task.specification).astype(self.files.dtype)
        samples = Samples(features, share.of(found.labels).astype(np.int64))
        return OpenedRows(samples, products.bad)

    def _folder(self, share: _Share) -> Path:
        return self._request.shards / f"{share.number:05}"


def _shares(manifest: EncryptedSetManifest, rows: Rows | None) -> Iterator[_Share]:
    """Yield what each shard has of the wanted samples, but for shards that have nothing of them."""
    first = 0
    for number, ref in enumerate(manifest.shards):
        if rows is None:
            yield _Share(number, ref.rows, None)
        else:
            begin, end = np.searchsorted(rows, (first, first + ref.rows))
            if begin < end:
                yield _Share(number, int(end - begin), rows[begin:end] - first)
        first += ref.rows


def _report_decrypted(manifest: EncryptedSetManifest, progress: Progress, features: NDArray[Any]) -> None:
    count, products, seconds = len(features), features[0].size, progress.seconds
    sentence = (
        f"Decrypted {count} samples of the {manifest.part.value} set, {products} inner products each, "
        f"in {seconds:.1f} s."
    )
    report(LOG, "decrypted", sentence, part=manifest.part.value, samples=count, seconds=round(seconds, 3))


def _report_bad(request: DecryptionRequest, bad: NDArray[np.bool_]) -> None:
    """Say how many rows do not decrypt, of all or of those wanted, and where the first of them is."""
    part, count = request.manifest.part.value, int(bad.sum())
    index = int(bad.argmax())
    sample = index if request.rows is None else int(request.rows[index])
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
