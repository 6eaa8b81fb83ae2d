"""How much the cluster can do and how much it is asked to do: the estimate of TM-79, and what it would be if (TM-81).

All figures come in; nothing is looked up. What is not known is None, never NaN or infinite. Units, minutes and seconds
are real numbers, rounded only when shown.

What differs from a plain reading of the rule: an executor that was asked for but never ran to its end has no duration,
so it is left out of the units and named in `unmeasured`; an arrival counts for at most the 10 minutes after which its
run is counted as a long one, so that no unit is counted twice; and never fewer nodes are proposed than are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

import msgspec

from coordinator.duties.spread import NOTHING_MEASURED, Spread

LONG_RUN_S = 600.0
HEAD_ROOM = 1.2
SATURATED = 1.0
LARGEST = 1e15  # of any figure; beyond it something was divided by next to nothing
_DUST = 1e-9  # what arithmetic leaves behind is no reason for another node


class Demand(msgspec.Struct, frozen=True, gc=False):
    """Runs of one executor that are asked for per minute, and the sum of their costs."""

    executor: str
    per_minute: float
    units_per_minute: float


class Measured(msgspec.Struct, frozen=True, gc=False):
    """Means of an executor's last runs, in seconds: of the run, and from its placement to the first line of its code."""

    duration_s: float
    hand_over_s: float = 0.0

    @property
    def held_s(self) -> float:
        """How long a run holds its units."""
        return self.duration_s + self.hand_over_s


class Figures(msgspec.Struct, frozen=True, gc=False):
    """What an estimate is made of. `nodes` are live and not draining, `units` theirs together, None if unknown.

    `mix`: what ran last, used where nothing is asked for now.
    """

    nodes: int = 0
    units: float | None = 0.0
    series: tuple[Demand, ...] = ()
    arrivals: tuple[Demand, ...] = ()  # of tasks without a schedule
    mix: tuple[Demand, ...] = ()
    long_units: float = 0.0  # of runs without a schedule that are older than 10 min
    measured: Mapping[str, Measured] = {}
    load: Spread = NOTHING_MEASURED  # 1.0: nothing is free
    overdue: int = 0
    completed_per_minute: float = 0.0
    arrivals_per_minute: float = 0.0  # of all runs that were wanted, series included


class Capacity(msgspec.Struct, frozen=True, gc=False):
    """None: unknown. Units are those of cost, times in minutes."""

    nodes: int
    units: float | None
    units_per_node: float | None
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
    drain_net_never: bool  # more comes than is worked off
    verdict: str  # fits, tight, short, unknown
    series_alone_too_much: bool
    unmeasured: tuple[str, ...]  # executors that are left out of the units


def estimate(figures: Figures) -> Capacity:
    """The figures of TM-79."""
    units, nodes = figures.units, figures.nodes
    per_node = _ratio(units, nodes)
    series = _busy(figures.series, figures.measured)
    one_off = _busy(figures.arrivals, figures.measured, LONG_RUN_S)
    known = series is not None and one_off is not None
    demand = (series or 0) + (one_off or 0) + figures.long_units if known else None
    least = _at_least(1, _ratio(series, per_node))
    drain, net, never = _drain(figures)
    return Capacity(
        nodes=nodes,
        units=units,
        units_per_node=per_node,
        series_per_minute=sum(one.per_minute for one in figures.series),
        series_units=series,
        one_off_units=one_off,
        long_units=figures.long_units,
        demand_units=demand,
        load=figures.load,
        runs_per_minute_per_node=_per_node(figures, per_node),
        min_nodes=least,
        proposed_nodes=_proposed(demand, per_node, least, figures.load),
        overdue=figures.overdue,
        drain_minutes=drain,
        drain_net_minutes=net,
        drain_net_never=never,
        verdict=_verdict(demand, units),
        series_alone_too_much=None not in (series, units) and (series or 0) > (units or 0),
        unmeasured=_unmeasured((*figures.series, *figures.arrivals), figures.measured),
    )


def what_if(
    figures: Figures, nodes: int | None = None, added: Iterable[tuple[Demand, Measured | None]] = ()
) -> Figures:
    """The same with so many nodes of the present size, and with more series.

    Each of those has a duration of its own, or None where its executor's is meant. What was measured of load does not
    hold for other nodes.
    """
    measured, series = dict(figures.measured), list(figures.series)
    for number, (demand, own) in enumerate(added):
        name = demand.executor
        if own is not None:
            name = f"{name}+{number}"
            measured[name] = own
        series.append(msgspec.structs.replace(demand, executor=name))
    changed = msgspec.structs.replace(figures, series=tuple(series), measured=measured)
    if nodes is None or nodes == figures.nodes:
        return changed
    here, size = figures.nodes, figures.units
    return msgspec.structs.replace(
        changed,
        nodes=nodes,
        units=_ratio(None if size is None else size * nodes, here),
        load=NOTHING_MEASURED,
        completed_per_minute=_ratio(figures.completed_per_minute * nodes, here) or 0.0,
    )


def _busy(
    demands: Iterable[Demand], measured: Mapping[str, Measured], most_s: float = float("inf")
) -> float | None:
    """Units kept busy; None where something is asked for and nothing of it was ever measured."""
    asked = [one for one in demands if one.per_minute > 0]
    known = [one for one in asked if one.executor in measured]
    if asked and not known:
        return None
    return sum(
        one.units_per_minute * min(measured[one.executor].held_s, most_s) / 60 for one in known
    )


def _per_node(figures: Figures, units: float | None) -> float | None:
    """Runs per minute of the present mix that one node can do; unknown where they take nothing at all."""
    if not units:
        return None
    for demands in ((*figures.series, *figures.arrivals), figures.mix):
        known = [one for one in demands if one.executor in figures.measured]
        runs = sum(one.per_minute for one in known)
        taken = sum(one.units_per_minute * figures.measured[one.executor].held_s for one in known)
        if (found := _ratio(60 * units * runs, taken)) and runs > 0:
            return found
    return None


def _proposed(
    demand: float | None, per_node: float | None, least: int | None, load: Spread
) -> int | None:
    if demand is None or least is None:
        return None
    if load.p90 is not None and load.p90 >= SATURATED:
        least = max(least, _ceil(HEAD_ROOM * least))
    return _at_least(least, _ratio(HEAD_ROOM * demand, per_node))


def _drain(figures: Figures) -> tuple[float | None, float | None, bool]:
    """Minutes to work off what is overdue; the same while more arrives; and whether that never ends."""
    if not figures.overdue:
        return 0.0, 0.0, False
    rate = figures.completed_per_minute
    net = rate - figures.arrivals_per_minute
    return _ratio(figures.overdue, rate), _ratio(figures.overdue, net), net <= 0


def _verdict(demand: float | None, units: float | None) -> str:
    if demand is None or units is None:
        return "unknown"
    if HEAD_ROOM * demand <= units + _DUST:
        return "fits"
    return "tight" if demand <= units + _DUST else "short"


def _unmeasured(demands: Iterable[Demand], measured: Mapping[str, Measured]) -> tuple[str, ...]:
    return tuple(sorted({one.executor for one in demands if one.per_minute > 0} - measured.keys()))


def _ratio(amount: float | None, of: float | None) -> float | None:
    """None where one of them is, where there is nothing to divide by, and where the result is no number to show."""
    if amount is None or of is None or of <= 0:
        return None
    found = amount / of
    return found if found < LARGEST else None


def _at_least(least: int, value: float | None) -> int | None:
    return None if value is None else max(least, _ceil(value))


def _ceil(value: float) -> int:
    return ceil(value - _DUST)
