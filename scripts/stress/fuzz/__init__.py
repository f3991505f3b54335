"""Mutated inputs for every reader of strangers' bytes."""
