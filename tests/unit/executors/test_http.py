"""`http.call` in the harness, against a server on the loopback interface."""

from __future__ import annotations

import email.utils
import http.server
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from executors import ValidationError
from executors.builtin.http import Call, HttpParams, HttpState
from executors.testing import ExecutorContract, HarnessFactory
from executors.testing.run import HarnessRun


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path; keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []
    holds: ClassVar[threading.Event] = threading.Event()
    is_asked: ClassVar[threading.Event] = threading.Event()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers, body))
        self.is_asked.set()
        kind, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        getattr(self, f"_{kind}")(rest)

    do_GET = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815  (the library's names)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _ok(self, rest: str) -> None:
        self._send(200, b"fine", {"X-Word": "yes"})

    def _status(self, rest: str) -> None:
        status, _, wait = rest.partition("/")
        self._send(int(status), b"because", {"Retry-After": wait} if wait else None)

    def _later(self, rest: str) -> None:
        at = datetime.now(UTC) + timedelta(seconds=90)
        self._send(503, b"", {"Retry-After": email.utils.format_datetime(at, usegmt=True)})

    def _bytes(self, rest: str) -> None:
        self._send(200, b"\xff\xfe" * int(rest))

    def _letters(self, rest: str) -> None:
        self._send(200, "ü".encode() * int(rest))

    def _cut(self, rest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def _hangs(self, rest: str) -> None:
        self.holds.wait(30)
        self.close_connection = True

    def _drips(self, rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.holds.wait(0.05):
            try:
                self.wfile.write(b".")
            except OSError:
                break
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Handler.holds.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def fresh() -> None:
    Handler.seen.clear()
    Handler.holds.clear()
    Handler.is_asked.clear()


async def started(harness: HarnessFactory, url: str, **more: Any) -> HarnessRun:
    return await harness(Call).start(HttpParams(url=url, **more))


class TestHttp(ExecutorContract):
    executor = Call

    @pytest.fixture(autouse=True)
    def _there(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        params = HttpParams(url=f"{address}/ok", headers={"A": "b"})
        monkeypatch.setattr(type(self), "params", params, raising=False)

    same_result = False  # the headers hold the time
    states = (HttpState(),)


async def test_the_request_and_its_answer(executor_harness: HarnessFactory, address: str) -> None:
    run = await executor_harness(Call).start(
        HttpParams(url=f"{address}/ok?a=1", method="POST", headers={"X-One": "1"}, body="gü"),
        headers={"traceparent": "00-aa-bb-01"},
    )
    result = await run.result()
    assert (result["status"], result["body"], result["encoding"]) == (200, "fine", "text")
    assert (result["bytes"], result["truncated"], result["headers"]["x-word"]) == (4, False, "yes")
    ((method, path, headers, body),) = Handler.seen
    assert (method, path, body.decode()) == ("POST", "/ok?a=1", "gü")
    assert headers["x-one"] == "1"
    assert headers["idempotency-key"] == run.id
    assert headers["ptasks-fencing-token"] == str(run.fencing_token)
    assert headers["traceparent"] == "00-aa-bb-01"


async def test_a_given_header_wins(executor_harness: HarnessFactory, address: str) -> None:
    await (
        await started(executor_harness, f"{address}/ok", headers={"idempotency-key": "mine"})
    ).result()
    assert Handler.seen[0][2]["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    "path,permanent,retry_in_ms",
    [
        ("status/404", True, None),
        ("status/301", True, None),
        ("status/500", False, None),
        ("status/429/7", False, 7_000),
        ("status/503/soon", False, None),
        ("cut", False, None),
    ],
)
async def test_which_failures_can_pass(
    executor_harness: HarnessFactory,
    address: str,
    path: str,
    permanent: bool,
    retry_in_ms: int | None,
) -> None:
    end = await (await started(executor_harness, f"{address}/{path}")).ended()
    assert (end.outcome, end.permanent, end.retry_in_ms) == ("failed", permanent, retry_in_ms)
    assert end.error.startswith("PermanentError" if permanent else "RetryableError")
    if path.startswith("status"):
        assert "because" in end.error


async def test_a_date_in_retry_after(executor_harness: HarnessFactory, address: str) -> None:
    end = await (await started(executor_harness, f"{address}/later")).ended()
    assert end.retry_in_ms is not None
    assert 60_000 < end.retry_in_ms <= 90_000


async def test_an_expected_status_is_a_success(
    executor_harness: HarnessFactory, address: str
) -> None:
    run = await started(executor_harness, f"{address}/status/404", expected_status=[404, 410])
    assert (await run.result())["status"] == 404
    end = await (await started(executor_harness, f"{address}/ok", expected_status=[201])).ended()
    assert end.permanent


async def test_the_body_is_kept_up_to_its_bound(
    executor_harness: HarnessFactory, address: str
) -> None:
    result = await (
        await started(executor_harness, f"{address}/letters/900000", keep_bytes=11)
    ).result()
    assert (result["body"], result["bytes"], result["truncated"]) == ("ü" * 5, 1_800_000, True)
    result = await (await started(executor_harness, f"{address}/bytes/2")).result()
    assert (result["encoding"], result["body"]) == ("base64", "//7//g==")
    result = await (await started(executor_harness, f"{address}/ok", method="HEAD")).result()
    assert (result["status"], result["body"]) == (200, "")


@pytest.mark.parametrize("path", ["hangs", "drips"])
async def test_no_answer_in_time_can_pass(
    executor_harness: HarnessFactory, address: str, path: str
) -> None:
    end = await (await started(executor_harness, f"{address}/{path}", timeout="300ms")).ended()
    assert end.error == "RetryableError: no answer in time"


async def test_nobody_there_can_pass(executor_harness: HarnessFactory) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    end = await (await started(executor_harness, f"http://127.0.0.1:{port}/")).ended()
    assert end.error.startswith("RetryableError: ConnectionRefusedError")


@pytest.mark.parametrize("path", ["hangs", "drips"])
async def test_a_stop_reaches_a_thread_that_waits_for_the_other_side(
    executor_harness: HarnessFactory, address: str, path: str
) -> None:
    run = await started(executor_harness, f"{address}/{path}")
    while not Handler.is_asked.is_set():
        await executor_harness(Call).clock.advance("10ms")
    end = await run.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)


async def test_a_stop_reaches_a_thread_that_waits_for_a_connection(
    executor_harness: HarnessFactory,
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(address)
            run = await started(executor_harness, f"http://127.0.0.1:{address[1]}/")
            await executor_harness(Call).clock.advance("100ms")
            end = await run.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)


@pytest.mark.parametrize(
    "field,params",
    [
        ("url", {"url": "ftp://host/"}),
        ("url", {"url": "http:///path"}),
        ("url", {"url": "http://host:99999/"}),
        ("url", {"url": "http://me:geheim@host/"}),
        ("url", {"url": "http://host/a b"}),
        ("headers", {"url": "http://host/", "headers": {"a b": "1"}}),
        ("headers", {"url": "http://host/", "headers": {"a": "1\r\nb: 2"}}),
        ("method", {"url": "http://host/", "method": "BREW"}),
    ],
)
def test_what_is_no_request_is_refused_before_it_is_stored(
    executor_harness: HarnessFactory, field: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as caught:
        executor_harness(Call).validate(params)
    assert caught.value.field == field
    assert "geheim" not in str(caught.value)


def test_the_line_for_lists_holds_no_query() -> None:
    params = HttpParams(url="https://host:8443/path?token=x", method="DELETE")
    assert Call().describe(params) == "DELETE https://host/path"
