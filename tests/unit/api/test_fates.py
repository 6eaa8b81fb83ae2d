"""`Fates`, and what a run of a series tells of its occurrence, its state and its log (TM-9, TM-69)."""

from __future__ import annotations

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, doors, refused, until

SOON = wire.TaskSpec(schedule=wire.Schedule(every_ms=1_000))


async def fates_of(at: Doors, task_id: str, **more: object) -> wire.FatesResponse:
    found: wire.FatesResponse = await at.tasks.Fates(wire.FatesRequest(id=task_id, **more))  # type: ignore[arg-type]
    return found


async def test_tm_9_every_fire_time_has_its_fate_in_pages() -> None:
    async with doors() as at:
        await at.node()
        await at.create("s", spec=SOON)
        tasks = at.house.replica.state.tasks
        await until(lambda: tasks["s"].series.fates >= 2)  # it runs, so what comes is skipped
        await until(lambda: tasks["s"].series.last_fate.count >= 2)
        whole = await fates_of(at, "s")
        skipped, started = whole.fates
        assert (started.fate, started.reason, started.count) == ("started", "", 1)
        assert (skipped.fate, skipped.reason) == ("skipped", "overlap")
        assert skipped.last_at - skipped.first_at == 1_000 * (skipped.count - 1)
        assert started.last_at == skipped.first_at - 1_000
        assert whole.answer.revision > 0
        first = await fates_of(at, "s", limit=1)
        assert [one.number for one in first.fates] == [2]
        rest = await fates_of(at, "s", page_token=first.next_page)
        assert ([one.number for one in rest.fates], rest.next_page) == ([1], "")


async def test_fates_of_nothing_and_of_a_one_off() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1")
        assert not (await fates_of(at, "t1")).fates
        assert (await refused(fates_of(at, "no"))).reason == "task_not_found"
        assert (await refused(fates_of(at, "t1", limit=2_000))).reason == "invalid_field"
        bad = await refused(fates_of(at, "t1", page_token="x"))
        assert bad.reason == "invalid_page_token"


async def test_tm_69_a_run_tells_its_occurrence_and_how_many_lines_it_wrote() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("s", spec=SOON)
        await until(lambda: at.house.replica.state.tasks["s"].has_node)
        fire_at = at.house.replica.state.tasks["s"].series.occurrence.fire_at
        await node.report("s", "started")
        logs = b'{"at":1,"level":"info","event":"x","fields":{}}\n'
        await node.end("s", RunOutcome.SUCCEEDED, logs=logs, log_counts=(0, 7, 2, 0))
        runs = (await at.tasks.Runs(wire.RunsRequest(id="s"))).runs
        run = next(run for run in runs if run.status == "ended")
        assert (run.cause, run.occurrence_at) == ("schedule", fire_at)
        assert (run.log_counts.info, run.log_counts.warning, run.log_lines) == (7, 2, 9)
        whole = wire.RunsRequest(id="s", allocation_id=run.allocation_id)
        (run,) = (await at.tasks.Runs(whole)).runs
        assert (run.log_lines, run.log_dropped) == (9, 8)
        told = [
            message
            async for message in at.tasks.Logs(
                wire.LogsRequest(id="s", allocation_id=run.allocation_id)
            )
        ]
        assert [len(message.lines) for message in told] == [1]
        assert told[-1].dropped == 8


async def test_tm_69_the_last_progress_of_a_run_whose_worker_died_is_kept() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        await node.progress("t1", 40.0)
        await until(lambda: at.house.replica.live.progress_of("t1", 1))
        await node.end("t1", RunOutcome.LOST, reason="worker_died", worker_died=True)
        (run,) = (await at.tasks.Runs(wire.RunsRequest(id="t1", allocation_id=1))).runs
        assert (run.outcome, run.progress.done, run.progress.total) == ("lost", 40.0, 100.0)


async def test_tm_70_lines_that_the_leader_had_of_a_run_whose_node_went_are_kept() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        await node.log("t1", "file 1", "file 2")
        await node.progress("t1", 40.0)
        await until(lambda: at.house.replica.live.progress_of("t1", 1))
        node.say(goodbye=True)
        await until(lambda: not at.house.replica.state.tasks["t1"].has_node)
        (run,) = (await at.tasks.Runs(wire.RunsRequest(id="t1", allocation_id=1))).runs
        assert (run.reason, run.progress.done, run.log_lines) == ("node_left", 40.0, 2)
        told = at.tasks.Logs(wire.LogsRequest(id="t1", allocation_id=1))
        events = [line.event async for message in told for line in message.lines]
        assert events == ["file 1", "file 2"]
