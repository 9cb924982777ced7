"""How many examples the property tests look at: many with `--hypothesis-profile=thorough`, else a few hundred."""

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the machine may be busy with other things, and the naive reference is slow on purpose.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("engine", PATIENT, max_examples=200)
settings.register_profile("thorough", PATIENT, max_examples=10_000)


def pytest_configure(config: pytest.Config) -> None:
    """Take the ordinary profile unless the command line names one."""
    if not config.getoption("hypothesis_profile", None):
        settings.load_profile("engine")
