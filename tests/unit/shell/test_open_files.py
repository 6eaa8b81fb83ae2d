"""Descriptors that run out stop no coordinator: its limit is raised, and history is read by connections that are there."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

from coordinator.shell.store import Store

LIMITED = """
import resource
from coordinator.shell.open_files import raise_open_files
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
few = 64 if hard == resource.RLIM_INFINITY else min(64, hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (few, 128))
assert raise_open_files() == 128
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (128, 128)
assert raise_open_files() == 128  # again: nothing is left to raise, and nothing is lowered
"""


def test_the_soft_limit_of_open_files_becomes_the_hard_one() -> None:
    subprocess.run([sys.executable, "-c", LIMITED], check=True, timeout=60)


def test_d5_no_descriptor_left_is_no_trouble_of_the_disk(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data", "c1")
    taken: list[int] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def read() -> object:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, int)  # what the loop itself opens is open
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, soft), hard))
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return await store.runs("t", 10, None)
        finally:
            for one in taken:
                os.close(one)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    try:
        assert asyncio.run(read()) == []
        assert taken
    finally:
        store.close()
