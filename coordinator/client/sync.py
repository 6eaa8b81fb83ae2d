"""The thin synchronous face: the same calls, run on a loop of its own in a background thread.

```python
with SyncClient(["127.0.0.1:7101"]) as client:
    client.run(lambda c: c.create(NewTask(executor="demo.noop")))
    for event in client.iterate(lambda c: c.watch()):
        ...
```

There is one implementation, and it is asynchronous: twins kept alike by hand drift apart.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from coordinator.client import replies
from coordinator.client.client import TIMEOUT_S, Client
from coordinator.client.event_views import EventPage
from coordinator.client.fate_views import FatePage
from coordinator.client.requests import ChangeOptions, Condition, Edit, Filter, NewTask

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

T = TypeVar("T")


class SyncClient:
    """A `Client` for code without an event loop. Safe to use from several threads."""

    def __init__(self, addresses: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="ptasks-client", daemon=True
        )
        self._thread.start()
        self._client = self._wait(self._make(addresses, timeout_s))

    @staticmethod
    async def _make(addresses: Sequence[str], timeout_s: float) -> Client:
        return Client(addresses, timeout_s=timeout_s)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections and the background thread."""
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, call: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """The result of any call of the client: `run(lambda c: c.cluster.nodes())`."""
        return self._wait(call(self._client))

    def iterate(self, call: Callable[[Client], AsyncIterator[T]]) -> Iterator[T]:
        """The items of any stream of the client: `iterate(lambda c: c.watch())`."""
        stream = call(self._client)

        async def following() -> tuple[T] | None:
            async for item in stream:
                return (item,)
            return None

        while (got := self._wait(following())) is not None:
            yield got[0]

    def create(self, task: NewTask, change: ChangeOptions | None = None) -> replies.Created:
        """As `Client.create`."""
        return self.run(lambda client: client.create(task, change))

    def get(self, task_id: str) -> replies.Found:
        """As `Client.get`."""
        return self.run(lambda client: client.get(task_id))

    def list(self, selection: Filter | None = None) -> replies.Page:
        """As `Client.list`: the first page."""
        return self.run(lambda client: client.list(selection))

    def cancel(self, task_id: str, change: ChangeOptions | None = None) -> replies.Changed:
        """As `Client.cancel`."""
        return self.run(lambda client: client.cancel(task_id, change))

    def update(
        self, task_id: str, edit: Edit, change: ChangeOptions | None = None
    ) -> replies.Changed:
        """As `Client.update`."""
        return self.run(lambda client: client.update(task_id, edit, change))

    def ensure(
        self, task: NewTask, change: ChangeOptions | None = None, *, overwrite: bool = False
    ) -> replies.Ensured:
        """As `Client.ensure`."""
        return self.run(lambda client: client.ensure(task, change, overwrite=overwrite))

    def pause(
        self, task_id: str, change: ChangeOptions | None = None, *, until_at: int = 0
    ) -> replies.Changed:
        """As `Client.pause`."""
        return self.run(lambda client: client.pause(task_id, change, until_at=until_at))

    def resume(
        self, task_id: str, change: ChangeOptions | None = None, *, no_catch_up: bool = False
    ) -> replies.Changed:
        """As `Client.resume`."""
        return self.run(lambda client: client.resume(task_id, change, no_catch_up=no_catch_up))

    def run_now(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        queue: bool = False,
        replace: bool = False,
    ) -> replies.Changed:
        """As `Client.run_now`."""
        return self.run(
            lambda client: client.run_now(task_id, change, queue=queue, replace=replace)
        )

    def fates(self, task_id: str, *, limit: int = 100, page_token: str = "") -> FatePage:
        """As `Client.fates`."""
        return self.run(lambda client: client.fates(task_id, limit=limit, page_token=page_token))

    def events(self, *, limit: int = 100, page_token: str = "") -> EventPage:
        """As `ClusterClient.events`."""
        return self.run(lambda client: client.cluster.events(limit=limit, page_token=page_token))

    def retry(self, task_id: str, change: ChangeOptions | None = None) -> replies.Changed:
        """As `Client.retry`."""
        return self.run(lambda client: client.retry(task_id, change))

    def wait(
        self,
        task_id: str,
        conditions: Sequence[Condition] = (),
        *,
        timeout_s: float | None = None,
    ) -> replies.Waited:
        """As `Client.wait`."""
        return self.run(lambda client: client.wait(task_id, conditions, timeout_s=timeout_s))

    def wait_all(self, selection: Filter, *, timeout_s: float | None = None) -> replies.WaitedMany:
        """As `Client.wait_all`: until all that match now have ended."""
        return self.run(lambda client: client.wait_all(selection, timeout_s=timeout_s))

    def cancel_many(
        self, selection: Filter, change: ChangeOptions | None = None
    ) -> replies.ChangedMany:
        """As `Client.cancel_many`."""
        return self.run(lambda client: client.cancel_many(selection, change))

    def call(
        self, task_id: str, method: str, payload: Any = None, *, timeout_s: float | None = None
    ) -> replies.Called:
        """As `Client.call`."""
        return self.run(lambda client: client.call(task_id, method, payload, timeout_s=timeout_s))
