"""What all tests share: real servers, whose fixtures and last lines are in `tools/*/pytest_plugin.py`."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["realkafka.pytest_plugin", "realdatabases.pytest_plugin"]

# The suite draws the same examples every time, so that a red run is red again; the campaign draws new and more ones:
# HYPOTHESIS_PROFILE=campaign make test
settings.register_profile(
    "suite", max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("campaign", max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
