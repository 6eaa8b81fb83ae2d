"""Rounds of a wait: what lies between two of them is not missed (PT-75, EX-11)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from coordinator.client.conditions import holds, is_open, pinned
from coordinator.client.errors import TimedOut
from coordinator.client.from_wire import task_of
from coordinator.client.replies import Waited
from coordinator.client.requests import Condition
from coordinator.client.views import Answer, Task
from coordinator.client.waiting import wait_until
from coordinator.wire.v1 import tasks_pb2 as wire

RUN = Condition(kind="run")


def record(allocation_id: int, *, last: int = 0, node: str = "n1", status: str = "running") -> Task:
    """A task under this allocation id; its last run, if any, was `last`."""
    told = wire.Task(
        id="t",
        status=status,
        allocation_id=allocation_id,
        modified_revision=allocation_id,
        node=node,
    )
    if last:
        told.last_outcome.outcome = "failed"
        told.last_outcome.allocation_id = last
    return task_of(told)


class Server:
    """Answers rounds like the real one: what `records` holds at the time, or a time that has run out."""

    def __init__(self, *records: Task) -> None:
        self.records = list(records)
        self.asked: list[tuple[Condition, ...]] = []

    async def wait_round(
        self,
        task_id: str,
        conditions: Sequence[Condition],
        *,
        after_revision: int = 0,
        timeout_s: float,
    ) -> Waited:
        self.asked.append(tuple(conditions))
        assert timeout_s > 0
        task = self.records.pop(0)
        met = any(holds(one, task) for one in conditions)
        if not met and not (after_revision and task.modified_revision > after_revision):
            raise TimedOut(f"{task_id} within {timeout_s:.3f} s", reason="timed_out")
        return Waited(
            answer=Answer(), task=task, met=met, gone=False, condition="run" if met else ""
        )


async def test_a_run_that_ends_between_two_rounds_is_seen_by_the_second() -> None:
    server = Server(record(4), record(4), record(6, last=4))
    found = await wait_until(server, "t", [RUN])
    assert found.met
    named = Condition(kind="run", allocation_id=4)
    assert server.asked == [(RUN,), (named,), (named,)]


async def test_every_round_waits_for_the_same_run_while_changes_are_told() -> None:
    seen: list[int] = []
    server = Server(record(4), record(5, last=3, node=""), record(6, last=3), record(9, last=7))

    def tell(task: Task) -> None:
        seen.append(task.allocation_id)

    await wait_until(server, "t", [RUN], on_change=tell)
    assert seen == [4, 5, 6, 9]
    assert {one.allocation_id for (one,) in server.asked[1:]} == {4}


async def test_where_nothing_is_said_of_runs_the_first_round_waits() -> None:
    server = Server(record(4, status="running"))
    await wait_until(server, "t", [Condition(kind="status", status="running")])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "task, run",
    [
        (record(4), 4),
        (record(4, node="", status="unassigned"), 4),
        (record(5, last=4, node="", status="waiting"), 5),
        (record(6, last=4), 6),
    ],
)
def test_the_run_in_progress_else_the_next(task: Task, run: int) -> None:
    terminal = Condition(kind="terminal")
    named = Condition(kind="run", allocation_id=99)
    assert pinned([RUN, terminal, named], task) == (
        Condition(kind="run", allocation_id=run),
        terminal,
        named,
    )
    assert [is_open(one) for one in (RUN, terminal, named)] == [True, False, False]
