"""What a worker does before anything else: see to it that it cannot outlive its agent."""

from __future__ import annotations

import os
import signal
import sys

from node.process_ties import OrphanedError, adopt_orphans, die_with_parent


def tie_to_agent(agent_pid: int) -> None:
    """Die with the agent, and lead a process group, so that the agent can kill all that user code started.

    Exits at once if the agent is gone already. Ctrl-C at a terminal is the supervisor's business, not ours.
    """
    try:
        die_with_parent(agent_pid)
    except OrphanedError as error:
        sys.exit(f"worker: {error}")
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    adopt_orphans()  # a run's daemons stay with its worker; whatever the supervisor gets was left by a dead one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
