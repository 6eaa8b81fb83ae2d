"""Changes through the door: create, create many, cancel, move (PT-17..PT-33, EX-47)."""

from __future__ import annotations

import asyncio
import json

import grpc

from coordinator.client import Client, NewTask
from coordinator.model.tasks import RunOutcome
from coordinator.replica import inputs as i
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, doors, refused, until

Code = grpc.StatusCode


async def test_pt_a1_create_answers_with_the_record_after_commit() -> None:
    async with doors() as at:
        await at.node()
        answer = await at.create("t1", params=b'{"a": 1}', spec=wire.TaskSpec(priority=7))
        assert (answer.created, answer.validated) == (True, "full")
        task = answer.task
        assert (task.id, task.executor, task.params) == ("t1", NOOP, b'{"a": 1}')
        assert (task.status, task.node, task.allocation_id) == ("assigned", "n1", 1)
        assert (task.policy.priority, task.spec.priority) == (7, 7)
        assert answer.answer.member == answer.answer.leader == "c1"
        assert answer.answer.revision >= task.modified_revision
        assert (await at.get("t1")).allocation_id == 1


async def test_pt_a2_the_same_again_is_the_same_and_another_spec_is_named() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1")
        again = await at.create("t1")
        assert (again.created, again.task.allocation_id) == (False, 1)
        said = await refused(at.create("t1", params=b'{"b": 2}', paused=True))
        assert (said.code, said.reason) == (Code.ALREADY_EXISTS, "already_exists")
        assert said.metadata["fields"] == "params, paused"


async def test_pt_a3_an_unknown_executor_names_the_known_ones() -> None:
    async with doors() as at:
        await at.node()
        said = await refused(at.create("t1", "demo.nop"))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "unknown_executor")
        assert said.metadata["known"] == NOOP
        assert (await refused(at.get("t1"))).reason == "task_not_found"


async def test_params_that_do_not_fit_carry_the_field() -> None:
    async with doors() as at:
        schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
        await at.node(offers={NOOP: {"params_schema": schema}})
        said = await refused(at.create("t1", params=b'{"n": "x"}'))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "invalid_params")
        assert set(said.violations) == {"params.n"}


async def test_pt_20_a_task_that_is_there_is_the_answer_before_any_schema_is_asked() -> None:
    async with doors() as at:
        old = await at.node(offers={NOOP: {"doc": "of old"}})
        await at.create("t1", params=b'{"a": 1}')
        schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
        await at.node("n2", offers={NOOP: {"params_schema": schema}})
        await until(lambda: len(at.house.replica.state.manifests[NOOP]) == 2)
        assert (await refused(at.create("t2", params=b'{"n": "x"}'))).reason == "invalid_params"
        again = await at.create("t1", params=b'{"a": 1}')
        assert (again.created, again.task.params) == (False, b'{"a": 1}')
        said = await refused(at.create("t1", params=b'{"n": "x"}'))
        assert (said.reason, said.metadata["fields"]) == ("already_exists", "params")
        assert (await refused(at.create("t1", params=b"[]"))).reason == "invalid_params"
        await old.end("t1")
        said = await refused(at.create("t1", params=b'{"n": "x"}', replace_finished=True))
        assert said.reason == "invalid_params"
        said = await refused(at.create("t1", "demo.nop", replace_finished=True))
        assert said.reason == "unknown_executor"
        assert (await at.get("t1")).params == b'{"a": 1}'


async def test_pt_24_schema_only_without_the_code() -> None:
    async with doors() as at:
        await at.node(offers={NOOP: {"own_validate": True}})
        assert (await at.create("t1")).validated == "schema_only"


async def test_pt_24_each_item_of_a_batch_says_who_looked_at_its_params() -> None:
    async with doors() as at:
        await at.node(offers={NOOP: {}, "demo.strict": {"own_validate": True}})
        names = [NOOP, "demo.strict", "demo.nobody"]
        items = [wire.NewTask(id=f"t{n}", executor=name) for n, name in enumerate(names)]
        async with Client([at.address]) as client:
            made = await client.create_many(
                [NewTask(executor=name, id=f"c{n}") for n, name in enumerate(names)]
            )
        answer = await at.tasks.CreateMany(wire.CreateManyRequest(tasks=items, brief=True))
        for told in (made.items, answer.items):
            assert [one.validated for one in told] == ["full", "schema_only", ""]


