"""Health and capacity as callers are told them (TM-57, TM-76 to TM-81)."""

from __future__ import annotations

import grpc
import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import health_pb2
from tests.unit.api.house import NOOP, Doors, doors, refused, until

Code = grpc.StatusCode


async def health(at: Doors) -> wire.HealthResponse:
    """With figures that are made anew."""
    reporting = at.house.replica.reporting
    reporting.hot = reporting.cold = None
    reporting._sample_at = 0
    await until(lambda: reporting.hot is not None and reporting.cold is not None)
    return await at.cluster.Health(wire.HealthRequest())


async def capacity(at: Doors, **case: object) -> health_pb2.CapacityView:
    return (await at.cluster.Capacity(wire.CapacityRequest(**case), timeout=20)).capacity


async def runs(at: Doors, node: object, *ids: str, lasted_ms: int = 0) -> None:
    """Each is created, starts at once and has lasted so long."""
    for one in ids:
        await at.create(one)
        await node.report(one, "started")  # type: ignore[attr-defined]
        await node.end(one, lasted_ms=lasted_ms)  # type: ignore[attr-defined]


def rules(found: wire.HealthResponse) -> list[str]:
    return [one.rule for one in found.findings]


async def test_tm_77_health_names_what_is_wrong() -> None:
    async with doors() as at:
        found = await health(at)
        assert (found.health, list(found.findings)) == ("ok", [])
        at.house.condition = "disk_full"
        found = await health(at)
        assert (found.health, rules(found)) == ("error", ["disk"])


async def test_tm_77_a_leader_that_has_no_figures_yet_is_starting() -> None:
    async with doors() as at:
        at.house.pump.stop()
        at.house.pump._stopped = False  # the turn of the call, and no tick
        at.house.replica.reporting.hot = None
        found = await at.cluster.Health(wire.HealthRequest())
        assert (found.health, found.report.hot_age_ms) == ("starting", -1)


async def test_tm_77_health_names_lost_nodes() -> None:
    async with doors() as at:
        node = await at.node("n1")
        at.house.replica.leading.leases._heard["n1"].at -= 100_000
        await until(lambda: at.house.replica.state.nodes["n1"].status == "lost")
        assert rules(await health(at)) == ["nodes_lost"]
        assert node.closed


async def test_tm_a14_ten_start_at_once_and_two_when_places_get_free() -> None:
    async with doors() as at:
        node = await at.node(capacity=10)
        for number in range(12):
            await at.create(f"t{number:02}")
        await until(lambda: len(node.wanted) == 10)
        found = await health(at)
        assert found.report.overdue.tasks == 12  # placed is not started
        for number in range(10):
            await node.report(f"t{number:02}", "started")
        found = await health(at)
        assert (found.report.overdue.tasks, found.report.overdue.units) == (2, 4)
        assert found.health == "ok"  # for five minutes
        assert found.report.load_now == 1.0
        await node.end("t00")
        await until(lambda: "t10" in node.wanted)
        assert "t11" not in node.wanted
        await node.end("t01")
        await until(lambda: "t11" in node.wanted)


async def test_tm_a20_what_is_paused_is_overdue_and_counted_apart() -> None:
    async with doors() as at:
        node = await at.node()
        await at.settings(assignment__enable="none")
        await at.create("t")
        found = await health(at)
        assert (found.report.overdue.tasks, found.report.overdue_paused.tasks) == (0, 1)
        assert (found.health, node.wanted) == ("ok", {})
        assert found.report.executors[0].paused
        await at.settings(assignment__enable="all")
        await node.report("t", "started")
        found = await health(at)
        assert (found.report.overdue.tasks, found.report.overdue_paused.tasks) == (0, 0)


async def test_tm_76_the_report_has_figures_by_executor_and_of_the_cluster() -> None:
    async with doors() as at:
        node = await at.node()
        await runs(at, node, "a", "b", lasted_ms=2_000)
        await at.create("c")
        await node.end("c", RunOutcome.FAILED, permanent=True)
        await at.settings(health__delay_warn="5s")
        report = (await health(at)).report
        (one,) = report.executors
        assert (one.executor, one.runs) == (NOOP, 3)
        assert dict(one.outcomes) == {"failed": 1, "succeeded": 2}
        assert (one.start_delay.count, one.duration.p99) == (3, 2_000)
        assert dict(one.tasks) == {"succeeded": 2, "failed": 1}
        assert report.dead_letters == 1
        assert dict(report.settings) == {"health.delay_warn": "5s"}
        assert dict(report.nodes) == {"ready": 1}
        assert report.runs_per_minute == 3
        assert report.capacity.verdict == "fits"


