"""A node: its machine with name, data directory and supervisor, and one agent at a time, which is the product's NodeCore."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from coordinator.client.node_values import CallAnswer, Offer, Registration
from executors.registry import Registry
from executors.testing.bench import Bench
from node import effects, frames
from node.agent_live import FLUSH_S, LiveNews
from node.agent_worker_news import run_end
from node.alarm import Alarm
from node.core import NodeCore
from node.core_desk import CoreConfig
from node.frames import ToAgent
from node.in_process.coordinator import Clock, Coordinator
from node.in_process.session import Link, Session
from node.in_process.worker import Worker
from node.inputs import Input, RunEnded, RunNews, ShutdownAsked, SupervisorBeat, Tick, WorkerSaid

BEAT_S = 0.25
RESTART_S = 0.1
FEATURES = 1_000  # it follows whatever the coordinator does: both are this build


@dataclass(slots=True)
class Surroundings:
    """What all nodes of a cluster have in common. `on_line`: told (task, run) of every line and report of progress."""

    coordinator: Coordinator
    clock: Clock
    bench: Bench
    registry: Registry
    on_line: Callable[[str, frames.Log | frames.Progress], None]
    context: Context = field(default_factory=copy_context)  # of the cluster, not of a run


class Machine:
    """What outlives an agent."""

    def __init__(
        self, name: str, around: Surroundings, capacity: int, attributes: Mapping[str, str]
    ) -> None:
        self.name, self.around, self.capacity, self.attributes = name, around, capacity, attributes
        self.link = Link()
        self.agent: Agent | None = None
        self._counter = 0
        self._boots = 1
        self._dead: list[Agent] = []
        self._loop = asyncio.get_running_loop()
        self._is_up = False

    def boot(self) -> None:
        """`task-node` is started, unless it runs."""
        if not self._is_up:
            self._is_up = True
            self._next_agent()

    def kill(self) -> None:
        """The power goes: nothing of it executes until `boot`."""
        self._is_up = False
        self._boots += 1
        self._end_agent()

    def shut_down(self) -> None:
        """SIGTERM: it drains itself and leaves."""
        if self.agent is not None:
            self.agent.feed(ShutdownAsked())

    def mend(self) -> None:
        """The road is open again."""
        self.link.is_cut = False
        if self.agent is not None:
            self.agent.session.reset()

    def bury(self) -> None:
        """At the end of the test, when the loop may be closed."""
        self._is_up = False
        for agent in (*self._dead, *filter(None, (self.agent,))):
            agent.bury()

    def agent_ended(self, code: int) -> None:
        """The supervisor starts the next one, or ends as well."""
        self._end_agent()
        if code in (effects.EXIT_ASKED, effects.EXIT_REMOVED):
            self._is_up = False
        else:
            self._loop.call_later(RESTART_S, self._next_agent)

    def _next_agent(self) -> None:
        if self._is_up and self.agent is None:
            self._counter += 1
            self.agent = Agent(self, self._registration())
            self.agent.open()

    def _end_agent(self) -> None:
        agent, self.agent = self.agent, None
        if agent is not None:
            self._dead.append(agent)
            agent.die()

    def _registration(self) -> Registration:
        return Registration(
            name=self.name,
            node_uid=f"uid-{self.name}",
            counter=self._counter,
            incarnation=f"{self._counter}-{self.name}",
            boot_id=f"{self.name}-{self._boots}",
            pid_namespace=self.name,
            boot_counter=self._boots,
            machine=self.name,
            old_is_dead=True,
            attributes=self.attributes,
            capacity=self.capacity,
            max_starting=50,
            version="in process",
            python=platform.python_version(),
            feature_level=FEATURES,
        )


class Agent:
    """One incarnation."""

    def __init__(self, machine: Machine, who: Registration) -> None:
        around = machine.around
        self.machine, self.link, self.bench = machine, machine.link, around.bench
        self.registry, self.outside = around.registry, around.context
        self.executors = frozenset(around.registry.definitions)
        self.is_alive = True
        self.live = LiveNews()
        self.core = NodeCore(CoreConfig(who.incarnation, units=2 * machine.capacity))
        self.session = Session(self, around.coordinator, who)
        self._workers: dict[int, Worker] = {}
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._loop, lambda: self.feed(Tick()))
        self._do: dict[type, Callable[[Any], None]] = {
            effects.StartWorker: lambda e: self._start_worker(e.worker),
            effects.KillWorker: lambda e: self._workers[e.worker].kill(),
            effects.Tell: lambda e: self._workers[e.worker].tell(e.message),
            effects.SendHeartbeat: self._heartbeat,
            effects.SendReports: self._reports,
            effects.SendCallAnswer: lambda e: self._answer_call(e.answer),
            effects.AskDrain: lambda _: self._say(drain=True),
            effects.SayGoodbye: lambda _: self._say(goodbye=True),
            effects.Reconnect: lambda _: self.session.reconnect(),
            effects.Settled: lambda e: self.live.forget(e.allocation_ids),
            effects.Exit: lambda e: self.machine.agent_ended(e.code),
            effects.ArmKiller: lambda _: None,  # nothing here stops an agent without killing it
            effects.Note: lambda _: None,
        }

    @property
    def offers(self) -> Sequence[Offer]:
        return [Offer(m.name, m.version, m.digest, m.body) for m in self.registry.manifests()]

    def steady_ms(self) -> int:
        """The clock of the lease."""
        return self.machine.around.clock.steady_ms()

    def open(self) -> None:
        """Start the first worker; register; beat."""
        for effect in self.core.open(self.steady_ms()):
            self._do[type(effect)](effect)
        self._beat()
        self._flush_live()
        self.session.start()

    def feed(self, given: Input) -> None:
        """One input, and all that follows from it."""
        if not self.is_alive:
            return
        for effect in self.core.handle(given, self.steady_ms()):
            self._do[type(effect)](effect)
        wake_at = self.core.wake_at
        if self.is_alive and wake_at is not None:
            self._alarm.ring_in(wake_at - self.steady_ms())

    def heard(self, worker: int, messages: Sequence[ToAgent]) -> None:
        """What a worker said in one turn is one input, in its order."""
        news: list[RunNews] = []
        for message in messages:
            match message:
                case frames.Ended():
                    self.live.ended(message.allocation_id, message.log_counts)
                    news.append(RunEnded(message.allocation_id, run_end(message)))
                case (
                    frames.Started()
                    | frames.State()
                    | frames.Child()
                    | frames.Poke()
                    | frames.Stopping()
                ):
                    news.append(message)
                case frames.CallDone():
                    said = (message.call, message.payload, message.reason, message.detail)
                    self._answer_call(CallAnswer(*said))
                case frames.Progress() | frames.Log():
                    self._line(message)
                case _:
                    pass
        if news:
            self.feed(WorkerSaid(worker, tuple(news)))

    def die(self) -> None:
        """The process is gone, and its workers with it."""
        self.is_alive = False
        for worker in self._workers.values():
            worker.kill()
        self.session.end()

    def bury(self) -> None:
        """Nothing of it happens any more, and nobody is told."""
        self.is_alive = False
        for worker in self._workers.values():
            worker.bury()

    # -- what the core asks for ------------------------------------------------------------------

    def _start_worker(self, number: int) -> None:
        self._workers[number] = Worker(self, number)

    def _heartbeat(self, effect: effects.SendHeartbeat) -> None:
        self.session.out.heartbeat = effect.heartbeat
        self.session.wake()

    def _reports(self, effect: effects.SendReports) -> None:
        self.session.out.reports.extend(effect.reports)
        self.session.wake()

    def _answer_call(self, answer: CallAnswer) -> None:
        self.session.out.call_answers.append(answer)
        self.session.wake()

    def _say(self, *, drain: bool = False, goodbye: bool = False) -> None:
        out = self.session.out
        out.drain, out.goodbye = out.drain or drain, out.goodbye or goodbye
        self.session.wake()

    def _line(self, message: frames.Log | frames.Progress) -> None:
        run = self.core.runs.by_id.get(message.allocation_id)
        if run is None:
            return
        task_id = run.wanted.task_id
        if isinstance(message, frames.Log):
            self.live.log(task_id, message)
        else:
            self.live.progress(task_id, message)
        self.machine.around.on_line(task_id, message)

    # -- time --------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """The supervisor's byte."""
        if self.is_alive:
            self.feed(SupervisorBeat())
            self._loop.call_later(BEAT_S, self._beat)

    def _flush_live(self) -> None:
        if not self.is_alive:
            return
        if self.live.has_news:
            progress, lines = self.live.take()
            self.session.out.progress.extend(progress)
            self.session.out.logs.extend(lines)
            self.session.wake()
        self._loop.call_later(FLUSH_S, self._flush_live)
