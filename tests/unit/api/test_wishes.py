"""What callers wish of one task, through the door: update, pause, resume, retry, one run cancelled (PT-27..PT-33)."""

from __future__ import annotations

import grpc

from coordinator.model.ids import TaskId
from coordinator.model.tasks import RunOutcome
from coordinator.replica.sayings import WantedRun
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, Node, doors, refused, until

Code = grpc.StatusCode


async def update(at: Doors, **asked: object) -> wire.ChangeResponse:
    answer: wire.ChangeResponse = await at.tasks.Update(wire.UpdateRequest(id="t1", **asked))
    return answer


async def later_run(node: Node, allocation_id: int) -> WantedRun:
    """The run of t1 that is wanted after this one."""
    await until(lambda: "t1" in node.wanted and node.wanted["t1"].allocation_id > allocation_id)
    return node.wanted["t1"]


async def reached(at: Doors, status: str) -> wire.Task:
    await until(lambda: at.house.replica.state.tasks[TaskId("t1")].status == status)
    return await at.get("t1")


async def test_pt_33_an_edit_merges_into_what_is_there() -> None:
    async with doors() as at:
        await at.node()
        spec = wire.TaskSpec(priority=7, labels={"team": "a", "old": "x"})
        await at.create("t1", params=b'{"a": 1, "b": {"c": 2, "d": 3}}', spec=spec, paused=True)
        asked = wire.TaskSpec(cost=4, labels={"team": "b"})
        mask = ["cost", "priority", "labels.team", "labels.old"]
        params = b'{"b": {"c": null, "e": 5}}'
        done = await update(at, params=params, merge_params=True, spec=asked, mask=mask)
        assert done.task.params == b'{"a":1,"b":{"d":3,"e":5}}'
        assert (done.task.policy.cost, done.task.policy.priority) == (4, 50)
        assert not done.task.spec.HasField("priority")
        assert dict(done.task.spec.labels) == {"team": "b"}
        assert (done.effect, list(done.now)) == ("now", ["params", *mask])
        again = await update(at, params=params, merge_params=True, spec=asked, mask=mask)
        assert (again.unchanged, again.effect) == (True, "unchanged")
        assert again.task.modified_revision == done.task.modified_revision


async def test_pt_33_a_run_keeps_its_own_and_the_answer_says_so() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1", params=b'{"a":1}')
        run = await node.runs("t1")
        asked = {"params": b'{"a":2}', "spec": wire.TaskSpec(priority=9, timeout_ms=5_000)}
        done = await update(at, **asked, mask=["priority", "timeout_ms"])
        assert done.effect == "next_run"
        assert (list(done.now), list(done.next_run)) == (["priority"], ["params", "timeout_ms"])
        assert (done.task.policy.priority, done.task.policy.timeout_ms) == (9, 0)
        restarted = await update(at, params=b'{"a":3}', restart=True)
        assert (restarted.effect, restarted.task.stop_reason) == ("now", "replace")
        await node.end("t1", RunOutcome.ABORTED)
        anew = await later_run(node, run.allocation_id)
        assert (anew.params, anew.timeout_ms) == (b'{"a":3}', 5_000)


async def test_pt_a5_params_and_state_of_another_executor_change_nothing() -> None:
    async with doors() as at:
        number = {"properties": {"n": {"type": "integer"}}, "additionalProperties": False}
        await at.node(offers={NOOP: {"params_schema": number, "state_schema": number}})
        before = (await at.create("t1", params=b'{"n":1}', paused=True)).task
        said = await refused(update(at, params=b'{"path": "/x"}', merge_params=True))
        assert (said.reason, set(said.violations)) == ("invalid_params", {"params.path"})
        said = await refused(update(at, set_state=True, state=b'{"offset": 3}'))
        assert (said.reason, set(said.violations)) == ("invalid_field", {"state.offset"})
        assert (await at.get("t1")).modified_revision == before.modified_revision
        assert (await update(at, set_state=True, state=b'{"n":3}')).task.state == b'{"n":3}'


async def test_pt_27_callers_set_the_state_only_while_no_run_exists() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1")
        said = await refused(update(at, set_state=True, state=b"{}"))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "state_in_use")


async def test_bad_edits_are_refused_whole() -> None:
    async with doors() as at:
        await at.node()
        before = (await at.create("t1", paused=True)).task
        bad: list[tuple[dict[str, object], str]] = [
            ({}, "mask"),
            ({"mask": ["colour"]}, "mask"),
            ({"mask": ["cost"], "spec": wire.TaskSpec(cost=10_000)}, "cost"),
            ({"params": b"[1]"}, "params"),
            ({"params": b"{"}, "params"),
            ({"set_state": True, "state": b"{"}, "state"),
            ({"move": True, "restart": True}, "move"),
        ]
        for asked, field in bad:
            said = await refused(update(at, **asked))
            assert (said.reason, said.metadata["field"]) == ("invalid_field", field)
        said = await refused(update(at, params=b'{"a":1}', change=wire.Change(if_revision=1)))
        assert (said.code, said.reason) == (Code.ABORTED, "revision_mismatch")
        assert (await at.get("t1")).modified_revision == before.modified_revision


async def test_pt_a9_nobody_changes_a_task_that_is_not_there() -> None:
    async with doors() as at:
        await at.node()
        revision = (await at.create("other", paused=True)).answer.revision
        calls = [
            update(at, params=b"{}"),
            update(at, move=True),
            at.tasks.Cancel(wire.CancelRequest(id="t1")),
            at.tasks.Cancel(wire.CancelRequest(id="t1", scope="run")),
            at.tasks.Pause(wire.PauseRequest(id="t1")),
            at.tasks.Resume(wire.ResumeRequest(id="t1")),
            at.tasks.Retry(wire.RetryRequest(id="t1")),
        ]
        for call in calls:
            assert (await refused(call)).reason == "task_not_found"
        assert (await at.get("other")).modified_revision <= revision


