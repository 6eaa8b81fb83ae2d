"""What a change of a record comes to, for those who follow the state."""

from __future__ import annotations

from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Task


def is_live(node: Node) -> bool:
    return node.status in (NodeStatus.READY, NodeStatus.REMOVED)


def offers_anew(old: Node | None, new: Node | None) -> bool:
    if old is None or new is None:
        return True
    return old.offers != new.offers or old.incarnation != new.incarnation


def has_ended(old: Task, new: Task | None) -> bool:
    """Its run, that is."""
    return new is None or old.allocation_id != new.allocation_id


def has_freed(old: Task, new: Task | None) -> bool:
    return new is None or old.assignment.node != new.assignment.node


def is_edited(old: Task, new: Task) -> bool:
    return old.edited_revision != new.edited_revision
