"""The agent process (`python -m node.agent`): started by the supervisor, talks to the leader, runs no user code.

The first worker is started before grpc is imported, so that both happen at once. It starts workers from its main
thread, which lives as long as the process: their death signal belongs to that thread.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import sys
import traceback
from pathlib import Path
from typing import Any

from node.agent_config import registration
from node.agent_handshake import Handshake, take
from node.agent_health import answer_probes
from node.agent_loop import Agent
from node.child_ends import new_loop
from node.control_group import join
from node.effects import EXIT_BUG
from node.logs import Log
from node.process_ties import OrphanedError, die_with_parent
from node.settings import release

# As a coordinator has it: trouble as errors, not as lines on stderr; no threads of its newer engine between socket and loop.
GRPC_ENGINE = {
    "GRPC_VERBOSITY": "NONE",
    "GRPC_ENABLE_FORK_SUPPORT": "false",
    "GRPC_EXPERIMENTS": "-event_engine_listener,-event_engine_client,-event_engine_callback_cq",
}


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
    _enter(handshake.group, log)
    loop = new_loop()
    asyncio.set_event_loop(loop)
    agent = Agent(handshake, loop, log)
    loop.set_exception_handler(lambda _, context: _on_exception(context, log))
    agent.open()
    try:
        loop.run_until_complete(_serve(agent, handshake, log))
    except Exception as error:  # noqa: BLE001 - a bug: say so and let the supervisor start anew
        _bug(error, log)
    return EXIT_BUG


def _enter(group: str | None, log: Log) -> None:
    """Before anything is started, so that all of it is in the group."""
    if group is None:
        return
    try:
        join(group)
    except OSError as error:
        log.write("warning", "not in a control group", group=group, detail=str(error))


def _on_exception(context: dict[str, Any], log: Log) -> None:
    """Our own code failed in a callback: what follows is unknown, so the next incarnation takes over. Others' is noted."""
    error = context.get("exception")
    if isinstance(error, Exception) and _is_ours(error):
        _bug(error, log)
        os._exit(EXIT_BUG)
    log.write("warning", "event loop", message=context.get("message"), detail=repr(error))


def _is_ours(error: Exception) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(str(frame.f_globals.get("__name__", "")).startswith("node.") for frame in frames)


def _bug(error: Exception, log: Log) -> None:
    log.write("error", "bug", detail="".join(traceback.format_exception(error)))
    log.close()


async def _serve(agent: Agent, handshake: Handshake, log: Log) -> None:
    for name, value in GRPC_ENGINE.items():
        os.environ.setdefault(
            name, value
        )  # after the first worker's environment was made: not its affair
    from node.session import Events, Session  # here, so that the worker starts meanwhile

    who = registration(handshake, release(), platform.python_version())
    events = Events(agent.from_leader, agent.session_closed, agent.kept_logs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(
        50_000, 20, 20
    )  # values come and go by the thousand here, hardly any in cycles
    fd = handshake.http_fd
    if fd is not None:
        from node.agent_metrics import AgentMetrics  # as above

        _probes = await answer_probes(fd, agent.missing, AgentMetrics(agent).exposition.text)
    await agent.serve(Session(handshake.coordinators, who, events, log))


if __name__ == "__main__":
    sys.exit(main())
