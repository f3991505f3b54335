"""A network that is hurt on purpose: real processes, faults by plan, and what must hold after them all."""
