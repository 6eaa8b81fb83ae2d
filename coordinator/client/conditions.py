"""What a wait can be for, as text and as a test on a task. Pure.

`terminal` (or `finished`), `run`, `gone`, `state` (the current run has written some), `revision>=N` (the record has
changed at or after it), any status, or `PATH OP VALUE` over the task's JSON: `state.tick>=10`,
`assignment.node!=n1`, `allocation_id>1` (EX-11). A path that leads nowhere is null, which equals only null and is
neither above nor below anything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from coordinator.client.requests import Condition
from coordinator.client.serializer import plain
from coordinator.client.views import FINISHED, ON_A_NODE, Task

STATUSES = ("unassigned", "waiting", "paused", *ON_A_NODE, *FINISHED)
DEFAULT = Condition(
    kind="default"
)  # where nothing is said: of a recurring task a run, of any other its end
_KINDS = ("terminal", "run", "gone", "state")
_REVISION = re.compile(r"\s*revision\s*>=\s*([1-9][0-9]{0,17})\s*")
_COMPARISON = re.compile(r"\s*([A-Za-z_][\w.\-]*)\s*(!=|<=|>=|==|=|<|>)\s*(.*?)\s*")
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def parse_condition(text: str) -> Condition:
    """The condition that `text` names. Raises ValueError, listing what is known, for anything else."""
    word = text.strip()
    if word in _KINDS:
        return Condition(kind=word)
    if word in STATUSES:
        return Condition(kind="status", status=word)
    if word == "finished":
        return Condition(kind="terminal")
    reached = _REVISION.fullmatch(text)
    if reached is not None:
        return Condition(kind="revision", revision=int(reached[1]))
    match = _COMPARISON.fullmatch(text)
    if match is None:
        known = " ".join((*_KINDS, "finished revision>=N", *STATUSES))
        raise ValueError(
            f"{text!r} is no condition; use one of {known}, or PATH OP VALUE as in state.tick>=10"
        )
    path, sign, value = match.groups()
    return Condition(kind="path", path=path, op="=" if sign == "==" else sign, value=_value(value))


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text as it stands."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def value_at(tree: Any, path: str) -> Any:
    """What stands at `state.items.0.name`; None when nothing does."""
    for step in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and step.isdecimal() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return None
    return tree


def task_value(task: Task, path: str) -> Any:
    """What stands at a path of the task's JSON."""
    return value_at(plain(task), path)


def compare(left: Any, sign: str, right: Any) -> bool:
    """`left OP right`; values of different kinds have no order."""
    if sign in ("=", "!="):
        return (left == right) is (sign == "=")
    both_numbers = _is_number(left) and _is_number(right)
    if not both_numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    return bool(_ORDER[sign](left, right))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def holds(condition: Condition, task: Task) -> bool:
    """Whether the task meets the condition now. `gone` is not seen on a record, nor `run` where it names none: the
    server tells them.
    """
    match condition.kind:
        case "terminal" | "default":
            return task.is_finished
        case "status":
            return task.status == condition.status
        case "run":
            last = task.last_outcome
            return last is not None and 0 < condition.allocation_id <= last.allocation_id
        case "state":
            return task.state is not None and task.state_is_current
        case "revision":
            return task.modified_revision >= condition.revision
        case "path":
            return compare(task_value(task, condition.path), condition.op, condition.value)
        case _:
            return False


def pinned(conditions: Sequence[Condition], task: Task) -> tuple[Condition, ...]:
    """The same, with the run that is awaited named: the one in progress, else the next.

    A run that ends between two calls is then seen by the second one, too.
    """
    last = task.last_outcome
    has_node = task.assignment.node is not None
    run = task.allocation_id if has_node or last is None else last.allocation_id + 1
    return tuple(
        msgspec.structs.replace(one, allocation_id=run) if is_open(one) else one
        for one in conditions
    )


def said_of(conditions: Sequence[Condition], task: Task) -> tuple[Condition, ...]:
    """The same, with the default put in words for this task: of a recurring one a run, of any other its end (EX-11)."""
    usual = Condition(kind="terminal" if task.spec.schedule is None else "run")
    return tuple(usual if one.kind == "default" else one for one in conditions)


def is_open(condition: Condition) -> bool:
    """Whether it means a run without saying which."""
    return condition.kind == "run" and not condition.allocation_id


def condition_text(condition: Condition) -> str:
    """As the user wrote it, in short."""
    if condition.kind == "path":
        return f"{condition.path}{condition.op}{msgspec.json.encode(condition.value).decode()}"
    if condition.kind == "revision":
        return f"revision>={condition.revision}"
    return condition.status or condition.kind