async def test_tm_26_a_pause_with_an_end_shows_it_and_ends_then() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        now = at.house.replica.now.wall
        over = await refused(at.tasks.Pause(wire.PauseRequest(id="t1", until_at=now - 1)))
        assert (over.reason, over.violations.keys()) == ("invalid_field", {"until_at"})
        ends = now + 500
        made = await at.tasks.Pause(wire.PauseRequest(id="t1", until_at=ends))
        assert (made.task.paused_until_at, made.unchanged) == (ends, False)
        again = await at.tasks.Pause(wire.PauseRequest(id="t1", until_at=ends))
        assert again.unchanged
        told = await at.tasks.Explain(wire.ExplainRequest(id="t1"))
        assert (told.code, told.next_check_at) == ("paused", ends)
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        task = await at.get("t1")
        assert (task.desired, task.paused_until_at) == ("running", 0)
        assert at.house.replica.now.wall >= ends


async def test_tm_26_pause_stops_the_run_or_lets_it_finish_and_says_which() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        run = await node.runs("t1")
        finishing = await at.tasks.Pause(wire.PauseRequest(id="t1", running="finish"))
        assert (finishing.effect, finishing.task.desired) == ("finishes", "paused")
        reason = wire.Change(reason="too loud")
        stopping = await at.tasks.Pause(wire.PauseRequest(id="t1", change=reason))
        assert (stopping.effect, stopping.task.stop_reason) == ("stops", "pause")
        await node.end("t1", RunOutcome.ABORTED)
        assert (await reached(at, "paused")).explanation == "too loud"
        resumed = await at.tasks.Resume(wire.ResumeRequest(id="t1"))
        assert (resumed.effect, resumed.task.desired) == ("now", "running")
        await later_run(node, run.allocation_id)
        said = await refused(at.tasks.Pause(wire.PauseRequest(id="t1", running="hard")))
        assert said.metadata["field"] == "running"


async def test_tm_56_a_failed_task_is_tried_again_with_other_params() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1", params=b'{"a":1,"b":2}', spec=wire.TaskSpec(max_attempts=1))
        run = await node.runs("t1")
        await node.end("t1", RunOutcome.FAILED)
        assert (await reached(at, "failed")).attempts == 1
        again = await at.tasks.Retry(
            wire.RetryRequest(id="t1", params=b'{"b":3}', merge_params=True)
        )
        assert (again.task.attempts, again.task.params) == (0, b'{"a":1,"b":3}')
        run = await later_run(node, run.allocation_id)
        assert run.params == b'{"a":1,"b":3}'
        await node.end("t1", RunOutcome.SUCCEEDED)
        await reached(at, "succeeded")
        said = await refused(at.tasks.Retry(wire.RetryRequest(id="t1")))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "already_finished")
        assert not (await at.tasks.Retry(wire.RetryRequest(id="t1", again=True))).unchanged


async def test_pt_a63_the_answer_says_what_became_of_the_record() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        run = await node.runs("t1")
        request = wire.CancelRequest(id="t1", scope="run", then="rerun", grace_ms=700)
        done = await at.tasks.Cancel(request)
        assert (done.effect, done.task.status) == ("runs_again", "stopping")
        assert done.task.policy.cancel_grace_ms == 700
        await node.end("t1", RunOutcome.SUCCEEDED)
        anew = await later_run(node, run.allocation_id)
        last = (await at.get("t1")).last_outcome
        assert (last.outcome, last.allocation_id) == ("cancelled", run.allocation_id)
        request = wire.CancelRequest(id="t1", scope="run", allocation_id=run.allocation_id)
        assert (await refused(at.tasks.Cancel(request))).reason == "stale_allocation"
        request.allocation_id = anew.allocation_id
        done = await at.tasks.Cancel(request)
        assert (done.effect, done.task.desired) == ("cancelled", "cancelled")
        for asked in (
            {"scope": "runs"},
            {"then": "rerun"},
            {"scope": "run", "then": "wait"},
            {"scope": "run", "purge": True},
            {"grace_ms": 10**9},
        ):
            request = wire.CancelRequest(id="t1", **asked)
            assert (await refused(at.tasks.Cancel(request))).reason == "invalid_field"


async def test_ex_5_a_dry_run_names_the_effect_and_writes_nothing() -> None:
    async with doors() as at:
        await at.node()
        before = (await at.create("t1")).task
        dry = wire.Change(dry_run=True)
        assert (await update(at, params=b'{"a":2}', change=dry)).effect == "next_run"
        for call in (
            at.tasks.Pause(wire.PauseRequest(id="t1", change=dry)),
            at.tasks.Cancel(wire.CancelRequest(id="t1", scope="run", change=dry)),
        ):
            assert not (await call).unchanged
        said = await refused(at.tasks.Retry(wire.RetryRequest(id="t1", change=dry)))
        assert said.reason == "not_finished"
        assert (await at.get("t1")).modified_revision == before.modified_revision


async def test_ex_47_an_edit_under_one_request_id_is_made_once() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", params=b'{"a":1}', paused=True)
        change = wire.Change(request_id="r1")
        await update(at, params=b'{"a":2}', change=change)
        await update(at, params=b'{"a":3}')
        await update(at, params=b'{"a":2}', change=change)
        assert (await at.get("t1")).params == b'{"a":3}'
