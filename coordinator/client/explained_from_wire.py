"""From protobuf to views: why a task is where it is."""

from __future__ import annotations

from coordinator.client import views
from coordinator.client.from_wire import last_outcome_of
from coordinator.wire.v1 import tasks_pb2 as wire


def explanation_of(reply: wire.ExplainResponse) -> views.Explanation:
    """Why a task is where it is."""
    return views.Explanation(
        task=reply.task.id,
        status=reply.task.status,
        desired=reply.task.desired,
        due_at=reply.task.due_at or None,
        stage=reply.stage or None,
        code=reply.code,
        text=reply.text,
        since_at=reply.since_at or None,
        next_check_at=reply.next_check_at or None,
        would_choose=reply.would_choose or None,
        queue_position=reply.queue_position or None,
        limits=[
            {
                "scope": held.scope,
                "key": held.key,
                "max": held.max,
                "runs": held.runs,
                "holders": list(held.holders),
            }
            for held in reply.limits
        ],
        nodes=[views.NodeVerdict(n.node, n.eligible, n.code, n.detail) for n in reply.nodes],
        hints=[views.Hint(hint.text, hint.command or None) for hint in reply.hints],
        attempts=reply.task.attempts,
        last_outcome=last_outcome_of(reply.task.last_outcome)
        if reply.task.HasField("last_outcome")
        else None,
    )
