"""What callers can see of one task, as the smallest machine that explains it.

A state is None (no such task) or what was asked, what is desired, how it ended, its priority, whether it is to be
removed at its end, and whether it may have a run. A task that may have a run may end by itself at any time: a run that
is asked to stop for a pause may still succeed (PT-16), so a pause takes nothing away from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.schedules import Schedule
from tests.simulation.executors import SAID, SPEAKER
from tests.simulation.history import Operation

RUNNING, PAUSED, CANCELLED = "running", "paused", "cancelled"


class Known(NamedTuple):
    asked: str
    desired: str = RUNNING
    ended: str = ""
    priority: int = 0
    purge: bool = False
    may_run: bool = True
    schedule: Schedule | None = None


State = Known | None


def step(state: State, operation: Operation) -> Iterator[State]:
    """States after the operation, if it may have had its answer in this one."""
    told: Outcome | None = operation.result if operation.state == "ok" else None
    for now in _by_itself(state):
        match operation.kind:
            case "create" | "series":
                yield from _create(now, operation)
            case "read":
                if operation.result == _seen(now):
                    yield now
            case _:
                yield from _change(now, operation, told)


def _by_itself(state: State) -> Iterator[State]:
    yield state
    if state is None or state.ended or not state.may_run:
        return
    if state.desired == CANCELLED:
        yield None if state.purge else state._replace(ended="cancelled")
        return
    if state.asked.startswith(SPEAKER):
        yield from _spoken(state)
        return
    if state.schedule is not None and not state.schedule.end:
        return  # however its runs end, a series goes on
    yield state._replace(ended="succeeded")
    yield state._replace(ended="failed")


def _spoken(state: Known) -> Iterator[State]:
    """Its runs pause it, end it, and give it other schedules."""
    for desired in sorted({state.desired, PAUSED}):
        for schedule in (state.schedule, *SAID):
            for ended in ("", "succeeded", "failed"):
                yield state._replace(desired=desired, schedule=schedule, ended=ended)


def _seen(state: State) -> tuple[str, str, str, int] | None:
    return None if state is None else (state.asked, state.desired, state.ended, state.priority)


def asked_of(operation: Operation) -> str:
    executor, number, *_ = operation.argument
    return _with_params(executor, number)


def _with_params(asked: str, number: int) -> str:
    executor, _, _ = asked.partition(" ")
    return f'{executor} {{"n":{number}}}'


def _create(now: State, operation: Operation) -> Iterator[State]:
    asked, (_, _, paused, more) = asked_of(operation), operation.argument
    schedule, again = (more, False) if operation.kind == "series" else (None, more)
    # Whoever runs a series now lets it run once although it is paused (TM-29).
    may_run = not paused or schedule is not None
    made = Known(asked, PAUSED if paused else RUNNING, may_run=may_run, schedule=schedule)
    makes = now is None or (again and now.ended)
    same = now is not None and (now.asked, now.priority, now.schedule) == (asked, 0, schedule)
    same = same and now is not None and now.desired in (CANCELLED, made.desired)
    told = operation.result if operation.state == "ok" else None
    match told:
        case Accepted(created=True):
            if makes:
                yield made
        case Accepted():
            if not makes and same:
                yield now
        case Refused(code=Refusal.ALREADY_EXISTS):
            if not makes and not same:
                yield now
        case Refused():
            yield now  # not for the sake of what is there
        case _:
            yield made if makes else now


def _change(now: State, operation: Operation, told: Outcome | None) -> Iterator[State]:
    """`told` is None where nobody knows: it may have been accepted, or refused."""
    if isinstance(told, Refused):
        if told.code not in REASONS or told.code in _refusals(now, operation):
            yield now
        return
    if told is None:
        yield now
    if now is not None:
        yield from _accepted(now, operation)


REASONS = frozenset(
    {
        Refusal.TASK_NOT_FOUND,
        Refusal.ALREADY_FINISHED,
        Refusal.NOT_FINISHED,
        Refusal.RUN_NOT_FOUND,
    }
)


def _refusals(now: State, operation: Operation) -> frozenset[Refusal]:
    """Those of `REASONS` with which this state may answer."""
    if now is None:
        return frozenset({Refusal.TASK_NOT_FOUND})
    finished = frozenset({Refusal.ALREADY_FINISHED})
    match operation.kind:
        case "cancel":
            return finished if now.ended and now.desired != CANCELLED else frozenset()
        case "purge":
            return frozenset()
        case "pause" | "resume" | "run_now":
            return finished if now.ended or now.desired == CANCELLED else frozenset()
        case "retry" if not now.ended:
            return frozenset({Refusal.NOT_FINISHED})
        case "retry":
            return frozenset() if _may_run_again(now, operation) else finished
        case "cancel_run" if not now.ended:
            return frozenset({Refusal.RUN_NOT_FOUND})
        case _:
            return finished if now.ended else frozenset()


def _may_run_again(now: Known, operation: Operation) -> bool:
    return now.ended == "failed" or (now.ended == "succeeded" and operation.argument)


def _accepted(now: Known, operation: Operation) -> Iterator[State]:
    """States after it was done; none where the law would have refused."""
    match operation.kind:
        case "cancel" | "purge":
            yield from _cancelled(now, purge=operation.kind == "purge")
        case "retry":
            if now.ended and _may_run_again(now, operation):
                yield now._replace(desired=RUNNING, ended="", may_run=True)
        case _ if now.ended:
            return
        case "reschedule" | "run_now" | "cancel_run" if now.schedule is not None:
            yield from _of_series(now, operation)
        case "update":
            yield now._replace(asked=_with_params(now.asked, operation.argument[0]))
        case "priority":
            yield now._replace(priority=operation.argument)
        case "cancel_run" if now.may_run:
            yield from [now] if operation.argument else _cancelled(now, purge=False)
        case "pause" | "resume" | "run_now" if now.desired != CANCELLED:
            yield from _wanted(now, operation.kind)


def _wanted(now: Known, kind: str) -> Iterator[State]:
    match kind:
        case "pause":
            yield now._replace(desired=PAUSED)
        case "resume":
            yield now._replace(desired=RUNNING, may_run=True)
        case _ if now.desired == RUNNING:
            yield now


def _of_series(now: Known, operation: Operation) -> Iterator[State]:
    """It goes on by its schedule, whatever becomes of its runs."""
    if operation.kind == "reschedule":
        yield now._replace(schedule=operation.argument)
    elif operation.kind == "cancel_run" or now.desired != CANCELLED:
        yield now


def _cancelled(now: Known, *, purge: bool) -> Iterator[State]:
    if now.ended:
        if purge:
            yield None
        elif now.desired == CANCELLED:
            yield now
        return
    after = now._replace(desired=CANCELLED, purge=now.purge or purge)
    yield None if after.purge else after._replace(ended="cancelled")
    if now.may_run:
        yield after  # its run has to end first
