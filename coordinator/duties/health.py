"""Is the cluster well (TM-77)? A judgement on figures that are handed in; an estimate alone never makes it an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from coordinator.duties.capacity import Capacity
from coordinator.duties.overdue import Backlog
from coordinator.duties.run_window import RunFigures
from coordinator.duties.spread import NOTHING_MEASURED, Spread
from coordinator.model.instants import MINUTE, SECOND, Instant, Millis
from coordinator.model.settings import Settings, duration_text
from coordinator.model.tasks import RunOutcome

OVERDUE_WARN_MS = 5 * MINUTE
HOT_STALE, COLD_STALE = 3.0, 1.5  # so many intervals without new figures, and nobody makes any
RUNS_JUDGED_MIN = 10  # of an executor: the share of one run in three says nothing
NAMES_SHOWN = 10


class Finding(msgspec.Struct, frozen=True, gc=False):
    """`level`: info, warning or error; info alone leaves the cluster ok. `shown` may differ: what is said as an error makes the cluster no worse than warned."""

    rule: str
    level: str
    text: str
    shown: str = ""


class ExecutorFigures(msgspec.Struct, frozen=True, gc=False):
    """Of one executor; `overdue` counts tasks of a paused one as well."""

    executor: str
    runs: RunFigures
    overdue: Backlog = Backlog()
    tasks: tuple[tuple[str, int], ...] = ()  # by status
    paused: bool = False


class Overloaded(msgspec.Struct, frozen=True, gc=False):
    """A node that protects itself (TM-62), or did so until just now."""

    node: str
    reason: str
    effective_units: int
    units: int


class Hot(msgspec.Struct, frozen=True, gc=False):
    """Made every `health.hot`. `made_at` is steady time, `at` the state's; load 1.0: nothing is free."""

    made_at: Millis
    at: Instant
    overdue: Backlog = Backlog()
    overdue_paused: Backlog = Backlog()
    start_delay: Spread = NOTHING_MEASURED  # of all executors
    executors: tuple[ExecutorFigures, ...] = ()
    load: Spread = NOTHING_MEASURED
    load_now: float | None = None
    arrivals_per_minute: float = 0.0
    completed_per_minute: float = 0.0
    dead_letters: int = 0
    overloaded: tuple[Overloaded, ...] = ()


class Cold(msgspec.Struct, frozen=True, gc=False):
    """Made every `health.cold`."""

    made_at: Millis
    capacity: Capacity
    series: int = 0  # enabled ones
    series_pending: int = 0  # whose timetable was not worked out yet
    forecast: tuple[float, ...] = ()  # fire times in each minute of the next hour


def judge(
    settings: Settings, steady: Millis, hot: Hot | None, cold: Cold | None
) -> Iterator[Finding]:
    """What is wrong by the figures, if anything."""
    yield from _stale("hot", hot.made_at if hot else None, steady, settings, HOT_STALE)
    yield from _stale("cold", cold.made_at if cold else None, steady, settings, COLD_STALE)
    if hot is not None:
        yield from _late(hot, settings.millis("health.delay_warn"))
        yield from _failing(hot.executors, settings)
        yield from _overdue(hot)
        if hot.overloaded:
            said = _listed(
                [
                    f"{one.node} takes {one.effective_units} of {one.units} units ({one.reason})"
                    for one in hot.overloaded
                ]
            )
            yield Finding("overload", "warning", f"nodes protect themselves: {said}")
    if cold is not None and cold.capacity.verdict == "short":
        yield Finding("capacity", "warning", _short(cold.capacity))


def level_of(findings: Sequence[Finding], *, starting: bool) -> str:
    """`error`, `starting`, `warning` or `ok`."""
    levels = {finding.level for finding in findings}
    if "error" in levels:
        return "error"
    return "starting" if starting else "warning" if "warning" in levels else "ok"


def _stale(
    what: str, made_at: Millis | None, steady: Millis, settings: Settings, times: float
) -> Iterator[Finding]:
    """By the interval in force, so that a longer one is no error by itself."""
    interval = settings.millis(f"health.{what}")
    if made_at is None or steady - made_at <= times * interval:
        return
    age, every = duration_text(steady - made_at), duration_text(interval)
    yield Finding(f"{what}_figures", "error", f"figures made every {every} are {age} old")


def _late(hot: Hot, most: Millis) -> Iterator[Finding]:
    p99 = hot.start_delay.p99
    if p99 is None or p99 <= most:
        return
    late = [
        f"{one.executor} ({_seconds(one.runs.start_delay.p99)})"
        for one in hot.executors
        if (one.runs.start_delay.p99 or 0) > most
    ]
    text = f"runs begin late, p99 {_seconds(p99)}, over {duration_text(most)}: {_listed(late)}"
    yield Finding("start_delay", "warning", text)


def _failing(executors: Sequence[ExecutorFigures], settings: Settings) -> Iterator[Finding]:
    warn, error = settings.percent("health.failed_warn"), settings.percent("health.failed_error")
    for one in executors:
        share = 100 * one.runs.share(RunOutcome.FAILED)
        if one.runs.runs >= RUNS_JUDGED_MIN and share > warn:
            text = f"{one.executor}: {share:.0f}% of its last {one.runs.runs} runs failed"
            yield Finding("failing", "warning", text, "error" if share > error else "")


def _overdue(hot: Hot) -> Iterator[Finding]:
    since = hot.overdue.since
    if since is not None and hot.at - since > OVERDUE_WARN_MS:
        age = duration_text((hot.at - since) // SECOND * SECOND)
        text = f"{hot.overdue.tasks} tasks are due and have not started, the oldest for {age}"
        yield Finding("overdue", "warning", text)


def _short(capacity: Capacity) -> str:
    wanted, units = capacity.demand_units or 0.0, capacity.units or 0.0
    text = f"{wanted:.1f} units are asked for, and the nodes have {units:.1f}"
    if capacity.proposed_nodes is not None:
        text += f": {capacity.proposed_nodes} nodes of their size would do"
    return f"{text} (series alone are too much)" if capacity.series_alone_too_much else text


def _seconds(millis: float | None) -> str:
    return "unknown" if millis is None else f"{millis / SECOND:.1f} s"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    text = ", ".join(names[:NAMES_SHOWN])
    return f"{text} and {more} more" if more > 0 else text
