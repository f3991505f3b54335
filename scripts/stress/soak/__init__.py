"""Rounds of real processes under faults, and what must hold of them afterwards."""
