"""Runs that are cancelled, moved or spoken for by somebody else, on real processes: PT-A35 to PT-A38.

What a leader makes of each word stands in `tests/unit/replica/test_run_scenarios.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coordinator.client import Client, NewTask
from coordinator.client.node_values import RunEnd
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive, until
from tests.end_to_end.raw_node import EXECUTOR, RawNode
from tests.end_to_end.runs import PLUGIN, get, lines_of, running_on, start, tokens_of

SCENARIOS = str(Path(__file__).parent / "executors_for_scenarios.py")
SUCCEEDED = RunEnd("succeeded", result=b'"late"', lasted_ms=5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    lease = {"nodes.lease": "30s", "nodes.reassign_after": "40s"}
    root = tmp_path_factory.mktemp("running")
    made = Cluster(root, coordinators=1, nodes=2, executors=[PLUGIN, SCENARIOS], settings=lease)
    with made:
        made.wait_ready()
        yield made
        print(made.last_lines(30))


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client(list(cluster.addresses.values()), timeout_s=30) as made:
        yield made


def raw(cluster: Cluster, name: str) -> RawNode:
    return RawNode(list(cluster.addresses.values()), name)


def test_pt_a35_a_cancelled_run_hears_why_and_what_it_says_then_changes_nothing(
    cluster: Cluster,
) -> None:
    path = cluster.root / "told"
    start(cluster, "life.told", "told", path=str(path))
    task, line = running_on(cluster, path, "told")
    cluster.call(lambda client: client.cancel("told"), timeout_s=30)
    until(lambda: get(cluster, "told").is_finished, "its end")
    assert Path(f"{path}.said").read_text() == "cancel"
    ended = get(cluster, "told")
    assert (ended.status, ended.state) == ("cancelled", {"n": 1})
    (run,) = cluster.call(lambda client: client.runs("told")).runs
    assert (run.allocation_id, run.outcome, run.reported) == (line.token, "cancelled", "succeeded")
    assert task.allocation_id == line.token
    assert tokens_of(path) == [line.token]


def test_pt_a36_a_moved_task_has_one_run_and_the_old_ones_lines_have_ended(
    cluster: Cluster,
) -> None:
    path = cluster.root / "moved"
    start(cluster, "x.saves", "moved", path=str(path))
    before, old = running_on(cluster, path, "moved")
    assert before.state == {"n": 3}
    cluster.call(lambda client: client.move("moved"), timeout_s=30)
    after, new = running_on(cluster, path, "moved", beyond=old.token)
    assert after.assignment.node != before.assignment.node
    assert (after.attempts, tokens_of(path)) == (0, [old.token, new.token])
    count = len(lines_of(path))
    until(lambda: len(lines_of(path)) > count + 10, "the new one to go on")
    assert {line.token for line in lines_of(path)[count:]} == {new.token}
    runs = cluster.call(lambda client: client.runs("moved")).runs
    assert [(run.allocation_id, run.outcome) for run in runs] == [
        (new.token, None),
        (old.token, "aborted"),
    ]
    cluster.call(lambda client: client.cancel("moved"), timeout_s=30)


async def test_pt_a36_an_outcome_of_the_old_run_is_refused(
    cluster: Cluster, client: Client
) -> None:
    async with raw(cluster, "a36a") as one, raw(cluster, "a36b") as two:
        await client.create(NewTask(executor=EXECUTOR, id="a36"))
        first = (await client.get("a36")).task.assignment.node
        old, new = (one, two) if first == one.name else (two, one)
        run = await old.until_wanted("a36")
        await old.say("a36", run)
        await client.move("a36")
        await old.until(lambda: old.wanted["a36"].stop, "the stop")
        assert "a36" not in new.wanted
        assert (await old.say("a36", run, RunEnd("aborted"))).accepted
        again = await new.until_wanted("a36")
        assert (await new.say("a36", again)).accepted
        stale = await old.say("a36", run, SUCCEEDED)
        assert (stale.accepted, stale.current_allocation_id) == (False, again)
        assert stale.reason == "stale_allocation"
        task = (await client.get("a36")).task
        assert (task.status, task.allocation_id) == ("running", again)
        assert (await new.say("a36", again, RunEnd("succeeded"))).accepted


async def test_pt_a37_a_stale_outcome_is_refused_and_the_run_goes_on(
    cluster: Cluster, client: Client
) -> None:
    async with raw(cluster, "a37") as one:
        await client.create(NewTask(executor=EXECUTOR, id="a37"))
        run = await one.until_wanted("a37")
        assert (await one.say("a37", run)).accepted
        before = (await client.get("a37")).task
        stale = await one.say("a37", run - 1, SUCCEEDED)
        assert (stale.accepted, stale.reason) == (False, "stale_allocation")
        assert (await client.get("a37")).task == before
        assert (one.wanted["a37"].allocation_id, one.wanted["a37"].stop) == (run, False)
        assert (await one.say("a37", run, SUCCEEDED)).accepted
        assert (await client.get("a37")).task.status == "succeeded"


async def test_pt_a38_a_stale_state_write_is_refused_and_the_stored_state_stays(
    cluster: Cluster, client: Client
) -> None:
    async with raw(cluster, "a38") as one:
        await client.create(NewTask(executor=EXECUTOR, id="a38"))
        run = await one.until_wanted("a38")
        assert (await one.say("a38", run)).accepted
        assert (await one.write("a38", run, 1, b'{"n":1}')).accepted
        before = (await client.get("a38")).task
        assert before.state == {"n": 1}
        stale = await one.write("a38", run - 1, 9, b'{"n":9}')
        assert (stale.accepted, stale.reason) == (False, "stale_allocation")
        assert (await client.get("a38")).task == before
        assert (await one.write("a38", run, 2, b'{"n":2}')).accepted
        assert (await client.get("a38")).task.state == {"n": 2}
        assert (await one.say("a38", run, SUCCEEDED)).accepted


def test_x33_a_plain_def_that_ignores_a_cancel_costs_its_neighbours_the_process_and_no_attempt(
    cluster: Cluster,
) -> None:
    """The slow part is real: neighbours get 30 s to end by themselves."""
    path = cluster.root / "x33"
    cluster.add_node("n3", "--attr", "zone=x33").start()
    cluster.wait_ready()
    there = {"require": {"zone": "x33"}}
    for task_id, executor in (("deaf", "x.deaf"), ("near", "x.writer"), ("apart", "x.alone")):
        new = NewTask(executor=executor, id=task_id, params={"path": str(path)}, constraints=there)
        cluster.call(lambda client, new=new: client.create(new), timeout_s=30)
    old = {task_id: running_on(cluster, path, task_id) for task_id in ("deaf", "near", "apart")}
    assert old["deaf"][1].pid == old["near"][1].pid != old["apart"][1].pid
    cluster.call(lambda client: client.cancel("deaf"), timeout_s=30)
    again, line = running_on(cluster, path, "near", beyond=old["near"][1].token)
    until(lambda: get(cluster, "deaf").is_finished, "its end")
    assert get(cluster, "deaf").status == "cancelled"
    (killed,) = cluster.call(lambda client: client.runs("deaf")).runs
    assert (killed.outcome, killed.reason) == ("cancelled", "killed")
    runs = cluster.call(lambda client: client.runs("near")).runs
    assert [run.outcome for run in runs] == [None, "lost"]
    assert (again.attempts, again.status, line.pid != old["near"][1].pid) == (0, "running", True)
    assert get(cluster, "apart").allocation_id == old["apart"][1].token
    assert not is_alive(old["near"][1].pid)
    assert tokens_of(path, "deaf") == [old["deaf"][1].token]
    for task_id in ("near", "apart"):
        cluster.call(lambda client, t=task_id: client.cancel(t), timeout_s=30)
