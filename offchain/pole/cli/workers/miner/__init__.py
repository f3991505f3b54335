"""`pole miner run`, `try` and `assist`."""
