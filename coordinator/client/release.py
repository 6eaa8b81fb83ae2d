"""The release of this code, as `taskctl version` says it. Apart, so that asking costs no other import."""

from __future__ import annotations

from collections.abc import Mapping

RELEASE = "0.1.0"
FEATURE_LEVEL = 1  # the highest that this release can follow
REHEARSAL = "PTASKS_DEV_FEATURES"


def supported_level(environ: Mapping[str, str]) -> int:
    """What a process says it can follow. Raises ValueError."""
    return rehearsed(environ)[0]


def rehearsed(environ: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    """The level, and the commands that need it, of a release that is not there: `PTASKS_DEV_FEATURES=2:SetSettings`.

    So an upgrade can be rehearsed before there is a second release. Raises ValueError.
    """
    text = environ.get(REHEARSAL, "")
    if not text:
        return FEATURE_LEVEL, ()
    level, _, commands = text.partition(":")
    if not level.isdigit() or int(level) < 1:
        raise ValueError(f"{REHEARSAL}: {text}: not LEVEL or LEVEL:Command,...")
    return int(level), tuple(filter(None, commands.split(",")))
