"""A worker lets go of dead orphans, and of nothing that somebody may still wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from node.process_ties import IS_LINUX

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import asyncio, os, subprocess, sys
from node.burial import is_dead
from node.process_ties import adopt_orphans, children_of
from node.worker_reaper import Reaper

def zombies():
    return [pid for pid in children_of(os.getpid()) if is_dead(pid)]

async def main():
    reaper = Reaper(0.05)
    reaper.open(asyncio.get_running_loop())
    late = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    spawned = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], {})
    if (forked := os.fork()) == 0:
        os._exit(4)
    mine = {late.pid, spawned, forked}
    for _ in range(10):
        subprocess.run(["/bin/sh", "-c", "sleep 0.01 & exit"], check=True)
    while len(mine & set(zombies())) < 3:
        await asyncio.sleep(0.01)
    while set(zombies()) - mine or len(children_of(os.getpid())) > 3:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    child = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 6")
    print(await child.wait(), late.wait(), os.waitpid(forked, 0)[1] >> 8, os.waitpid(spawned, 0)[1] >> 8)
    await asyncio.sleep(0.2)
    print(len(reaper._started))

adopt_orphans()
asyncio.run(main())
"""


@pytest.mark.skipif(not IS_LINUX, reason="nobody adopts elsewhere")
def test_dead_orphans_are_reaped_and_no_status_is_stolen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("6 3 4 5\n0\n", 0), done.stderr
