"""`command.run` on a real node: the operator's file decides, and no program outlives its run or its worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.process_ties import children_of
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_kit import text_of
from tests.ports.node_process import NodeProcess, is_alive, wait_until_dead

SCRIPT = """#!/bin/sh
trap '' TERM HUP INT
setsid sh -c 'echo $$ > "$0".detached; exec sleep 600' "$1" &
echo $$ > "$1".new && mv "$1".new "$1"
sleep 600 & wait; wait
"""


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader(lease_ms=60_000) as fake:
        yield fake


@pytest.fixture
def node(leader: FakeLeader, tmp_path: Path) -> Iterator[NodeProcess]:
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    script.chmod(0o700)
    file = tmp_path / "commands.toml"
    file.write_text(
        f'[lingers]\nargv = ["{script}"]\narguments = ".+"\n[echo]\nargv = ["/bin/echo", "hello"]\n'
    )
    with NodeProcess(tmp_path / "n1", leader.address, "--commands", str(file)) as started:
        yield started


def params(command: str, *arguments: str) -> bytes:
    words = {"command": command, "arguments": arguments, "stop_grace": "100ms"}
    return json.dumps(words).encode()


async def lingering(leader: FakeLeader, place: Path) -> tuple[int, int]:
    """The program of a run, and what it detached."""
    leader.want(run_of("t1", 7, "command.run", params=params("lingers", str(place))))
    detached = place.with_name(place.name + ".detached")
    await leader.until(lambda: text_of(place).strip() and text_of(detached).strip(), "its pids")
    return int(text_of(place)), int(text_of(detached))


async def test_the_leader_learns_what_is_allowed_and_a_run_uses_it(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(run_of("t1", 7, "command.run", params=params("echo")))
    ended = (await leader.ended(7)).ended
    assert (ended.outcome, json.loads(ended.result)["output"]) == ("succeeded", "hello\n")
    names = {name for name in leader.registered[0].attributes if name.startswith("command.")}
    assert names == {"command.echo", "command.lingers"}
    leader.want(run_of("t2", 8, "command.run", params=params("other")))
    ended = (await leader.ended(8)).ended
    assert (ended.outcome, ended.reason) == ("failed", "permanent")
    assert b"not allowed on this node; allowed: echo, lingers" in ended.error


async def test_a_program_dies_with_its_worker(
    leader: FakeLeader, node: NodeProcess, tmp_path: Path
) -> None:
    pids = await lingering(leader, tmp_path / "pids")
    worker = next(pid for pid in node.workers if pids[0] in children_of(pid))
    node.kill(worker)
    assert (await leader.ended(7)).ended.outcome == "lost"
    assert [pid for pid in pids if is_alive(pid)] == []


async def test_a_program_dies_with_its_task(
    leader: FakeLeader, node: NodeProcess, tmp_path: Path
) -> None:
    pids = await lingering(leader, tmp_path / "pids")
    leader.stop_run("t1", "cancel")
    assert (await leader.ended(7)).ended.outcome == "cancelled"
    assert [pid for pid in pids if is_alive(pid)] == []


async def test_a_program_dies_with_its_agent(
    leader: FakeLeader, node: NodeProcess, tmp_path: Path
) -> None:
    pids = await lingering(leader, tmp_path / "pids")
    node.kill(node.agent)
    wait_until_dead(pids)
