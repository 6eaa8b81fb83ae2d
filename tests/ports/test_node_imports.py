"""Plugins that do harm at their import: it is theirs alone, and each kind of harm is suffered once (PT-44, X34)."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.wire.v1 import internal_pb2 as wire
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import NodeProcess

TAKES_LONG = "its import takes long; a worker is still at it"
GOOD = """
from pydantic import BaseModel
from executors import AllocatedPersistentTask, executor

class Nothing(BaseModel): ...

@executor("good.one")
async def one(task: AllocatedPersistentTask[Nothing], params: Nothing) -> None: ...
"""
SLOW = "import os, time\nwhile not os.path.exists({path!r}): time.sleep(0.02)\n" + GOOD.replace(
    "good.one", "slow.one"
)
MARK = "open({path!r}, 'a').write('imported\\n')\n"


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader(lease_ms=60_000) as fake:
        yield fake


def plugin(tmp_path: Path, name: str, harm: str) -> tuple[str, Path]:
    """A plugin file that notes each import of it and then does harm; its path, and that of the notes."""
    notes = tmp_path / f"{name}.imports"
    file = tmp_path / f"{name}.py"
    file.write_text(MARK.format(path=str(notes)) + harm)
    return str(file), notes


def errors_of(said: wire.Register) -> dict[str, str]:
    return {error.plugin: error.error for error in said.load_errors}


def offered(said: wire.Register) -> set[str]:
    return {one.name for one in said.manifests}


async def run_alone(leader: FakeLeader, *allocations: int) -> None:
    """Runs that need a worker process each, one after the other."""
    for number in allocations:
        leader.want(run_of(f"t{number}", number, own_process=True))
        assert (await leader.ended(number)).ended.outcome == "succeeded"


async def test_x34_a_plugin_that_hangs_at_import_costs_one_worker_its_time(
    leader: FakeLeader, tmp_path: Path
) -> None:
    hangs, notes = plugin(tmp_path, "hangs_plugin", "import time\nwhile True: time.sleep(60)\n")
    source = f"--executors {hangs}"
    with NodeProcess(tmp_path / "n1", leader.address, "--executors", hangs):
        await run_alone(leader, 7, 8, 9)
        first = leader.registered[0]  # the plugin's import has not ended, nor kept anybody waiting
        assert errors_of(first)[source] == TAKES_LONG
        assert "demo.noop" in offered(first)
        why = "the import did not end within 20 s"
        await leader.until(
            lambda: errors_of(leader.registered[-1]) == {source: why}, "how it ended"
        )
        await run_alone(leader, 10, 11)
        assert notes.read_text().count("imported") == 1
    assert {"demo.noop", "n.beats"} <= offered(leader.registered[-1])


async def test_a_plugin_that_is_slow_is_offered_when_it_is_there(
    leader: FakeLeader, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    slow, _ = plugin(tmp_path, "slow_plugin", SLOW.format(path=str(go_on)))
    with NodeProcess(tmp_path / "n1", leader.address, "--executors", slow):
        await run_alone(leader, 7)
        leader.want(run_of("shared", 8))
        assert (await leader.ended(8)).ended.outcome == "succeeded"
        go_on.touch()
        await leader.until(lambda: "slow.one" in offered(leader.registered[-1]), "its offer")
        leader.want(
            run_of("slow", 9, "slow.one"), run_of("alone", 10, "slow.one", own_process=True)
        )
        for number in (9, 10):
            assert (await leader.ended(number)).ended.outcome == "succeeded"
    assert errors_of(leader.registered[-1]) == {}


async def test_x34_a_reload_has_left_out_plugins_tried_again(
    leader: FakeLeader, tmp_path: Path
) -> None:
    ends, _ = plugin(tmp_path, "ends_plugin", "import os\nos._exit(3)\n")
    with NodeProcess(tmp_path / "n1", leader.address, "--executors", ends) as node:
        await leader.until(
            lambda: leader.registered and leader.registered[-1].manifests, "the others' offer"
        )
        plugin(tmp_path, "ends_plugin", GOOD)
        os.kill(node.agent, signal.SIGHUP)
        await leader.until(lambda: "good.one" in offered(leader.registered[-1]), "its offer")
        leader.want(run_of("good", 9, "good.one"))
        assert (await leader.ended(9)).ended.outcome == "succeeded"


async def test_x34_a_plugin_that_ends_two_workers_at_import_is_left_out(
    leader: FakeLeader, tmp_path: Path
) -> None:
    ends, notes = plugin(tmp_path, "ends_plugin", "import os\nos._exit(3)\n")
    with NodeProcess(tmp_path / "n1", leader.address, "--executors", ends):
        await leader.until(
            lambda: leader.registered and leader.registered[-1].manifests, "the others' offer"
        )
        await run_alone(leader, 7, 8)
        assert notes.read_text().count("imported") == 2
    said = leader.registered[-1]
    why = "its import ended the worker process: exit code 3"
    assert errors_of(said) == {f"--executors {ends}": why}
    assert {"demo.noop", "n.beats"} <= offered(said)
