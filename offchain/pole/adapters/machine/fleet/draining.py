"""How a worker is asked to leave with nothing at stake, and to end with exit code 0."""

import signal
from typing import Final

DRAIN: Final = signal.SIGUSR1
"""Asks it to drain: to take on nothing new, to give its seat up, and to end once nothing can call it."""
RENEW: Final = signal.SIGUSR2
"""Asks it to end for another start: as soon as no open round has anything at stake."""
ASKING: Final = frozenset({signal.SIGTERM, DRAIN, RENEW})
"""What a worker is asked by."""
DRAINING: Final = "POLE_DRAINING"
"""The variable that asks a worker to drain from its start on."""
