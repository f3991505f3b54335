"""The command line: `pole …`.

Each module holds one group or command; `app.py` says which, and loads them when they are called.
"""

import os
import sys

from pole.cli.shell.signals import catch_early

catch_early(sys.argv[1:], os.environ)
try:
    from pole.cli.app import main
except KeyboardInterrupt:
    # Loading takes a part of a second, and whoever ends the program in it wants no traceback.
    sys.stderr.write("\nerror: Interrupted. Nothing was sent.\n")
    raise SystemExit(130) from None

__all__ = ["main"]
