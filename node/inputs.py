"""What NodeCore is told. Pure values; whatever happened is one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from coordinator.client.node_values import FromLeader, RunEnd
from node.frames import Child, Poke, Started, State, Stopping


@dataclass(frozen=True, slots=True)
class LeaderSaid:
    """One frame of the session, in the order of the session."""

    frame: FromLeader


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session is gone; nothing follows from that about what is wanted."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """User code of a run is over, as its worker said."""

    allocation_id: int
    end: RunEnd


RunNews: TypeAlias = Started | State | Child | Poke | Stopping | RunEnded


@dataclass(frozen=True, slots=True)
class WorkerSaid:
    """News of runs in one worker, in the order it was sent."""

    worker: int
    news: tuple[RunNews, ...]


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker has its executors imported; these are their names."""

    worker: int
    executors: frozenset[str]


@dataclass(frozen=True, slots=True)
class WorkerWanted:
    """One more worker is to try its imports, which may come out otherwise than in those that are here."""


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The process and its process group are gone, and everything it had written has been delivered before this."""

    worker: int
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerLagged:
    """The event loop of a worker was late, or still is; `executors` have runs in it."""

    worker: int
    lag_ms: int
    executors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SupervisorBeat:
    """The supervisor lives."""


@dataclass(frozen=True, slots=True)
class ShutdownAsked:
    """SIGTERM: the first drains, the second skips the wait."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: `NodeCore.wake_at` was reached, or nothing else happened."""


Input: TypeAlias = (
    LeaderSaid
    | SessionClosed
    | WorkerSaid
    | WorkerReady
    | WorkerWanted
    | WorkerDied
    | WorkerLagged
    | SupervisorBeat
    | ShutdownAsked
    | Tick
)
