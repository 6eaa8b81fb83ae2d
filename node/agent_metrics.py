"""`/metrics` of a node: what its agent counts, or can be looked up, when somebody scrapes (EX-73, last row).

Counters are those of this agent: one that was started anew begins at 0, as Prometheus expects of a process.
"""

from __future__ import annotations

from typing import Final, Protocol

from coordinator.client.metric_parts import Family, Names, Sheet
from coordinator.client.metrics_text import Exposition
from node.core import NodeCore
from node.process_ties import steady_ms

FAMILIES: Final = (
    Family("node_lease_remaining_seconds", "gauge", "Until the lease ends; 0 without one."),
    Family("outbox_entries", "gauge", "Reports that the leader has not answered."),
    Family("outbox_oldest_seconds", "gauge", "Age of the oldest of them."),
    Family("node_runs", "gauge", "Runs whose code may be executing here.", ("executor",)),
    Family(
        "worker_restarts_total",
        "counter",
        "Worker processes that ended without being let go: died, killed, start_failed.",
        ("reason",),
    ),
    Family(
        "worker_stalls_total",
        "counter",
        "Times that code blocked the event loop of its worker for 250 ms or more.",
        ("executor",),
    ),
    Family(
        "lease_stops_total",
        "counter",
        "Runs that the end of the lease asked to end, or killed.",
        ("step",),
    ),
)


class Looked(Protocol):
    """The agent, as a scrape sees it."""

    @property
    def core(self) -> NodeCore: ...

    @property
    def stalls(self) -> dict[str, int]: ...


class AgentMetrics:
    """One per agent."""

    def __init__(self, agent: Looked) -> None:
        self._agent = agent
        self._names = Names()
        self.exposition = Exposition(FAMILIES, self._put)

    def _put(self, sheet: Sheet) -> None:
        core, now = self._agent.core, steady_ms()
        until, since = core.lease.until, core.unanswered_since
        sheet.put("node_lease_remaining_seconds", max(0, (until or now) - now) / 1_000)
        sheet.put("outbox_entries", core.unanswered)
        sheet.put("outbox_oldest_seconds", max(0, now - since) / 1_000 if since is not None else 0)
        for run in core.runs.executing():
            sheet.add("node_runs", 1, self._names.label(run.wanted.executor))
        for reason, count in core.fleet.deaths.items():
            sheet.put("worker_restarts_total", count, reason)
        for executor, count in self._agent.stalls.items():
            sheet.add("worker_stalls_total", count, self._names.label(executor))
        for step, count in core.lease_stops.items():
            sheet.put("lease_stops_total", count, step)
