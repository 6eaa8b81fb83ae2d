"""From a wish for a task to its command: known? valid? where? Then one log entry does it all (PT-20)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.assignment.load import Claim
from coordinator.duties.due import place_now
from coordinator.duties.view import ExecutorFacts
from coordinator.machine.children import refuse_child
from coordinator.machine.commands import CreateTask, Request
from coordinator.machine.create import differing_fields
from coordinator.machine.fit import said
from coordinator.machine.outcome import Accepted, Refusal, Refused, Unlogged
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import NO_ALLOCATION, TaskId
from coordinator.model.tasks import Assignment, Code, Desired, Policy, Status, Task
from coordinator.replica.assigners import Assigners, Job
from coordinator.replica.behind import Behind, Coming
from coordinator.replica.bench import Bench
from coordinator.replica.inheriting import with_object
from coordinator.replica.inputs import Asked, Create
from coordinator.replica.policies import Policies
from coordinator.replica.proposals import Answer, Lost, OnAnswer, Proposal, Proposals
from coordinator.replica.review import Review
from coordinator.replica.task_limits import limits_of
from coordinator.replica.validation import Validations, Verdict

KNOWN_SHOWN = 50


class _Wish(msgspec.Struct):
    asked: Asked
    create: Create
    draft: Task  # the record as it would be
    waiter: OnAnswer  # by whom it is found while it is looked at
    on_answer: OnAnswer  # tells the waiter, and others before


class Creations:
    """Wishes on their way to the log, in one term."""

    def __init__(
        self, bench: Bench, assigners: Assigners, validations: Validations, proposals: Proposals
    ) -> None:
        self._bench = bench
        self._view = bench.view
        self._assigners = assigners
        self._validations = validations
        self._proposals = proposals
        self._early: Review[Coming] = Review()  # came before it is known which plugins are here
        self._checked: Review[_Wish] = Review()  # by foreign code
        self._behind = Behind(bench.state, self._looked_at)
        self._policies = Policies()
        self.on_misplaced: Callable[[], None] = _nobody_cares

    def begin(self, asked: Asked, create: Create, on_answer: OnAnswer) -> None:
        """Answer at once, ask foreign code, or propose; behind those that it names (TM-67)."""
        coming = Coming(asked, create, on_answer)
        if not (self._is_new(coming) and self._behind.takes(coming)):
            self._begin(coming)

    def _is_new(self, coming: Coming) -> bool:
        """Whether it is about a record that is not there. If not, the machine answers from what it knows."""
        state, create = self._view.state, coming.create
        request_id = coming.asked.request_id
        if request_id and state.requests.get(request_id) is not None:
            return False
        existing = state.tasks.get(create.task_id)
        return existing is None or (create.replace_finished and existing.is_terminal)

    def _begin(self, coming: Coming) -> None:
        asked, on_answer = coming.asked, coming.on_answer
        create, is_new = with_object(coming.create, self._view.state), self._is_new(coming)
        facts = self._view.facts.get(create.executor)
        if is_new and self._may_get_code(create.executor, facts):
            self._early.hold(on_answer, create.task_id, coming)
            return
        if facts is None and is_new:
            on_answer(self._unknown(create.executor))
            return
        version = facts.version if facts is not None else 1
        policy = self._policies.resolve(
            create.executor, create.spec, self._view.facts, self._view.state.settings
        )
        declared = facts.policy if facts is not None else {}
        limits = limits_of(create.executor, declared, create.params, create.spec.labels)
        draft = _draft(create, version, policy, limits, self._bench.at)
        wish = _Wish(asked, create, draft, on_answer, on_answer)
        if not is_new:
            self._propose(wish, Assignment(), ())
        elif facts is None or not facts.own_validate:
            self._place(wish)
        elif self._bench.facts.has_code(create.executor):
            self._validate(wish)
        else:
            wish.on_answer = by_schema_only(on_answer)
            self._place(wish)

    def _may_get_code(self, executor: str, facts: ExecutorFacts | None) -> bool:
        """Code that is being imported would have a say, or would make the executor known (PT-22)."""
        if facts is not None and not (facts.own_validate or facts.own_assignment):
            return False
        return self._bench.facts.may_get_code(executor)

    def plugins_known(self) -> None:
        """More is known of which code is here: look again at what waited for that."""
        self._behind.is_stirred = True
        for one in self._early.release_all():
            self._begin(one)

    def turn(self) -> None:
        """Go on with what waited for others."""
        for one in self._behind.freed(self.is_looking_at):
            self._begin(one)

    def drop(self) -> None:
        """Leadership is over: nothing of what is still being looked at was proposed."""
        waiting = [one.on_answer for one in self._early.release_all()]
        waiting += [wish.on_answer for wish in self._checked.release_all()]
        waiting += [one.coming.on_answer for one in self._behind.review.release_all()]
        for on_answer in waiting:
            on_answer(Lost.NOT_LEADER)

    def is_looking_at(self, waiter: OnAnswer) -> bool:
        """Whether its wish has not been proposed yet."""
        looking = self._early, self._checked, self._behind.review
        return any(where.holds(waiter) for where in looking)

    def withdraw(self, waiter: OnAnswer) -> None:
        """Nobody will propose it, whatever foreign code says."""
        self._behind.is_stirred = True
        self._behind.review.withdraw(waiter)
        self._early.withdraw(waiter)
        self._checked.withdraw(waiter)

    def _looked_at(self, task_id: TaskId) -> tuple[OnAnswer, ...]:
        return (*self._early.about(task_id), *self._checked.about(task_id))

    def _validate(self, wish: _Wish) -> None:
        number = self._checked.hold(wish.waiter, wish.create.task_id, wish)

        def judged(verdict: Verdict) -> None:
            self._behind.is_stirred = True
            if self._checked.release(number) is None:
                return
            if verdict is None:
                self._place(wish)
            else:
                wish.on_answer(verdict)

        self._validations.ask(wish.draft, judged)

    def _place(self, wish: _Wish) -> None:
        draft = wish.draft
        if draft.status is Status.PAUSED:
            self._propose(wish, Assignment(None, None, Code.PAUSED, ""), ())
        elif draft.status is Status.WAITING:
            self._propose(wish, Assignment(None, None, Code.NOT_DUE, ""), ())
        elif self._asks(draft.executor):
            self._assigners.submit(Job(draft, self._on_choice(wish)))
        else:
            assignment, claims = place_now(draft, self._view, self._bench.now)
            self._propose(wish, assignment, claims)

    def _asks(self, executor: str) -> bool:
        state = self._view.state
        is_open = state.settings.assignment_enabled and executor not in state.paused_executors
        return is_open and self._view.asks_itself(executor)

    def _on_choice(self, wish: _Wish) -> Callable[[Assignment, tuple[Claim, ...]], None]:
        number = self._checked.hold(wish.waiter, wish.create.task_id, wish)

        def decided(assignment: Assignment, claims: tuple[Claim, ...]) -> None:
            self._behind.is_stirred = True
            if self._checked.release(number) is None:
                self._release(claims)
                self._assigners.settled(wish.create.executor)
                return
            first, create = wish.on_answer, wish.create

            def settled(answer: Answer) -> None:
                first(answer)
                self._assigners.settled(create.executor)
                if assignment.node is not None and self._is_unassigned(create.task_id):
                    self.on_misplaced()  # the choice no longer held (PT-34)

            wish.on_answer = settled
            self._propose(wish, assignment, claims)

        return decided

    def _is_unassigned(self, task_id: TaskId) -> bool:
        task = self._view.state.tasks.get(task_id)
        return task is not None and task.status is Status.UNASSIGNED

    def _propose(self, wish: _Wish, assignment: Assignment, claims: tuple[Claim, ...]) -> None:
        create = wish.create
        command = CreateTask(
            task_id=create.task_id,
            executor=create.executor,
            executor_version=wish.draft.executor_version,
            params=create.params,
            spec=create.spec,
            policy=wish.draft.policy,
            assignment=assignment,
            paused=create.paused,
            require_assignment=create.require_assignment,
            replace_finished=create.replace_finished,
            limits=wish.draft.limits,
            by_run=create.by_run,
            declared=create.declared,
            first_at=create.first_at,
        )
        if wish.asked.dry_run:
            self._release(claims)
            wish.on_answer(self._would(wish, command))
            return
        request = Request(command, wish.asked.request_id, wish.asked.content)
        self._proposals.add(Proposal(request, wish.on_answer, claims))

    def _release(self, claims: tuple[Claim, ...]) -> None:
        for claim in claims:
            self._view.load.release(claim)

    def _would(self, wish: _Wish, command: CreateTask) -> Accepted | Refused:
        """A dry run: what the machine would say, as far as the leader can tell."""
        existing = self._view.state.tasks.get(command.task_id)
        if existing is not None and not (command.replace_finished and existing.is_terminal):
            differing = differing_fields(existing, command)
            if differing:
                return Unlogged(
                    Refusal.ALREADY_EXISTS, ", ".join(differing), existing.allocation_id
                )
            return Accepted(existing.id, existing.allocation_id, unchanged=True)
        if (refused := refuse_child(self._view.state, command)) is not None:
            return refused
        nowhere = command.assignment.node is None and wish.draft.status is Status.UNASSIGNED
        if command.require_assignment and nowhere:
            why = said(command.assignment.code, command.assignment.explanation)
            return Unlogged(Refusal.UNPLACEABLE, why)
        return Accepted(command.task_id, created=True)

    def _unknown(self, executor: str) -> Unlogged:
        known = sorted(self._view.facts)
        nearest = sorted(known, key=lambda name: (-_alike(name, executor), name))[:KNOWN_SHOWN]
        listed = ", ".join(nearest) if nearest else "none: no node has joined yet"
        detail = f"no node ever offered {executor}; known: {listed}"
        return Unlogged(Refusal.UNKNOWN_EXECUTOR, detail)


def _draft(
    create: Create, version: int, policy: Policy, limits: tuple[TaskLimit, ...], at: int
) -> Task:
    """The record as it would be: what assignment and foreign code look at."""
    due = create.spec.due_at or 0
    status = Status.PAUSED if create.paused else Status.UNASSIGNED
    if not create.paused and (due > at or create.spec.schedule is not None):
        status = Status.WAITING
    return Task(
        id=create.task_id,
        executor=create.executor,
        executor_version=version,
        params=create.params,
        spec=create.spec,
        policy=policy,
        desired=Desired.PAUSED if create.paused else Desired.RUNNING,
        status=status,
        assignment=Assignment(),
        allocation_id=NO_ALLOCATION,
        created_at=at,
        updated_at=at,
        created_revision=0,
        revision=0,
        due_at=due,
        limits=limits,
    )


def by_schema_only(on_answer: OnAnswer) -> OnAnswer:
    """The caller is to know that nobody asked the executor's own `validate` (PT-24)."""

    def answered(answer: Answer) -> None:
        if isinstance(answer, Accepted):
            answer = msgspec.structs.replace(answer, schema_only=True)
        on_answer(answer)

    return answered


def _alike(one: str, other: str) -> int:
    """How many two-letter pieces two names share: enough to put a misspelt one first."""
    pieces = {other[i : i + 2] for i in range(len(other) - 1)}
    return sum(one[i : i + 2] in pieces for i in range(len(one) - 1))


def _nobody_cares() -> None:
    """Until somebody wants to know."""
