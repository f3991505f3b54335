"""The task of idle rounds: its specification, and the puzzle that its samples are made of."""
