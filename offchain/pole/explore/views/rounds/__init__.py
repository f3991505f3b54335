"""Rounds: their pages, their time, their money, and the drawing of their time."""
