"""`taskctl cluster capacity` and the figures of `taskctl cluster health` (TM-76, TM-79, TM-81)."""

from __future__ import annotations

import json

import pytest

from coordinator.cli.capacity_command import series_of
from coordinator.cli.health_texts import number
from coordinator.client.health_views import SeriesToAdd
from coordinator.wire.v1 import health_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

SPREAD = wire.Spread(count=50, mean=20, p50=12, p90=40, p95=50, p99=61_000)
LOAD = wire.Spread(count=600, mean=0.4, p50=0.4, p90=0.75, p95=0.8, p99=1.0)


def capacity(**more: object) -> wire.CapacityView:
    known = {
        "nodes": 3,
        "units": 60,
        "units_per_node": 20,
        "series": 100,
        "series_per_minute": 302.5,
        "series_units": 12.1,
        "one_off_units": 3,
        "demand_units": 15.1,
        "load": LOAD,
        "runs_per_minute_per_node": 1_200,
        "min_nodes": 1,
        "proposed_nodes": 1,
        "overdue": 4,
        "drain_minutes": 0.5,
        "drain_net_minutes": 2,
        "verdict": "fits",
    }
    return wire.CapacityView(**{**known, **more})


@pytest.fixture
def figures(cluster: FakeCluster) -> wire.HealthReport:
    made = wire.HealthReport(
        overdue=wire.OverdueView(tasks=4, units=8, oldest_ms=12_000),
        overdue_paused=wire.OverdueView(tasks=2),
        start_delay=SPREAD,
        load=LOAD,
        load_now=0.5,
        runs_per_minute=302.5,
        dead_letters=2,
        executors=[
            wire.ExecutorHealth(executor="brisk", runs=50, outcomes={"succeeded": 50}),
            wire.ExecutorHealth(
                executor="late", runs=50, start_delay=SPREAD, duration=SPREAD,
                outcomes={"failed": 10, "succeeded": 40}, overdue=wire.OverdueView(tasks=4),
            ),
        ],
        capacity=capacity(),
        forecast=[1.5] * 59 + [7],
    )  # fmt: skip
    cluster.report = made
    return made


def test_tm_79_capacity_for_people(taskctl: Taskctl, figures: wire.HealthReport) -> None:
    lines = taskctl("cluster", "capacity").out.splitlines()
    assert lines == [
        "3 nodes, 60 units, 20 each; load 40% on average, p90 75%",
        "series     12.1 units busy: 100 series, 302.5 runs/min",
        "one-off    3 units busy, and 0 by runs over 10 min",
        "together   15.1 of 60 units: fits",
        "nodes      1 at least for the series, 1 proposed; one can do 1200 runs/min of this mix",
        "overdue    4: worked off in 0.5 min, 2 min with what arrives",
    ]


