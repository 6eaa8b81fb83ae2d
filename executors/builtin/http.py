"""`http.call`: one HTTP request, with an answer kept up to a bound, tried again where another try can help.

A run may happen more than once, so each request says which one it is: `Idempotency-Key` is the task's id (unless the
params say otherwise), `Ptasks-Fencing-Token` the run's token.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    BlockingTask,
    ClusterView,
    Duration,
    PermanentError,
    PersistentTasksExecutor,
    RetryableError,
    StopReason,
    TaskPolicy,
    ValidationError,
)
from executors.builtin.http_failures import raise_failure, retry_after

READ_BYTES = 64 * 1024
READ_BYTES_MAX = 16 * 1024 * 1024  # of a longer body the rest is not read
RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
OVERLOAD_STATUS = frozenset({429, 503})
HEADERS_KEPT_BYTES = 4 * 1024


class HttpParams(BaseModel):
    """The request, and which answers are a success.

    `expected_status`: statuses of a success; empty means 200 to 299. `connect_timeout`, `timeout`: for the connection,
    and for all of it. `keep_bytes`: how much of the answer's body the result keeps.
    """

    url: str = Field(min_length=8, max_length=8_192)
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[str, str] = Field(default_factory=dict, max_length=64)
    body: str = Field(default="", max_length=128 * 1024)
    expected_status: list[int] = Field(default_factory=list, max_length=100)
    connect_timeout: Duration = Duration("10s")
    timeout: Duration = Duration("60s")
    keep_bytes: int = Field(default=16 * 1024, ge=0, le=32 * 1024)


class HttpState(BaseModel):
    """Nothing: a request begins anew with each run."""


class Call(PersistentTasksExecutor[HttpParams, HttpState]):
    """Makes an HTTP request; tells failures that may pass from those that will not."""

    name = "http.call"
    policy = TaskPolicy(cancel_grace="10s")

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    @override
    def validate(self, params: HttpParams, cluster: ClusterView) -> None:
        """What is no request at all is refused before it is stored."""
        problem = _objection(params)
        if problem is not None:
            raise ValidationError(*problem)

    @override
    def describe(self, params: HttpParams) -> str:
        """Method and address, without the query: it may be nobody's business."""
        parts = urlsplit(params.url)
        return f"{params.method} {parts.scheme}://{parts.hostname}{parts.path}"

    @override
    def node_operation(
        self,
        task: AllocatedPersistentTask[HttpState],
        params: HttpParams,
        state: HttpState | None,
    ) -> dict[str, object]:
        """The result is `{"status", "headers", "body", "encoding", "bytes", "truncated"}`.

        `body` is text, or base64 where it is no UTF-8; `encoding` says which.
        """
        me = task.blocking
        problem = _objection(params)
        if problem is not None:
            raise PermanentError(": ".join(problem))
        deadline = time.monotonic() + params.timeout.ms / 1000
        try:
            connection = self._connected(me, params, deadline)
            with contextlib.closing(connection):
                me.raise_if_cancelled()
                connection.request(params.method, _target(params), *_content(params, me))
                self._limit(deadline)
                with connection.getresponse() as answer:
                    return self._judged(me, params, answer, deadline)
        except (OSError, http.client.HTTPException) as error:
            me.raise_if_cancelled()
            raise_failure(error)
        finally:
            self._socket = None

    @override
    async def on_stop(self, task: AllocatedPersistentTask[HttpState], reason: StopReason) -> None:
        """The thread that waits for the other side waits no longer."""
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _connected(
        self, me: BlockingTask[HttpState], params: HttpParams, deadline: float
    ) -> http.client.HTTPConnection:
        parts = urlsplit(params.url)
        host, is_tls = parts.hostname or "", parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
        connection = kind(host, parts.port)
        until = min(deadline, time.monotonic() + params.connect_timeout.ms / 1000)
        connection.sock = self._open(me, connection.host, connection.port, until)
        if is_tls:
            context = ssl.create_default_context()
            sock = context.wrap_socket(
                connection.sock, server_hostname=host, do_handshake_on_connect=False
            )
            connection.sock = self._socket = sock
            sock.do_handshake()
        self._limit(deadline)
        return connection

    def _open(
        self, me: BlockingTask[HttpState], host: str, port: int, until: float
    ) -> socket.socket:
        """A connection to the first of the host's addresses that takes one. A stop ends the wait for it."""
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            sock = self._socket = socket.socket(family, kind, protocol)
            try:
                me.raise_if_cancelled()  # from here on `on_stop` finds the socket
                sock.settimeout(_left(until))
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
        raise failure

    def _limit(self, deadline: float) -> None:
        """No wait for the other side goes beyond the deadline."""
        if self._socket is not None:
            self._socket.settimeout(_left(deadline))

    def _judged(
        self,
        me: BlockingTask[HttpState],
        params: HttpParams,
        answer: http.client.HTTPResponse,
        deadline: float,
    ) -> dict[str, object]:
        kept, total = b"", 0
        while total < READ_BYTES_MAX and (data := answer.read1(READ_BYTES)):
            me.raise_if_cancelled()
            total += len(data)
            kept = (kept + data)[: params.keep_bytes]
            self._limit(deadline)
        me.raise_if_cancelled()
        if answer.length and total < READ_BYTES_MAX:
            raise http.client.IncompleteRead(b"", answer.length)
        me.log.info("answered", status=answer.status, bytes=total)
        if not _is_expected(answer.status, params):
            _refuse(answer, kept)
        return _result(answer, kept, total)


