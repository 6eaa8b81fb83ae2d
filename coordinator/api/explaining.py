"""Why a task is where it is, what each node says, what would help: computed on reading (PT-76)."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.api.hints import hint_in_all, hint_on_node, limits_of
from coordinator.assignment.choose import choose
from coordinator.assignment.objections import Objection, need_of, objection_to
from coordinator.duties.view import LeaderView
from coordinator.model.instants import Instant, Now
from coordinator.model.nodes import Node
from coordinator.model.tasks import Code, Status, Task
from coordinator.replica.leadership import Leadership
from coordinator.replica.replica import Replica
from coordinator.wire.v1 import tasks_pb2 as wire

STAGES: Mapping[Code, int] = {
    Code.PAUSED: 1,
    Code.NOT_DUE: 1,
    Code.BACKOFF: 1,
    Code.ASSIGNMENT_DISABLED: 2,
    Code.TYPE_PAUSED: 2,
    Code.STOPPING: 3,
    Code.CONCURRENCY_LIMIT: 4,
    Code.NO_NODES: 5,
    Code.NO_EXECUTOR: 5,
    Code.OLDER_EXECUTOR: 5,
    Code.DRAINING: 5,
    Code.CONSTRAINTS: 5,
    Code.EXCLUDED: 5,
    Code.RESERVED: 5,
    Code.NO_CAPACITY: 5,
    Code.EXECUTOR_REFUSED: 6,
    Code.LAZY: 6,
    Code.AWAITING_INPUT: 6,
    Code.ASSIGNER_ERROR: 6,
    Code.ASSIGNER_TIMEOUT: 6,
    Code.ASSIGNER_MISSING: 6,
    Code.INVALID_CHOICE: 6,
}


def explain(replica: Replica, task: Task) -> wire.ExplainResponse:
    """Without `answer` and `task`, which the handler fills in."""
    assignment = task.assignment
    answer = wire.ExplainResponse(
        code=assignment.code.value,
        text=assignment.explanation,
        stage=STAGES.get(assignment.code, 0),
        since_at=_since(task),
    )
    leading = replica.leading
    if leading is None or task.is_terminal:
        return answer
    if task.status is Status.WAITING or task.paused_until:
        coming = (
            task.due_at if assignment.code is Code.NOT_DUE else 0
        )  # of a series nothing else wakes
        answer.next_check_at = task.wake_at or task.paused_until or coming
    if task.has_node and assignment.code is not Code.MOVE_PENDING:
        return answer
    _dry_run(answer, leading, task)
    return answer


def _since(task: Task) -> Instant:
    """When the present reason came. What a run writes moves `updated_at`, but is no decision."""
    if task.status is Status.STOPPING:
        return task.stopping_since
    if task.has_node and task.assignment.code is not Code.MOVE_PENDING:
        return task.assigned_at
    return task.finished_at or task.updated_at


def _dry_run(answer: wire.ExplainResponse, leading: Leadership, task: Task) -> None:
    view, now = leading.bench.view, leading.bench.now
    need = need_of(task)
    answer.limits.extend(limits_of(view.state, task))
    nodes = list(view.state.nodes_by_name())
    exclusions = view.exclusions.of(task.id, now.steady)
    for node in nodes:
        found = objection_to(need, node, view.load, view.connected)
        excluded = exclusions.get(node.name)
        if found is None and excluded is not None and excluded.hard:
            wait = (excluded.until - now.steady) // 1000
            found = Objection(5, Code.EXCLUDED, f"kept away for another {max(1, wait)} s")
        answer.nodes.append(_verdict(node, found))
        if found is not None:
            hint_on_node(answer, need, node, found, view.load)
    if task.status is Status.UNASSIGNED:
        _placing(answer, leading, task, now)
    if not view.state.settings.assignment_enabled:
        hint_in_all(answer, task)
        return
    pause = view.state.paused_executors.get(task.executor)
    if pause is not None and task.status is Status.UNASSIGNED:
        answer.code, answer.stage = Code.TYPE_PAUSED.value, STAGES[Code.TYPE_PAUSED]
        answer.text = pause.told(task.executor)
    hint_in_all(answer, task)
    chosen = choose(need, task.id, nodes, view.load, view.connected, exclusions)
    if chosen.node is not None and not view.asks_itself(task.executor):
        answer.would_choose = chosen.node
    elif chosen.node is None and answer.code == Code.AWAITING_FIRST_ASSIGNMENT:
        answer.code, answer.text = chosen.code.value, chosen.explanation
        answer.stage = STAGES.get(chosen.code, 0)


def _placing(answer: wire.ExplainResponse, leading: Leadership, task: Task, now: Now) -> None:
    view: LeaderView = leading.bench.view
    answer.queue_position = view.backlog.position(task, view.order(now))
    asks = view.asks_itself(task.executor)
    timer = leading.asking.timer if asks else leading.rechecker.timer
    if timer is not None:
        answer.next_check_at = view.time(now) + max(0, timer - now.steady)


def _verdict(node: Node, objection: Objection | None) -> wire.NodeVerdict:
    if objection is None:
        return wire.NodeVerdict(node=node.name, eligible=True)
    return wire.NodeVerdict(
        node=node.name, eligible=False, code=objection.code.value, detail=objection.detail
    )