async def test_pt_a4_the_executors_own_words_reach_the_caller() -> None:
    async with doors() as at:
        await at.node(offers={NOOP: {"own_validate": True}})
        at.house.feed(i.PluginsKnown(((NOOP, 1, True, False),)))
        pending = asyncio.create_task(at.create("t1"))
        await until(lambda: at.house.questions)
        question = at.house.questions.pop()
        at.house.feed(i.PluginAnswered(question.call, "refused", text="source is target"))
        said = await refused(pending)
        assert (said.reason, "source is target" in said.message) == ("validation_failed", True)


async def test_pt_23_nowhere_to_run_is_no_error_unless_it_is_asked_for() -> None:
    async with doors() as at:
        await at.node(capacity=1)
        await at.create("fills")
        created = await at.create("waits")
        assert (created.task.status, created.task.code) == ("unassigned", "no_capacity")
        said = await refused(at.create("must", require_assignment=True))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "unplaceable")
        assert (await refused(at.get("must"))).reason == "task_not_found"


async def test_ex_47_a_request_id_gets_the_first_answer_again() -> None:
    async with doors() as at:
        await at.node()
        change = wire.Change(request_id="r1")
        first = await at.create("t1", paused=True, change=change)
        await at.tasks.Cancel(wire.CancelRequest(id="t1", purge=True))
        again = await at.create("t1", paused=True, change=change)
        assert again.created == first.created
        assert (await refused(at.get("t1"))).reason == "task_not_found"
        said = await refused(at.create("t2", change=change))
        assert (said.code, said.reason) == (Code.ALREADY_EXISTS, "request_id_reused")
        said = await refused(at.create("t3", change=wire.Change(request_id="x" * 129)))
        assert said.metadata["field"] == "request_id"


async def test_ex_47_a_refusal_says_whether_it_is_the_answer_to_all_tries_of_the_request() -> None:
    """Only what the log remembers, or what the content alone is guilty of, is no surprise to an earlier try."""
    async with doors() as at:
        await at.node(capacity=1)
        await at.create("t1")
        said = {
            "already_exists": await refused(at.create("t1", paused=True)),
            "invalid_field": await refused(at.create("")),
            "unknown_executor": await refused(at.create("t2", "demo.nop")),
            "invalid_params": await refused(at.create("t2", params=b"[]")),
            "unplaceable": await refused(at.create("t2", require_assignment=True)),
            "task_not_found": await refused(at.tasks.Update(wire.UpdateRequest(id="x", move=True))),
        }
    assert {word: one.reason for word, one in said.items()} == {word: word for word in said}
    settled = [word for word, one in said.items() if one.metadata.get("settled") == "yes"]
    assert settled == ["already_exists", "invalid_field"]


async def test_dry_runs_answer_and_do_nothing() -> None:
    async with doors() as at:
        await at.node()
        change = wire.Change(dry_run=True)
        assert (await at.create("t1", change=change)).created
        assert (await refused(at.get("t1"))).reason == "task_not_found"
        await at.create("t2")
        answer = await at.tasks.Cancel(wire.CancelRequest(id="t2", change=change))
        assert not answer.unchanged
        assert (await at.get("t2")).status == "assigned"
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="t9", change=change)))
        assert said.reason == "task_not_found"
        stale = wire.Change(dry_run=True, if_revision=1)
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="t2", change=stale)))
        assert said.reason == "revision_mismatch"


async def test_x43_one_bad_item_of_a_batch_fails_alone() -> None:
    async with doors() as at:
        await at.node(capacity=1_000)
        items = [wire.NewTask(id=f"t{n}", executor=NOOP) for n in range(1_000)]
        items[500].params = b"[]"
        request = wire.CreateManyRequest(tasks=items, change=wire.Change(request_id="b"))
        answer = await at.tasks.CreateMany(request)
        assert [one.id for one in answer.items] == [f"t{n}" for n in range(1_000)]
        assert sum(one.created for one in answer.items) == 999
        bad = answer.items[500]
        assert (bad.error.reason, bad.error.metadata["field"]) == ("invalid_params", "params")
        assert answer.items[0].task.id == "t0"
        again = await at.tasks.CreateMany(request)
        assert [one.created for one in again.items] == [one.created for one in answer.items]
        assert [one.allocation_id for one in again.items] == [
            one.allocation_id for one in answer.items
        ]


async def test_a_brief_batch_leaves_the_records_out() -> None:
    async with doors() as at:
        await at.node()
        items = [wire.NewTask(id="a", executor=NOOP), wire.NewTask(id="b", executor="nobody")]
        answer = await at.tasks.CreateMany(wire.CreateManyRequest(tasks=items, brief=True))
        good, bad = answer.items
        assert (good.status, good.node, good.HasField("task")) == ("assigned", "n1", False)
        assert (bad.error.code, bad.error.reason) == ("INVALID_ARGUMENT", "unknown_executor")


