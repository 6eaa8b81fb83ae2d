"""What a task takes over from the one it belongs to: the headers of its run (PT-74), its object (TM-68)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TaskSpec
from coordinator.replica.inputs import Asked, Create


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


def with_objects(asked: Sequence[Asked], state: ClusterState) -> list[Asked]:
    """Those of one bulk, about what their parents are about that come earlier in it: no record says that yet."""
    before: dict[str, TaskSpec] = {}
    result = list(asked)
    for place, one in enumerate(asked):
        create = one.wish
        if not isinstance(create, Create):
            continue
        source = before.get(create.spec.parent)
        if source is None or create.spec.object_kind or not _has_to_be_told(create, state):
            before[create.task_id] = with_object(create, state).spec
            continue
        about = {"object_kind": source.object_kind, "object_id": source.object_id}
        spec = before[create.task_id] = replace(create.spec, **about)
        result[place] = replace(one, wish=replace(create, spec=spec))
    return result


def _has_to_be_told(create: Create, state: ClusterState) -> bool:
    """Whether neither its own record nor its parent's says it; one that has ended may be about to be replaced."""
    parent = state.tasks.get(TaskId(create.spec.parent))
    return create.task_id not in state.tasks and (parent is None or parent.is_terminal)
