"""`taskctl cluster state` against the fake coordinator."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster


def test_the_state_is_a_list_of_parts(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.parts = {"cluster_id": "k", "tasks/a": {"id": "a"}, "tasks/b": {"id": "b"}}
    tree = json.loads(taskctl("cluster", "state", "-o", "json").out)
    assert (tree["kind"], tree["next_page"]) == ("StateList", None)
    assert tree["items"][1] == {"path": "tasks/a", "value": {"id": "a"}}
    lines = taskctl("cluster", "state").out.splitlines()
    assert [line.split()[0] for line in lines] == ["PATH", "cluster_id", "tasks/a", "tasks/b"]


def test_one_part_is_that_value(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.parts = {"tasks/a": {"id": "a"}}
    ran = taskctl("cluster", "state", "tasks/a")
    assert json.loads(ran.out) == {"id": "a"}
    tree = json.loads(taskctl("cluster", "state", "tasks/a", "-o", "json").out)
    assert (tree["kind"], tree["path"], tree["value"]) == ("State", "tasks/a", {"id": "a"})


def test_it_is_read_in_pages(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.parts = {f"tasks/t{n:04}": n for n in range(2_300)}
    ran = taskctl("cluster", "state", "-o", "jsonl", "--limit", "2100")
    assert len(ran.out.splitlines()) == 2_100
    assert [asked.page_size for asked in cluster.asked("State")] == [1_000, 1_000, 100]
    first = json.loads(taskctl("cluster", "state", "-o", "json", "--limit", "2").out)
    page = taskctl("cluster", "state", "-o", "json", "--limit", "1", "--page", first["next_page"])
    assert json.loads(page.out)["items"][0]["path"] == "tasks/t0002"
    assert "go on with --page 1000" in taskctl("cluster", "state").err
