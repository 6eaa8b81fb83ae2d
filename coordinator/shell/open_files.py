"""How many sockets and files this process may have open: as many as the system lets it have."""

from __future__ import annotations

import resource

ENOUGH = 65_536  # nodes, clients, peers; some systems refuse to go beyond what they can count


def raise_open_files() -> int:
    """The soft limit becomes the hard one, `ENOUGH` at most, and is never lowered. What it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a system with a smaller bound of its own keeps its limit
        return soft
    return wanted
