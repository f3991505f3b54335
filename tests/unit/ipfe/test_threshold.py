"""Sharing a master secret: which shares make keys, and what is refused."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.ipfe.scalars import scalars_of
from pole.ipfe.scheme import FunctionalKeys, MasterSecretKey, derive_keys, generate_keys, verify_keys
from pole.ipfe.threshold import (
    Commitments,
    KeyShare,
    WrongPartialKeysError,
    WrongShareError,
    check_commitments,
    check_share,
    combine_keys,
    derive_partial_keys,
    share_public_key,
    share_secret,
    verify_partial_keys,
)
from pole.protocol.mapping.plan import PADDING, QueryPlan

D, T, N = 4, 3, 5
PLAN = QueryPlan(
    np.array([[0, 1, 2], [3, PADDING, 0]], dtype=np.int32), np.array([[1, 7, 3], [5, 0, 2]], dtype=np.uint8)
)


def numbers(seed: int) -> Callable[[int], bytes]:
    return np.random.default_rng(seed).bytes


MSK, MPK = generate_keys(D, numbers(1))
COMMITMENTS, SHARES = share_secret(MSK, threshold=T, holders=N, random_bytes=numbers(2))
PARTIALS = {share.index: derive_partial_keys(share, PLAN) for share in SHARES}
KEYS = derive_keys(MSK, PLAN)


def integers(scalars: np.ndarray) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in scalars.reshape(-1, 32)]


def plus_one(scalars: np.ndarray, at: int) -> np.ndarray:
    changed = integers(scalars)
    changed[at] += 1
    return scalars_of(changed).reshape(scalars.shape)


@pytest.mark.parametrize(("threshold", "holders"), [(0, 3), (4, 3), (1, 0), (2, 256)])
def test_an_impossible_threshold_is_refused(threshold: int, holders: int) -> None:
    with pytest.raises(InputError, match="cannot be: choose a threshold"):
        share_secret(MSK, threshold=threshold, holders=holders, random_bytes=numbers(3))


@pytest.mark.parametrize("index", [0, -1, 256])
def test_a_share_at_zero_would_be_the_secret_and_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="numbered from 1"):
        KeyShare(index, SHARES[0].scalars)
    with pytest.raises(InputError, match="numbered from 1"):
        share_public_key(COMMITMENTS, index)


def test_commitments_of_another_shape_are_refused() -> None:
    for points in (np.zeros((2, 3), np.uint8), np.zeros((0, 4, 32), np.uint8), np.zeros((1, 1, 32), "<u2")):
        with pytest.raises(InputError, match=r"uint8 \(t, D, 32\)"):
            Commitments(points)


@given(at=st.integers(0, D - 1), which=st.integers(0, N - 1))
def test_a_share_changed_in_one_scalar_is_refused(at: int, which: int) -> None:
    share = SHARES[which]
    with pytest.raises(WrongShareError, match=f"Share {share.index} does not fit"):
        check_share(COMMITMENTS, KeyShare(share.index, plus_one(share.scalars, at)))


def test_the_share_of_another_holder_is_refused() -> None:
    with pytest.raises(WrongShareError):
        check_share(COMMITMENTS, KeyShare(2, SHARES[0].scalars))


def test_a_share_that_is_not_reduced_is_refused() -> None:
    raised = [(k + ORDER).to_bytes(32, "little") for k in integers(SHARES[0].scalars)]
    scalars = np.frombuffer(b"".join(raised), dtype=np.uint8).reshape(D, 32)
    with pytest.raises(WrongShareError, match="not reduced"):
        KeyShare(1, scalars)


def test_a_share_of_another_dimension_is_refused() -> None:
    with pytest.raises(WrongShareError, match="another number of scalars"):
        check_share(COMMITMENTS, KeyShare(1, SHARES[0].scalars[:-1]))


@given(k=st.integers(0, T - 1), column=st.integers(0, D - 1))
def test_commitments_changed_at_one_place_refuse_every_share(k: int, column: int) -> None:
    points = COMMITMENTS.points.copy()
    points[k, column] = COMMITMENTS.points[(k + 1) % T, column]
    for share in SHARES:
        with pytest.raises(WrongShareError):
            check_share(Commitments(points), share)


@given(st.integers(0, T - 1), st.integers(0, D - 1), st.sampled_from([None, "python"]))
def test_commitments_with_one_off_the_group_are_refused_as_dealt(
    k: int, column: int, path: str | None
) -> None:
    points = COMMITMENTS.points.copy()
    points[k, column] = 0xFF
    with pytest.raises(WrongShareError, match=f"Commitment {k} of column {column} .*the data node dealt"):
        check_commitments(Commitments(points), backend=path)
    check_commitments(COMMITMENTS, backend=path)


def test_a_commitment_off_the_group_is_named() -> None:
    points = COMMITMENTS.points.copy()
    points[1, 2] = 0xFF
    with pytest.raises(WrongShareError, match="Commitment 1 of column 2"):
        share_public_key(Commitments(points), 1)


@given(place=st.integers(0, 3), which=st.integers(1, N))
def test_partial_keys_changed_at_one_place_name_their_holder(place: int, which: int) -> None:
    changed = FunctionalKeys(plus_one(PARTIALS[which].eta, place))
    with pytest.raises(WrongPartialKeysError, match=f"holder {which} ") as raised:
        verify_partial_keys(COMMITMENTS, which, PLAN, changed, numbers(4))
    assert raised.value.index == which


def test_partial_keys_of_another_holder_or_plan_are_refused() -> None:
    with pytest.raises(WrongPartialKeysError):
        verify_partial_keys(COMMITMENTS, 1, PLAN, PARTIALS[2], numbers(5))
    other = QueryPlan(PLAN.windows, PLAN.vectors[:1])
    with pytest.raises(WrongPartialKeysError):
        verify_partial_keys(COMMITMENTS, 1, other, PARTIALS[1], numbers(5))


def test_fewer_than_the_threshold_say_how_many_are_needed() -> None:
    with pytest.raises(InputError, match="of 2 holders, but 3 are needed"):
        combine_keys({1: PARTIALS[1], 4: PARTIALS[4]}, T)


def test_partial_keys_of_two_plans_are_not_combined() -> None:
    short = FunctionalKeys(PARTIALS[3].eta[:1])
    with pytest.raises(InputError, match="shapes differ"):
        combine_keys(PARTIALS | {3: short}, T)


def test_fewer_shares_than_the_threshold_give_other_keys() -> None:
    for chosen in combinations(PARTIALS, T - 1):
        given_away = combine_keys({index: PARTIALS[index] for index in chosen}, T - 1)
        assert not np.array_equal(given_away.eta, KEYS.eta)


@given(seed=st.integers(0, 2**32), secret=st.lists(st.integers(0, ORDER - 1), min_size=D, max_size=D))
@settings(max_examples=25)
def test_fewer_shares_than_the_threshold_fit_every_secret(seed: int, secret: list[int]) -> None:
    """Whatever the other secret is, some polynomial through it leaves holders 2 and 5 the same shares."""
    _, shares = share_secret(MSK, threshold=T, holders=N, random_bytes=numbers(seed))
    known = {index: integers(shares[index - 1].scalars) for index in (2, 5)}
    drawn = b"".join(
        value.to_bytes(64, "little")
        for degree in (0, 1)
        for value in (_through(secret[j], known[2][j], known[5][j])[degree] for j in range(D))
    )
    _, others = share_secret(
        MasterSecretKey(scalars_of(secret)), threshold=T, holders=N, random_bytes=lambda _: drawn
    )
    for index in (2, 5):
        assert np.array_equal(others[index - 1].scalars, shares[index - 1].scalars)


def _through(constant: int, at_2: int, at_5: int) -> tuple[int, int]:
    """The a, b with constant + 2a + 4b = at_2 and constant + 5a + 25b = at_5 modulo the order."""
    first = (at_2 - constant) * pow(2, -1, ORDER)
    second = (at_5 - constant) * pow(5, -1, ORDER)
    b = (second - first) * pow(3, -1, ORDER) % ORDER
    return (first - 2 * b) % ORDER, b


@given(st.data())
@settings(max_examples=40)
def test_any_shares_at_the_threshold_give_exactly_the_functional_keys(data: st.DataObject) -> None:
    holders = data.draw(st.integers(1, 7))
    threshold = data.draw(st.integers(1, holders))
    commitments, shares = share_secret(
        MSK, threshold=threshold, holders=holders, random_bytes=numbers(data.draw(st.integers(0, 2**32)))
    )
    chosen = data.draw(st.permutations(shares))[: data.draw(st.integers(threshold, holders))]
    partials = {}
    for share in chosen:
        check_share(commitments, share)
        partials[share.index] = derive_partial_keys(share, PLAN)
        verify_partial_keys(commitments, share.index, PLAN, partials[share.index], numbers(6))
    keys = combine_keys(partials, threshold)
    assert np.array_equal(keys.eta, KEYS.eta)
    verify_keys(MPK, PLAN, keys, numbers(7))


def test_the_commitments_begin_with_the_master_public_key() -> None:
    assert np.array_equal(COMMITMENTS.master_public_key.points, MPK.points)
    assert COMMITMENTS.threshold == T


def test_every_code_path_deals_the_same(path: str) -> None:
    commitments, shares = share_secret(MSK, threshold=T, holders=N, random_bytes=numbers(2), backend=path)
    assert np.array_equal(commitments.points, COMMITMENTS.points)
    check_share(commitments, shares[4], backend=path)
    verify_partial_keys(commitments, 5, PLAN, PARTIALS[5], numbers(8), backend=path)


def test_a_share_is_not_shown() -> None:
    assert "scalars" not in repr(SHARES[0])
