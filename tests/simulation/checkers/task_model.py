"""What callers can see of one task, as the smallest machine that explains it.

A state is None (no such task) or what was asked, whether it was cancelled, has ended, is to be removed at its end, and
is paused. A task that is not paused may end by itself at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coordinator.machine.outcome import Accepted, Refusal, Refused
from tests.simulation.history import Operation


class Known(NamedTuple):
    asked: str
    cancelled: bool = False
    ended: bool = False
    purge: bool = False
    paused: bool = False


State = Known | None


def step(state: State, operation: Operation) -> Iterator[State]:
    """States after the operation, if it may have had its answer in this one."""
    for now in _by_itself(state):
        match operation.kind:
            case "create":
                yield from _create(now, operation)
            case "read":
                if operation.result == _seen(now):
                    yield now
            case _:
                yield from _cancel(now, operation, purge=operation.kind == "purge")


def _by_itself(state: State) -> Iterator[State]:
    yield state
    if state is None or state.paused or state.ended:
        return
    yield None if state.purge else state._replace(ended=True)


def _seen(state: State) -> tuple[str, bool, bool] | None:
    return None if state is None else (state.asked, state.cancelled, state.ended)


def asked_of(operation: Operation) -> str:
    executor, number, _, _ = operation.argument
    return f'{executor} {{"n":{number}}}'


def _create(now: State, operation: Operation) -> Iterator[State]:
    asked, (_, _, paused, again) = asked_of(operation), operation.argument
    makes = now is None or (again and now.ended)
    same = now is not None and now.asked == asked and (now.cancelled or now.paused == paused)
    told = operation.result if operation.state == "ok" else None
    match told:
        case Accepted(created=True):
            if makes:
                yield Known(asked, paused=paused)
        case Accepted():
            if not makes and same:
                yield now
        case Refused(code=Refusal.ALREADY_EXISTS):
            if not makes and not same:
                yield now
        case Refused():
            yield now  # not for the sake of what is there
        case _:
            yield Known(asked, paused=paused) if makes else now


def _cancel(now: State, operation: Operation, *, purge: bool) -> Iterator[State]:
    told = operation.result if operation.state == "ok" else None
    if told is None or isinstance(told, Accepted):
        if now is not None:
            yield from _cancelled(now, purge=purge)
        elif told is None:
            yield now
    elif isinstance(told, Refused) and told.code is Refusal.TASK_NOT_FOUND:
        if now is None:
            yield now
    elif isinstance(told, Refused) and told.code is Refusal.ALREADY_FINISHED:
        if now is not None and now.ended and not now.cancelled and not purge:
            yield now
    else:
        yield now


def _cancelled(now: Known, *, purge: bool) -> Iterator[State]:
    if now.ended:
        if purge:
            yield None
        elif now.cancelled:
            yield now
        return
    after = now._replace(cancelled=True, purge=now.purge or purge)
    over = None if after.purge else after._replace(ended=True)
    if now.paused:
        yield over  # it has no run that would have to end first
    else:
        yield after
        yield over
