"""Executors that raise, hang or swell, and callers that send what does not fit: nobody else is touched (PT-44, X34, X35)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import (
    Client,
    Condition,
    Conflict,
    InvalidRequest,
    NewTask,
    Task,
)
from coordinator.model.limits import PARAMS_BYTES_MAX
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until
from tests.end_to_end.runs import PLUGIN, get, start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root = tmp_path_factory.mktemp("bad")
    (root / "broken.py").write_text("raise RuntimeError('boom at import')\n")
    (root / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    plugins = [PLUGIN, str(root / "broken.py"), str(root / "leaves.py")]
    with Cluster(root, coordinators=1, nodes=1, executors=plugins) as made:
        made.wait_ready()
        wait_for_code(made)
        yield made


def wait_for_code(cluster: Cluster) -> None:
    """Until the leader's helper has its executors: before, creations wait for them, but not for ever (PT-24)."""

    def has_code() -> bool:
        found = cluster.call(lambda client: client.cluster.executors("x.refuses")).executors
        return found[0].code_on == ["c1"]

    until(has_code, "the leader has the code", 60)


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    yield shared
    print(shared.last_lines(30))
    assert shared["c1"].is_alive
    assert not shared.said("c1", "halted|bug|never retrieved")
    assert not shared.said("n1", '"bug"')


def finished(cluster: Cluster, task_id: str) -> Task:
    """A sound task goes its way."""
    start(cluster, "demo.noop", task_id)
    return cluster.call(lambda client: client.wait(task_id, timeout_s=30), timeout_s=40).task


def refused(cluster: Cluster, executor: str, task_id: str, **params: object) -> InvalidRequest:
    """The creation is refused; nothing is stored."""
    with pytest.raises(InvalidRequest) as caught:
        start(cluster, executor, task_id, **params)
    ids = [task.id for task in cluster.call(lambda client: client.list(page_size=1000)).tasks]
    assert task_id not in ids
    return caught.value


# --- validate ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "executor, words",
    [
        ("x.refuses", "not on a Tuesday"),
        ("x.validate_raises", "RuntimeError: boom in validate"),
        ("x.validate_hangs", "no answer"),
    ],
)
def test_pt_a4_pt_44_validate_refuses_its_own_creation_only(
    cluster: Cluster, executor: str, words: str
) -> None:
    error = refused(cluster, executor, f"never-{executor}")
    assert error.reason == "validation_failed"
    assert words in error.message
    assert finished(cluster, f"beside-{executor}").status == "succeeded"
    sound = start(cluster, "x.saves", f"sound-{executor}", path=str(cluster.root / executor))
    assert sound.status in ("assigned", "running")
    cluster.call(lambda client: client.cancel(sound.id))
    gone = Condition(
        kind="terminal"
    )  # its end takes an allocation id, which is not to fall into the next test
    cluster.call(lambda client: client.wait(sound.id, [gone], timeout_s=30), timeout_s=40)


# --- get_assignment --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "executor, code, words",
    [
        ("x.assign_raises", "assigner_error", "RuntimeError: boom in get_assignment"),
        ("x.assign_hangs", "assigner_timeout", "500 ms"),
    ],
)
def test_x35_get_assignment_holds_up_its_own_tasks_only(
    cluster: Cluster, executor: str, code: str, words: str
) -> None:
    ids = [f"{executor}-{number}" for number in range(3)]
    for task_id in ids:
        start(cluster, executor, task_id)
    assert finished(cluster, f"beside-{executor}").status == "succeeded"
    for task_id in ids:
        task = get(cluster, task_id)
        assert (task.status, task.assignment.code) == ("unassigned", code)
        assert words in task.assignment.explanation
        cluster.call(lambda client, t=task_id: client.cancel(t))  # type: ignore[misc]
        assert get(cluster, task_id).status == "cancelled"


def test_pt_42_many_tasks_with_large_params_hold_up_neither_validate_nor_get_assignment(
    cluster: Cluster,
) -> None:
    text = "x" * 250 * 1024
    room = 4 * 1024 * 1024 // (250 * 1024 + 20)
    for number in range(60):
        task = start(cluster, "x.looks", f"looks-{number:03}", text=text)
        assert task.assignment.node == "n1"
        seen = f"{number} tasks, {min(number, room)} with params"
        assert task.assignment.explanation == seen
    ids = [f"looks-{number:03}" for number in range(60)]

    async def clear(client: Client) -> None:
        for task_id in ids:
            await client.cancel(task_id, purge=True)

    cluster.call(clear, timeout_s=60)

    def are_gone() -> bool:
        listed = cluster.call(lambda client: client.list(page_size=1000)).tasks
        return not {task.id for task in listed} & set(ids)

    until(are_gone, "all runs have ended", 60)