def test_tm_79_every_figure_has_a_value_or_the_word_unknown(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    view = wire.CapacityView(verdict="unknown", unmeasured=["new"], series_pending=3)
    cluster.report = wire.HealthReport(capacity=view)
    shown = taskctl("cluster", "capacity").out
    assert "unknown of unknown units: unknown" in shown
    assert "no run has ended yet of new" in shown
    assert "3 series whose timetable" in shown
    said = json.loads(taskctl("cluster", "capacity", "-o", "json").out)
    assert said["kind"] == "Capacity"
    assert (said["min_nodes"], said["units"], said["load"]["p90"]) == ("unknown",) * 3
    assert said["drain_net_minutes"] == "unknown"
    assert None not in [*said.values(), *said["load"].values()][2:]


def test_tm_79_what_is_never_worked_off_says_so(
    taskctl: Taskctl, cluster: FakeCluster, figures: wire.HealthReport
) -> None:
    figures.capacity.CopyFrom(capacity(drain_net_never=True, series_alone_too_much=True))
    shown = taskctl("cluster", "capacity").out
    assert "0.5 min, never with what arrives" in shown
    assert "fits, the series alone are too much" in shown
    said = json.loads(taskctl("cluster", "capacity", "-o", "json").out)
    assert said["drain_net_minutes"] == "never"
    assert "drain_net_never" not in said


def test_tm_81_what_if_is_asked_as_written(taskctl: Taskctl, cluster: FakeCluster) -> None:
    words = ["--nodes", "7", "--add", "500 x every=1m cost=normal duration=2s"]
    more = ["--add", "rrule=FREQ=DAILY time_zone=Europe/London executor=demo.noop cost=7"]
    assert taskctl("cluster", "capacity", *words, *more).code == 0
    (asked,) = cluster.asked("Capacity")
    assert asked.nodes == 7
    first, second = asked.add
    assert (first.count, first.every_ms, first.cost, first.duration_ms) == (500, 60_000, 2, 2_000)
    assert (second.count, second.rrule, second.cost) == (1, "FREQ=DAILY", 7)
    assert not second.HasField("duration_ms")
    assert taskctl("cluster", "capacity").code == 0
    assert not cluster.asked("Capacity")[1].HasField("nodes")


def test_tm_81_a_cron_expression_has_spaces() -> None:
    assert series_of("3 x cron='*/5 * * * *' duration=90s cost=large") == SeriesToAdd(
        3, cron="*/5 * * * *", cost=4, duration_ms=90_000
    )


@pytest.mark.parametrize(
    "spec",
    [
        "500 every=1m duration=2s",
        "every=1m",
        "duration=2s",
        "every=1m every=2m duration=2s",
        "every=1m cron='* * * * *' duration=2s",
        "every=1m duration=2",
        "every=1m duration=2s cost=cheap",
        "every=1m duration=2s cost=1001",
        "99999999999 x every=1m duration=2s",
        "0 x every=1m duration=2s",
        "every=1m duration=2s colour=red",
        "",
    ],
)
def test_tm_81_a_bad_case_is_a_usage_error(taskctl: Taskctl, spec: str) -> None:
    assert taskctl("cluster", "capacity", "--add", spec).code == 2


def test_tm_76_health_shows_its_figures_late_executors_first(
    taskctl: Taskctl, figures: wire.HealthReport
) -> None:
    lines = taskctl("cluster", "health").out.splitlines()
    assert lines[0] == "ok"
    assert lines[1] == (
        "load 50% (p90 75%) · 302.5 runs/min · 4 overdue for 12s · 2 more of paused executors · "
        "2 dead letters · capacity fits · at most 7 fire times in a minute of the next hour"
    )
    assert lines[3].split() == ["late", "50", "12", "ms", "/", "61", "s", "12", "ms", "/", "61", "s",
                                "20%", "4"]  # fmt: skip
    assert lines[4].split()[0] == "brisk"


def test_tm_76_health_as_json(taskctl: Taskctl, figures: wire.HealthReport) -> None:
    said = json.loads(taskctl("cluster", "health", "-o", "json").out)
    assert (said["health"], said["findings"]) == ("ok", [])
    assert said["overdue"] == {"tasks": 4, "units": 8, "oldest_ms": 12_000}
    assert said["executors"][0]["start_delay"]["p99"] == "unknown"
    assert said["capacity"]["verdict"] == "fits"
    assert said["forecast"][-2:] == [1.5, 7]


def test_tm_28_a_pause_of_everything_is_of_no_executor_as_json(
    taskctl: Taskctl, figures: wire.HealthReport
) -> None:
    figures.pauses.add(reason="an incident", by="operator", at=1)
    figures.pauses.add(executor="demo.noop", reason="a bug", by="operator", at=2)
    said = json.loads(taskctl("cluster", "health", "-o", "json").out)
    assert [one["executor"] for one in said["pauses"]] == [None, "demo.noop"]


@pytest.mark.parametrize(
    "value, text", [(None, "unknown"), (3.0, "3"), (3.14, "3.1"), (1_234.5, "1234"), (0.0, "0")]
)
def test_figures_are_rounded_only_when_shown(value: float | None, text: str) -> None:
    assert number(value) == text
