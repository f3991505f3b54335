"""Processes of this machine: the devnet, and what the set-up looks like."""
