"""The estimate of TM-79: what the cluster can do, what it is asked to do, and what it would be if."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from coordinator.duties.capacity import Demand, Figures, Measured, estimate, what_if
from coordinator.duties.spread import Spread

NORMAL = 2  # units


def wanted(per_minute: float, executor: str = "t", cost: int = NORMAL) -> Demand:
    return Demand(executor, per_minute, per_minute * cost)


def loaded(p90: float) -> Spread:
    return Spread(600, p90, p90, p90, p90, p90)


@pytest.mark.parametrize(
    "capacity, run_s, per_node", [(10, 0.5, 1_200), (10, 0.7, 857), (10, 1, 600), (50, 0.5, 6_000)]
)
def test_tm_a60_runs_that_one_node_can_do_in_a_minute(
    capacity: int, run_s: float, per_node: int
) -> None:
    figures = Figures(
        nodes=3,
        units=3.0 * NORMAL * capacity,
        series=(wanted(7),),
        measured={"t": Measured(run_s)},
    )
    found = estimate(figures).runs_per_minute_per_node
    assert found is not None
    assert int(found) == per_node


def test_tm_a60_hand_over_holds_a_place_as_well() -> None:
    figures = Figures(2, 40.0, (wanted(7),), measured={"t": Measured(0.5, 0.5)})
    assert estimate(figures).runs_per_minute_per_node == 600


def test_tm_a61_what_series_need() -> None:
    series = (wanted(50 * 6.0, "ten_seconds"), wanted(50 / 20, "twenty_minutes"))
    found = estimate(Figures(1, 20.0, series))
    assert found.series_per_minute == 302.5
    assert found.series_units is None  # nothing of it ever ran
    assert found.unmeasured == ("ten_seconds", "twenty_minutes")


def test_tm_a62_a_saturated_cluster_is_to_grow_whatever_its_series_need() -> None:
    # 10 units for series on nodes of 2: five are the least; demand alone asks for six.
    figures = Figures(1, 2.0, (wanted(300),), measured={"t": Measured(1.0)}, load=loaded(0.99))
    calm = estimate(figures)
    assert (calm.min_nodes, calm.proposed_nodes) == (5, 6)
    least = replace(figures, series=(wanted(30),))
    assert estimate(least).proposed_nodes == 1
    assert estimate(replace(least, load=loaded(1.0))).proposed_nodes == 2


def test_tm_79_demand_has_three_parts_and_a_verdict() -> None:
    figures = Figures(
        nodes=2,
        units=12.0,
        series=(wanted(60, "a"),),
        arrivals=(wanted(30, "b"),),
        long_units=4.0,
        measured={"a": Measured(2.0), "b": Measured(4.0)},
    )
    found = estimate(figures)
    assert (found.series_units, found.one_off_units, found.long_units) == (4.0, 4.0, 4.0)
    assert (found.demand_units, found.verdict) == (12.0, "tight")
    assert estimate(replace(figures, units=14.4)).verdict == "fits"
    assert estimate(replace(figures, units=11.0)).verdict == "short"
    assert not estimate(replace(figures, units=11.0)).series_alone_too_much
    assert estimate(replace(figures, units=3.0)).series_alone_too_much
    assert (found.min_nodes, found.proposed_nodes) == (1, 3)


def test_tm_79_an_arrival_counts_until_its_run_is_a_long_one() -> None:
    # One an hour, for an hour each: at any time one runs, for 10 of its 60 minutes as an arrival.
    figures = Figures(1, 20.0, arrivals=(wanted(1 / 60),), measured={"t": Measured(3_600.0)})
    found = estimate(figures)
    assert found.one_off_units == pytest.approx(NORMAL / 6)
    in_series = replace(figures, arrivals=(), series=figures.arrivals)
    assert estimate(in_series).series_units == pytest.approx(NORMAL)


def test_tm_79_what_was_not_measured_is_named_and_the_rest_counts() -> None:
    figures = Figures(1, 20.0, (wanted(60, "a"), wanted(60, "new")), measured={"a": Measured(1.0)})
    found = estimate(figures)
    assert (found.series_units, found.unmeasured, found.verdict) == (2.0, ("new",), "fits")


def test_tm_79_time_to_work_off_what_is_overdue() -> None:
    figures = Figures(4, 80.0, overdue=120, completed_per_minute=60.0, arrivals_per_minute=30.0)
    found = estimate(figures)
    assert (found.drain_minutes, found.drain_net_minutes, found.drain_net_never) == (2, 4, False)
    flooded = estimate(replace(figures, arrivals_per_minute=60.0))
    assert (flooded.drain_minutes, flooded.drain_net_minutes) == (2, None)
    assert flooded.drain_net_never
    still = estimate(replace(figures, completed_per_minute=0.0))
    assert (still.drain_minutes, still.drain_net_minutes) == (None, None)
    assert still.drain_net_never
    idle = estimate(replace(figures, overdue=0, completed_per_minute=0.0))
    assert (idle.drain_minutes, idle.drain_net_minutes, idle.drain_net_never) == (0, 0, False)


def test_tm_79_an_idle_cluster_has_its_figures_or_the_word_unknown() -> None:
    found = estimate(Figures(nodes=2, units=40.0))
    assert (found.min_nodes, found.proposed_nodes, found.verdict) == (1, 1, "fits")
    assert found.runs_per_minute_per_node is None
    ran = Figures(2, 40.0, mix=(wanted(50),), measured={"t": Measured(1.0)})
    assert estimate(ran).runs_per_minute_per_node == 600
    nobody = estimate(Figures())
    assert (nobody.units_per_node, nobody.min_nodes, nobody.proposed_nodes) == (None, None, None)
    assert nobody.verdict == "fits"
    tasks = Figures(series=(wanted(60),), measured={"t": Measured(1.0)})
    assert (estimate(tasks).verdict, estimate(tasks).series_alone_too_much) == ("short", True)


def test_tm_81_what_if_there_were_other_nodes() -> None:
    figures = Figures(
        2,
        40.0,
        (wanted(600),),
        measured={"t": Measured(1.0)},
        load=loaded(1.0),
        overdue=10,
        completed_per_minute=20.0,
    )
    found = estimate(what_if(figures, nodes=4))
    assert (found.nodes, found.units, found.units_per_node) == (4, 80.0, 20.0)
    assert found.demand_units == estimate(figures).demand_units
    assert (found.drain_minutes, found.load.count) == (0.25, 0)
    unknown = estimate(what_if(Figures(series=figures.series, measured=figures.measured), nodes=3))
    assert (unknown.units, unknown.verdict, unknown.min_nodes) == (None, "unknown", None)


def test_tm_81_what_if_there_were_more_series() -> None:
    figures = Figures(1, 20.0, (wanted(60),), measured={"t": Measured(1.0)})
    added = [(wanted(500, ""), Measured(2.0)), (wanted(60), None)]
    found = estimate(what_if(figures, added=added))
    assert found.series_per_minute == 620
    assert found.series_units == pytest.approx(2 + 500 * NORMAL * 2 / 60 + 2)
    assert found.verdict == "short"
    assert estimate(figures).verdict == "fits"


AMOUNTS = st.floats(0, 1e9)
DEMANDS = st.lists(st.builds(Demand, st.sampled_from("abc"), AMOUNTS, AMOUNTS), max_size=4)


@given(
    st.builds(
        Figures,
        nodes=st.integers(0, 9),
        units=st.none() | AMOUNTS,
        series=DEMANDS.map(tuple),
        arrivals=DEMANDS.map(tuple),
        mix=DEMANDS.map(tuple),
        long_units=AMOUNTS,
        measured=st.dictionaries(
            st.sampled_from("ab"), st.builds(Measured, AMOUNTS, AMOUNTS), max_size=2
        ),
        load=st.sampled_from([Spread(), loaded(0.5), loaded(1.0)]),
        overdue=st.integers(0, 10**6),
        completed_per_minute=AMOUNTS,
        arrivals_per_minute=AMOUNTS,
    ),
    st.none() | st.integers(0, 9),
)
def test_tm_79_no_figure_is_ever_infinite_or_no_number(figures: Figures, nodes: int | None) -> None:
    for one in (figures, what_if(figures, nodes)):
        found = estimate(one)
        numbers = [value for value in asdict(found).values() if isinstance(value, float | int)]
        assert all(isfinite(number) for number in numbers)
        if found.proposed_nodes is not None:
            assert found.proposed_nodes >= (found.min_nodes or 0) >= 1
