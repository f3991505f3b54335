"""Decryption as shards for other machines: ciphertexts, query plan and functional keys, all of them public.

Both ends run the same sources, so these bytes have no version.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError, ShardError
from pole.ipfe.scheme import Ciphertexts, FunctionalKeys, InnerProducts, decrypt
from pole.protocol.formats.tensors import TensorType, read_metadata, read_tensors, write_tensors
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.ports import WorkShard
from pole.roles.receiving.feature_files import smallest_type
from pole.roles.support.slots import Others, find_room

WORK: Final = "decryption"
MAX_BOUND_DIGITS: Final = 20


def decrypt_elsewhere(
    others: Others, ciphertexts: Ciphertexts, plan: QueryPlan, keys: FunctionalKeys, bound: int
) -> InnerProducts:
    """Return the inner products as a machine of the cluster decrypted them: see `decrypt`.

    One row of them, which the worker cannot foresee, is decrypted here again: raises IntegrityError, which
    names the worker, where it differs, or shape or range are wrong. Raises what `decryption_shard` and
    `shards.run` raise.
    """
    result = others.shards.run(decryption_shard(ciphertexts, plan, keys, bound))
    shape = (len(ciphertexts), len(plan.windows), len(plan.vectors))
    types = {"bad": TensorType("U8", shape[:1]), "products": TensorType(smallest_type(bound)[0], shape)}
    what = f"result of the worker {result.worker}, a"
    tensors = read_tensors(result.content, what=what, types=types, metadata={"work": WORK})
    products, bad = tensors["products"], tensors["bad"].astype(np.bool_)
    if int(products.min()) < 0 or int(products.max()) > bound or products[bad].any():
        raise IntegrityError(
            f"The worker {result.worker} gave inner products outside of 0 to {bound}, or some of rows that "
            "do not decrypt; take it out of the cluster and look at it, then start again."
        )
    rows = others.rows_to_check(len(ciphertexts), len(ciphertexts))
    own = decrypt(Ciphertexts(ciphertexts.ct0[rows], ciphertexts.ct[rows]), plan, keys, bound)
    if not (np.array_equal(own.values, products[rows]) and np.array_equal(own.bad, bad[rows])):
        raise IntegrityError(
            f"The worker {result.worker} decrypted row {rows[0]} of a shard to other inner products than "
            "this machine does; take it out of the cluster and look at it, then start again."
        )
    return InnerProducts(products.astype(np.int64), bad)


def decryption_shard(
    ciphertexts: Ciphertexts, plan: QueryPlan, keys: FunctionalKeys, bound: int
) -> WorkShard:
    """Return the shard of some encrypted rows; raises ShardError for rows that no cluster takes."""
    tensors: dict[str, NDArray[Any]] = {
        "ct": ciphertexts.ct,
        "ct0": ciphertexts.ct0,
        "eta": keys.eta,
        "vectors": plan.vectors,
        "windows": plan.windows,
    }
    if not find_room(tensors.values()):
        raise ShardError("A shard is with its keys larger than what a cluster takes.")
    kind = "U8" if plan.vectors.dtype == np.uint8 else "U16"
    return WorkShard(WORK, write_tensors(tensors, _metadata(str(bound), kind)))


def decrypt_rows(content: bytes) -> bytes:
    """Do a shard: decrypt its rows under the functional keys that it brings.

    Raises IntegrityError for other bytes than `decryption_shard` makes, InputError and WrongKeysError where
    its parts do not fit.
    """
    found = read_metadata(content, WORK)
    bound, kind = found.get("bound", ""), "U16" if found.get("vectors") == "U16" else "U8"
    if not (bound.isascii() and bound.isdecimal() and len(bound) <= MAX_BOUND_DIGITS):
        raise IntegrityError("A shard of decryption needs a bound.")
    types = {
        "ct": TensorType("U8", (-1, -1, 32)),
        "ct0": TensorType("U8", (-1, 32)),
        "eta": TensorType("U8", (-1, -1, 32)),
        "vectors": TensorType(kind, (-1, -1)),
        "windows": TensorType("I32", (-1, -1)),
    }
    tensors = read_tensors(content, what=WORK, types=types, metadata=_metadata(bound, kind))
    # The kernel reads whole numbers where they are aligned, which views of a file are not.
    plan = QueryPlan(tensors["windows"].copy(), tensors["vectors"].copy())
    sealed = Ciphertexts(tensors["ct0"], tensors["ct"])
    products = decrypt(sealed, plan, FunctionalKeys(tensors["eta"]), int(bound))
    held = products.values.astype(smallest_type(int(bound))[1])
    return write_tensors({"bad": products.bad.astype(np.uint8), "products": held}, {"work": WORK})


def _metadata(bound: str, kind: str) -> dict[str, str]:
    return {"bound": bound, "vectors": kind, "work": WORK}
