"""From an edit to its command: the executor's own `validate`, the policy that the spec comes to (PT-33, TM-56)."""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec.structs import replace

from coordinator.duties.view import ExecutorFacts
from coordinator.machine.commands import RetryTask, UpdateTask
from coordinator.machine.edit import with_params
from coordinator.model.settings import Settings
from coordinator.model.tasks import Policy, Task, TaskSpec, with_asked
from coordinator.replica.bench import Bench
from coordinator.replica.creation import by_schema_only
from coordinator.replica.inputs import Asked
from coordinator.replica.policies import resolve
from coordinator.replica.proposals import OnAnswer
from coordinator.replica.review import Review
from coordinator.replica.submitting import Submit
from coordinator.replica.task_limits import limits_of
from coordinator.replica.validation import Validations, Verdict

Edit = UpdateTask | RetryTask


class Ready(Protocol):
    """Takes the command of an edit that is part of another."""

    def __call__(self, command: Edit, *, schema_only: bool) -> None:
        """`schema_only`: its params were judged by no code (PT-24)."""
        ...


class _Early(msgspec.Struct, frozen=True):
    """Came before it is known which plugins are here, or before foreign code has said its word."""

    asked: Asked
    edit: Edit
    on_answer: OnAnswer
    ready: Ready | None


class Edits:
    """Edits on their way to the log, in one term. `submit` proposes a command, or tries it where nothing is to change."""

    def __init__(self, bench: Bench, validations: Validations, submit: Submit) -> None:
        self._bench = bench
        self._validations = validations
        self._submit = submit
        self._early: Review[_Early] = Review()
        self._checked: Review[_Early] = Review()  # by foreign code

    def begin(
        self, asked: Asked, edit: Edit, on_answer: OnAnswer, ready: Ready | None = None
    ) -> None:
        """Ask foreign code about new params, or propose. `ready`: of an edit that is part of another."""
        bench = self._bench
        task = bench.state.tasks.get(edit.task_id)
        known = bench.view.facts.get(task.executor) if task is not None else None
        if isinstance(edit, UpdateTask) and edit.has_state and known is not None:
            edit = replace(edit, state_version=known.version)  # by its schema the door has judged
        repeated = asked.request_id and bench.state.requests.get(asked.request_id) is not None
        if task is None or repeated or edit.params is None:
            self._propose(_Early(asked, edit, on_answer, ready), task)
            return
        if not edit.executor_version:
            edit = replace(edit, executor_version=_version_of(edit.params, task, known))
        one = _Early(asked, edit, on_answer, ready)
        is_new = (edit.params, edit.executor_version) != (task.params, task.executor_version)
        if known is None or not known.own_validate or not is_new:
            self._propose(one, task)
        elif bench.facts.has_code(task.executor):
            self._validate(one, task)
        elif bench.facts.may_get_code(task.executor):
            self._early.hold(on_answer, edit.task_id, one)
        else:
            self._propose(one, task, schema_only=True)

    def plugins_known(self) -> None:
        """More is known of which code is here: look again at what waited for that."""
        for one in self._early.release_all():
            self.begin(one.asked, one.edit, one.on_answer, one.ready)

    def take_waiting(self) -> list[OnAnswer]:
        """Leadership is over: whom to tell that nothing was proposed."""
        return [one.on_answer for one in self._early.release_all()]

    def is_looking_at(self, waiter: OnAnswer) -> bool:
        """Whether its edit has not been proposed yet."""
        return self._early.holds(waiter) or self._checked.holds(waiter)

    def withdraw(self, waiter: OnAnswer) -> None:
        """Nobody will propose it, whatever foreign code says."""
        self._early.withdraw(waiter)
        self._checked.withdraw(waiter)

    def _validate(self, one: _Early, task: Task) -> None:
        edit = one.edit
        number = self._checked.hold(one.on_answer, edit.task_id, one)

        def judged(verdict: Verdict) -> None:
            if self._checked.release(number) is None:
                return
            if verdict is None:
                self._propose(one, task)
            else:
                one.on_answer(verdict)

        draft = with_params(task, edit.params, edit.executor_version)
        if isinstance(edit, UpdateTask) and edit.spec is not None:
            draft = replace(draft, spec=edit.spec)
        self._validations.ask(draft, judged)

    def _propose(self, one: _Early, task: Task | None, *, schema_only: bool = False) -> None:
        edit = one.edit if task is None else self._resolved(one.edit, task)
        if one.ready is not None:
            one.ready(edit, schema_only=schema_only)
            return
        on_answer = by_schema_only(one.on_answer) if schema_only else one.on_answer
        self._submit(replace(one.asked, wish=edit), edit, on_answer)

    def _resolved(self, edit: Edit, task: Task) -> Edit:
        """What the leader alone can say: the policy that a spec comes to, the limits under changed params or labels."""
        facts = self._bench.view.facts.get(task.executor)
        spec = edit.spec if isinstance(edit, UpdateTask) else None
        if isinstance(edit, UpdateTask) and spec is not None:
            edit = replace(edit, policy=policy_of(spec, task, facts, self._bench.state.settings))
        if facts is None or (spec is None and edit.params is None):
            return edit
        params = task.params if edit.params is None else edit.params
        labels = (spec or task.spec).labels
        return replace(edit, limits=limits_of(task.executor, facts.policy, params, labels))


def _version_of(params: bytes, task: Task, facts: ExecutorFacts | None) -> int:
    """That of the shape they have: params that stay are of the version that they were written for (TM-49)."""
    if facts is None or params == task.params:
        return task.executor_version
    return facts.version


def policy_of(
    spec: TaskSpec, task: Task, facts: ExecutorFacts | None, settings: Settings
) -> Policy:
    """What the spec comes to; where nobody offers the executor any more, upon what was in force."""
    if facts is not None:
        return resolve(spec, facts.policy, settings)
    return with_asked(task.next_policy or task.policy, spec)
