"""How a worker is asked to take on nothing new, to finish what is at stake, and to end with code 0."""

import signal
from typing import Final

DRAIN: Final = signal.SIGUSR1
"""The signal that asks for it."""
DRAINING: Final = "POLE_DRAINING"
"""The variable that asks a worker for it from its start on."""
