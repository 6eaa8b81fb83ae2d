"""A real node in a control group that it may write: nothing escapes, and nothing needs to have been seen before (N5, N6)."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.control_group import PREFIX, Enclosure, own_directory
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_kit import running
from tests.ports.node_process import NodeProcess, is_alive, wait_for


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader(lease_ms=60_000) as fake:
        yield fake


@pytest.fixture
def above() -> Iterator[Path]:
    """A control group of the test's own, below that of whoever runs it."""
    own = own_directory()
    if own is None:
        pytest.skip("no cgroup v2 here")
    group = own / f"{PREFIX}test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of our own: {error}")
    if not (group / "cgroup.kill").exists():
        group.rmdir()
        pytest.skip("a kernel before 5.14")
    yield group
    (group / "cgroup.kill").write_text("1")
    wait_for(lambda: is_removed(group), "the group can be removed")


def is_removed(group: Path) -> bool:
    """Whether it is gone, with all below it; a process that is just dying still keeps its group."""
    try:
        for below, _, _ in os.walk(group, topdown=False):
            os.rmdir(below)
    except OSError:
        return False
    return True


def inside(directory: Path) -> set[int]:
    """Processes in a group, not those below it."""
    return {int(pid) for pid in (directory / "cgroup.procs").read_text().split()}


def groups_of_nodes(directory: Path) -> list[Path]:
    return [child for child in directory.iterdir() if child.name.startswith(PREFIX)]


async def test_agent_and_workers_are_in_the_group_and_it_goes_with_the_node(
    leader: FakeLeader, above: Path, tmp_path: Path
) -> None:
    with NodeProcess(tmp_path / "n1", leader.address, group=above) as node:
        grandchild = await running(leader, tmp_path / "place", "n.detached")
        (own,) = groups_of_nodes(above)
        assert inside(own) == set(node.everything)
        assert grandchild in inside(own)
        assert inside(above) == {node.supervisor}
        leader.wanted.clear()
        node.kill(node.agent)
        await leader.registrations(2)
        assert grandchild not in inside(own)
        assert not is_alive(grandchild)
        assert inside(own) == set(node.everything)
        node.process.terminate()
        await leader.until(lambda: node.process.poll() is not None, "the exit")
        assert not own.exists()


@pytest.mark.parametrize("moved", [False, True])
async def test_the_next_supervisor_finds_what_nobody_wrote_down(
    leader: FakeLeader, above: Path, tmp_path: Path, *, moved: bool
) -> None:
    with NodeProcess(tmp_path / "n1", leader.address, group=above) as node:
        await leader.registrations(1)
        os.kill(node.supervisor, signal.SIGSTOP)  # it writes no descendant down any more
        grandchild = await running(leader, tmp_path / "place", "n.detached")
        agent = node.agent
        node.kill(node.supervisor)
        node.process.wait(10)
        await leader.until(lambda: not is_alive(agent), "the death of the agent")
        assert is_alive(grandchild)  # nothing ties it to anybody
        assert f"\n{grandchild} " not in (node.directory / "processes").read_text()
        leader.wanted.clear()
        elsewhere = above / "elsewhere"
        elsewhere.mkdir()
        with NodeProcess(node.directory, leader.address, group=elsewhere if moved else above):
            # the old agent may have knocked again before it died
            await leader.until(lambda: leader.registered[-1].counter == 2, "the next incarnation")
            assert not is_alive(grandchild)
            assert leader.registered[-1].old_is_dead
            assert len(groups_of_nodes(above)) == (0 if moved else 1)
            leader.want(run_of("t2", 8))
            assert (await leader.ended(8)).ended.outcome == "succeeded"


def test_a_group_named_by_somebody_else_is_left_alone(above: Path, tmp_path: Path) -> None:
    note = tmp_path / "control_group"
    note.write_text(f"{above}\n")
    enclosure = Enclosure("uid", note, None)
    assert enclosure.path is None
    assert enclosure.clear(0.0)
    assert above.exists()
