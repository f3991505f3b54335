"""Rounds, lanes and the explorer on a chain."""
