"""`--http` of coordinators and nodes: /livez, /readyz, /startupz, /metrics, a sentence for whoever expects pages.

Not a web server: one request, one answer, good-bye. It is answered by the loop that does the work, so an answer proves
that the loop turns (EX-72). It stands here because a node enters by this room alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from coordinator.client.metric_parts import OTHER, Counts
from coordinator.client.metrics_text import CONTENT_TYPE
from coordinator.client.start_checks import listen_on

READ_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 30.0
LINE_BYTES_MAX = 8_192
_OK = "200 OK"
_NOT_NOW = "503 Service Unavailable"
_BUG = "500 Internal Server Error"
_TEXT = "text/plain; charset=utf-8"
_ROUTES = frozenset({b"/", b"/livez", b"/readyz", b"/startupz", b"/metrics"})


class HttpHealth:
    """Answers on `host:port`. `missing` says what keeps it from being ready, empty if nothing does; `home` is shown at
    `/`, `metrics` at `/metrics`. `answered` counts by route and status.
    """

    def __init__(
        self,
        address: str,
        missing: Callable[[], str],
        home: str,
        metrics: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        self._address = address
        self._missing = missing
        self._home = home
        self._metrics = metrics
        self.answered = Counts()
        self._was_ready = False
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket | None = None) -> None:
        """Begin to answer, on a socket that listens already or a new one. Raises PortTaken."""
        if listener is None:
            listener = listen_on(self._address, "--http")
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=LINE_BYTES_MAX)

    def stop(self) -> None:
        """No new requests."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                words = (await reader.readline()).split()
                while (await reader.readline()).strip():
                    pass
            answer = await self._answer(words)
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                writer.write(answer)
                await writer.drain()
        except (TimeoutError, ValueError, OSError):
            pass  # whoever it was, it speaks no HTTP or has gone
        finally:
            writer.close()

    async def _answer(self, words: list[bytes]) -> bytes:
        method, target = (words[0], words[1].partition(b"?")[0]) if len(words) > 1 else (b"", b"")
        kind = _TEXT
        if method not in (b"GET", b"HEAD"):
            status, body = "405 Method Not Allowed", b"only GET and HEAD\n"
        elif target == b"/metrics" and self._metrics is not None:
            kind = CONTENT_TYPE
            status, body = await self._numbers(self._metrics)
        else:
            status, text = self._page(target)
            body = text.encode()
        self.answered[target.decode() if target in _ROUTES else OTHER, status[:3]] += 1
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == b"HEAD" else body)

    async def _numbers(self, metrics: Callable[[], Awaitable[bytes]]) -> tuple[str, bytes]:
        """A scrape must not end what it looks at."""
        try:
            return _OK, await metrics()
        except Exception as bug:  # noqa: BLE001 - whoever scrapes is told, and the process goes on with its work
            return _BUG, f"{type(bug).__name__}: {bug}\n".encode()

    def _page(self, target: bytes) -> tuple[str, str]:
        match target:
            case b"/livez":
                return _OK, "ok\n"
            case b"/readyz":
                missing = self._look()
                return (_NOT_NOW, f"{missing}\n") if missing else (_OK, "ok\n")
            case b"/startupz":
                self._look()
                return (_OK, "ok\n") if self._was_ready else (_NOT_NOW, "was not ready yet\n")
            case b"/":
                return _OK, self._home
            case _:
                return "404 Not Found", "not found\n"

    def _look(self) -> str:
        missing = self._missing()
        self._was_ready = self._was_ready or not missing
        return missing
