"""A text data set that is on every machine with this package: the languages of words.

The words are the lists of BIP-39 (2,048 each, sorted), which eth-account ships; the standard fixes them, so
they are checked like any published file.
"""

import hashlib
import unicodedata
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError

SHA256: Final = {
    "czech": "7e80e161c3e93d9554c2efb78d4e3cebf8fc727e9c52e03b83b94406bdcc95fc",
    "english": "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda",
    "french": "ebc3959ab7801a1df6bac4fa7d970652f1df76b683cd2f4003c941c63d517e59",
    "italian": "d392c49fdb700a24cd1fceb237c1f65dcc128f6b34a8aacb58b59384b5c648c2",
    "spanish": "46846a5a0139d1e3cb77293e521c2865f7bcdb82c44e8d0a06a2cd0ecba48c0b",
}
WORDS_IN_A_SAMPLE: Final = 4
BUCKETS: Final = 256
LONGEST: Final = 3


def languages() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return 2,560 samples (n, 256) of four words each, and their languages in alphabetical order.

    A sample counts its words' runs of one to three letters, word boundaries included, in 256 buckets: the
    CRC-32 of a run's UTF-8 modulo 256. Words a quarter of the list apart make a sample, so that no letter
    gives a language away by its place. Raises InputError where the lists are not those of the standard.
    """
    counts, labels = [], []
    for label, language in enumerate(SHA256):
        words = _words(language)
        apart = len(words) // WORDS_IN_A_SAMPLE
        counts += [_counts(words[start::apart]) for start in range(apart)]
        labels += [label] * apart
    return np.array(counts, dtype=np.uint8), np.array(labels, dtype=np.int64)


def _words(language: str) -> list[str]:
    package = find_spec("eth_account")
    if package is None or package.origin is None:
        raise InputError("The data set languages comes with eth-account, which is not installed; install it.")
    path = Path(package.origin).parent / "hdaccount" / "wordlist" / f"{language}.txt"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256[language]:
        raise InputError(f"The word list {path} is not that of BIP-39; install eth-account anew.")
    return unicodedata.normalize("NFC", content.decode()).split()


def _counts(words: list[str]) -> NDArray[np.int64]:
    buckets = [zlib.crc32(run.encode()) % BUCKETS for word in words for run in _runs(f"^{word}$")]
    return np.bincount(buckets, minlength=BUCKETS)


def _runs(text: str) -> Iterator[str]:
    for length in range(1, LONGEST + 1):
        for start in range(len(text) - length + 1):
            yield text[start : start + length]
