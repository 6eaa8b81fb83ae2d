"""A caller that goes on through every fault, and knows what it was promised."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from coordinator.client import Client, ClientError, NewTask, NotFound
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until


class Load:
    """Creates tasks one after the other in a thread of its own; every fifth paused, then cancelled.

    After the block, `check` tells whether everything acknowledged is there, and ended as it should.
    """

    def __init__(self, cluster: Cluster, prefix: str = "load", executor: str = "demo.noop") -> None:
        self.cluster = cluster
        self.prefix, self.executor = prefix, executor
        self.acknowledged: dict[str, int] = {}  # task -> allocation id
        self.cancelled: set[str] = set()
        self.failures: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(60)
        if self.failures:
            raise self.failures[0]

    def wait_for_more(self, count: int = 3) -> None:
        """Until that many more were acknowledged."""
        goal = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= goal or self.failures, f"{count} more tasks", 60)

    async def _run(self) -> None:
        addresses = list(self.cluster.addresses.values())
        try:
            async with Client(addresses, timeout_s=60) as client:
                number = 0
                while not self._stop.is_set():
                    number += 1
                    await self._one(client, f"{self.prefix}-{number:05}", cancel=number % 5 == 0)
                    await asyncio.sleep(0.03)
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            self.failures.append(error)

    async def _one(self, client: Client, task_id: str, *, cancel: bool) -> None:
        task = NewTask(executor=self.executor, id=task_id, paused=cancel)
        made = await client.create(task)
        self.acknowledged[task_id] = made.task.allocation_id
        if cancel:
            await client.cancel(task_id)
            self.cancelled.add(task_id)

    def check(self) -> None:
        """G1, G4, G10: nothing is missing, allocation ids grew, a cancel stayed one."""
        ids = list(self.acknowledged.values())
        assert ids == sorted(set(ids)), "allocation ids in the order in which they were given"
        until(lambda: not self._unfinished(), "every task of the load to end", 60)

    def _unfinished(self) -> list[str]:
        async def look(client: Client) -> list[str]:
            left = []
            for task_id in self.acknowledged:
                try:
                    task = (await client.get(task_id)).task
                except NotFound:
                    raise AssertionError(f"{task_id} was acknowledged and is gone") from None
                if task_id in self.cancelled:
                    assert task.status == "cancelled", task
                assert task.allocation_id >= self.acknowledged[task_id], task
                if not task.is_finished:
                    left.append(f"{task_id}: {task.status}")
            return left

        return tolerant(lambda: self.cluster.call(look, timeout_s=20), ["no answer"])


def tolerant(work: Callable[[], list[str]], otherwise: list[str]) -> list[str]:
    """What is tried again anyway may fail on the road."""
    try:
        return work()
    except ClientError:
        return otherwise
