"""G9, for any history of a few series: each fire time that was handled has exactly one fate, or is still open."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import (
    AssignTask,
    Batch,
    CheckDigest,
    Command,
    EndRun,
    FireSchedule,
    JoinNode,
    Request,
    ResumeExecutor,
    ResumeTask,
    SetSettings,
)
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted, Refused
from coordinator.machine.restoring import begin_anew
from coordinator.model.ids import Incarnation, NodeName, TaskId
from coordinator.model.nodes import Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, RunOutcome, Status
from tests.properties.moves import beginning
from tests.properties.series_moves import choice, command_for
from tests.properties.timekeeper import Book, duty

STEPS = 40
NODE = NodeName("home")
HOME = JoinNode(
    NODE, Incarnation("1-home"), "uid-home", 1, 100, (Offer("demo", 1, "h1"),)
)  # a node that none of the moves knows, with room for everything


def apply_one(state: ClusterState, at: int, command: Command, book: Book) -> Accepted | Refused:
    """As an entry of its own, with everything that must hold afterwards."""
    task_id = getattr(command, "task_id", None)
    before = state.tasks.get(task_id) if task_id is not None else None
    answer = apply_batch(state, state.revision + 1, Batch(at, (Request(command),)))[0]
    events = state.take_events()
    check(state)
    if isinstance(answer, Refused) or answer.unchanged:
        assert not events
    else:
        book.learn(command, before, events, state.at)
    book.agree(state)
    return answer


def least(strategy: st.SearchStrategy[Any]) -> Any:
    """Dice that nobody throws: no fire time is skipped."""
    return 9


def settle(state: ClusterState, at: int, book: Book) -> dict[TaskId, int]:
    """Everything is switched on again; the leader does its duty, runs end well, and time goes by.

    The fire time that each series had come to when half of that time was over.
    """
    halfway: dict[TaskId, int] = {}
    apply_one(state, at, SetSettings((("assignment.enable", "all"),)), book)
    apply_one(state, at, ResumeExecutor(""), book)
    apply_one(state, at, HOME, book)
    here = Assignment(NODE, state.nodes[NODE].incarnation, Code.ASSIGNED)
    for task in list(state.tasks_by_id()):
        if task.desired is Desired.PAUSED:
            apply_one(state, at, ResumeTask(task.id), book)
    for tick in range(40):
        at += 1
        if tick == 20:
            halfway = {one.id: one.series.handled for one in state.tasks_by_id() if one.series}
        for command in duty(state, at, least, lambda: here):
            apply_one(state, at, command, book)
        for task in list(state.tasks_by_id()):
            incarnation = task.assignment.incarnation
            if task.has_node and incarnation is not None:
                run = (task.id, task.allocation_id, incarnation)
                apply_one(state, at, EndRun(*run, RunOutcome.SUCCEEDED, next=here), book)
            elif task.status is Status.UNASSIGNED or 0 < task.wake_at <= at:
                apply_one(state, at, AssignTask(task.id, task.allocation_id, here), book)
    return halfway


@settings(max_examples=80)
@given(st.data())
def test_g9_every_fire_time_that_was_handled_has_exactly_one_fate(data: st.DataObject) -> None:
    state, book, at = ClusterState(), Book(), 1_000
    apply_batch(state, 1, Batch(at, tuple(map(Request, beginning()))))
    state.take_events()
    for _ in range(STEPS):
        at += data.draw(st.sampled_from((0, 0, 1, 1, 2, 5, 20)))
        if data.draw(st.integers(0, 9)) < 6:
            for command in duty(state, at, data.draw, lambda: choice(state, data.draw)):
                answer = apply_one(state, at, command, book)
                assert isinstance(answer, Accepted) or not isinstance(command, FireSchedule)
        else:
            apply_one(state, at, command_for(state, data.draw), book)
    assert digest(load(encode(freeze(state)))) == digest(state)
    for event in begin_anew(state, 1):  # all runs are lost, and nothing else is
        book.learn(CheckDigest(0, ""), None, [event], at)
    check(state)
    book.agree(state)


@settings(max_examples=40)
@given(st.data())
def test_no_history_brings_a_series_to_a_standstill(data: st.DataObject) -> None:
    """Whatever happened: wanted again, placed, and with runs that end, it comes to its next fire time, or to its end."""
    state, book, at = ClusterState(), Book(), 1_000
    apply_batch(state, 1, Batch(at, tuple(map(Request, beginning()))))
    state.take_events()
    for _ in range(20):
        at += data.draw(st.sampled_from((0, 1, 5)))
        leads = data.draw(st.booleans())
        commands = duty(state, at, data.draw, lambda: choice(state, data.draw)) if leads else []
        for command in commands or [command_for(state, data.draw)]:
            apply_one(state, at, command, book)
    halfway = settle(state, at, book)
    for task in state.tasks_by_id():
        if task.series is not None and task.series.handled > halfway.get(task.id, 0):
            continue  # late by a deadline of a tick or two, it goes on from one fire time to the next
        assert task.is_terminal or task.series is None or task.series.next.fire_at > 0
        assert task.is_terminal or task.status in (Status.WAITING, Status.PAUSED)
        if not task.is_terminal and task.desired is Desired.RUNNING:
            assert task.series is not None, "a one-off has ended by now"
