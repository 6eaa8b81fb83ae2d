"""Schedules as they are typed, written in files and shown: against the fake coordinator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli.schedule_texts import fire_line, next_text, schedule_line
from coordinator.cli.task_texts import note
from coordinator.cli.texts import Moments
from coordinator.client.from_wire import task_of
from coordinator.client.instants import parse_rfc3339
from coordinator.client.schedules import schedule_from_wire, schedule_to_wire
from coordinator.client.series_views import FireTime
from coordinator.client.views import Task
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

NOW = parse_rfc3339("2026-11-21T20:30:00Z")
UTC_TEXTS = Moments("utc", NOW)


def series(schedule: wire.Schedule, due_at: str, **more: object) -> Task:
    at = parse_rfc3339(due_at)
    record = wire.Task(
        id="nightly",
        status="waiting",
        code="not_due",
        due_at=at,
        spec=wire.TaskSpec(schedule=schedule),
        series=wire.Series(next_fire_at=at, next_due_at=at),
        **more,  # type: ignore[arg-type]  # fields of the record
    )
    return task_of(record)


def test_tm_2_every_flag_of_a_schedule_arrives(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl(
        *("start", "demo.ticker", "--id", "nightly", "--cron", "30 2 * * *"),
        *("--tz", "Europe/Berlin", "--start", "2090-01-01T00:00:00Z", "--jitter", "5m"),
        *("--end", "2091-01-01T00:00:00Z", "--misfire", "all", "--misfire-grace", "2m"),
        *("--max-catch-up", "3", "--overlap", "queue_one", "--start-deadline", "1h"),
        *("--dst-gap", "shift", "--blackout", "Mon 09:00-Mon 17:00", "--blackout", "Sun 00:00-Sun 01:00"),
        *("--pause-after-failures", "4", "--from", "due", "--after", "a", "--dedup", "k"),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    spec = cluster.asked("Create")[0].task.spec
    assert (list(spec.after), spec.dedup_key) == (["a"], "k")
    assert spec.schedule == wire.Schedule(
        cron="30 2 * * *",
        time_zone="Europe/Berlin",
        start_at=parse_rfc3339("2090-01-01T00:00:00Z"),
        end_at=parse_rfc3339("2091-01-01T00:00:00Z"),
        count_from="due",
        jitter_ms=300_000,
        misfire="all",
        misfire_grace_ms=120_000,
        max_catch_up=3,
        overlap="queue_one",
        start_deadline_ms=3_600_000,
        dst_gap="shift",
        blackouts=["Mon 09:00-Mon 17:00", "Sun 00:00-Sun 01:00"],
        pause_after_failures=4,
    )


@pytest.mark.parametrize(
    "flags",
    [
        ("--jitter", "5m"),
        ("--every", "5m", "--cron", "* * * * *"),
        ("--ensure", "--every", "5m"),
        ("--id", "a", "--overwrite"),
        ("--every", "0.5"),
        ("--every", "5m", "--max-catch-up", "99999999999"),
        ("--every", "5m", "--pause-after-failures", "99999999999"),
    ],
    ids=" ".join,
)
def test_tm_18_flags_that_make_no_schedule_are_wrong_usage(
    taskctl: Taskctl, cluster: FakeCluster, flags: tuple[str, ...]
) -> None:
    assert taskctl("start", "demo.ticker", *flags).code == 2
    assert not cluster.asked("Create")


def test_tm_25_an_edit_keeps_what_it_does_not_name(taskctl: Taskctl, cluster: FakeCluster) -> None:
    there = wire.Schedule(every_ms=60_000, overlap="queue_one", jitter_ms=1_000)
    cluster.put("beat", spec=wire.TaskSpec(schedule=there))
    assert taskctl("update", "beat", "--cron", "0 3 * * *").code == 0
    (asked,) = cluster.asked("Update")
    assert list(asked.mask) == ["schedule"]
    made = asked.spec.schedule
    assert (made.every_ms, made.cron) == (0, "0 3 * * *")
    assert (made.overlap, made.jitter_ms) == ("queue_one", 1_000)
    assert taskctl("update", "beat", "--clear", "schedule").code == 0
    cleared = cluster.asked("Update")[1]
    assert (list(cleared.mask), cleared.spec.HasField("schedule")) == (["schedule"], False)
    assert taskctl("update", "beat", "--clear", "schedule", "--every", "1m").code == 2


def test_ex_10_files_name_schedules_and_records_can_be_given_back(
    taskctl: Taskctl, cluster: FakeCluster, tmp_path: Path
) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[[task]]\nid = "a"\nexecutor = "demo.ticker"\nafter = ["x"]\nreset_after = "1h"\n'
        'schedule = { every = "5m", start_at = 2090-01-01T00:00:00Z, misfire_grace = "0s" }\n'
    )
    assert taskctl("start", "-f", str(path)).code == 0
    spec = cluster.asked("CreateMany")[0].tasks[0].spec
    assert (spec.schedule.every_ms, spec.reset_after_ms, list(spec.after)) == (300_000, 3_600_000, ["x"])  # fmt: skip
    assert spec.schedule.start_at == parse_rfc3339("2090-01-01T00:00:00Z")
    assert spec.schedule.HasField("misfire_grace_ms")
    path.write_text('[[task]]\nid = "a"\nexecutor = "demo.ticker"\nschedule = { evry = "5m" }\n')
    ran = taskctl("start", "-f", str(path))
    assert (ran.code, "unknown field evry" in ran.err) == (2, True)
    cluster.put("old", spec=wire.TaskSpec(schedule=wire.Schedule(cron="0 3 * * *")))
    printed = tmp_path / "old.json"
    printed.write_text(taskctl("-o", "json", "get", "old").out)
    assert taskctl("start", "-f", str(printed)).code == 0
    assert cluster.asked("CreateMany")[1].tasks[0].spec.schedule.cron == "0 3 * * *"


def test_ex_5_run_now_says_what_becomes_of_it(taskctl: Taskctl, cluster: FakeCluster) -> None:
    assert taskctl("run-now", "a", "--queue", "--replace").code == 2
    cluster.put("a", status="paused")
    cluster.put("b", status="waiting")
    ran = taskctl("run-now", "a", "b")
    assert ran.code == 0, ran.err
    assert cluster.asked("ChangeMany")[0].WhichOneof("what") == "run_now"


def test_ex_15_files_without_ids_or_schedules_are_wrong_usage(
    taskctl: Taskctl, tmp_path: Path
) -> None:
    path = tmp_path / "f.json"
    beat = {"id": "a", "executor": "demo.ticker", "schedule": {"every": "5m"}}
    for tasks, said in (
        ([{**beat, "id": ""}], "id is missing"),
        ([{**beat, "schedule": None}], "schedule is missing"),
        ([beat, beat], "there twice"),
    ):
        path.write_text(json.dumps(tasks))
        ran = taskctl("schedule", "apply", "-f", str(path))
        assert (ran.code, said in ran.err) == (2, True), ran
    path.write_text(json.dumps([beat]))
    assert taskctl("schedule", "apply", "-f", str(path), "--prune").code == 2
    assert taskctl("schedule", "apply", "-f", str(path), "-l", "a=b").code == 2
    assert taskctl("schedule", "preview").code == 2
    assert taskctl("schedule", "preview", "a", "--every", "5m").code == 2


def test_ex_20_the_note_of_a_series() -> None:
    berlin = wire.Schedule(cron="30 2 * * *", time_zone="Europe/Berlin")
    tonight = series(berlin, "2026-11-22T01:30:00Z")
    assert note(tonight, UTC_TEXTS) == "not_due: next 02:30 Europe/Berlin (in 5h)"
    later = series(berlin, "2026-11-24T01:30:00Z")
    assert note(later, UTC_TEXTS) == "not_due: next 2026-11-24 02:30 Europe/Berlin (in 2d)"
    failed = series(
        berlin, "2026-11-22T01:30:00Z", last_outcome=wire.LastOutcome(outcome="timed_out")
    )
    assert note(failed, UTC_TEXTS).endswith("(in 5h); last run timed out")
    steps = series(wire.Schedule(every_ms=60_000), "2026-11-21T20:30:40Z")
    assert next_text(steps, UTC_TEXTS) == "next 20:30:40 (in 40s)"
    lost = series(wire.Schedule(cron="0 3 * * *", time_zone="Moon/Base"), "2026-11-22T03:00:00Z")
    assert next_text(lost, UTC_TEXTS) == "next 03:00 UTC (in 6h)"
    ended = task_of(
        wire.Task(id="a", status="waiting", code="not_due", spec=wire.TaskSpec(schedule=berlin))
    )
    assert note(ended, UTC_TEXTS) == "not_due"


def test_ex_15_the_lines_of_a_preview() -> None:
    clock = FireTime(1_793_000_000_000, "2026-10-26T02:33:20+01:00", "skipped", "blackout", 0, None)
    assert fire_line(clock) == "2026-10-26 02:33:20 +01:00   07:33:20 UTC   skipped: blackout"
    shown = schedule_line(
        schedule_from_wire(
            wire.Schedule(cron="0 3 * * *", jitter_ms=60_000, blackouts=["Mon 00:00-Mon 01:00"])
        )
    )
    assert shown == "0 3 * * * UTC, jitter 1m, black-out Mon 00:00-Mon 01:00"


@pytest.mark.parametrize(
    "given, said",
    [
        ({"every": 5}, "schedule.every: must be text"),
        ({"every": "5"}, "schedule.every: "),
        ({"start_at": "soon"}, "schedule.start_at: "),
        ({"blackouts": "Mon"}, "schedule.blackouts: must be a list"),
        ({"max_catch_up": "3"}, "schedule.max_catch_up: must be a whole number"),
        ({"max_catch_up": 99_999_999_999}, "schedule.max_catch_up: 99999999999 does not fit"),
        ({"cronn": "x"}, "unknown field cronn"),
    ],
)
def test_tm_18_a_schedule_that_cannot_be_read_names_its_field(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=said.replace(".", r"\.")):
        schedule_to_wire(given)
