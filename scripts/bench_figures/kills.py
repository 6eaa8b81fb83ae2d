"""Processes are killed or stopped; how long until what they did is done again. Default lease and R.

Every kill finds the cluster whole and calm, and a task of its own.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator

from coordinator.client import Client, NewTask
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.marks import (
    MarkedTask,
    marks_cluster,
    now_ns,
    parent_of,
    seconds_since,
)
from scripts.bench_figures.processes import Process, note, send

LEADER_KILLS = 10
WORKER_KILLS = (40, 12)
AGENT_KILLS = 6
FREEZES = (4, 2)
WRITE_S = 20.0
HEALTHY_S = 10.5  # an agent that lived so long may be killed without its supervisor taking offence
FORGIVEN = 2


def leader_kill_to_next_write(bench: Bench) -> Iterator[Figure]:
    """SIGKILL to the leader, until a client's write is acknowledged."""
    cluster = marks_cluster(bench)
    samples = []
    for number in range(LEADER_KILLS):
        cluster.wait_ready()
        leader = cluster.coordinators[cluster.leader()]
        samples.append(asyncio.run(_write_after_kill(cluster, leader, number)))
        leader.kill()
        leader.start()
    cluster.wait_ready()
    more: dict[str, object] = {"recovered": len(samples)}
    bound = at_most(1.2, 0.7, max=(2.5, 1.5))
    yield Figure("leader_kill_to_next_write", "s", samples, bound, more)


async def _write_after_kill(cluster: Cluster, leader: Process, number: int) -> float:
    async with Client(list(cluster.addresses.values()), timeout_s=WRITE_S) as client:
        name = f"kill-{leader.pid}-{number}"
        await client.create(NewTask(executor="demo.noop", id=f"{name}-before", paused=True))
        began = time.monotonic()
        send(leader.pid, signal.SIGKILL)
        await client.create(NewTask(executor="demo.noop", id=f"{name}-after", paused=True))
        return time.monotonic() - began


def worker_kill_to_running_again(bench: Bench) -> Iterator[Figure]:
    """SIGKILL to the worker of a task, until user code runs again."""
    cluster = marks_cluster(bench)
    samples = []
    for _ in range(bench.rounds(*WORKER_KILLS)):
        task = MarkedTask(cluster)
        first = task.begin()
        cluster.wait_quiet()
        killed = now_ns()
        send(first.pid, signal.SIGKILL)
        samples.append(seconds_since(killed, task.begun(2)) * 1000)
        task.end()
        cluster.wait_quiet()
    bound = at_most(50, 20, p99=(250, 100))
    yield Figure("worker_kill_to_running_again", "ms", samples, bound)


class AgentDeaths:
    """When agents were killed: one that dies too young too often is started late, which is not what is measured."""

    def __init__(self) -> None:
        self._of: dict[int, list[float]] = {}

    def wait_forgiven(self, supervisor: int) -> None:
        """Until its supervisor would start another agent at once."""
        recent = self._of.setdefault(supervisor, [])
        if len(recent) >= FORGIVEN:
            time.sleep(max(0.0, recent[-1] + HEALTHY_S - time.monotonic()))
            recent.clear()
        recent.append(time.monotonic())


def agent_kill_to_running_again(bench: Bench) -> Iterator[Figure]:
    """SIGKILL to the agent of an exclusive task, until user code runs again."""
    cluster = marks_cluster(bench)
    deaths = AgentDeaths()
    samples = []
    for _ in range(AGENT_KILLS):
        task = MarkedTask(cluster)
        agent = parent_of(task.begin().pid)
        deaths.wait_forgiven(parent_of(agent))
        cluster.wait_quiet()
        killed = now_ns()
        send(agent, signal.SIGKILL)
        samples.append(seconds_since(killed, task.begun(2)))
        task.end()
        cluster.wait_ready()
    yield Figure("agent_kill_to_running_again", "s", samples, at_most(1.5, 0.7))


def frozen_node_to_running_again(bench: Bench) -> Iterator[Figure]:
    """SIGSTOP to all processes of a node, until its exclusive task runs on another."""
    cluster = marks_cluster(bench)
    reassign_s = _reassign_s(cluster)
    samples = []
    for _ in range(bench.rounds(*FREEZES)):
        task = MarkedTask(cluster)
        supervisor = parent_of(parent_of(task.begin().pid))
        node = next(n for n in cluster.nodes.values() if n.pid == supervisor)
        cluster.wait_quiet()
        frozen = now_ns()
        stopped = node.signal_tree(signal.SIGSTOP)
        samples.append(seconds_since(frozen, task.begun(2)))
        for pid in stopped:
            send(pid, signal.SIGCONT)
        note(f"{node.name} is thawed")
        task.end()
        cluster.wait_ready()
    over = [round(sample - reassign_s, 3) for sample in samples]
    more: dict[str, object] = {"reassign_after_s": reassign_s, "beyond_it_s": over}
    bound = at_most(reassign_s + 1, reassign_s + 0.2)
    yield Figure("frozen_node_to_running_again", "s", samples, bound, more)


def _reassign_s(cluster: Cluster) -> float:
    async def asked(client: Client) -> str:
        found = await client.cluster.settings()
        return next(s.value for s in found.settings if s.key == "nodes.reassign_after")

    return float(cluster.call(asked).removesuffix("s"))


FIGURES = (
    Entry("leader_kill_to_next_write", leader_kill_to_next_write),
    Entry("worker_kill_to_running_again", worker_kill_to_running_again),
    Entry("agent_kill_to_running_again", agent_kill_to_running_again),
    Entry("frozen_node_to_running_again", frozen_node_to_running_again),
)