async def test_ex_55_batches_have_a_limit() -> None:
    async with doors() as at:
        await at.node()
        many = [wire.NewTask(id=f"t{n}", executor=NOOP) for n in range(1_001)]
        said = await refused(at.tasks.CreateMany(wire.CreateManyRequest(tasks=many)))
        assert said.metadata["field"] == "tasks"
        assert not (await at.tasks.CreateMany(wire.CreateManyRequest())).items


async def test_pt_28_cancel() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        answer = await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        assert (answer.task.status, answer.task.stop_reason) == ("stopping", "cancel")
        again = await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        assert (again.unchanged, again.effect) == (True, "unchanged")
        await node.end("t1", RunOutcome.CANCELLED)
        assert (await at.get("t1")).status == "cancelled"
        assert (await at.tasks.Cancel(wire.CancelRequest(id="t1"))).unchanged
        await at.create("t2")
        await node.end("t2")
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="t2")))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "already_finished")


async def test_pt_29_purge_answers_with_the_record_as_it_was() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="t1", finished_only=True)))
        assert said.reason == "not_finished"
        answer = await at.tasks.Cancel(wire.CancelRequest(id="t1", purge=True))
        assert (answer.removed, answer.task.id) == (True, "t1")
        assert (await refused(at.get("t1"))).reason == "task_not_found"


async def test_if_revision_guards_a_change() -> None:
    async with doors() as at:
        await at.node()
        revision = (await at.create("t1")).task.modified_revision
        wrong = wire.Change(if_revision=revision + 1)
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="t1", change=wrong)))
        assert (said.code, said.reason) == (Code.ABORTED, "revision_mismatch")
        right = wire.Change(if_revision=revision)
        await at.tasks.Cancel(wire.CancelRequest(id="t1", change=right))


async def test_pt_32_move() -> None:
    async with doors() as at:
        await at.node("n1")
        await at.node("n2")
        where = (await at.create("t1")).task.node
        answer = await at.tasks.Update(wire.UpdateRequest(id="t1", move=True))
        assert (answer.task.status, answer.task.stop_reason) == ("stopping", "move")
        assert where in ("n1", "n2")
        said = await refused(at.tasks.Update(wire.UpdateRequest(id="t1")))
        assert said.metadata["field"] == "mask"
        said = await refused(at.tasks.Update(wire.UpdateRequest(id="no", move=True)))
        assert said.reason == "task_not_found"


async def test_g13_a_full_disk_refuses_writes_with_its_own_reason() -> None:
    async with doors() as at:
        await at.node()
        at.house.feed(i.StoreFailed("disk_full", "no space"))
        said = await refused(at.create("t1"))
        assert (said.code, said.reason) == (Code.RESOURCE_EXHAUSTED, "disk_full")


async def test_c9_a_disk_that_gives_no_answer_leaves_the_fate_of_the_call_open() -> None:
    async with doors() as at:
        await at.node()
        at.house.disk_is_stuck = True
        new = wire.NewTask(id="t1", executor=NOOP)
        said = await refused(at.tasks.Create(wire.CreateRequest(task=new), timeout=1))
        assert (said.code, said.reason) == (Code.UNKNOWN, "outcome_unknown")


async def test_what_a_record_shows() -> None:
    async with doors() as at:
        node = await at.node()
        spec = wire.TaskSpec(
            labels={"b": "2", "a": "1"}, headers={"x-opaque-id": "o"}, object_kind="order",
            object_id="7", backoff=wire.Backoff(kind="fixed", first_ms=5_000), max_attempts=9,
        )  # fmt: skip
        await at.create("t1", spec=spec)
        await node.report("t1", "started")
        error = json.dumps({"type": "ValueError", "message": "boom"}).encode()
        await node.end("t1", RunOutcome.FAILED, error=error)
        task = await at.get("t1")
        assert dict(task.spec.labels) == {"a": "1", "b": "2"}
        assert (task.spec.object_kind, task.spec.object_id) == ("order", "7")
        assert (task.status, task.code, task.attempts) == ("waiting", "backoff", 1)
        assert task.due_at > task.updated_at
        assert json.loads(task.last_outcome.error)["type"] == "ValueError"
        assert (task.last_outcome.outcome, task.last_outcome.node) == ("failed", "n1")
        assert task.description == "id=t1"
        assert not task.node
