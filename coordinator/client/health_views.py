"""What callers see of health and capacity. A figure that nobody knows is None here and the word `unknown` in JSON (TM-79)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from coordinator.client.cluster_views import ExecutorPause, Finding
from coordinator.client.serializer import plain_dict
from coordinator.client.views import Answer

UNKNOWN, NEVER = "unknown", "never"


class Spread(Struct, frozen=True):
    """Mean and percentiles of `count` values: milliseconds of time, or shares of load."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


class Overdue(Struct, frozen=True):
    """Tasks that are wanted, due and not started; their cost; since when the oldest is due."""

    tasks: int
    units: int
    oldest_ms: int


class ExecutorHealth(Struct, frozen=True):
    """The last runs of one executor, times in ms. `tasks` counts its records by status."""

    executor: str
    runs: int
    start_delay: Spread
    hand_over: Spread
    duration: Spread
    outcomes: dict[str, int]
    overdue: Overdue
    tasks: dict[str, int]
    paused: bool


class Capacity(Struct, frozen=True):
    """What the nodes can do and what they are asked for; units are those of cost, 2 for a normal task.

    `load` 1.0: nothing is free. `drain_net_minutes` is None and `drain_net_never` true where more comes than is worked
    off. `unmeasured`: executors that are left out of the units; `series_pending`: series that are left out altogether.
    """

    nodes: int
    units: float | None
    units_per_node: float | None
    series: int
    series_pending: int
    series_per_minute: float
    series_units: float | None
    one_off_units: float | None
    long_units: float
    demand_units: float | None
    load: Spread
    runs_per_minute_per_node: float | None
    min_nodes: int | None
    proposed_nodes: int | None
    overdue: int
    drain_minutes: float | None
    drain_net_minutes: float | None
    drain_net_never: bool
    verdict: str
    series_alone_too_much: bool
    unmeasured: list[str]


class CapacityAnswer(Struct, frozen=True):
    """Of `capacity`."""

    answer: Answer
    capacity: Capacity


class OverloadedNode(Struct, frozen=True):
    """A node that takes less than it could, and why."""

    name: str
    reason: str
    effective_units: int
    units: int


class HealthReport(Struct, frozen=True):
    """The figures behind the word. `hot_age_ms`, `cold_age_ms`: how old they are, None before the first.

    `forecast`: fire times of series in each minute of the next hour.
    """

    hot_age_ms: int | None
    cold_age_ms: int | None
    overdue: Overdue
    overdue_paused: Overdue
    start_delay: Spread
    executors: list[ExecutorHealth]
    load: Spread
    load_now: float | None
    arrivals_per_minute: float
    runs_per_minute: float
    dead_letters: int
    overloaded: list[OverloadedNode]
    capacity: Capacity | None
    tasks: dict[str, int]
    nodes: dict[str, int]
    versions: dict[str, int]
    settings: dict[str, str]
    forecast: list[float] = []
    pauses: list[ExecutorPause] = []


class Health(Struct, frozen=True):
    """Of `health`: `starting`, `ok`, `warning` or `error`, with reasons and figures."""

    answer: Answer
    health: str
    findings: list[Finding]
    report: HealthReport | None = None


class SeriesToAdd(Struct, frozen=True):
    """So many series for a question of what if: one of `every_ms`, `cron` and `rrule`.

    Without a cost that of a normal task is meant, without a duration that of the executor's last runs.
    """

    count: int
    every_ms: int = 0
    cron: str = ""
    rrule: str = ""
    time_zone: str = ""
    executor: str = ""
    cost: int | None = None
    duration_ms: int | None = None


def capacity_fields(capacity: Capacity) -> dict[str, Any]:
    """As JSON has it: each figure a number or the word."""
    fields = _with_words(plain_dict(capacity))
    if fields.pop("drain_net_never"):
        fields["drain_net_minutes"] = NEVER
    return fields


def health_fields(health: Health) -> dict[str, Any]:
    """As JSON has it: the word, the findings, and the figures beside them."""
    fields: dict[str, Any] = {
        "health": health.health,
        "findings": [plain_dict(one) for one in health.findings],
    }
    if health.report is None:
        return fields
    report = _with_words(plain_dict(health.report))
    report["pauses"] = [plain_dict(one) for one in health.report.pauses]  # of everything: null
    if health.report.capacity is not None:
        report["capacity"] = capacity_fields(health.report.capacity)
    return fields | report


def _with_words(fields: dict[str, Any]) -> dict[str, Any]:
    """Of a view and of the views in it."""
    return {name: _worded(value) for name, value in fields.items()}


def _worded(value: Any) -> Any:
    if value is None:
        return UNKNOWN
    if isinstance(value, dict):
        return _with_words(value)
    if isinstance(value, list):
        return [_worded(item) for item in value]
    return value
