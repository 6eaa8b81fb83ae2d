"""The agent process (`python -m node.agent`): started by the supervisor, talks to the leader, runs no user code.

The first worker is started before grpc is imported, so that both happen at once. It starts workers from its main
thread, which lives as long as the process: their death signal belongs to that thread.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import platform
import sys
from pathlib import Path

from node.agent_config import registration
from node.agent_handshake import Handshake, take
from node.agent_loop import Agent
from node.effects import EXIT_BUG
from node.logs import Log
from node.process_ties import OrphanedError, die_with_parent
from node.settings import release


def main() -> int:
    """Runs until the core asks to exit, which ends the process from within."""
    handshake = take(os.environ)
    try:
        die_with_parent(handshake.supervisor_pid)
    except OrphanedError:
        return EXIT_BUG
    os.set_inheritable(handshake.beat_fd, False)
    os.set_inheritable(handshake.lock_fd, False)
    path = None if handshake.log_file is None else Path(handshake.log_file)
    log = Log(
        "agent",
        path,
        handshake.log_level,
        node=handshake.name,
        incarnation=handshake.incarnation,
    )
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    agent = Agent(handshake, loop, log)
    agent.open()
    try:
        loop.run_until_complete(_serve(agent, handshake, log))
    except Exception as error:  # noqa: BLE001 - a bug: say so and let the supervisor start anew
        log.write("error", "bug", detail=repr(error))
        faulthandler.dump_traceback()
        log.close()
    return EXIT_BUG


async def _serve(agent: Agent, handshake: Handshake, log: Log) -> None:
    from node.session import Events, Session  # here, so that the worker starts meanwhile

    who = registration(handshake, release(), platform.python_version())
    events = Events(agent.from_leader, agent.session_closed, agent.kept_logs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(
        50_000, 20, 20
    )  # values come and go by the thousand here, hardly any in cycles
    await agent.serve(Session(handshake.coordinators, who, events, log))


if __name__ == "__main__":
    sys.exit(main())
