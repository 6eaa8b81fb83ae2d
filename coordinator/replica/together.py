"""Changes of many tasks that are one command: each is looked at by itself, then they are proposed together (TM-32)."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from coordinator.assignment.load import Claim
from coordinator.duties.due import place_now
from coordinator.machine.commands import (
    Change,
    ChangeTasks,
    Request,
    RetryTask,
    RunNow,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal, Refused, Unlogged
from coordinator.model.limits import CHANGE_BYTES_MAX
from coordinator.model.tasks import Status
from coordinator.replica.bench import Bench
from coordinator.replica.editing import Edit, Edits
from coordinator.replica.inputs import Asked
from coordinator.replica.proposals import Answer, OnAnswer, Proposal, Proposals
from coordinator.replica.submitting import Submit


class _Gathering(msgspec.Struct):
    """`parts`: whoever waits for the edits among them; `schema_only`: the places of those that no code has judged."""

    asked: Asked
    changes: list[Change]
    open: int
    parts: list[OnAnswer]
    schema_only: set[int]


class Together:
    """Those of one term. `submit` refuses what may not be proposed, and tries where nothing is to change."""

    def __init__(self, bench: Bench, edits: Edits, proposals: Proposals, submit: Submit) -> None:
        self._bench = bench
        self._edits = edits
        self._proposals = proposals
        self._submit = submit
        self._gathering: dict[OnAnswer, _Gathering] = {}

    def begin(self, asked: Asked, command: ChangeTasks, on_answer: OnAnswer) -> None:
        """Have the edits among them looked at, then propose. The first that is refused is the answer to all."""
        is_repeated = asked.request_id and self._bench.state.requests.get(asked.request_id)
        edits = [
            (place, one)
            for place, one in enumerate(command.changes)
            if isinstance(one, UpdateTask | RetryTask)
        ]
        if is_repeated or not edits:
            self._propose(asked, command, on_answer)
            return
        found = _Gathering(asked, list(command.changes), len(edits), [], set())
        self._gathering[on_answer] = found
        for place, edit in edits:
            if on_answer not in self._gathering:
                return
            self._look_at(found, place, edit, on_answer)

    def is_looking_at(self, waiter: OnAnswer) -> bool:
        """Whether nothing of it has been proposed yet."""
        return waiter in self._gathering

    def withdraw(self, waiter: OnAnswer) -> None:
        """Nobody will propose it, whatever foreign code says."""
        found = self._gathering.pop(waiter, None)
        for part in found.parts if found is not None else ():
            self._edits.withdraw(part)

    def _look_at(self, found: _Gathering, place: int, edit: Edit, on_answer: OnAnswer) -> None:
        def refused(answer: Answer) -> None:
            if on_answer not in self._gathering:
                return
            self.withdraw(on_answer)
            if isinstance(answer, Refused):
                answer = replace(answer, task_id=edit.task_id)
            on_answer(answer)

        def ready(command: Edit, *, schema_only: bool) -> None:
            if on_answer not in self._gathering:
                return
            found.changes[place] = command
            found.open -= 1
            if schema_only:
                found.schema_only.add(place)
            if not found.open:
                del self._gathering[on_answer]
                marked = _marking(on_answer, found.schema_only)
                self._propose(found.asked, ChangeTasks(tuple(found.changes)), marked)

        found.parts.append(refused)
        self._edits.begin(Asked(edit, dry_run=found.asked.dry_run), edit, refused, ready)

    def _propose(self, asked: Asked, command: ChangeTasks, on_answer: OnAnswer) -> None:
        size = len(msgspec.msgpack.encode(command))
        if size > CHANGE_BYTES_MAX:
            many = f"changes of {len(command.changes)} tasks as one command are {size} bytes"
            on_answer(Unlogged(Refusal.TOO_LARGE, f"{many}; at most {CHANGE_BYTES_MAX}"))
            return
        if asked.dry_run or self._proposals.gate(command) is not None:
            self._submit(asked, command, on_answer)
            return
        placed = [
            placed_at_once(one, self._bench) if isinstance(one, RunNow) else (one, ())
            for one in command.changes
        ]
        claims = tuple(claim for _, taken in placed for claim in taken)
        command = ChangeTasks(tuple(one for one, _ in placed))
        request = Request(command, asked.request_id, asked.content, asked.asker)
        self._proposals.add(Proposal(request, on_answer, claims))


def _marking(on_answer: OnAnswer, places: set[int]) -> OnAnswer:
    """As `by_schema_only`, of the parts at these places."""
    if not places:
        return on_answer

    def answered(answer: Answer) -> None:
        if isinstance(answer, Accepted):
            parts = tuple(
                replace(part, schema_only=place in places)
                for place, part in enumerate(answer.parts)
            )
            answer = replace(answer, parts=parts)
        on_answer(answer)

    return answered


def placed_at_once(wish: RunNow, bench: Bench) -> tuple[RunNow, tuple[Claim, ...]]:
    """With a place for a run that can begin at once, in the same entry."""
    task = bench.state.tasks.get(wish.task_id)
    idle = task is not None and task.status in (Status.WAITING, Status.PAUSED)
    if task is None or not idle or bench.view.asks_itself(task.executor):
        return wish, ()
    due = replace(task, status=Status.UNASSIGNED)
    assignment, claims = place_now(due, bench.view, bench.now)
    return replace(wish, assignment=assignment), claims
