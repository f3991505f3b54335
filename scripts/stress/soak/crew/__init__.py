"""The workers: their processes, how each is started, and what can be done to it."""
