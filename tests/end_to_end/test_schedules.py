"""Recurring tasks on real processes, as an operator meets them: taskctl from the first fire time to the last."""

from __future__ import annotations

import json
from pathlib import Path

from tests.end_to_end.processes import until
from tests.end_to_end.test_cli import Make, Taskctl

FILE = """
[[task]]
id = "{name}"
executor = "demo.noop"
labels = {{ team = "shop" }}
schedule = {{ cron = "{minute} 3 * * *", time_zone = "Europe/Berlin", overlap = "queue_one" }}
"""


def written(path: Path, **minutes: int) -> str:
    path.write_text("".join(FILE.format(name=name, minute=at) for name, at in minutes.items()))
    return str(path)


def test_x11_a_series_runs_is_waited_for_run_by_hand_paused_and_ended(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.noop", "--id", "beat", "--every", "1s")
    ended = taskctl("wait", "beat")
    assert " succeeded on n1" in ended.out
    assert taskctl.json("get", "beat")["series"]
    assert "not_due: next " in taskctl("list", "--recurring").out
    until(lambda: len(taskctl("history", "beat").out.splitlines()) > 3, "three runs")

    taskctl("start", "demo.flaky", "--id", "bad", "-p", "failures=99", "--cron", "0 3 1 1 *")
    assert "not_due. Next " in taskctl("explain", "bad").out
    next_time = taskctl.json("get", "bad")["series"]
    taskctl("run-now", "bad")
    until(lambda: taskctl.json("get", "bad")["last_outcome"] is not None, "the run failed")
    record = taskctl.json("get", "bad")
    assert record["status"] == "waiting"
    assert isinstance(record["series"], dict)
    assert isinstance(next_time, dict)
    assert record["series"]["next_fire_at"] == next_time["next_fire_at"]
    assert "last run failed" in taskctl("list").out

    taskctl("start", "demo.sleep", "--id", "slow", "-p", "duration=1h", "--cron", "0 3 1 1 *")
    taskctl("run-now", "slow")
    until(lambda: taskctl.json("get", "slow")["status"] == "running", "it runs")
    assert taskctl("run-now", "slow", code=4).err.startswith("error: run-now slow: ")
    assert "once more after" in taskctl("run-now", "slow", "--queue").out
    assert "finishes" in taskctl("pause", "slow").out
    assert "stops" in taskctl("pause", "slow", "--running", "stop").out
    until(lambda: taskctl.json("get", "slow")["status"] == "paused", "it is paused")
    taskctl("resume", "slow", "--no-catch-up")
    taskctl("cancel", "slow", "--wait")
    taskctl("update", "beat", "--every", "1h", "--jitter", "1m")
    assert "every 1h, jitter 1m" in taskctl("get", "beat").out
    assert taskctl("update", "beat", "--cron", "0 30 * * *", code=8).err.startswith(
        "error: update beat: schedule.cron: "
    )


def test_x21_a_preview_shows_both_clock_changes(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=0)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    wanted = ("schedule", "preview", "--cron", "30 2 * * *", "--tz", "Europe/Berlin", "-n", "2")
    autumn = taskctl(*wanted, "--from", "2026-10-24T12:00:00Z").out.splitlines()
    assert autumn[0].endswith(", Europe/Berlin")
    assert autumn[1].startswith("2026-10-25 02:30 +02:00   00:30 UTC   clock goes back")
    assert autumn[2] == "2026-10-26 02:30 +01:00   01:30 UTC"
    spring = taskctl(*wanted, "--from", "2026-03-28T12:00:00Z").out.splitlines()
    assert "skipped: dst_gap" in spring[1]
    assert "clock goes forward" in spring[1]
    shifted = taskctl(*wanted, "--dst-gap", "shift", "--from", "2026-03-28T12:00:00Z").out
    assert shifted.splitlines()[1].startswith("2026-03-29 03:00 +02:00   01:00 UTC")
    tree = json.loads(taskctl(*wanted, "-o", "json").out)
    assert (tree["kind"], tree["timezone"], len(tree["items"])) == (
        "SchedulePreview",
        "Europe/Berlin",
        2,
    )


def test_x22_a_file_is_the_whole_truth(make_cluster: Make, tmp_path: Path) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.noop", "--id", "other", "--cron", "0 4 * * *")
    three = written(tmp_path / "three.toml", a=1, b=2, c=3)
    made = taskctl("schedule", "apply", "-f", three)
    assert [line.split()[:2] for line in made.out.splitlines()] == [
        ["a", "created"],
        ["b", "created"],
        ["c", "created"],
    ]
    two = written(tmp_path / "two.toml", a=1, b=9)
    apply = ("schedule", "apply", "-f", two, "--prune", "-l", "team=shop")
    revision = taskctl.json("schedule", "list")["revision"]
    said = taskctl(*apply, "--dry-run").out.splitlines()
    assert taskctl.json("schedule", "list")["revision"] == revision
    done = taskctl(*apply).out.splitlines()
    assert [line.split()[:2] for line in said] == [line.split()[:2] for line in done]
    assert [line.split()[:2] for line in done] == [
        ["a", "unchanged"],
        ["b", "updated:"],
        ["c", "pruned:"],
    ]
    assert "schedule" in done[1]
    assert taskctl("schedule", "list", "-q").out.split() == ["a", "b", "other"]
    warned = taskctl("schedule", "lint", two, code=0)
    assert "nothing to say" in warned.out
    night = written(tmp_path / "night.toml", n=30)
    Path(night).write_text(Path(night).read_text().replace("30 3 * * *", "30 2 * * *"))
    assert taskctl("schedule", "lint", night, code=14).out.startswith("n: ")
    kept = taskctl("update", "a", "--cron", "7 7 * * *")
    assert kept.code == 0
    assert "kept as it was set by hand: schedule" in taskctl("schedule", "apply", "-f", two).out