def _objection(params: HttpParams) -> tuple[str, str] | None:
    """The field and what is wrong with it."""
    try:
        parts = urlsplit(params.url)
        port = parts.port
    except ValueError as error:
        return "url", str(error)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "url", "must be http://HOST/... or https://HOST/..."
    if parts.username is not None or parts.password is not None:
        return "url", "must not hold a name or password; params are no place for secrets"
    if any(not 0x21 <= ord(one) < 0x7F for one in params.url):
        return "url", "must be ASCII without spaces; quote what is not"
    for name, value in params.headers.items():
        if not name or not all(one.isalnum() or one in "-_." for one in name) or not name.isascii():
            return "headers", f"{name!r} is no name of a header"
        if any(one in "\r\n\0" for one in value) or not value.isascii():
            return "headers", f"the value of {name} must be one line of ASCII"
    return None


def _target(params: HttpParams) -> str:
    parts = urlsplit(params.url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _content(
    params: HttpParams, me: BlockingTask[HttpState]
) -> tuple[bytes | None, Mapping[str, str]]:
    headers = {
        "User-Agent": "ptasks",
        "Idempotency-Key": me.id,
        "Ptasks-Fencing-Token": str(me.fencing_token),
        "Ptasks-Attempt": str(me.attempt),
    }
    if "traceparent" in me.headers:
        headers["traceparent"] = me.headers["traceparent"]
    given = {name.lower() for name in params.headers}
    ours = {name: value for name, value in headers.items() if name.lower() not in given}
    body = params.body.encode() if params.body else None
    return body, {**ours, **params.headers}


def _is_expected(status: int, params: HttpParams) -> bool:
    return status in params.expected_status if params.expected_status else 200 <= status < 300


def _result(answer: http.client.HTTPResponse, kept: bytes, total: int) -> dict[str, object]:
    truncated = len(kept) < total
    try:
        body = codecs.getincrementaldecoder("utf-8")().decode(kept, final=not truncated)
        encoding = "text"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(kept).decode(), "base64"
    headers: dict[str, str] = {}
    room = HEADERS_KEPT_BYTES
    for name, value in answer.getheaders():
        room -= len(name) + len(value)
        if room >= 0:
            headers[name.lower()] = value
    return {
        "status": answer.status,
        "headers": headers,
        "body": body,
        "encoding": encoding,
        "bytes": total,
        "truncated": truncated,
    }


def _refuse(answer: http.client.HTTPResponse, kept: bytes) -> NoReturn:
    """A status that was not expected: those that may pass are tried again, all others never."""
    said = " ".join(kept[:300].decode(errors="replace").split())
    message = f"status {answer.status} {answer.reason}" + (f": {said}" if said else "")
    if answer.status not in RETRY_STATUS:
        raise PermanentError(message)
    seconds = retry_after(answer.headers.get("Retry-After", ""))
    retry_in = None if seconds is None else f"{int(seconds * 1000)}ms"
    raise RetryableError(message, retry_in=retry_in, overload=answer.status in OVERLOAD_STATUS)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
