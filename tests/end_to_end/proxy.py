"""Faults of the network without privileges: a TCP proxy for each link of a cluster, and a cluster that has them.

A link goes from one process to one coordinator and has two directions. What is held is not lost: as with a real
network that comes back, it arrives late, in order. `cut` breaks connections and refuses new ones; `half_close` ends
one direction of those there are, and swallows what still comes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import CHECKOUT

REDIRECT = Path(__file__).parent / "redirect"


class Link:
    """One listening port in front of one address. `there` is towards it, `back` are its answers."""

    def __init__(self, proxies: Proxies, target: str) -> None:
        self.address = ""
        self.there, self.back = asyncio.Event(), asyncio.Event()
        self.there.set()
        self.back.set()
        self.delay_s = 0.0
        self._host, _, self._port = target.rpartition(":")
        self._proxies = proxies
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._towards: set[asyncio.StreamWriter] = set()  # those of them that lead to the target
        self._ended: set[asyncio.StreamWriter] = set()  # half-closed: nothing more is written

    # -- from the test's thread -----------------------------------------------------------------

    def hold(self, *, there: bool = True, back: bool = True) -> None:
        """Nothing passes any more in these directions; connections stay open."""
        self._proxies.do(lambda: self._hold(there, back))

    def cut(self) -> None:
        """All connections break, new ones are refused."""
        self._proxies.do(self.abort)

    def half_close(self) -> None:
        """The target is told that no more will come on any connection there is; its answers still pass."""
        self._proxies.do(self._half_close)

    def delay(self, seconds: float) -> None:
        self.delay_s = seconds

    def heal(self) -> None:
        """As if nothing had been; what was held arrives."""
        self._proxies.do(self._heal)

    # -- on the loop ----------------------------------------------------------------------------

    def _hold(self, there: bool, back: bool) -> None:
        for gate, wanted in ((self.there, there), (self.back, back)):
            if wanted:
                gate.clear()

    def _half_close(self) -> None:
        for writer in self._towards - self._ended:
            self._ended.add(writer)
            if not writer.transport.is_closing():
                writer.write_eof()

    def abort(self) -> None:
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def _heal(self) -> None:
        self._is_cut, self.delay_s = False, 0.0
        for writer in self._ended:
            writer.transport.abort()
        self.there.set()
        self.back.set()

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        ends = {writer}
        self._writers.add(writer)
        try:
            await self.there.wait()
            their_reader, their_writer = await asyncio.open_connection(self._host, self._port)
            ends.add(their_writer)
            self._writers.add(their_writer)
            self._towards.add(their_writer)
            await asyncio.gather(
                self._pass(reader, their_writer, self.there),
                self._pass(their_reader, writer, self.back),
            )
        except (OSError, asyncio.CancelledError):
            pass  # nobody is there: so it shall look to who came; or all is over
        finally:
            for one in ends:
                one.transport.abort()
            self._writers -= ends
            self._towards -= ends
            self._ended -= ends

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await gate.wait()
                if writer not in self._ended:
                    writer.write(data)
                    await writer.drain()
            await gate.wait()
            if writer not in self._ended:
                writer.write_eof()
        except OSError:
            writer.transport.abort()


class Proxies:
    """The thread and the loop on which all links live. A context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._links: list[Link] = []

    def link(self, target: str) -> Link:
        """A new way to this address."""
        made = Link(self, target)
        self._links.append(made)
        self._servers.append(asyncio.run_coroutine_threadsafe(made.listen(), self._loop).result(5))
        return made

    def do(self, work: Callable[[], Any]) -> None:
        """Run it on the loop, and return when it is done."""

        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(5)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in self._links:
            link.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports say goodbye in later turns of the loop


class CutUpCluster(Cluster):
    """A cluster in which every process reaches every other coordinator over a link of its own: `links[from, to]`."""

    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, **options)
        self.proxies = Proxies()
        self.links: dict[tuple[str, str], tuple[Link, ...]] = {}
        for name, process in self.processes.items():
            ways: dict[str, str] = {}
            for other in self.addresses:
                if other != name:
                    doors = (self.addresses[other], self.streams[other])
                    links = self.links[name, other] = tuple(map(self.proxies.link, doors))
                    ways.update(zip(doors, (link.address for link in links), strict=True))
            process.environ["TEST_REDIRECT"] = json.dumps(ways)
            process.environ["PYTHONPATH"] = f"{REDIRECT}:{CHECKOUT}"

    def between(self, some: Iterable[str], others: Iterable[str]) -> list[Link]:
        """All links between these and those, whoever connects."""
        some, others = set(some), set(others)
        return [
            link
            for (one, other), links in self.links.items()
            for link in links
            if (one in some and other in others) or (one in others and other in some)
        ]

    def hold(self, some: Iterable[str], others: Iterable[str]) -> None:
        """No word passes between these and those."""
        for link in self.between(some, others):
            link.hold()

    def heal(self) -> None:
        for links in self.links.values():
            for link in links:
                link.heal()

    @override
    def end(self) -> None:
        super().end()
        if self.links:
            self.links.clear()
            self.proxies.close()
