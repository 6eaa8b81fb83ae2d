"""PT-A10: the machine beside a plain dictionary that says in advance what each command answers and leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import (
    AssignTask,
    Batch,
    CancelTask,
    Command,
    CreateTask,
    EndRun,
    JoinNode,
    Request,
    WriteState,
)
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Policy, RunOutcome, TaskSpec

Said = Literal["changed", "unchanged", "refused"]
IDS = ("a", "b", "c")
NODES = ("n1", "n2")


@dataclass
class Entry:
    """What the dictionary holds of one task."""

    params: bytes
    allocation: int
    node: str | None
    state: bytes | None = None
    seq: int = 0
    why: str = ""
    is_over: bool = False
    is_stopping: bool = False
    last: tuple[int, RunOutcome] | None = None


@dataclass
class Plain:
    """A dictionary, a counter, and five verbs."""

    tasks: dict[str, Entry] = field(default_factory=dict)
    counter: int = 0

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def create(self, name: str, params: bytes, node: str | None) -> Said:
        old = self.tasks.get(name)
        if old is not None:
            return "unchanged" if old.params == params else "refused"
        self.tasks[name] = Entry(params, self.next(), node, why="" if node else "full")
        return "changed"

    def assign(self, name: str, node: str | None, why: str) -> Said:
        one = self.tasks.get(name)
        if one is None or one.node is not None or one.is_over:
            return "refused"
        if node is None and one.why == why:
            return "unchanged"
        if node is not None:
            one.allocation, one.node, one.seq = self.next(), node, 0
        one.why = why if node is None else ""
        return "changed"

    def update(self, name: str, allocation: int, seq: int, state: bytes | None) -> Said:
        one = self.tasks.get(name)
        if one is None or one.node is None or one.allocation != allocation:
            return "refused"
        if seq <= one.seq:
            return "unchanged"
        one.state, one.seq = state, seq
        return "changed"

    def end(self, name: str, allocation: int, outcome: RunOutcome) -> Said:
        one = self.tasks.get(name)
        if one is None:
            return "refused"
        if one.node is None or one.allocation != allocation:
            return "unchanged" if self._is_repeated(one, allocation, outcome) else "refused"
        kept = RunOutcome.CANCELLED if one.is_stopping else outcome
        one.last, one.node, one.allocation, one.seq = (allocation, kept), None, self.next(), 0
        one.is_over, one.why = kept is not RunOutcome.ABORTED, "not here"
        if one.is_stopping:
            del self.tasks[name]
        return "changed"

    def remove(self, name: str) -> Said:
        one = self.tasks.get(name)
        if one is None:
            return "refused"
        if one.is_stopping:
            return "unchanged"
        if one.node is None:
            del self.tasks[name]
        one.is_stopping = one.node is not None
        return "changed"

    @staticmethod
    def _is_repeated(one: Entry, allocation: int, outcome: RunOutcome) -> bool:
        return one.last == (allocation, outcome)


def incarnation(node: str | None) -> Incarnation:
    return Incarnation(f"1-{node}")


def choice(node: str | None, why: str) -> Assignment:
    if node is None:
        return Assignment(code=Code.ABORTED_HERE, explanation=why)
    return Assignment(NodeName(node), incarnation(node), Code.ASSIGNED)


def drawn(draw: st.DrawFn, plain: Plain) -> tuple[Command, Said]:
    """The next command, and what the dictionary says to it."""
    name = draw(st.sampled_from(IDS))
    one = plain.tasks.get(name)
    held = one.allocation if one is not None else 1
    allocation = held - draw(st.sampled_from((0, 0, 0, 1)))
    life = incarnation(one.node if one is not None else None)
    task, number = TaskId(name), AllocationId(allocation)
    node = draw(st.sampled_from((*NODES, *NODES, None)))
    match draw(st.sampled_from(("create", "assign", "update", "update", "end", "remove"))):
        case "create":
            params = draw(st.sampled_from((b"{}", b"{}", b'{"a":1}')))
            why = "" if node else "full"
            made = CreateTask(task, "demo", 1, params, TaskSpec(), Policy(), choice(node, why))
            return made, plain.create(name, params, node)
        case "assign":
            why = draw(st.sampled_from(("full", "not here")))
            assign = AssignTask(task, AllocationId(held), choice(node, why))
            return assign, plain.assign(name, node, why)
        case "update":
            seq = draw(st.integers(1, 4))
            state = draw(st.sampled_from((None, b"1", b"[2]")))
            write = WriteState(task, number, life, seq, state, 1)
            return write, plain.update(name, allocation, seq, state)
        case "end":
            outcome = draw(st.sampled_from((RunOutcome.SUCCEEDED, RunOutcome.ABORTED)))
            end = EndRun(task, number, life, outcome, reason="not here")
            return end, plain.end(name, allocation, outcome)
        case _:
            return CancelTask(task, purge=True), plain.remove(name)


def told(answer: Outcome) -> Said:
    if not isinstance(answer, Accepted):
        return "refused"
    return "unchanged" if answer.unchanged else "changed"


def agree(state: ClusterState, plain: Plain) -> None:
    """Contents and counter are those of the dictionary."""
    assert state.last_allocation_id == plain.counter
    assert sorted(state.tasks) == sorted(plain.tasks)
    for task in state.tasks_by_id():
        one = plain.tasks[task.id]
        assert (task.params, task.state) == (one.params, one.state)
        assert (task.allocation_id, task.assignment.node) == (one.allocation, one.node)
        assert task.is_terminal == one.is_over


@settings(max_examples=80)
@given(st.data())
def test_pt_a10_contents_and_answers_are_those_of_a_dictionary(data: st.DataObject) -> None:
    state, plain = ClusterState(), Plain()
    offers = (Offer("demo", 1, "h1"),)
    joins = [
        JoinNode(NodeName(name), incarnation(name), f"uid-{name}", 1, 100, offers) for name in NODES
    ]
    apply_batch(state, 1, Batch(1_000, tuple(map(Request, joins))))
    steps = st.composite(lambda draw: drawn(draw, plain))()
    for index in range(2, 42):
        command, said = data.draw(steps)
        before = msgspec.msgpack.encode(list(state.tasks.values()))
        answer = apply_batch(state, index, Batch(1_000 + index, (Request(command),)))[0]
        check(state)
        assert told(answer) == said, command
        if said != "changed":
            assert msgspec.msgpack.encode(list(state.tasks.values())) == before
        agree(state, plain)
