"""What is neither accepted nor refused: a bug, or a log that this build is too old for."""

from __future__ import annotations


class InvariantBroken(Exception):
    """The state contradicts itself: a bug. Says what and which; the process must stop."""


class UpgradeNeeded(Exception):
    """The log asks for something this build does not know. The member halts: upgrade me."""
