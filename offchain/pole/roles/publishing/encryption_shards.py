"""Encryption as shards for other machines: rows and the public key travel, the master secret does not.

The caller draws the randomness and sends it along, so that a shard gives the same bytes wherever it is done:
those of the owner's faster path, which needs the secret. Both ends run the same sources, so these bytes have
no version.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.ipfe.scheme import Ciphertexts, MasterPublicKey, MasterSecretKey, encrypt, encrypt_with_public_key
from pole.protocol.formats.tensors import TensorType, read_metadata, read_tensors, write_tensors
from pole.roles.ports import ShardResult, Shards, WorkShard

WORK: Final = "encryption"
POINT_BYTES: Final = 32
RANDOM_BYTES: Final = 64
"""What a row needs of randomness."""


def encrypt_elsewhere(
    shards: Shards,
    secret: MasterSecretKey,
    public: MasterPublicKey,
    values: NDArray[np.unsignedinteger],
    random_bytes: Callable[[int], bytes],
) -> Ciphertexts:
    """Return the rows of `values`, unsigned (n, D) below 2^31, as a machine of the cluster encrypted them.

    They are those that `encrypt` gives of the same randomness. One row of them, which the worker cannot
    foresee, is encrypted here again: raises IntegrityError, which names the worker, where it differs or
    the result has another shape. Raises what `shards.run` raises.
    """
    randomness = random_bytes(RANDOM_BYTES * len(values))
    shard = encryption_shard(public, values, randomness)
    result = shards.run(shard)
    sealed = _sealed_rows(result, len(values), public.dimension)
    row = _row_to_check(secret, shard, len(values))
    piece = randomness[RANDOM_BYTES * row : RANDOM_BYTES * (row + 1)]
    expected = encrypt(secret, values[row : row + 1], lambda _: piece)
    if not (
        np.array_equal(expected.ct0[0], sealed.ct0[row]) and np.array_equal(expected.ct[0], sealed.ct[row])
    ):
        raise IntegrityError(
            f"The worker {result.worker} encrypted row {row} of the shard {shard.name} to other bytes than "
            "this machine does; take it out of the cluster and look at it, then start again."
        )
    return sealed


def encryption_shard(
    public: MasterPublicKey, values: NDArray[np.unsignedinteger], randomness: bytes
) -> WorkShard:
    """Return the shard of some rows, with 64 bytes of randomness each."""
    # Noise needs more than 8 bits; tensor files have no unsigned type of 32.
    held = values if values.dtype == np.uint8 else values.astype(np.int32)
    tensors: dict[str, NDArray[Any]] = {
        "points": public.points,
        "randomness": np.frombuffer(randomness, np.uint8).reshape(len(values), RANDOM_BYTES),
        "values": held,
    }
    return WorkShard(WORK, write_tensors(tensors, _metadata("U8" if held.dtype == np.uint8 else "I32")))


def encrypt_rows(content: bytes) -> bytes:
    """Do a shard: encrypt its rows with the public key and the randomness that it brings.

    Raises IntegrityError for other bytes than `encryption_shard` makes, InputError where parts do not fit.
    """
    kind = "I32" if read_metadata(content, WORK).get("values") == "I32" else "U8"
    types = {
        "points": TensorType("U8", (-1, POINT_BYTES)),
        "randomness": TensorType("U8", (-1, RANDOM_BYTES)),
        "values": TensorType(kind, (-1, -1)),
    }
    tensors = read_tensors(content, what=WORK, types=types, metadata=_metadata(kind))
    values, randomness = tensors["values"], tensors["randomness"]
    if len(values) != len(randomness) or int(values.min()) < 0:
        raise IntegrityError("A shard's rows need randomness each, and values of at least 0.")
    unsigned = values.astype(np.uint32)
    sealed = encrypt_with_public_key(
        MasterPublicKey(tensors["points"]), unsigned, lambda _: randomness.tobytes()
    )
    return write_tensors({"ct": sealed.ct, "ct0": sealed.ct0}, {"work": WORK})


def _metadata(kind: str) -> dict[str, str]:
    return {"values": kind, "work": WORK}


def _sealed_rows(result: ShardResult, rows: int, dimension: int) -> Ciphertexts:
    types = {
        "ct": TensorType("U8", (rows, dimension, POINT_BYTES)),
        "ct0": TensorType("U8", (rows, POINT_BYTES)),
    }
    what = f"result of the worker {result.worker}, a"
    tensors = read_tensors(result.content, what=what, types=types, metadata={"work": WORK})
    return Ciphertexts(tensors["ct0"], tensors["ct"])


def _row_to_check(secret: MasterSecretKey, shard: WorkShard, rows: int) -> int:
    """Return a row that only who has the secret can foresee, the same whenever the shard is done."""
    digest = hashlib.sha256(secret.scalars.tobytes() + shard.name.encode()).digest()
    return int.from_bytes(digest, "big") % rows
