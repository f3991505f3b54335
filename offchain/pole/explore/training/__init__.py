"""How the user's own miners on this machine train: pages of their files, for this machine alone."""
