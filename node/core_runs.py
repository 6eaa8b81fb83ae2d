"""The runs this node knows of, and what is worth knowing about them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.client import node_values as values
from coordinator.client.node_values import WantedRun, run_digest
from node.core_table import Local

CODE_MAY_RUN = frozenset({Local.STARTING, Local.RUNNING, Local.STOPPING})
BRIEF_MS = 50


class LocalRun:
    """One run under one allocation id. Instants are of the lease's clock; tokens are timers, 0 is none."""

    __slots__ = (
        "escalated",
        "grace_timer",
        "handed_at",
        "hold_timer",
        "limit_timer",
        "started_at",
        "state",
        "stop_reason",
        "wait_timer",
        "wanted",
        "worker",
    )

    def __init__(self, wanted: WantedRun) -> None:
        self.wanted = wanted
        self.state = Local.WAITING
        self.worker: int | None = None
        self.handed_at = 0  # when it was handed to its worker
        self.started_at: int | None = None
        self.stop_reason = ""
        self.escalated = False  # it ignored its stop: only a kill will end it
        self.wait_timer = 0  # until it is handed back for want of a slot
        self.hold_timer = 0  # while its start report is held back
        self.limit_timer = 0  # its time limit
        self.grace_timer = 0  # until its stop is enforced

    @property
    def allocation_id(self) -> int:
        return self.wanted.allocation_id

    @property
    def may_execute(self) -> bool:
        """Whether user code of it may be executing in a worker."""
        return self.worker is not None


class Runs:
    """All local runs, by allocation id and by task, with the digest of those that are not settled (PT-62)."""

    def __init__(self) -> None:
        self.by_id: dict[int, LocalRun] = {}
        self.digest = 0
        self.units_used = 0
        self.starting = 0
        self._by_task: dict[str, list[LocalRun]] = {}
        self._brief: dict[str, bool] = {}  # executor -> whether its last run here was over at once

    def add(self, wanted: WantedRun) -> LocalRun:
        run = LocalRun(wanted)
        self.by_id[wanted.allocation_id] = run
        self._by_task.setdefault(wanted.task_id, []).append(run)
        self.digest ^= run_digest(wanted.task_id, wanted.allocation_id)
        return run

    def of_task(self, task_id: str) -> tuple[LocalRun, ...]:
        """The runs of a task in the order they came; hardly ever more than one."""
        return tuple(self._by_task.get(task_id, ()))

    def task_ids(self) -> tuple[str, ...]:
        return tuple(self._by_task)

    def is_task_busy(self, run: LocalRun) -> bool:
        """Whether another run of the same task may still execute user code (PT-55)."""
        return any(
            other is not run and other.may_execute for other in self._by_task[run.wanted.task_id]
        )

    def settle(self, run: LocalRun) -> None:
        """The leader knows how it ended: it is no longer part of what this node reports."""
        if run.state is not Local.SETTLED:
            run.state = Local.SETTLED
            self.digest ^= run_digest(run.wanted.task_id, run.allocation_id)

    def forget(self, run: LocalRun) -> None:
        self.settle(run)
        del self.by_id[run.allocation_id]
        siblings = self._by_task[run.wanted.task_id]
        siblings.remove(run)
        if not siblings:
            del self._by_task[run.wanted.task_id]

    def executing(self) -> Iterator[LocalRun]:
        """Runs whose user code may be executing. The walk is over a copy."""
        return (run for run in tuple(self.by_id.values()) if run.may_execute)

    def listed(self) -> tuple[values.LocalRun, ...]:
        """The list of a heartbeat; a run that waits for a slot counts as starting."""
        return tuple(
            values.LocalRun(run.wanted.task_id, run.allocation_id, _word(run.state))
            for run in self.by_id.values()
            if run.state is not Local.SETTLED
        )

    def remember_length(self, run: LocalRun, now: int) -> None:
        """Note whether runs of this executor tend to be over before their start need be reported (PT-14)."""
        lasted = now - run.started_at if run.started_at is not None else 0
        self._brief[run.wanted.executor] = lasted < BRIEF_MS

    def is_brief(self, run: LocalRun) -> bool:
        return self._brief.get(run.wanted.executor, False)


def _word(state: Local) -> str:
    return Local.STARTING.value if state is Local.WAITING else state.value
