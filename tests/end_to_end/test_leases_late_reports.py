"""Reports that come late, twice, or of a run that is over: the first that was committed counts (S27, S33, N2, N3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coordinator.client import Client, Condition, NewTask
from coordinator.client.node_values import RunEnd
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.raw_node import EXECUTOR, RawNode

SUCCEEDED = RunEnd("succeeded", result=b'"first"', lasted_ms=5)
FAILED = RunEnd("failed", error=b'{"type": "x", "message": "late"}', lasted_ms=5)
SETTINGS = {"nodes.heartbeat": "250ms", "nodes.lease": "2s", "nodes.reassign_after": "3s"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root: Path = tmp_path_factory.mktemp("late")
    with Cluster(root, coordinators=3, settings=SETTINGS) as made:
        made.leader()
        yield made
        print(made.last_lines(30))


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client(list(cluster.addresses.values()), timeout_s=20) as made:
        yield made


def node(cluster: Cluster, name: str) -> RawNode:
    return RawNode(list(cluster.addresses.values()), name)


async def outcomes(client: Client, task_id: str) -> dict[int, str | None]:
    return {run.allocation_id: run.outcome for run in (await client.runs(task_id)).runs}


async def test_s33_a_repeated_completion_is_answered_with_the_first(
    cluster: Cluster, client: Client
) -> None:
    async with node(cluster, "s33") as one:
        await client.create(NewTask(executor=EXECUTOR, id="s33"))
        allocation = await one.until_wanted("s33")
        assert (await one.say("s33", allocation)).accepted
        assert (await one.say("s33", allocation, SUCCEEDED)).accepted
        before = (await client.get("s33")).task
        assert (before.status, before.last_outcome.result) == ("succeeded", "first")

        assert (await one.say("s33", allocation, SUCCEEDED)).accepted
        await one.say("s33", allocation, FAILED)
        assert (await client.get("s33")).task == before
        assert await outcomes(client, "s33") == {allocation: "succeeded"}
        await client.remove("s33")
        gone = await one.say("s33", allocation, SUCCEEDED)
        assert (gone.accepted, gone.reason) == (False, "task_not_found")

        await client.create(NewTask(executor=EXECUTOR, id="s33"))
        second = await one.until_wanted("s33")
        assert second > allocation
        stale = await one.say("s33", allocation, FAILED)
        assert (stale.accepted, stale.reason) == (False, "stale_allocation")
        assert stale.current_allocation_id == second
        assert (await one.say("s33", second, SUCCEEDED)).accepted
        assert (await client.get("s33")).task.status == "succeeded"


async def test_s33_what_a_cancelled_run_reports_leaves_it_cancelled(
    cluster: Cluster, client: Client
) -> None:
    async with node(cluster, "cancelled") as one:
        await client.create(NewTask(executor=EXECUTOR, id="cancelled"))
        allocation = await one.until_wanted("cancelled")
        assert (await one.say("cancelled", allocation)).accepted
        await client.cancel("cancelled")
        assert (await client.get("cancelled")).task.status == "stopping"
        assert (await one.say("cancelled", allocation, SUCCEEDED)).accepted
        task = (await client.get("cancelled")).task
        assert (task.status, task.last_outcome.outcome) == ("cancelled", "cancelled")
        await one.say("cancelled", allocation, SUCCEEDED)
        assert (await client.get("cancelled")).task == task


@pytest.mark.parametrize("number", [0, -1, 10**9])
async def test_pt_3_no_allocation_id_matches_any(
    cluster: Cluster, client: Client, number: int
) -> None:
    task_id = f"any{number}"
    async with node(cluster, f"any{number}") as one:
        await client.create(NewTask(executor=EXECUTOR, id=task_id))
        allocation = await one.until_wanted(task_id)
        answer = await one.say(task_id, number, SUCCEEDED)
        assert not answer.accepted
        task = (await client.get(task_id)).task
        assert (task.status, task.allocation_id) == ("assigned", allocation)
        await one.say(task_id, allocation, SUCCEEDED)


async def test_s27_a_completion_after_r_is_refused_and_the_new_run_goes_on(
    cluster: Cluster, client: Client
) -> None:
    async with node(cluster, "silent") as silent:
        await client.create(NewTask(executor=EXECUTOR, id="s27"))
        old = await silent.until_wanted("s27")
        assert (await silent.say("s27", old)).accepted
        async with node(cluster, "heir") as heir:
            silent.is_beating = False
            new = await heir.until_wanted("s27")
            assert new > old
            assert (await heir.say("s27", new)).accepted
            answer = await said_late(silent, "s27", old)
            assert answer is None or answer == "stale_allocation"
            task = (await client.get("s27")).task
            assert (task.status, task.allocation_id, task.assignment.node) == (
                "running",
                new,
                "heir",
            )
            assert (await outcomes(client, "s27"))[old] == "lost"
            assert (await heir.say("s27", new, SUCCEEDED)).accepted
            await client.wait("s27", [Condition(kind="terminal")])
            assert await outcomes(client, "s27") == {old: "lost", new: "succeeded"}


async def said_late(one: RawNode, task_id: str, allocation_id: int) -> str | None:
    """The reason of the refusal; None where the leader does not even let this incarnation speak."""
    try:
        async with asyncio.timeout(3):
            return (await one.say(task_id, allocation_id, SUCCEEDED)).reason
    except TimeoutError:
        assert one.closes, "neither an answer nor a closed session"
        return None


async def test_n1_another_uid_under_a_name_in_use_is_refused(cluster: Cluster) -> None:
    async with node(cluster, "taken"):
        impostor = node(cluster, "taken")
        impostor.uid = "another"
        with pytest.raises(TimeoutError, match="node_name_in_use"):
            await impostor.connect(patience_s=2)
