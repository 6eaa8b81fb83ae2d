"""The release of this code, as `taskctl version` says it. Apart, so that asking costs no other import."""

from __future__ import annotations

from collections.abc import Mapping

RELEASE = "0.1.0"
FEATURE_LEVEL = 1  # the highest that this release can follow
REHEARSAL = "PTASKS_DEV_FEATURES"


def supported_level(environ: Mapping[str, str]) -> int:
    """What a process says it can follow. Raises ValueError."""
    return rehearsed(environ)[0]


def rehearsed(environ: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """The level that a release that is not there supports, and what some commands need: `2:SetSettings@2,DrainNode@2`.

    So an upgrade can be rehearsed before there is a second release. Raises ValueError.
    """
    text = environ.get(REHEARSAL, "")
    if not text:
        return FEATURE_LEVEL, {}
    level, _, commands = text.partition(":")
    pairs = [command.partition("@") for command in commands.split(",") if command]
    if not all(number.isdigit() for number in (level, *(number for _, _, number in pairs))):
        raise ValueError(f"{REHEARSAL}: {text}: not LEVEL or LEVEL:Command@LEVEL,...")
    return int(level), {name: int(number) for name, _, number in pairs}
