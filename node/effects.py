"""What NodeCore asks for. The agent does them in the order given and decides nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from coordinator.client.node_values import CallAnswer, Heartbeat, Report
from node.frames import ToWorker


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Start a worker process under this number."""

    worker: int


@dataclass(frozen=True, slots=True)
class KillWorker:
    """SIGKILL to its process group, at once; `WorkerDied` follows when nothing of it is left."""

    worker: int


@dataclass(frozen=True, slots=True)
class Tell:
    """A frame for a worker."""

    worker: int
    message: ToWorker


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class SendReports:
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class SendCallAnswer:
    answer: CallAnswer


@dataclass(frozen=True, slots=True)
class AskDrain:
    """Tell the leader that this node wants to leave (PT-72)."""


@dataclass(frozen=True, slots=True)
class SayGoodbye:
    """All runs have ended and nothing waits."""


@dataclass(frozen=True, slots=True)
class ArmKiller:
    """Have the kernel kill this process at that instant of the lease's clock, or (None) not at all."""

    at: int | None


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Close the session and open another one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exit:
    """End the agent. Workers die with it."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """These runs are over and answered: what was kept beside the core for them can go."""

    allocation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A log line. `event` is constant text."""

    level: str
    event: str
    fields: tuple[tuple[str, object], ...] = ()


Effect: TypeAlias = (
    StartWorker
    | KillWorker
    | Tell
    | SendHeartbeat
    | SendReports
    | SendCallAnswer
    | AskDrain
    | SayGoodbye
    | ArmKiller
    | Reconnect
    | Exit
    | Settled
    | Note
)

EXIT_ASKED = 0
EXIT_BUG = 1
EXIT_BAD_SETTINGS = 2
EXIT_STORAGE = 74
EXIT_REMOVED = 64  # the cluster has removed this node: the supervisor ends as well
EXIT_ANEW = 75  # start the next incarnation
EXIT_DATA_DIR = 78
