"""The port between a task handle and whoever runs it: the worker of a node, or a test.

The handle (`executors.handle`) is the same on both sides of this port; the port is narrow so that a fake is easy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from executors.views import TaskRef


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run knows about itself from the first moment. Shapes as in AllocatedPersistentTask."""

    task_id: str
    allocation_id: int
    attempt: int = 1
    due_at: datetime | None = None
    parent_id: str | None = None
    state_is_current: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    max_attempts: int | None = None


class RunPort(Protocol):
    """All that a run can do to the outside. Every method belongs to the event loop's thread unless it says otherwise."""

    def send_state(self, data: bytes | None) -> asyncio.Future[int]:
        """Hand over a state write. The future gives the revision, or raises Fenced, RunEnded or ValidationError."""

    def send_child(
        self, key: str, executor: str, params: bytes, spec: bytes
    ) -> asyncio.Future[TaskRef]:
        """Start a task under this run's; `spec` is JSON. The future gives it, or raises Fenced, RunEnded, ValidationError."""

    def send_poke(self, executor: str) -> asyncio.Future[TaskRef]:
        """Have tasks of this executor without a node looked at again. The future gives nothing, or raises as send_child."""

    def send_progress(self, done: float, total: float | None, message: str) -> None:
        """Tell whoever watches. May be thinned out; the last one counts. From any thread."""

    def log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Write a line of the run's log. From any thread."""
