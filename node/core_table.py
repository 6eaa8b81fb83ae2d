"""What the leader wants and what is here: the table of PT-53, cell by cell. Pure.

The key is the run, not the task. A run that the leader does not name (it names another run of the task, or nothing) is
wanted as NOTHING. START means: as soon as no other run of the task executes user code, a slot is free and, for an
exclusive run, enough of the lease is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class Wanted(Enum):
    """What the leader wants of one run."""

    RUN = auto()
    STOP = auto()
    NOTHING = auto()


class Local(Enum):
    """What a run is here. Values are the words of a heartbeat's list."""

    ABSENT = "absent"  # never seen
    WAITING = "waiting"  # wanted, not handed to a worker yet
    STARTING = "starting"  # handed to a worker, user code not entered yet
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"  # its outcome has no answer yet
    SETTLED = "settled"  # answered, and remembered while the leader's set still names it


class Act(Enum):
    """What to do about it."""

    NOTHING = auto()
    START = auto()
    STOP = auto()
    STRENGTHEN = auto()  # take over the reason of the stop if it is stronger
    CONFIRM = auto()  # nothing of the run is here: say that it has ended
    REPORT = auto()  # the outbox holds its end and keeps sending it until it is answered
    FORGET = auto()


RECONCILE: Mapping[tuple[Wanted, Local], Act] = {
    (Wanted.RUN, Local.ABSENT): Act.START,
    (Wanted.RUN, Local.WAITING): Act.NOTHING,
    (Wanted.RUN, Local.STARTING): Act.NOTHING,
    (Wanted.RUN, Local.RUNNING): Act.NOTHING,
    (Wanted.RUN, Local.STOPPING): Act.NOTHING,
    (Wanted.RUN, Local.ENDED): Act.REPORT,
    (Wanted.RUN, Local.SETTLED): Act.NOTHING,
    (Wanted.STOP, Local.ABSENT): Act.CONFIRM,
    (Wanted.STOP, Local.WAITING): Act.CONFIRM,
    (Wanted.STOP, Local.STARTING): Act.STOP,
    (Wanted.STOP, Local.RUNNING): Act.STOP,
    (Wanted.STOP, Local.STOPPING): Act.STRENGTHEN,
    (Wanted.STOP, Local.ENDED): Act.REPORT,
    (Wanted.STOP, Local.SETTLED): Act.CONFIRM,
    (Wanted.NOTHING, Local.ABSENT): Act.NOTHING,
    (Wanted.NOTHING, Local.WAITING): Act.FORGET,
    (Wanted.NOTHING, Local.STARTING): Act.STOP,
    (Wanted.NOTHING, Local.RUNNING): Act.STOP,
    (Wanted.NOTHING, Local.STOPPING): Act.NOTHING,
    (Wanted.NOTHING, Local.ENDED): Act.REPORT,
    (Wanted.NOTHING, Local.SETTLED): Act.FORGET,
}

# Weakest first. The middle five are the leader's (PT-15); the others are the node's own (PT-58).
STOP_REASONS = (
    "not_wanted",
    "fenced",
    "shutdown",
    "lease",
    "move",
    "replace",
    "pause",
    "timeout",
    "cancel",
)
STRENGTH: Mapping[str, int] = {reason: rank for rank, reason in enumerate(STOP_REASONS)}


def is_stronger(reason: str, than: str) -> bool:
    """Whether a stop for `reason` replaces one for `than`; an unknown word is the weakest."""
    return STRENGTH.get(reason, -1) > STRENGTH.get(than, -1)
