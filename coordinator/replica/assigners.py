"""Executors that choose for themselves are asked one task at a time, in a helper process.

Their answer comes back as an input; whatever they do (raise, hang, answer nonsense) becomes the
explanation of *that* task (PT-44). The next question waits until the last decision is applied, so
each sees those before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from coordinator.assignment.choose import choose, eligible
from coordinator.assignment.load import Claim, claim_of
from coordinator.assignment.objections import furthest, limited, need_of, objection_to
from coordinator.model.instants import SECOND, Millis
from coordinator.model.nodes import Node
from coordinator.model.tasks import Assignment, Code, Task
from coordinator.replica.bench import Bench
from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import PluginAnswered
from coordinator.replica.questions import assign_payload
from coordinator.replica.shown import Shown

Decided = Callable[[Assignment, tuple[Claim, ...]], None]


class Job(msgspec.Struct):
    """A task to be asked about. `decided` proposes; whoever applied it calls `settled`."""

    task: Task
    decided: Decided


class _Call(msgspec.Struct, frozen=True, gc=False):
    """A question under way. `shown`: the number of the words on tasks that it carries."""

    executor: str
    candidates: tuple[Node, ...]
    shown: int


class _Trouble(msgspec.Struct, gc=False):
    failures: int
    until: Millis
    assignment: Assignment
    told: bool = False  # that the wait is over


class Assigners:
    """Questions of one term."""

    def __init__(self, bench: Bench) -> None:
        self.shown = Shown(bench.state)
        self._bench = bench
        self._view = bench.view
        self._queues: dict[str, deque[Job]] = {}
        self._active: dict[str, Job] = {}
        self._calls: dict[int, _Call] = {}
        self._trouble: dict[str, _Trouble] = {}
        self._asking: set[str] = set()  # executors whose queue is being worked off

    def submit(self, job: Job) -> None:
        executor = job.task.executor
        self._queues.setdefault(executor, deque()).append(job)
        self._next(executor)

    def may_ask(self, executor: str) -> bool:
        """Not while it is being waited for: after an error, or because its code is still being imported."""
        if self._bench.facts.may_get_code(executor):
            return False
        trouble = self._trouble.get(executor)
        return trouble is None or self._bench.now.steady >= trouble.until

    def wait_is_over(self, steady: Millis) -> bool:
        """Whether an executor may be asked again since the last call (PT-47)."""
        over = [t for t in self._trouble.values() if not t.told and steady >= t.until]
        for trouble in over:
            trouble.told = True
        return bool(over)

    def drop(self) -> None:
        """Leadership is over: nobody is asked any more."""
        self._queues.clear()
        self._active.clear()
        self._calls.clear()

    def answered(self, answer: PluginAnswered) -> bool:
        """The helper's answer; False if the call is not ours."""
        call = self._calls.pop(answer.call, None)
        if call is None:
            return False
        job = self._active[call.executor]
        if answer.kind == "stale":
            self.shown.begin_anew(call.executor, call.shown)
            self._ask(job)
            return True
        assignment = self._judge(job.task, answer, call.candidates)
        self._decide(job, assignment)
        return True

    def settled(self, executor: str) -> None:
        """The decision about this executor's task was applied or dropped: ask for the next."""
        self._active.pop(executor, None)
        self._next(executor)

    def _next(self, executor: str) -> None:
        """Ask about the next task; one that is decided without asking makes room for another."""
        if executor in self._asking:
            return
        self._asking.add(executor)
        queue = self._queues.get(executor)
        while queue and executor not in self._active:
            job = self._active[executor] = queue.popleft()
            self._ask(job)
        if not queue:
            self._queues.pop(executor, None)
        self._asking.discard(executor)

    def _ask(self, job: Job) -> None:
        task, now = job.task, self._bench.now
        trouble = self._trouble.get(task.executor)
        if trouble is not None and now.steady < trouble.until:
            self._decide(job, trouble.assignment)
            return
        if not self._bench.facts.has_code(task.executor):
            self._decide(job, Assignment(None, None, Code.ASSIGNER_MISSING, ""))
            return
        need, view = need_of(task), self._view
        if (held := limited(need, view.load)) is not None:
            self._decide(job, Assignment(None, None, *held))
            return
        exclusions = view.exclusions.of(task.id, now.steady)
        nodes = list(view.state.nodes_by_name())
        candidates = eligible(need, nodes, view.load, view.connected, exclusions)
        if not candidates:
            found = ((n.name, objection_to(need, n, view.load, view.connected)) for n in nodes)
            code, text = furthest((name, o) for name, o in found if o is not None)
            self._decide(job, Assignment(None, None, code, text))
            return
        call = self._bench.next_call()
        words = self.shown.words(task.executor)
        self._calls[call] = _Call(task.executor, tuple(candidates), words.number)
        timeout = view.state.settings.millis("assignment.assigner_timeout")
        payload = assign_payload(view, task, candidates, words, now)
        self._bench.emit(AskPlugin(call, "assign", task.executor, payload, timeout))

    def _judge(
        self, task: Task, answer: PluginAnswered, candidates: tuple[Node, ...]
    ) -> Assignment:
        if answer.kind in ("error", "timeout", "missing"):
            code = {"timeout": Code.ASSIGNER_TIMEOUT, "missing": Code.ASSIGNER_MISSING}.get(
                answer.kind, Code.ASSIGNER_ERROR
            )
            if answer.code == Code.INVALID_CHOICE:
                code = Code.INVALID_CHOICE
            return self._in_trouble(task.executor, Assignment(None, None, code, answer.text))
        self._trouble.pop(task.executor, None)
        if answer.kind == "refused":
            code = Code.EXECUTOR_REFUSED
            if answer.code in (Code.LAZY, Code.AWAITING_INPUT):
                code = Code(answer.code)
            return Assignment(None, None, code, answer.text)
        if answer.kind == "least_loaded":
            names = set(answer.text.split(",")) if answer.text else {n.name for n in candidates}
            among = [n for n in candidates if n.name in names]
            view = self._view
            return choose(need_of(task), task.id, among, view.load, view.connected)
        for node in candidates:
            if node.name == answer.node:
                return Assignment(node.name, node.incarnation, Code.ASSIGNED, answer.text)
        text = f"{answer.node} is not a candidate"
        return Assignment(None, None, Code.INVALID_CHOICE, text)

    def _in_trouble(self, executor: str, assignment: Assignment) -> Assignment:
        """Asked again at the earliest after 1 s, doubling up to the recheck interval."""
        before = self._trouble.get(executor)
        failures = (before.failures if before else 0) + 1
        most = self._view.state.settings.millis("assignment.recheck_interval")
        wait = min(most, SECOND << min(failures - 1, 12))
        self._trouble[executor] = _Trouble(failures, self._bench.now.steady + wait, assignment)
        return assignment

    def _decide(self, job: Job, assignment: Assignment) -> None:
        claims: tuple[Claim, ...] = ()
        if assignment.node is not None:
            claim = claim_of(job.task, assignment.node)
            self._view.load.claim(claim)
            claims = (claim,)
        job.decided(assignment, claims)
