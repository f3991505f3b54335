"""Backups: what a data folder holds and nobody else has, in one encrypted file, and back."""
