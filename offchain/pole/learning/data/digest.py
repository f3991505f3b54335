"""The digest that tells a data set again: in another order, with other labels, or quantised otherwise."""

import hashlib

import numpy as np

from pole.learning.data.datasets import DataSet
from pole.learning.evaluation.features import batches


def data_set_digest(dataset: DataSet) -> bytes:
    """Return 32 bytes that two data sets share when their training samples are the same numbers.

    SHA-256 over the sorted SHA-256 digests of the samples as little-endian float64: order, labels, shape of
    a sample, bits of the later quantisation and number type play no part. A subset, a rescaled copy or one
    with a sample more has another digest.
    """
    samples = dataset.x_train.reshape(len(dataset.x_train), -1)
    # Of one length, so that NumPy orders them as Python does: it takes no notice of zero bytes at the end.
    digests = np.empty(len(samples), dtype=f"S{hashlib.sha256().digest_size}")
    for rows in batches(*samples.shape):
        values = np.asarray(samples[rows], dtype="<f8")
        digests[rows] = [hashlib.sha256(row.tobytes()).digest() for row in values]
    digests.sort()
    return hashlib.sha256(digests.data).digest()
