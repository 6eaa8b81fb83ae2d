"""What a probe, a browser and a stranger get from --http."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.client.http_health import HttpHealth
from coordinator.client.start_checks import PortTaken
from tests.end_to_end.processes import free_ports


async def ask(port: int, request: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def test_it_answers_probes_and_browsers_and_survives_strangers() -> None:
    (port,) = free_ports(1)
    missing = "no leader"
    http = HttpHealth(f"127.0.0.1:{port}", lambda: missing, "ask it with taskctl\n")
    await http.start()
    try:
        assert "200 OK" in await ask(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        refused = await ask(port, b"GET /readyz HTTP/1.1\r\n\r\n")
        assert "503 " in refused
        assert refused.endswith("\r\n\r\nno leader\n")
        assert "503 " in await ask(port, b"GET /startupz HTTP/1.1\r\n\r\n")
        missing = ""
        assert "200 OK" in await ask(port, b"GET /readyz?x=1 HTTP/1.1\r\n\r\n")
        missing = "no leader"
        assert "503 " in await ask(port, b"GET /readyz HTTP/1.1\r\n\r\n")
        assert "200 OK" in await ask(port, b"GET /startupz HTTP/1.1\r\n\r\n")
        assert "taskctl" in await ask(port, b"GET / HTTP/1.1\r\n\r\n")
        assert (await ask(port, b"HEAD /livez HTTP/1.1\r\n\r\n")).endswith("\r\n\r\n")
        assert "404 " in await ask(port, b"GET /etc/passwd HTTP/1.1\r\n\r\n")
        assert "405 " in await ask(port, b"POST / HTTP/1.1\r\n\r\n")
        assert await ask(port, b"x" * 20_000) == ""
        assert "200 OK" in await ask(port, b"GET /livez HTTP/1.1\r\n\r\n")
        with pytest.raises(PortTaken):
            await HttpHealth(f"127.0.0.1:{port}", lambda: "", "").start()
    finally:
        http.stop()


async def test_x57_scrapes_are_answered_counted_and_cost_nobody_else_anything() -> None:
    (port,) = free_ports(1)
    broken = True

    async def metrics() -> bytes:
        if broken:
            raise ValueError("no number")
        return b"ptasks_up 1\n"

    http = HttpHealth(f"127.0.0.1:{port}", lambda: "", "home\n", metrics)
    await http.start()
    try:
        failed = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert "500 " in failed
        assert "no number" in failed
        broken = False
        scraped = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "200 OK" in scraped
        assert "text/plain; version=0.0.4; charset=utf-8" in scraped
        assert scraped.endswith("\r\n\r\nptasks_up 1\n")
        assert (await ask(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")).endswith("\r\n\r\n")
        assert "200 OK" in await ask(port, b"GET /livez HTTP/1.1\r\n\r\n")
        assert "404 " in await ask(port, b"GET /tasks/a-task-id HTTP/1.1\r\n\r\n")
        assert "405 " in await ask(port, b"POST /metrics HTTP/1.1\r\n\r\n")
    finally:
        http.stop()
    assert http.answered == {
        ("/metrics", "500"): 1,
        ("/metrics", "200"): 2,
        ("/livez", "200"): 1,
        ("other", "404"): 1,
        ("/metrics", "405"): 1,
    }


async def test_without_numbers_there_is_no_such_page() -> None:
    (port,) = free_ports(1)
    http = HttpHealth(f"127.0.0.1:{port}", lambda: "", "home\n")
    await http.start()
    try:
        assert "404 " in await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    finally:
        http.stop()