# --- import ----------------------------------------------------------------------------------------------------------------


def test_x34_a_plugin_that_cannot_be_imported_is_told_and_the_node_works(cluster: Cluster) -> None:
    found = cluster.call(lambda client: client.cluster.executors()).executors
    assert {"demo.noop", "x.writer"} <= {one.name for one in found}
    assert "n1" in cluster.ready_nodes()
    errors = [error for one in found for error in one.load_errors]
    assert [error for error in errors if "boom at import" in error.error and error.node == "n1"]
    for name in ("c1", "n1"):
        assert cluster.said(name, "boom at import")
        assert cluster.said(name, "SystemExit")
    assert finished(cluster, "beside-import").status == "succeeded"


def test_pt_24_the_first_creation_after_a_start_is_put_to_the_code(tmp_path: Path) -> None:
    with Cluster(tmp_path, coordinators=1, nodes=0, executors=[PLUGIN]) as cluster:
        cluster.leader()
        with pytest.raises(InvalidRequest, match="not on a Tuesday"):
            start(cluster, "x.refuses", "refused")


def test_pt_44_a_plugin_that_hangs_at_import_does_not_keep_node_or_leader_from_work(
    tmp_path: Path,
) -> None:
    (tmp_path / "hangs.py").write_text("import time\nwhile True:\n    time.sleep(1)\n")
    plugins = [PLUGIN, str(tmp_path / "hangs.py")]
    with Cluster(tmp_path, coordinators=1, nodes=1, executors=plugins) as cluster:
        cluster.leader()
        cluster.wait_ready(60)
        assert finished(cluster, "beside").status == "succeeded"
        wait_for_code(cluster)
        with pytest.raises(InvalidRequest, match="not on a Tuesday"):
            start(cluster, "x.refuses", "refused")
        until(lambda: cluster.said("n1", "import did not end"), "the node says so")


# --- what does not fit -------------------------------------------------------------------------------------------------------


def test_params_that_do_not_fit_name_field_and_reason(cluster: Cluster) -> None:
    low = refused(cluster, "demo.sleep", "low", seconds=-1)
    assert low.reason == "invalid_params"
    assert low.violations[0][0] == "params.seconds"
    assert "at least 0" in low.violations[0][1]
    extra = refused(cluster, "x.writer", "extra", path="p", pth="q")
    assert extra.violations[0][0] == "params.pth"
    missing = refused(cluster, "x.writer", "missing")
    assert "path" in missing.message
    unknown = refused(cluster, "x.writr", "unknown")
    assert unknown.reason == "unknown_executor"
    assert "x.writer" in unknown.message


@pytest.mark.parametrize("size", [PARAMS_BYTES_MAX + 1, 5 * 1024 * 1024])
def test_s20_oversize_params_are_refused_at_the_door(cluster: Cluster, size: int) -> None:
    error = refused(cluster, "x.swells", f"big{size}", text="x" * size)
    assert error.reason == "too_large"
    assert str(PARAMS_BYTES_MAX) in error.message


def test_pt_a2_the_same_id_again(cluster: Cluster) -> None:
    task = NewTask(executor="demo.sleep", id="same", params={"seconds": 60})

    async def twice(client: Client) -> None:
        first = await client.create(task)
        again = await client.create(task)
        assert (first.created, again.created) == (True, False)
        assert again.task.allocation_id == first.task.allocation_id
        other = NewTask(executor="demo.sleep", id="same", params={"seconds": 61}, priority=1)
        with pytest.raises(Conflict) as caught:
            await client.create(other)
        assert caught.value.reason == "already_exists"
        assert "params" in caught.value.message
        assert "priority" in caught.value.message
        await client.cancel("same")

    cluster.call(twice)


def test_oversize_state_fails_the_run_and_leaves_the_record_as_it_was(cluster: Cluster) -> None:
    swells = NewTask(executor="x.swells", id="swells", params={"size": 1_500_000}, max_attempts=1)
    cluster.call(lambda client: client.create(swells))
    task = cluster.call(
        lambda client: client.wait("swells", [Condition(kind="terminal")], timeout_s=30),
        timeout_s=40,
    ).task
    assert (task.status, task.state) == ("failed", None)
    assert task.last_outcome is not None
    assert "1048576" in str(task.last_outcome.error)
    assert finished(cluster, "beside-swells").status == "succeeded"
