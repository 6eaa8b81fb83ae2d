"""The one line of `taskctl version`. Nothing is imported for it but the release."""

from coordinator.client.release import RELEASE


def short_version() -> str:
    """`taskctl 0.1.0`."""
    return f"taskctl {RELEASE}"
