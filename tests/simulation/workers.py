"""Worker processes of a simulated node, and the user code in them.

The order of a run's words is that of `node.frames`: Started, States, Stopping, one Ended. User code executes from its
start until it ends or its process is killed; the world keeps both instants (`Intervals`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coordinator.client.node_values import RunEnd
from node import frames
from node.inputs import RunEnded, RunNews, WorkerDied, WorkerReady, WorkerSaid
from tests.simulation.executors import BY_NAME, SAYS, Behaviour, Executor, behaviour
from tests.simulation.timeline import MS, Life

if TYPE_CHECKING:
    from tests.simulation.agent import AgentLife

NAMES = frozenset(BY_NAME)


class Run:
    """User code of one run, executing."""

    def __init__(self, start: frames.Start, executor: Executor, plan: Behaviour) -> None:
        self.start, self.executor, self.plan = start, executor, plan
        self.over = False
        self.stop_reason = ""
        self.states = 0


class WorkerLife(Life):
    """One worker process."""

    def __init__(self, agent: AgentLife, number: int) -> None:
        super().__init__()
        self.agent, self.number = agent, number
        self.name = f"{agent.place.name} w{number}"
        self.ready = False
        self.runs: dict[int, Run] = {}
        self._early: list[frames.ToWorker] = []
        self._timeline = agent.timeline
        self._dice = agent.place.dice.split(f"{agent.incarnation}/w{number}")
        self._timeline.after(
            self._dice.between(20 * MS, 300 * MS), f"{self.name} ready", self._is_ready, self
        )

    # -- from the agent ---------------------------------------------------------------------------

    def tell(self, message: frames.ToWorker) -> None:
        delay = self._dice.between(50, 800)
        self._timeline.after(delay, f"{self.name} told", lambda: self._told(message), self)

    def kill(self) -> None:
        """SIGKILL by the agent; the news of its end comes a little later."""
        if self.alive:
            self.end()
            self._say_dead("killed")

    def crash(self) -> None:
        """It dies by itself, or somebody kills it."""
        if self.alive:
            self.end()
            self._say_dead("crashed")

    def end(self) -> None:
        """From here on not one instruction of it is executed."""
        self.alive = False
        at = (
            self.frozen_since if self.frozen_until >= self._timeline.now > 0 else self._timeline.now
        )
        for run in self.runs.values():
            if not run.over:
                run.over = True
                self.agent.place.world.intervals.ended(run.start.allocation_id, at)

    frozen_since = 0

    def _say_dead(self, detail: str) -> None:
        agent, number = self.agent, self.number
        self._timeline.after(
            self._dice.between(200, 5 * MS),
            f"{self.name} dead",
            lambda: agent.feed(WorkerDied(number, detail)),
            agent,
        )

    # -- inside -----------------------------------------------------------------------------------

    def _is_ready(self) -> None:
        self.ready = True
        agent, number = self.agent, self.number
        agent.offers_known()
        self._to_agent(lambda: agent.feed(WorkerReady(number, NAMES)), "ready")
        early, self._early = self._early, []
        for message in early:
            self._told(message)

    def _told(self, message: frames.ToWorker) -> None:
        if not self.ready:
            self._early.append(message)
            return
        match message:
            case frames.Start():
                self._start(message)
            case frames.Stop():
                self._stop(message)
            case frames.Shutdown():
                self.end()
                self._say_dead("shut down")
            case _:
                pass

    def _start(self, start: frames.Start) -> None:
        executor = BY_NAME[start.executor]
        world = self.agent.place.world
        run = Run(start, executor, behaviour(world.seed, start.allocation_id, executor))
        self.runs[start.allocation_id] = run
        world.intervals.began(self, run)
        self._say(frames.Started(start.allocation_id))
        self._timeline.after(
            run.plan.lasts, f"{self.name} over", lambda: self._over(run, run.plan.end), self
        )
        if executor.writes_state:
            self._state_later(run)
        for seq, name in enumerate(executor.children, 1):
            wait = self._dice.often_short(MS, run.plan.lasts)
            child = partial(self._child, run, seq, name)
            self._timeline.after(wait, f"{self.name} child", child, self)
        if start.timeout_ms:
            self._timeline.after(
                start.timeout_ms * MS, f"{self.name} limit", lambda: self._limit(run), self
            )

    def _state_later(self, run: Run) -> None:
        every = run.executor.writes_state
        self._timeline.after(every, f"{self.name} state", lambda: self._state(run), self)

    def _state(self, run: Run) -> None:
        if run.over:
            return
        run.states += 1
        data = b'{"n":%d,"token":%d}' % (run.states, run.start.allocation_id)
        self._say(frames.State(run.start.allocation_id, run.states, data, 1))
        self._state_later(run)

    def _child(self, run: Run, seq: int, executor: str) -> None:
        if not run.over:
            start = run.start.allocation_id
            self._say(frames.Child(start, seq, f"c{seq}", executor, b'{"n":0}', b"{}"))

    def _limit(self, run: Run) -> None:
        if not run.over and not run.stop_reason:
            run.stop_reason = "timeout"
            grace = run.start.cancel_grace_ms
            self._say(frames.Stopping(run.start.allocation_id, "timeout", grace))
            self._stops(run)

    def _stop(self, stop: frames.Stop) -> None:
        run = self.runs.get(stop.allocation_id)
        if run is None or run.over:
            return
        first, run.stop_reason = not run.stop_reason, stop.reason
        if first:
            grace = run.start.cancel_grace_ms if stop.grace_ms is None else stop.grace_ms
            self._say(frames.Stopping(stop.allocation_id, stop.reason, grace))
            self._stops(run)

    def _stops(self, run: Run) -> None:
        if run.plan.stops_in >= 0:
            self._timeline.after(
                run.plan.stops_in, f"{self.name} stops", lambda: self._over(run, "aborted"), self
            )

    def _over(self, run: Run, how: str) -> None:
        if run.over:
            return
        if how == "crash":
            self.crash()
            return
        run.over = True
        self.agent.place.world.intervals.ended(run.start.allocation_id, self._timeline.now)
        outcome = {"cancel": "cancelled", "timeout": "timed_out"}.get(run.stop_reason, how)
        self._say(RunEnded(run.start.allocation_id, _end(outcome, run.stop_reason)))

    def _say(self, news: RunNews) -> None:
        agent, number = self.agent, self.number
        self._to_agent(lambda: agent.feed(WorkerSaid(number, (news,))), type(news).__name__)

    def _to_agent(self, arrive: object, what: str) -> None:
        """The pipe keeps order: no word overtakes another."""
        due = max(self._timeline.now + self._dice.between(50, 800), self._last_word + 1)
        self._last_word = due
        self._timeline.at(due, f"{self.name} {what}", arrive, self.agent)  # type: ignore[arg-type]

    _last_word = 0


def _end(how: str, stop_reason: str) -> RunEnd:
    """`how`: an outcome, or what a run says that succeeds or fails."""
    if how == "permanent":
        return RunEnd("failed", how, permanent=True)
    return RunEnd("succeeded" if how in SAYS else how, stop_reason, **SAYS.get(how, {}))
