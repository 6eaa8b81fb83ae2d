"""What a test sees of its cluster: tasks by the client, time by the clock, faults by name or by dice, and the story."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from pydantic import BaseModel

from coordinator.api.door import Told
from coordinator.api.translate import task_to_wire
from coordinator.client import ChangeOptions, NewTask, Task
from coordinator.client.from_wire import task_of
from coordinator.model.ids import TaskId
from coordinator.replica.effects import Applied
from executors.durations import Span, span_ms
from executors.registry import Registry
from executors.testing import Clock as BenchClock
from executors.testing import HarnessError, Line
from executors.testing.bench import Bench
from executors.testing.harness import Executor, definition_of
from node import frames
from node.in_process.client import LocalClient
from node.in_process.coordinator import Clock, Coordinator
from node.in_process.events import Event, told
from node.in_process.faults import Faults, Mischief, Tools
from node.in_process.machine import Machine, Surroundings

WITHIN = "1d"
SLOW_MS = 1_500


@dataclass(frozen=True, slots=True)
class Options:
    """`seed`: of all dice. `capacity`: of each node, in normal tasks. `settings`: of the cluster, as `cluster set` has them."""

    seed: int = 0
    capacity: int = 10
    settings: Mapping[str, str] = field(default_factory=dict)


class InProcessCluster:
    """One coordinator and some nodes. Made by the fixture `cluster`; `ClusterFactory` has the arguments."""

    def __init__(
        self,
        bench: Bench,
        registry: Registry,
        nodes: Mapping[str, Mapping[str, str]],
        options: Options,
    ) -> None:
        self._bench = bench
        self._dice = Random(f"{options.seed}/faults")
        clock = self._clock = Clock(bench.loop)
        dice = Random(f"{options.seed}/coordinator")
        self._coordinator = Coordinator(registry, clock, dice, dict(options.settings))
        self._coordinator.subscribe(self._hear)
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._lines: dict[str, list[Line]] = {}
        around = Surroundings(self._coordinator, clock, bench, registry, self._on_line)
        self._machines = {
            name: Machine(name, around, options.capacity, attributes)
            for name, attributes in nodes.items()
        }
        self._counts: dict[str, int] = {}
        self._pending: set[asyncio.Task[Any]] = set()
        self._mischief = self._make_mischief(Faults())
        self.events: list[Event] = []
        self.client = LocalClient(self._coordinator)

    @property
    def clock(self) -> BenchClock:
        """It moves by itself when all code waits for it; `advance("1h")` moves it further."""
        return BenchClock(self._bench)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._machines)

    # -- tasks -------------------------------------------------------------------------------------

    async def create(
        self, executor: Executor | str, params: BaseModel | Mapping[str, object], **spec: Any
    ) -> Task:
        """A new task as it was accepted; `spec` has the fields of `NewTask`, `id` among them.

        Without an id it is called by its executor and a number. Raises the client's errors, as Client.create.
        """
        name = executor if isinstance(executor, str) else definition_of(executor).name
        number = self._counts[name] = self._counts.get(name, 0) + 1
        plain = params.model_dump(mode="json") if isinstance(params, BaseModel) else dict(params)
        new = NewTask(executor=name, params=plain, **{"id": f"{name}-{number}", **spec})
        return (await self.client.create(new)).task

    def task(self, task_id: str) -> Task:
        """The record as it is now. Raises KeyError."""
        return task_of(task_to_wire(self._coordinator.replica.state.tasks[TaskId(task_id)]))

    def log(self, task_id: str) -> list[Line]:
        """What all its runs have written to their logs, in order."""
        return list(self._lines.get(task_id, ()))

    async def until(self, condition: Callable[[], object], within: Span = WITHIN) -> None:
        """Until it holds; looked at after everything that happens. Raises HarnessError when the time has passed."""
        if self._coordinator.failed is not None:
            raise self._coordinator.failed
        if condition():
            return
        future: asyncio.Future[None] = self._bench.loop.create_future()
        self._watchers.append((lambda: bool(condition()), future))
        try:
            await self._bench.wait(future, within)
        except TimeoutError:
            last = "; ".join(map(str, self.events[-3:]))
            raise HarnessError(f"not within {within}; what happened last: {last}") from None

    async def ended(self, task_id: str, within: Span = WITHIN) -> Task:
        """The record once the task is there and has ended, however it did."""
        await self.until(lambda: self._has(task_id) and self.task(task_id).is_finished, within)
        return self.task(task_id)

    async def running(self, task_id: str, *, beyond: int = 0, within: Span = WITHIN) -> Task:
        """The record once a run with a fencing token above `beyond` is at work."""

        def is_so() -> bool:
            if not self._has(task_id):
                return False
            task = self.task(task_id)
            return task.status == "running" and task.allocation_id > beyond

        await self.until(is_so, within)
        return self.task(task_id)

    def _has(self, task_id: str) -> bool:
        return TaskId(task_id) in self._coordinator.replica.state.tasks

    # -- faults by name -------------------------------------------------------------------------------

    def kill(self, node: str) -> None:
        """The power goes: not one more instruction of its runs is executed."""
        self._note_fault(node, "kill")
        self._machines[node].kill()

    def start(self, node: str) -> None:
        """It is switched on again, as its next incarnation."""
        self._note_fault(node, "start")
        self._machines[node].boot()

    def cut_off(self, node: str) -> None:
        """Nothing gets through between it and the coordinator; it lives on, and its lease runs out."""
        self._note_fault(node, "cut_off")
        self._machines[node].link.is_cut = True

    def mend(self, node: str) -> None:
        """The road is open, and as quick as ever."""
        self._note_fault(node, "mend")
        self._machines[node].link.extra_s = 0.0
        if self._machines[node].link.is_cut:
            self._machines[node].mend()

    def slow(self, node: str, delay: Span = "500ms") -> None:
        """What it says and hears takes so much longer; beyond a second or so it cannot keep a session."""
        self._note_fault(node, "slow")
        self._machines[node].link.extra_s = span_ms(delay) / 1_000

    async def drain(self, node: str, kind: str = "restart") -> None:
        """It gets nothing new, and what may move is moved."""
        self._note_fault(node, "drain")
        await self.client.cluster.drain(node, ChangeOptions(reason="a test"), kind=kind)

    async def undrain(self, node: str) -> None:
        """As any other again."""
        self._note_fault(node, "undrain")
        await self.client.cluster.undrain(node)

    # -- faults by dice -------------------------------------------------------------------------------

    def let_loose(self, faults: Faults) -> None:
        """From now on nodes are harmed, as the seed has it, until `calm`."""
        self._mischief.stop()
        self._mischief = self._make_mischief(faults)

    def calm(self) -> None:
        """Everything is mended, and stays so."""
        self._mischief.stop()

    def _make_mischief(self, faults: Faults) -> Mischief:
        begin = {
            "kill": self.kill,
            "cut_off": self.cut_off,
            "drain": lambda node: self._soon(self.drain(node)),
            "slow": lambda node: self.slow(node, f"{self._dice.randint(100, SLOW_MS)}ms"),
        }
        end = {
            "kill": self.start,
            "cut_off": self.mend,
            "drain": lambda node: self._soon(self.undrain(node)),
            "slow": self.mend,
        }
        return Mischief(faults, self.nodes, Tools(begin, end), self._dice)

    def _soon(self, call: Any) -> None:
        task = self._bench.loop.create_task(call)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    # -- what happens -----------------------------------------------------------------------------------

    async def open(self) -> InProcessCluster:
        """Wait until everybody is there."""
        await self.until(lambda: self._coordinator.replica.is_leader, "1m")
        for machine in self._machines.values():
            machine.boot()
        state = self._coordinator.replica.state
        await self.until(lambda: len(state.nodes) == len(self._machines), "1m")
        return self

    def close(self) -> None:
        """Nothing of it happens any more; the loop may be closed already."""
        self._mischief.forget()
        for machine in self._machines.values():
            machine.bury()
        self._coordinator.stop()

    def _note_fault(self, node: str, what: str) -> None:
        if node not in self._machines:
            raise KeyError(f"no node {node}; there are {', '.join(self._machines)}")
        self.events.append(Event(self._clock.steady_ms(), "fault", node=node, detail=what))

    def _hear(self, heard: Told) -> None:
        if isinstance(heard, Applied):
            at = self._clock.steady_ms()
            for one in heard.events:
                self.events.extend(told(at, one))
        self._look()

    def _on_line(self, task_id: str, line: frames.Log | frames.Progress) -> None:
        if isinstance(line, frames.Log):
            fields = msgspec.json.decode(line.fields or b"{}")
            self._lines.setdefault(task_id, []).append(Line(line.level, line.event, fields))
        self._look()

    def _look(self) -> None:
        for watcher in list(self._watchers):
            condition, future = watcher
            if future.done():
                self._watchers.remove(watcher)
            elif self._coordinator.failed is not None:
                future.set_exception(self._coordinator.failed)
            elif condition():
                future.set_result(None)
