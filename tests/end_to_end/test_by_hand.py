"""What callers do to tasks by hand, on real processes: update, pause, resume, retry, one run cancelled, families."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coordinator.client import Condition, Edit, Filter, NewTask, Task
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

Make = Callable[..., Cluster]
PLUGIN = str(Path(__file__).parent / "executors_by_hand.py")
WAIT_S = 60.0


def told(cluster: Cluster, task_id: str, *conditions: Condition) -> Task:
    """The record once a condition holds (none given: once it has ended)."""
    waited = cluster.call(lambda client: client.wait(task_id, conditions, timeout_s=WAIT_S))
    assert waited.task is not None
    return waited.task


def says(word: str) -> Condition:
    return Condition(kind="path", path="state.word", op="=", value=word)


def in_status(status: str) -> Condition:
    return Condition(kind="status", status=status)


def ready(make_cluster: Make) -> Cluster:
    cluster = make_cluster(coordinators=1, nodes=2, executors=[PLUGIN])
    cluster.start("c1", "n1", "n2")
    cluster.wait_ready()
    return cluster


def children(cluster: Cluster) -> list[str]:
    page = cluster.call(lambda client: client.list(Filter(parent="p")))
    return [task.id for task in page.tasks]


def test_pt_33_a_task_is_edited_paused_resumed_and_tried_again(make_cluster: Make) -> None:
    cluster = ready(make_cluster)
    cluster.call(lambda c: c.create(NewTask(executor="hand.says", id="t", params={"word": "a"})))
    first = told(cluster, "t", says("a"))
    edit = Edit(params={"word": "b"}, labels={"x": "1"})
    later = cluster.call(lambda c: c.update("t", edit))
    assert (later.effect, sorted(later.next_run)) == ("next_run", ["labels.x", "params"])
    cluster.call(lambda c: c.update("t", Edit(restart=True)))
    second = told(cluster, "t", says("b"))
    assert (second.allocation_id > first.allocation_id, second.attempts) == (True, 0)

    assert cluster.call(lambda c: c.pause("t")).effect == "stops"
    assert told(cluster, "t", in_status("paused")).state == {"word": "b"}
    cluster.call(lambda c: c.update("t", Edit(state={"word": "by hand"})))
    cluster.call(lambda c: c.update("t", Edit(params={"word": "c"})))
    cluster.call(lambda c: c.resume("t"))
    third = told(cluster, "t", says("c"))
    done = cluster.call(lambda c: c.cancel_run("t", rerun=True))
    assert done.effect == "runs_again"
    beyond = Condition(kind="path", path="allocation_id", op=">", value=third.allocation_id)
    told(cluster, "t", beyond)
    assert told(cluster, "t", in_status("running")).desired == "running"

    cluster.call(
        lambda c: c.create(
            NewTask(executor="hand.says", id="f", params={"fails": True}, max_attempts=1)
        )
    )
    assert told(cluster, "f").status == "failed"
    cluster.call(lambda c: c.retry("f", params={"fails": False}))
    again = told(cluster, "f", says("a"))
    assert (again.status, again.attempts) == ("running", 0)


def test_pt_77_a_family_goes_with_its_parent(make_cluster: Make) -> None:
    cluster = ready(make_cluster)
    headers = {"x-opaque-id": "page 7"}
    cluster.call(lambda c: c.create(NewTask(executor="hand.family", id="p", headers=headers)))
    until(lambda: len(children(cluster)) == 2, "two children")
    for name in ("p/c0", "p/c1"):
        wait = Condition(kind="path", path="state.word", op="=", value="a")
        child = told(cluster, name, wait)
        assert (child.spec.parent, child.spec.headers, child.spec.priority) == ("p", headers, 1)
    parent = told(cluster, "p", in_status("running"))
    cluster.call(lambda c: c.move("p"))  # the next run asks for the same children
    told(
        cluster,
        "p",
        Condition(kind="path", path="allocation_id", op=">", value=parent.allocation_id),
    )
    told(cluster, "p", in_status("running"))
    assert children(cluster) == ["p/c0", "p/c1"]
    cluster.call(lambda c: c.cancel("p"))
    for name in ("p", "p/c0", "p/c1"):
        assert told(cluster, name).status == "cancelled"
