"""What a task takes over from the one it belongs to: the headers of its run (PT-74), its object (TM-68)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TaskSpec
from coordinator.replica.inputs import Create


def child_spec(spec: TaskSpec, parent_id: TaskId, state: ClusterState) -> TaskSpec:
    """What a run asked for a task of its own, with the parent and the parent's headers."""
    parent = state.tasks.get(parent_id)
    headers = parent.spec.headers if parent is not None else ()
    return replace(spec, parent=parent_id, headers=headers)


def with_object(create: Create, state: ClusterState) -> Create:
    """About the same thing as its parent, unless it says itself what it is about.

    A record that is there already has inherited: a repeated creation means that, whatever became of the parent.
    """
    spec = create.spec
    if not spec.parent or spec.object_kind:
        return create
    source = state.tasks.get(create.task_id) or state.tasks.get(TaskId(spec.parent))
    if source is None or not source.spec.object_kind:
        return create
    about = {"object_kind": source.spec.object_kind, "object_id": source.spec.object_id}
    return replace(create, spec=replace(spec, **about))