async def test_tm_a67_a_late_start_is_told_with_whose_it_was() -> None:
    async with doors() as at:
        node = await at.node()
        await runs(at, node, "a")
        at.house.replica.reporting.statistics._by_executor[NOOP].window.began(61_000, 0)
        at.house.replica.reporting.statistics.begun += 1
        found = await health(at)
        assert (found.health, rules(found)) == ("warning", ["start_delay"])
        assert NOOP in found.findings[0].text


async def test_tm_a68_a_silent_node_is_none_of_the_live_ones() -> None:
    async with doors() as at:
        await at.node("n1", capacity=10, version="1.0")
        await at.node("n2", capacity=10, version="1.1")
        found = await health(at)
        assert (dict(found.report.nodes), found.report.capacity.nodes) == ({"ready": 2}, 2)
        assert dict(found.report.versions) == {"1.0": 1, "1.1": 1}
        at.house.replica.leading.leases._heard["n2"].at -= 46_000
        await until(lambda: at.house.replica.state.nodes["n2"].status == "lost")
        found = await health(at)
        assert dict(found.report.nodes) == {"ready": 1, "lost": 1}
        assert dict(found.report.versions) == {"1.0": 1}
        assert (found.report.capacity.nodes, found.report.capacity.units) == (1, 20)


async def test_tm_79_an_idle_cluster_and_what_is_unknown_in_it() -> None:
    async with doors() as at:
        found = await capacity(at)
        assert (found.nodes, found.verdict, found.overdue) == (0, "fits", 0)
        assert not found.HasField("min_nodes")
        assert not found.HasField("runs_per_minute_per_node")
        assert found.drain_minutes == 0


async def test_tm_81_what_it_would_be_if() -> None:
    async with doors() as at:
        node = await at.node(capacity=10)
        await runs(at, node, "a", lasted_ms=1_000)
        add = [health_pb2.SeriesToAdd(count=500, every_ms=60_000, cost=2, duration_ms=2_000)]
        found = await capacity(at, add=add)
        assert (found.series, found.series_per_minute) == (500, 500)
        assert found.series_units == pytest.approx(500 * 2 * 2 / 60)
        assert (found.verdict, found.series_alone_too_much) == ("short", True)
        assert (found.min_nodes, found.proposed_nodes) == (2, 3)
        wider = await capacity(at, add=add, nodes=4)
        assert (wider.nodes, wider.units, wider.verdict) == (4, 80, "fits")
        as_it_ran = [health_pb2.SeriesToAdd(count=60, every_ms=60_000, executor=NOOP)]
        assert (await capacity(at, add=as_it_ran)).series_units == pytest.approx(2, rel=0.2)
        assert (await capacity(at)).series == 0  # nothing was changed by asking


@pytest.mark.parametrize(
    "case, word",
    [
        ({"nodes": 0}, "nodes"),
        ({"add": [{"count": 0, "every_ms": 1_000, "duration_ms": 1}]}, "count"),
        ({"add": [{"count": 1, "duration_ms": 1}]}, "add"),
        ({"add": [{"count": 1, "every_ms": 1_000, "cron": "* * * * *", "duration_ms": 1}]}, "add"),
        ({"add": [{"count": 1, "every_ms": 999, "duration_ms": 1}]}, "1s .. 366d"),
        ({"add": [{"count": 1, "every_ms": 1_000, "duration_ms": 1, "cost": 1_001}]}, "cost"),
        ({"add": [{"count": 1, "every_ms": 1_000, "executor": "nobody"}]}, "duration="),
        ({"add": [{"count": 1, "cron": "0 30 * * *", "duration_ms": 1}]}, "add"),
    ],
)
async def test_tm_81_a_case_that_cannot_be_is_refused(case: dict[str, object], word: str) -> None:
    async with doors() as at:
        said = await refused(at.cluster.Capacity(wire.CapacityRequest(**case)))
        assert said.code is Code.INVALID_ARGUMENT
        assert word in said.message
