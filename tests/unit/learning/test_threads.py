import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pole.learning.threads import limit_threads


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def as_before():
    with threadpool_limits():
        yield


@pytest.mark.parametrize("count", [1, 2])
def test_matrix_products_use_as_many_threads_as_they_are_given(count):
    limit_threads(count)
    assert blas_threads() == {count}
