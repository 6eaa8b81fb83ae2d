# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""A coordinator made of a dict: the services of `ptasks.v1` over real gRPC, in a thread of its own.

Enough behaviour for the command line to be tried against: ids, prefixes, conflicts, statuses set by the test, errors in
the shape of the contract (status code, ErrorInfo with domain `ptasks`, field violations). `refuse` holds errors that
the next calls of a method meet, `then` changes that happen while they are open; `calls` is what was asked, in order.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.rpc import error_details_pb2, status_pb2

from coordinator.wire.v1 import cluster_pb2 as cluster
from coordinator.wire.v1 import health_pb2, tasks_pb2_grpc
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.fake_calls import FakeCalls
from tests.unit.cli.fake_cancels import FakeCancels

FINISHED = ("succeeded", "failed", "cancelled")
TICKER_SCHEMA = {
    "properties": {
        "interval": {"type": "string", "format": "duration"},
        "until": {"type": "integer", "minimum": 1},
        "version": {"type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["until"],
    "additionalProperties": False,
}


class Refusal(Exception):
    """What a call is to be refused with."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, message: str = "", **metadata: str
    ) -> None:
        super().__init__(reason)
        self.code, self.reason, self.message, self.metadata = code, reason, message, metadata
        self.violations: list[tuple[str, str]] = []

    def details(self) -> bytes:
        """google.rpc.Status with ErrorInfo and BadRequest."""
        info = error_details_pb2.ErrorInfo(
            reason=self.reason, domain="ptasks", metadata=self.metadata
        )
        packed = [Packed(), Packed()]
        packed[0].Pack(info)
        bad = error_details_pb2.BadRequest()
        for field, description in self.violations:
            bad.field_violations.add(field=field, description=description)
        packed[1].Pack(bad)
        status = status_pb2.Status(
            code=self.code.value[0],
            message=self.message,
            details=packed[: 2 if self.violations else 1],
        )
        return status.SerializeToString()


def not_found(task_id: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, "task_not_found", f"no task {task_id}")


class FakeCluster:
    """The state behind the services."""

    def __init__(self) -> None:
        self.tasks: dict[str, wire.Task] = {}
        self.revision = 10
        self.allocation = 0
        self.calls: list[tuple[str, Any]] = []
        self.refuse: dict[str, list[Refusal]] = defaultdict(list)
        self.then: dict[str, list[Callable[[], Any]]] = defaultdict(list)
        self.runs: dict[str, list[wire.Run]] = defaultdict(list)
        self.parts: dict[str, Any] = {}  # of the state
        self.every_run: list[wire.Run] = []  # newest first
        self.fates: list[wire.FateRange] = []  # newest first
        self.audit: list[cluster.Event] = []  # newest first
        self.lines: dict[str, list[wire.LogLine]] = defaultdict(list)
        self.explanations: dict[str, wire.ExplainResponse] = {}
        self.nodes: dict[str, cluster.NodeView] = {}
        self.executors = {"demo.noop", "demo.ticker", "demo.flaky"}
        self.settings = {"nodes.lease": "6s", "assignment.enable": "all"}
        self.health = "ok"
        self.report: health_pb2.HealthReport | None = None
        self.has_quorum = True
        self.create_status = "assigned"
        self.backup: Callable[[cluster.BackupRequest], list[bytes]] = lambda _: []
        self.watch: Callable[[wire.WatchRequest], list[wire.WatchResponse]] = lambda _: []
        self.address = ""
        self.members = ["c1"]
        self.pictures: list[cluster.ListMembersResponse] = []  # of members, in turn; the last stays
        self.wish: cluster.MemberChange | None = None
        self.upgrade = cluster.UpgradeResponse(level=1, possible=1, highest=1, unchanged=True)

    def answer(self) -> wire.Answer:
        return wire.Answer(
            revision=self.revision, member="c1", term=6, leader="c1", leader_address=self.address
        )

    def asked(self, method: str) -> list[Any]:
        return [request for name, request in self.calls if name == method]

    def put(self, task_id: str, **fields: Any) -> wire.Task:
        """Create or change a record, as the cluster would: revision, allocation, instants."""
        self.revision += 1
        task = self.tasks.get(task_id)
        if task is None:
            self.allocation += 1
            task = self.tasks[task_id] = wire.Task(
                id=task_id, executor="demo.noop", executor_version=1, status="running",
                desired="running", allocation_id=self.allocation, node="n1", code="assigned",
                params=b"{}", created_at=int(time.time() * 1000) - 12_000,
                created_revision=self.revision,
                policy=wire.Policy(priority=50, cost=2, max_attempts=3, isolation="shared"),
            )  # fmt: skip
        for name, value in fields.items():
            if isinstance(value, (wire.LastOutcome, wire.TaskSpec, wire.Progress)):
                getattr(task, name).CopyFrom(value)
            else:
                setattr(task, name, value)
        if task.status in (*FINISHED, "unassigned", "waiting", "paused"):
            task.node = ""
        task.modified_revision = self.revision
        task.updated_at = int(time.time() * 1000)
        return task

    def find(self, task_id: str) -> wire.Task:
        if task_id not in self.tasks:
            raise not_found(task_id)
        return self.tasks[task_id]

    def matching(self, wanted: wire.Filter) -> list[wire.Task]:
        return [task for _, task in sorted(self.tasks.items()) if self._fits(task, wanted)]

    def _fits(self, task: wire.Task, wanted: wire.Filter) -> bool:
        labels = dict(task.spec.labels)
        terms = all(
            (labels.get(term.partition("=")[0]) == term.partition("=")[2])
            for term in wanted.label_terms
        )
        return (
            terms
            and (wanted.include_finished or task.status not in ("succeeded", "cancelled"))
            and (not wanted.statuses or task.status in wanted.statuses)
            and (not wanted.ids or task.id in wanted.ids)
            and (not wanted.node or task.node == wanted.node)
            and (not wanted.executor or fnmatch.fnmatch(task.executor, wanted.executor))
        )


class Door:
    """What both services share: note the call, meet the refusals."""

    def __init__(self, state: FakeCluster) -> None:
        self.state = state

    async def enter(self, method: str, request: Any, context: grpc.aio.ServicerContext) -> None:
        self.state.calls.append((method, request))
        if self.state.then[method]:
            change = self.state.then[method].pop(0)
            asyncio.get_running_loop().call_later(0.02, change)
        waiting = self.state.refuse[method]
        if waiting:
            await self.refused(waiting.pop(0), context)

    async def refused(self, refusal: Refusal, context: grpc.aio.ServicerContext) -> None:
        await context.abort(
            refusal.code,
            refusal.message,
            trailing_metadata=(("grpc-status-details-bin", refusal.details()),),
        )


class FakeTasks(FakeCancels, FakeCalls, tasks_pb2_grpc.TasksServicer, Door):
    async def Create(self, request: wire.CreateRequest, context: Any) -> Any:
        await self.enter("Create", request, context)
        new, state = request.task, self.state
        try:
            self._check(new)
        except Refusal as refusal:
            await self.refused(refusal, context)
        there = state.tasks.get(new.id)
        if there is not None:
            return wire.CreateResponse(answer=state.answer(), task=there, validated="full")
        if request.change.dry_run:
            task = wire.Task(id=new.id, executor=new.executor, status="assigned", node="n1")
            return wire.CreateResponse(
                answer=state.answer(), task=task, created=True, validated="full"
            )
        task = state.put(
            new.id, executor=new.executor, params=new.params or b"{}", status=state.create_status,
            spec=new.spec,
        )  # fmt: skip
        return wire.CreateResponse(answer=state.answer(), task=task, created=True, validated="full")

    def _check(self, new: wire.NewTask) -> None:
        state = self.state
        if new.executor not in state.executors:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT, "unknown_executor", f"{new.executor} is unknown",
                executor=new.executor, known=", ".join(sorted(state.executors)),
            )  # fmt: skip
        there = state.tasks.get(new.id)
        if there is not None and json.loads(there.params or b"{}") != json.loads(
            new.params or b"{}"
        ):
            raise Refusal(
                grpc.StatusCode.ALREADY_EXISTS, "already_exists", "differs", fields="params, cost"
            )
        if json.loads(new.params or b"{}").get("until") == 0:
            refusal = Refusal(
                grpc.StatusCode.INVALID_ARGUMENT, "invalid_params", "until is too small"
            )
            refusal.violations = [("params.until", "must be at least 1 (got 0)")]
            raise refusal

    async def CreateMany(self, request: wire.CreateManyRequest, context: Any) -> Any:
        await self.enter("CreateMany", request, context)
        reply = wire.CreateManyResponse()
        for new in request.tasks:
            item = reply.items.add(id=new.id)
            try:
                self._check(new)
            except Refusal as refusal:
                item.error.code, item.error.reason = refusal.code.name, refusal.reason
                item.error.message = refusal.message
                item.error.metadata.update(refusal.metadata)
                continue
            if request.change.dry_run:
                item.created = True
                continue
            task = self.state.put(new.id, executor=new.executor, params=new.params or b"{}")
            item.created, item.status, item.node = True, "assigned", task.node
            item.allocation_id = task.allocation_id
        reply.answer.CopyFrom(self.state.answer())
        return reply

    async def Get(self, request: wire.GetRequest, context: Any) -> Any:
        await self.enter("Get", request, context)
        state = self.state
        matches = sorted(name for name in state.tasks if name.startswith(request.id))
        if request.id in state.tasks:
            matches = [request.id]
        if len(matches) == 1 and (request.prefix or matches[0] == request.id):
            return wire.GetResponse(
                answer=state.answer(), task=state.tasks[matches[0]], matches=matches, match_count=1
            )
        if request.prefix and matches:
            return wire.GetResponse(
                answer=state.answer(), matches=matches[:10], match_count=len(matches)
            )
        await self.refused(not_found(request.id), context)
        return None

    async def List(self, request: wire.ListRequest, context: Any) -> Any:
        await self.enter("List", request, context)
        state, size = self.state, request.page_size or 100
        tasks = state.matching(request.filter)
        start = int(request.page_token or 0)
        page = tasks[start : start + size]
        more = start + size < len(tasks)
        answer = state.answer()
        if request.read.stale:
            answer.stale, answer.age_ms = True, 1_200
        return wire.ListResponse(
            answer=answer, tasks=page, next_page=str(start + size) if more else "",
            list_revision=state.revision, count=len(tasks),
        )  # fmt: skip

    async def Update(self, request: wire.UpdateRequest, context: Any) -> Any:
        await self.enter("Update", request, context)
        if request.move:
            return await self._changed(request, context, status="stopping", stop_reason="move")
        later = ["params"] if request.params and not request.restart else []
        answer = await self._changed(request, context, params=request.params or b"{}", status="x")
        answer.next_run.extend(later)
        return answer

    async def Pause(self, request: wire.PauseRequest, context: Any) -> Any:
        await self.enter("Pause", request, context)
        return await self._changed(request, context, status="paused", desired="paused")

    async def Resume(self, request: wire.ResumeRequest, context: Any) -> Any:
        await self.enter("Resume", request, context)
        return await self._changed(request, context, status="unassigned", desired="running")

    async def Retry(self, request: wire.RetryRequest, context: Any) -> Any:
        await self.enter("Retry", request, context)
        task = self.state.put(request.id, status="unassigned")
        return wire.ChangeResponse(answer=self.state.answer(), task=task)

    async def Cancel(self, request: wire.CancelRequest, context: Any) -> Any:
        await self.enter("Cancel", request, context)
        task = self.state.tasks.get(request.id)
        if task is not None and request.finished_only:
            if task.status not in FINISHED:
                refusal = Refusal(
                    grpc.StatusCode.FAILED_PRECONDITION, "not_finished", "x", status=task.status
                )
                await self.refused(refusal, context)
            if not request.change.dry_run:
                del self.state.tasks[request.id]
            return wire.ChangeResponse(answer=self.state.answer(), task=task, removed=True)
        return await self._changed(request, context, status="cancelled", desired="cancelled")

    async def _changed(self, request: Any, context: Any, **fields: Any) -> Any:
        state, wanted = self.state, request.change.if_revision
        task = state.tasks.get(request.id)
        if task is None:
            await self.refused(not_found(request.id), context)
        elif task.status in ("succeeded", "failed"):
            refusal = Refusal(
                grpc.StatusCode.FAILED_PRECONDITION,
                "already_finished",
                f"{request.id} has {task.status}",
            )
            await self.refused(refusal, context)
        elif wanted and wanted != task.modified_revision:
            refusal = Refusal(
                grpc.StatusCode.ABORTED, "revision_mismatch", "moved on",
                current=str(task.modified_revision), expected=str(wanted),
            )  # fmt: skip
            await self.refused(refusal, context)
        unchanged = task is not None and task.status == fields["status"]
        if not request.change.dry_run and not unchanged:
            task = state.put(request.id, **fields)
        return wire.ChangeResponse(answer=state.answer(), task=task, unchanged=unchanged)

    async def Explain(self, request: wire.ExplainRequest, context: Any) -> Any:
        await self.enter("Explain", request, context)
        found = self.state.explanations.get(request.id)
        if found is None:
            await self.refused(not_found(request.id), context)
        else:
            found.answer.CopyFrom(self.state.answer())
        return found

    async def Wait(self, request: wire.WaitRequest, context: Any) -> Any:
        await self.enter("Wait", request, context)
        deadline = time.monotonic() + request.deadline_ms / 1000
        while True:
            task = self.state.tasks.get(request.id)
            if task is None:
                await self.refused(not_found(request.id), context)
                raise AssertionError
            changed = request.after_revision and task.modified_revision > request.after_revision
            if task.status in FINISHED or changed or time.monotonic() > deadline:
                return wire.WaitResponse(
                    answer=self.state.answer(), task=task, met=task.status in FINISHED,
                    condition="terminal",
                )  # fmt: skip
            if any(one.status == task.status for one in request.conditions):
                return wire.WaitResponse(answer=self.state.answer(), task=task, met=True)
            await asyncio.sleep(0.01)

    async def Watch(self, request: wire.WatchRequest, context: Any) -> AsyncIterator[Any]:
        await self.enter("Watch", request, context)
        for message in self.state.watch(request):
            yield message
