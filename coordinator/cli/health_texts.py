"""Health and capacity for people: a word, what was found, and the figures behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from coordinator.cli.texts import age, count, lasted

if TYPE_CHECKING:
    from coordinator.client.health_views import (
        Capacity,
        ExecutorHealth,
        Health,
        HealthReport,
        Spread,
    )

EXECUTORS_SHOWN = 20


def health_text(found: Health, word: str) -> str:
    """Line by line; executors that run late or fail come first."""
    lines = [word, *(f"{one.level}  {one.rule}: {one.text}" for one in found.findings)]
    if found.report is not None and found.report.hot_age_ms is not None:
        lines.append(" · ".join(_figures(found.report)))
        lines += _executors(found.report.executors)
    return "\n".join(lines)


def capacity_text(capacity: Capacity) -> str:
    """What there is, what is asked for, what that means."""
    return "\n".join(_capacity(capacity))


def verdict_text(capacity: Capacity) -> str:
    """`fits`, `tight`, `short` or `unknown`, with the one reason that more nodes of other tasks cannot mend."""
    alone = ", the series alone are too much" if capacity.series_alone_too_much else ""
    return f"{capacity.verdict}{alone}"


def _capacity(one: Capacity) -> Iterator[str]:
    yield (
        f"{count(one.nodes, 'node')}, {number(one.units)} units, {number(one.units_per_node)} each; "
        f"load {percent(one.load.mean)} on average, p90 {percent(one.load.p90)}"
    )
    yield (
        f"series     {number(one.series_units)} units busy: {one.series} series, "
        f"{number(one.series_per_minute)} runs/min"
    )
    yield f"one-off    {number(one.one_off_units)} units busy, and {number(one.long_units)} by runs over 10 min"
    wanted, units = number(one.demand_units), number(one.units)
    yield f"together   {wanted} of {units} units: {verdict_text(one)}"
    per_node = number(one.runs_per_minute_per_node)
    yield (
        f"nodes      {whole(one.min_nodes)} at least for the series, {whole(one.proposed_nodes)} proposed; "
        f"one can do {per_node} runs/min of this mix"
    )
    net = "never" if one.drain_net_never else minutes(one.drain_net_minutes)
    yield f"overdue    {one.overdue}: worked off in {minutes(one.drain_minutes)}, {net} with what arrives"
    if one.unmeasured:
        yield f"left out   no run has ended yet of {', '.join(one.unmeasured[:EXECUTORS_SHOWN])}"
    if one.series_pending:
        yield f"left out   {one.series_pending} series whose timetable is still being worked out"


def _figures(report: HealthReport) -> Iterator[str]:
    yield f"load {percent(report.load_now)} (p90 {percent(report.load.p90)})"
    yield f"{report.runs_per_minute:.1f} runs/min"
    overdue = report.overdue
    yield f"{overdue.tasks} overdue" + (f" for {age(overdue.oldest_ms)}" if overdue.tasks else "")
    if report.overdue_paused.tasks:
        yield f"{report.overdue_paused.tasks} more of paused executors"
    if report.dead_letters:
        yield count(report.dead_letters, "dead letter")
    for node in report.overloaded:
        yield f"{node.name} takes {node.effective_units} of {node.units} units: {node.reason}"
    if report.capacity is not None:
        yield f"capacity {verdict_text(report.capacity)}"
    if any(report.forecast):
        yield f"at most {number(max(report.forecast))} fire times in a minute of the next hour"


def _executors(executors: Sequence[ExecutorHealth]) -> Iterator[str]:
    if not executors:
        return
    first = sorted(executors, key=lambda one: -(one.start_delay.p99 or 0))[:EXECUTORS_SHOWN]
    rows = [("EXECUTOR", "RUNS", "START p50/p99", "TOOK p50/p99", "FAILED", "OVERDUE")]
    rows += [
        (
            one.executor + (" (paused)" if one.paused else ""),
            str(one.runs),
            _both(one.start_delay),
            _both(one.duration),
            _failed(one),
            str(one.overdue.tasks),
        )
        for one in first
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    if len(executors) > len(first):
        yield f"and {len(executors) - len(first)} more; -o json has them all"


def _both(spread: Spread) -> str:
    return f"{_time(spread.p50)} / {_time(spread.p99)}"


def _time(millis: float | None) -> str:
    return lasted(None if millis is None else round(millis))


def _failed(one: ExecutorHealth) -> str:
    return f"{one.outcomes.get('failed', 0) / one.runs:.0%}" if one.runs else "-"


def number(value: float | None) -> str:
    """One decimal where there is one."""
    if value is None:
        return "unknown"
    return f"{value:.0f}" if value == round(value) or value >= 1_000 else f"{value:.1f}"


def whole(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


def minutes(value: float | None) -> str:
    return "unknown" if value is None else f"{number(value)} min"
