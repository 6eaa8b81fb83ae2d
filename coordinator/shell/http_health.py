"""`--http`: /livez and /readyz for whoever probes by HTTP, and a sentence for whoever expects pages.

Not a web server: one request, one answer, good-bye. The pages of the dashboard will take this address over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from coordinator.shell.grpc_server import PortTaken

READ_TIMEOUT_S = 5.0
LINE_BYTES_MAX = 8_192
HOME = (
    "This coordinator of ptasks has no pages in this release.\n"
    "Ask it with taskctl, for instance: taskctl cluster status\n"
    "Here: /livez (the loop turns), /readyz (a leader is known).\n"
)


class HttpHealth:
    """Listens on `host:port`. `is_ready`: whether a leader is known."""

    def __init__(self, address: str, is_ready: Callable[[], bool]) -> None:
        self._address = address
        self._is_ready = is_ready
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises PortTaken."""
        host, _, port = self._address.rpartition(":")
        try:
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]"), int(port), limit=LINE_BYTES_MAX
            )
        except OSError as error:
            raise PortTaken(
                f"--http: {self._address}: the port is in use by another process; "
                "stop it, or give another port"
            ) from error

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                words = (await reader.readline()).split()
                while (await reader.readline()).strip():
                    pass
            writer.write(self._answer(words))
            await writer.drain()
        except (TimeoutError, ValueError, OSError):
            pass  # whoever it was, it speaks no HTTP or has gone
        finally:
            writer.close()

    def _answer(self, words: list[bytes]) -> bytes:
        method, target = (words[0], words[1].partition(b"?")[0]) if len(words) > 1 else (b"", b"")
        status, text = self._page(target)
        if method not in (b"GET", b"HEAD"):
            status, text = "405 Method Not Allowed", "only GET and HEAD\n"
        body = text.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == b"HEAD" else body)

    def _page(self, target: bytes) -> tuple[str, str]:
        if target == b"/livez":
            return "200 OK", "ok\n"
        if target == b"/readyz":
            return (
                ("200 OK", "ok\n")
                if self._is_ready()
                else ("503 Service Unavailable", "no leader\n")
            )
        return ("200 OK", HOME) if target == b"/" else ("404 Not Found", "not found\n")
