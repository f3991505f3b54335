"""Checking a round against the rules: its solutions, ballots, books, and how it ends."""
