"""The command line: `pole …`.

Each module holds one group or command; `app.py` says which, and loads them when they are called.
"""

from pole.cli.app import main

__all__ = ["main"]
