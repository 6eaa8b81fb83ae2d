"""Callers: each does one thing after another, tries again elsewhere under the same request id, and remembers.

A third of what was answered is asked again later under its request id: the answer must be the first one (G3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.schedules import Schedule
from coordinator.replica import effects as e
from coordinator.replica.inputs import Asked, Expire
from tests.simulation.executors import CATALOGUE, LIMITED, RECURRING
from tests.simulation.history import Operation
from tests.simulation.timeline import MS, SECOND
from tests.simulation.timetables import draw_schedule
from tests.simulation.verbs import KINDS, LOGGED, READS, REGISTERS, argument_of, look, wish_of

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife
    from tests.simulation.world import World

PAUSE, BRISK = (10 * MS, SECOND), (5 * MS, 100 * MS)
TRY = SECOND  # a try without an answer: another member is asked
POOL = 8  # contended task ids
SERIES = 5  # of them recurring ones
OF_SERIES = {"halt": "pause", "go_on": "resume", "reschedule": "reschedule", "run_now": "run_now"}
PATIENCE = ((500 * MS, 2 * SECOND), (2 * SECOND, 12 * SECOND), (2 * SECOND, 12 * SECOND))
DEADLINES = (700 * MS, 5 * SECOND)  # of a try, as the member it reaches counts it
DONE_BY_NOBODY = (Refusal.CHOICE_STALE,)  # another edit came in between: the door merges anew


class Client:
    """One caller at a time waits for one answer."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.name = world, f"k{number}"
        self._dice = world.dice.split(self.name)
        self._timeline = world.timeline
        self._pace = BRISK if world.dials.brisk else PAUSE
        self._made = 0
        self._try = 0  # number of the try under way; answers of others still count as answers
        self.operation: Operation | None = None
        self._patience = 0
        self._maybe = False  # whether some try may have been appended
        self._target = self._dice.pick(world.numbers)
        self.newest = 0  # highest revision this caller has seen
        self.repeating: list[Operation] = []

    def start(self) -> None:
        self._later(self._dice.between(0, 2 * SECOND), "begins", self._next)

    def _later(self, delay: int, what: str, call: Callable[[], None]) -> None:
        self._timeline.after(delay, f"{self.name} {what}", call)

    def _next(self) -> None:
        if self.operation is None and not self.world.closing:
            kind = self._dice.pick(KINDS)
            self._begin(*self._draw(kind))

    def _draw(self, kind: str) -> tuple[str, str, Any]:
        """Kind, key and argument of the next operation."""
        dice = self._dice
        pooled = f"p{dice.below(POOL)}"
        match kind:
            case "create":
                self._made += 1
                executor = dice.pick(CATALOGUE).name
                return kind, f"{self.name}-{self._made}", (executor, dice.below(3), False, False)
            case "pooled":
                paused = dice.percent(70)
                again = dice.percent(50)
                return "create", pooled, ("sim.brief", dice.below(3), paused, again)
            case "series":
                return kind, f"s{dice.below(SERIES)}", self._series()
            case "reschedule":
                return kind, f"s{dice.below(SERIES)}", draw_schedule(dice, self.world.now_at)
            case "halt" | "go_on" | "run_now" if dice.percent(80):
                kind = OF_SERIES[kind]
                return kind, f"s{dice.below(SERIES)}", argument_of(kind, dice)
            case "setting" | "look":
                return kind, dice.pick(REGISTERS), argument_of(kind, dice)
            case "limit" | "look_limit":
                return kind, LIMITED.name, argument_of(kind, dice)
            case _:
                kind = OF_SERIES.get(kind, kind)
                if dice.percent(2 if kind == "cancel" else 10):
                    return kind, f"s{dice.below(SERIES)}", argument_of(kind, dice)
                own = kind != "purge" and dice.percent(50) and self._made
                key = f"{self.name}-{dice.between(1, self._made)}" if own else pooled
                return kind, key, argument_of(kind, dice)

    def _series(self) -> tuple[str, int, bool, Schedule]:
        dice = self._dice
        executor = dice.pick(RECURRING)
        return executor, dice.below(2), dice.percent(10), draw_schedule(dice, self.world.now_at)

    def _begin(self, kind: str, key: str, argument: Any) -> None:
        reads = kind in READS
        now = self._timeline.now
        request_id = "" if reads else f"{self.name}/{now}"
        operation = Operation(self.name, kind, key, argument, now, request_id)
        self.operation, self._maybe = operation, False
        self._patience = now + self._dice.between(*self._dice.pick(PATIENCE))
        self.world.history.operations.append(operation)
        self.world.tally[f"call/{kind}"] += 1
        self._attempt()

    # -- tries ------------------------------------------------------------------------------------

    def _attempt(self) -> None:
        operation = self.operation
        if operation is None:
            return
        if self._timeline.now >= self._patience and not self.world.closing:
            self._finish("unknown" if self._maybe else "failed", None, 0)
            return
        operation.tries += 1
        self._try += 1
        this = self._try
        target = self._target
        self._ask(target, operation, lambda answer: self._answered(operation, this, answer))
        self._later(TRY, "waits", lambda: self._silence(this))

    def _silence(self, this: int) -> None:
        if this == self._try and self.operation is not None:
            self._maybe = True
            self._move_on(0)

    def _move_on(self, hint: int, pause: int = 0) -> None:
        """Ask another: whom we were told, or anybody."""
        self._target = hint or self._dice.pick(self.world.numbers)
        self._try += 1
        self._later(pause or self._dice.between(MS, 50 * MS), "tries again", self._attempt)

    def _ask(self, target: int, operation: Operation, answered: Callable[[Any], None]) -> None:
        """The answer is an effect of the replica, what was read, or (on a dead process) nothing."""
        world, to = self.world, f"c{target}"

        def back(life: MemberLife, answer: Any) -> None:
            world.network.send(
                to, self.name, f"{to}>{self.name} answer", lambda: answered(answer), once=True
            )

        def arrived() -> None:
            life = world.coordinators[target].life
            if life is None:
                self._later(MS, "refused", lambda: answered(e.Fail(0, "unavailable")))
                return
            label = f"{to} door"
            self._timeline.soon(
                label, lambda: self._at_door(life, operation, lambda a: back(life, a)), life
            )

        label = f"{self.name}>{to} {operation.kind}"
        world.network.send(self.name, to, label, arrived, once=True)

    def _at_door(
        self, life: MemberLife, operation: Operation, answered: Callable[[Any], None]
    ) -> None:
        if operation.kind == "stale":
            answered(self._look(life, operation))
        elif operation.kind in READS:
            life.barrier(
                lambda effect: answered(
                    self._look(life, operation) if isinstance(effect, e.ReadReady) else effect
                )
            )
        else:
            wish = wish_of(operation, life.replica.state, self.name)
            asked = Asked(wish, operation.request_id, crc32(repr(operation.argument).encode()) + 1)
            leader = life.replica.leader_id

            def told(effect: Any) -> None:
                answered((effect, leader) if isinstance(effect, e.Fail) else effect)

            ticket = life.submit((asked,), told)
            self._expires(life, ticket)

    def _expires(self, life: MemberLife, ticket: int) -> None:
        """A little before the try is over its caller is told what the replica knows of it."""

        def give_up() -> None:
            if ticket in life.tickets:
                life.pump.feed(Expire(ticket))

        self._timeline.after(self._dice.pick(DEADLINES), f"{life.name} deadline", give_up, life)

    def _look(self, life: MemberLife, operation: Operation) -> tuple[Any, int]:
        state = life.replica.state
        return look(operation, state), state.revision

    # -- answers ----------------------------------------------------------------------------------

    def _answered(self, operation: Operation, this: int, answer: Any) -> None:
        if operation is not self.operation:
            return  # a late answer to an earlier try; that one was answered alike, or given up
        if isinstance(answer, e.Fail):
            answer = (answer, 0)
        if isinstance(answer, tuple) and isinstance(answer[0], e.Fail):
            failure, leader = answer
            self._maybe = self._maybe or failure.kind in ("outcome_unknown", "timed_out")
            self.world.tally[f"failed/{failure.kind}"] += 1
            if this == self._try:
                self._move_on(leader if failure.kind == "not_leader" else 0)
            return
        if isinstance(answer, e.Reply) and _is_to_merge_anew(answer.outcomes[0]):
            self.world.tally["merged anew"] += 1
            if this == self._try:
                self._move_on(0)
        elif isinstance(answer, e.Reply):
            self._finish("ok", answer.outcomes[0], answer.revision)
        else:
            self._finish("ok", answer[0], answer[1])

    def _finish(self, how: str, result: Any, revision: int) -> None:
        operation = self.operation
        assert operation is not None
        operation.state, operation.result, operation.revision = how, result, revision
        if how == "ok":
            operation.returned = self._timeline.now
            self.newest = max(self.newest, revision)
            self.world.answered(operation)
            if operation.kind in LOGGED and isinstance(result, Accepted) and self._dice.percent(30):
                wait = self._dice.often_short(MS, 20 * SECOND)
                self._later(wait, "repeats", lambda: self._repeat(operation))
        self.world.tally[f"answer/{how}"] += 1
        self.operation = None
        self._try += 1
        self._later(self._dice.between(*self._pace), "goes on", self._next)

    def _repeat(self, operation: Operation) -> None:
        """The same words under the same request id, to anybody, once."""

        def answered(answer: Any) -> None:
            if isinstance(answer, e.Reply):
                self.world.tally["call/repeated"] += 1
                self.world.history.repeats.append((operation, answer.outcomes[0]))

        self._ask(self._dice.pick(self.world.numbers), operation, answered)


def _is_to_merge_anew(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code in DONE_BY_NOBODY


def is_accepted(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Accepted)
