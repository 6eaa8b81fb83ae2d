"""`--http` of a node: the agent answers probes, on a socket that its supervisor keeps open from one agent to the next."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable

from coordinator.client.http_health import HttpHealth
from node.core import NodeCore
from node.lease import Stage

HOME = (
    "This is the agent of a ptasks node. It has no pages; ask the cluster: taskctl node list\n"
    "Here: /livez (the loop turns), /readyz (session open, lease valid, workers up), /startupz (was ready once), "
    "/metrics (Prometheus).\n"
)


def missing_of(core: NodeCore, *, has_session: bool, now: int) -> str:
    """What keeps a node from being ready, empty if nothing does (EX-72). `now` is the clock of the lease, int ms."""
    if not has_session:
        return "no session with a leader"
    if core.lease.stage(now) is Stage.OVER:
        return "no valid lease"
    return "" if core.fleet.is_up else "no worker starts"


async def answer_probes(
    listener_fd: int, missing: Callable[[], str], metrics: Callable[[], Awaitable[bytes]]
) -> HttpHealth:
    """Begin to answer on the inherited socket. Keep what is returned for as long as it shall."""
    os.set_inheritable(listener_fd, False)
    health = HttpHealth("", missing, HOME, metrics)
    await health.start(socket.socket(fileno=listener_fd))
    return health
