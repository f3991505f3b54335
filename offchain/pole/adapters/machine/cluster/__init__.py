"""Shards on other machines: Dask's scheduler and workers behind TLS, and the port of roles through them."""
