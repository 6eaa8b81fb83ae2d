"""Pausing a type of work, or all of it, at the door, with a real replica behind it (TM-28)."""

from __future__ import annotations

from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import tasks_pb2 as tasks
from tests.unit.api.house import NOOP, Doors, doors, refused, until


async def hold(at: Doors, name: str = NOOP, **more: object) -> wire.ExecutorPauseResponse:
    change = tasks.Change(reason="migration")
    request = wire.PauseExecutorRequest(change=change, name=name, all=not name, **more)  # type: ignore[arg-type]
    answer: wire.ExecutorPauseResponse = await at.cluster.PauseExecutor(request)
    return answer


async def release(at: Doors, name: str = "") -> wire.ExecutorPauseResponse:
    request = wire.ResumeExecutorRequest(name=name, all=not name)
    answer: wire.ExecutorPauseResponse = await at.cluster.ResumeExecutor(request)
    return answer


async def shown(at: Doors) -> wire.ExecutorView:
    (one,) = (await at.cluster.ListExecutors(wire.ListExecutorsRequest(name=NOOP))).executors
    return one


async def test_tm_28_who_when_and_why_is_shown_in_explain_the_list_and_health() -> None:
    async with doors() as at:
        await at.node()
        assert not (await hold(at)).unchanged
        await at.create("t1")
        found = await at.tasks.Explain(tasks.ExplainRequest(id="t1"))
        assert (found.code, found.stage, found.would_choose) == ("type_paused", 2, "")
        assert found.text.startswith(f'{NOOP} is paused by operator ("migration") since ')
        assert any(hint.command == f"taskctl executor resume {NOOP}" for hint in found.hints)
        one = await shown(at)
        assert (one.paused, one.pause.reason, one.pause.by) == (True, "migration", "operator")
        health = await at.cluster.Health(wire.HealthRequest())
        assert [(f.rule, f.level, f.text) for f in health.findings] == [
            ("paused", "info", found.text)
        ]
        assert [one.executor for one in health.report.pauses] == [NOOP]
        assert list((await release(at, NOOP)).cleared) == [NOOP]
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        assert not (await shown(at)).paused


async def test_tm_28_everything_is_paused_and_one_resumption_clears_all() -> None:
    async with doors() as at:
        await at.node()
        await hold(at)
        await hold(at, "")
        text = (await at.cluster.Health(wire.HealthRequest())).findings[0].text
        assert text.startswith("nothing is placed: assignment.enable = none, set by operator")
        pauses = (await at.cluster.Health(wire.HealthRequest())).report.pauses
        assert [(one.executor, one.reason) for one in pauses] == [
            ("", "migration"),
            (NOOP, "migration"),
        ]
        answer = await release(at)
        assert list(answer.cleared) == ["assignment.enable", NOOP]
        assert (await release(at)).unchanged


async def test_tm_28_the_same_request_again_names_again_what_it_cleared() -> None:
    async with doors() as at:
        await at.node()
        await hold(at)
        request = wire.ResumeExecutorRequest(all=True, change=tasks.Change(request_id="r1"))
        assert list((await at.cluster.ResumeExecutor(request)).cleared) == [NOOP]
        assert list((await at.cluster.ResumeExecutor(request)).cleared) == [NOOP]


async def test_tm_28_a_dry_run_pauses_nothing() -> None:
    async with doors() as at:
        await at.node()
        change = tasks.Change(reason="migration", dry_run=True)
        request = wire.PauseExecutorRequest(change=change, name=NOOP)
        assert not (await at.cluster.PauseExecutor(request)).unchanged
        assert not at.house.replica.state.paused_executors


async def test_tm_a51_what_is_wrong_with_a_pause_is_said() -> None:
    async with doors() as at:
        await at.node()
        assert (await refused(hold(at, "demo.nope"))).reason == "executor_not_found"
        assert (await release(at, "demo.nope")).unchanged
        assert (await refused(hold(at, running="now"))).reason == "invalid_field"
        nothing = wire.PauseExecutorRequest(name=NOOP)
        assert (await refused(at.cluster.PauseExecutor(nothing))).reason == "invalid_field"
        both = wire.ResumeExecutorRequest(name=NOOP, all=True)
        assert (await refused(at.cluster.ResumeExecutor(both))).reason == "invalid_field"
