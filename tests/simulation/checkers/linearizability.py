"""Whether operations can have happened one at a time, each at an instant between call and answer.

Wing and Gong's search with Lowe's memory of visited (set done, state) pairs. The history is cut by key, since
operations on different tasks are independent. What a caller was never told about may have happened at any time after
its call, or never; what certainly failed must not have happened. A search that grows too large counts as a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from coordinator.machine.outcome import Refusal, Refused
from coordinator.model.settings import RULES
from tests.simulation.checkers import task_model
from tests.simulation.history import PENDING, Operation

Key: TypeAlias = Any  # a state of the model; hashable
Step = Callable[[Key, Operation], Iterable[Key]]

TASK_KINDS = frozenset(
    {
        *("create", "read", "cancel", "purge", "update", "priority"),
        *("pause", "resume", "retry", "cancel_run"),
        *("series", "reschedule", "run_now"),
    }
)
SETTING_KINDS = frozenset({"setting", "look"})
LIMIT_KINDS = frozenset({"limit", "look_limit"})
READS = ("read", "look", "look_limit")
VISITED_MAX = 200_000
NOT_LOGGED = (Refusal.UNKNOWN_EXECUTOR, Refusal.VALIDATION_FAILED, Refusal.INVALID_PARAMS)


def objections(operations: Iterable[Operation]) -> Iterator[str]:
    """One for each key whose history cannot be explained."""
    by_key: dict[tuple[str, str], list[Operation]] = {}
    for told in operations:
        operation = _as_far_as_it_binds(told)
        if operation.kind in TASK_KINDS:
            by_key.setdefault(("task", operation.key), []).append(operation)
        elif operation.kind in SETTING_KINDS:
            by_key.setdefault(("setting", operation.key), []).append(operation)
        elif operation.kind in LIMIT_KINDS:
            by_key.setdefault(("limit", operation.key), []).append(operation)
    for (model, key), history in by_key.items():
        if model == "task":
            found = search(history, None, task_model.step)
        else:
            initial = RULES[key].default_text() if model == "setting" else None
            found = search(history, initial, setting_step)
        if found is not None:
            lines = "\n  ".join(map(str, history))
            yield f"{key}: {found}\n  {lines}"


def _as_far_as_it_binds(operation: Operation) -> Operation:
    """A refusal that is not in the log (no such executor yet, foreign code said no) speaks for its own try alone: an
    earlier one of the same call, given up for lost, may still be on its way or be waiting for its validation.
    """
    refused = isinstance(operation.result, Refused) and operation.result.code in NOT_LOGGED
    if operation.tries < 2 or not refused:
        return operation
    return replace(operation, state="unknown", returned=PENDING, result=None)


def setting_step(state: Key, operation: Operation) -> Iterator[Key]:
    """A register: the last value written is read."""
    if operation.kind in ("setting", "limit"):
        yield operation.argument
    elif operation.result == state:
        yield state


def search(history: Sequence[Operation], initial: Key, step: Step) -> str | None:
    """None if there is an order that explains everything, else what was tried in vain."""
    calls = sorted((o for o in history if o.state != "failed" and _counts(o)), key=_called)
    definite = sum(1 << n for n, operation in enumerate(calls) if operation.state == "ok")
    visited = {(0, initial)}
    stack = [(0, initial)]
    deepest = 0
    while stack:
        done, state = stack.pop()
        if done & definite == definite:
            return None
        deepest = max(deepest, (done & definite).bit_count())
        places = (
            (done | 1 << number, after)
            for number in _may_come_next(calls, done)
            for after in step(state, calls[number])
        )
        for place in places:
            if place not in visited:
                visited.add(place)
                stack.append(place)
        if len(visited) > VISITED_MAX:
            return f"no order found among {VISITED_MAX} (time-out of the search)"
    return f"no order explains it; at best {deepest} of {definite.bit_count()} operations"


def _counts(operation: Operation) -> bool:
    """A read without an answer says nothing."""
    return operation.state == "ok" or operation.kind not in READS


def _called(operation: Operation) -> int:
    return operation.called


def _may_come_next(calls: Sequence[Operation], done: int) -> Iterator[int]:
    """Those that had been called before any that is left had been answered."""
    soonest = min(
        (o.returned for n, o in enumerate(calls) if not done >> n & 1 and o.state == "ok"),
        default=-1,
    )
    for number, operation in enumerate(calls):
        if operation.called > soonest:
            return
        if not done >> number & 1:
            yield number
