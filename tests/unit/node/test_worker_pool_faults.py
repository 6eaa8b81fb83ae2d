"""A worker that sends what is no frame is killed, and the line that tells of its death says for what."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from node.frame_buffer import encode_frame
from node.frames import Log
from node.worker_pool import _Process


def a_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)


async def test_the_death_of_a_worker_that_was_killed_for_its_frame_names_the_frame() -> None:
    ours, theirs = socket.socketpair()
    child = a_process()
    pool: Any = SimpleNamespace(loop=asyncio.get_running_loop(), heard=lambda *_: None)
    worker = _Process(1, child, ours, pool)
    wrong: Any = b"no text"
    theirs.sendall(encode_frame(Log(1, "info", wrong, b"{}", 0)))
    worker._readable()
    worker.hear_last_words()
    detail = worker.reap()
    theirs.close()
    assert detail.startswith("signal 9, killed for a frame that is no message: Expected `str`")
