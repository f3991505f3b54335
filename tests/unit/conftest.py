"""Settings of the tests that need no chain."""

from hypothesis import HealthCheck, settings

# How long an example takes, or the making of one, says something about the machine, nothing about the code.
settings.register_profile("pole", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pole")
