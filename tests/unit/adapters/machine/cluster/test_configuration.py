"""What Dask is told, seen in what its processes get."""

from distributed.nanny import _get_env_variables

from pole.adapters.machine.cluster.scheduler import configure


def test_workers_keep_the_memory_that_the_next_shard_needs() -> None:
    configure()
    given = _get_env_variables("distributed.nanny.pre-spawn-environ")
    assert "MALLOC_TRIM_THRESHOLD_" not in given
    assert given["OMP_NUM_THREADS"] == "1"
