"""Plugins that do harm at their import: it is theirs alone, and each kind of harm is suffered once (PT-44, X34)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.wire.v1 import internal_pb2 as wire
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import NodeProcess

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


async def run_alone(leader: FakeLeader, *allocations: int) -> None:
    """Runs that need a worker process each, one after the other."""
    for number in allocations:
        leader.want(run_of(f"t{number}", number, own_process=True))
        assert (await leader.ended(number)).ended.outcome == "succeeded"


async def test_x34_a_plugin_that_hangs_at_import_costs_one_worker_its_time(
    leader: FakeLeader, tmp_path: Path
) -> None:
    hangs, notes = plugin(tmp_path, "hangs_plugin", "import time\nwhile True: time.sleep(60)\n")
    with NodeProcess(tmp_path / "n1", leader.address, "--executors", hangs):
        await run_alone(leader, 7, 8, 9)
        assert notes.read_text().count("imported") == 1
    (said,) = leader.registered
    assert errors_of(said) == {f"--executors {hangs}": "the import did not end within 20 s"}
    assert {"demo.noop", "n.beats"} <= {one.name for one in said.manifests}


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
    assert {"demo.noop", "n.beats"} <= {one.name for one in said.manifests}
