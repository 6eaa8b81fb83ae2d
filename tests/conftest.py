"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# No deadlines (the machine is noisy), and a failing example is printed so that it can be repeated.
settings.register_profile(
    "ptasks",
    deadline=None,
    print_blob=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
settings.load_profile("ptasks")


def pytest_configure() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and children inherit that:
    tests of Ctrl-C would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # `scripts/test` ends the runs beside it so: what they have started is to be cleared up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
