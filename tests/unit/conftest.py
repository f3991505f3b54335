"""Settings of the tests that need no chain."""

from hypothesis import settings

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("pole", deadline=None)
settings.load_profile("pole")
