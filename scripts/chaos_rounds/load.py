"""Load that goes on through every fault: several callers in a thread of their own, each with a client of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from coordinator.client import (
    ChangeOptions,
    Client,
    ClientError,
    NewTask,
    OutcomeUnknown,
    Task,
    TimedOut,
    Unavailable,
    Unexpected,
)
from coordinator.client.errors import Refused
from scripts.chaos_rounds.callers import LATE, Broken, Caller
from scripts.chaos_rounds.ledger import Kind, Ledger, Operation, Outcome, Record
from tests.end_to_end.processes import until
from tests.end_to_end.runs import boot_time_s

CALLERS = 4
SETTLE_S = 30.0


def record_of(task: Task) -> Record:
    """What promises are about."""
    last = task.last_outcome
    return Record(
        task.status,
        task.allocation_id,
        task.created_revision,
        task.modified_revision,
        int(task.state["n"]) if task.state else 0,
        (last.allocation_id, last.outcome) if last is not None else None,
    )


class Load:
    """Callers on the cluster; what they are told goes into the ledger. `rate`: operations a second, all together."""

    def __init__(
        self, addresses: list[str], ledger: Ledger, *, seed: int, rate: float, prefix: str = "t"
    ) -> None:
        self._prefix = prefix  # of all task ids
        self.ledger = ledger
        self.path = ""  # where runs write their lines
        self.movable: list[str] = []
        self.failures: list[BaseException] = []
        self.reads = 0
        self._addresses, self._seed, self._pause_s = addresses, seed, CALLERS / rate
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._made: list[Caller] = []
        self._busy = 0
        self._told_at = 0.0
        self._gap_s = 0.0
        self._thread = threading.Thread(target=self._loop.run_forever, name="callers", daemon=True)
        self._thread.start()
        for number in range(CALLERS):
            self.submit(self._caller(number))

    # -- from the thread of the rounds ----------------------------------------------------------

    def submit(self, work: Any) -> Any:
        """Have a coroutine run on the callers' loop; gives its future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def resume(self) -> None:
        """Go on."""
        self._told_at = boot_time_s()
        self._loop.call_soon_threadsafe(self._gate.set)

    def pause(self) -> None:
        """Until every caller has its answer."""
        self._loop.call_soon_threadsafe(self._gate.clear)
        until(lambda: not self._gate.is_set() and not self._busy, "the callers' answers", 90)
        self._gap_s = max(self._gap_s, boot_time_s() - self._told_at)

    def wait_for_more(self, count: int) -> None:
        """Until that many more were acknowledged: the cluster works."""
        goal = self.ledger.acknowledged + count
        until(
            lambda: self.ledger.acknowledged >= goal or self.failures,
            f"{count} more acknowledged operations",
            90,
        )

    def longest_gap_s(self) -> float:
        """Between two acknowledgements, since it was last asked for or the load rested."""
        longest, self._gap_s = self._gap_s, 0.0
        return longest

    def recent(self) -> set[str]:
        """Tasks that a caller may still speak of."""
        return {task_id for caller in self._made for task_id in caller.ids}

    def settle(self) -> None:
        """Repeat what may have been done under its request id, until it is certain (G3). The callers are paused."""
        self.submit(self._settle()).result(90)

    def end(self) -> None:
        """No more calls."""
        self.submit(self._end()).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # -- on the loop ----------------------------------------------------------------------------

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _caller(self, number: int) -> None:
        dice = Random(f"{self._seed}/{number}")
        turn = number % len(self._addresses)
        addresses = [*self._addresses[turn:], *self._addresses[:turn]]
        try:
            async with Client(addresses) as client:
                caller = Caller(self, client, dice, f"{self._prefix}{number}")
                self._made.append(caller)
                while True:
                    while not self._gate.is_set():
                        await self._gate.wait()
                    self._busy += 1
                    try:
                        await caller.act()
                    finally:
                        self._busy -= 1
                    await asyncio.sleep(dice.expovariate(1 / self._pause_s))
        except Exception as error:  # noqa: BLE001 - told in the thread of the rounds
            self.failures.append(error)

    async def told(
        self, operation: Operation, work: Awaitable[Any], *refusals: type[ClientError]
    ) -> Any:
        """The answer, or None; the ledger has either. Of the refusals only these are in order."""
        try:
            reply = await work
        except (OutcomeUnknown, TimedOut) as error:
            self.ledger.failed(operation, Outcome.UNKNOWN, error.reason)
        except Unavailable as error:
            self.ledger.failed(operation, Outcome.NOT_DONE, error.reason)
        except Refused as error:
            self.ledger.failed(operation, Outcome.REFUSED, error.reason)
            if error.code != "RESOURCE_EXHAUSTED" and not isinstance(error, refusals):
                raise Broken(f"{operation}: {error!r}") from error
        except Unexpected as error:
            self.ledger.failed(operation, Outcome.UNKNOWN, error.reason)
            raise Broken(f"{operation}: {error!r}") from error
        else:
            self.acknowledge(operation, reply.answer.revision, reply.task)
            return reply
        return None

    def acknowledge(self, operation: Operation, revision: int, task: Task | None) -> None:
        """It was answered: a promise."""
        if self._gate.is_set() or self._busy:  # not while the load rests
            now = boot_time_s()
            self._gap_s, self._told_at = max(self._gap_s, now - self._told_at), now
        self.ledger.done(operation, revision, record_of(task) if task is not None else None)

    async def _settle(self) -> None:
        async with Client(self._addresses, timeout_s=SETTLE_S) as client:
            for operation in self.ledger.unsettled():
                change = ChangeOptions(request_id=operation.request_id)
                work = _AGAIN[operation.kind]
                again = self.ledger.begin(operation.kind, operation.task_id, change.request_id)
                await self.told(again, work(self, client, operation.task_id, change), *LATE)

    def new_task(self, task_id: str, *, paused: bool = False) -> NewTask:
        """The same for the same id, so that a repeat is one."""
        dice = Random(task_id)
        params = {"path": self.path, "steps": dice.choice((0, 1, 1, 3)), "pause_ms": 20}
        if dice.random() < 0.1:
            params |= {"steps": 8, "pause_ms": 80}
        return NewTask(executor="chaos.steps", id=task_id, params=params, paused=paused)


Repeat = Callable[[Load, Client, str, ChangeOptions], Awaitable[Any]]
_AGAIN: dict[Kind, Repeat] = {
    Kind.CREATE: lambda load, client, task_id, change: client.create(
        load.new_task(task_id, paused=task_id.endswith("p")), change
    ),
    Kind.CANCEL: lambda _load, client, task_id, change: client.cancel(task_id, change),
    Kind.MOVE: lambda _load, client, task_id, change: client.move(task_id, change),
    Kind.REMOVE: lambda _load, client, task_id, change: client.remove(task_id, change),
}
