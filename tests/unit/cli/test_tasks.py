"""start, list, get, cancel, move, rm, history, explain, logs against the fake coordinator."""

from __future__ import annotations

import json
import time

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster


def test_start_says_where_it_went(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("start", "demo.noop", "--id", "hello")
    assert ran.out == "hello  assigned to n1  allocation 1  revision 11\n"
    assert (ran.code, ran.err) == (0, "")
    assert cluster.asked("Create")[0].change.request_id


def test_start_makes_an_id_from_the_executor(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("start", "demo.noop", "-q")
    assert ran.out.startswith("noop-")
    assert len(ran.out.strip()) == len("noop-") + 8


def test_start_takes_all_that_a_policy_says_of_failures_and_moves(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    flags = ("--on-lost", "fail", "--reset-after", "1h", "--invalid-state", "raw", "--not-movable")
    ran = taskctl("start", "demo.noop", "--id", "a", "--within-occurrence", *flags)
    assert ran.code == 0, ran.err
    taskctl("start", "demo.noop", "--id", "b", "--reset-after", "none", "--movable")
    taskctl("start", "demo.noop", "--id", "c")
    one, two, three = (request.task.spec for request in cluster.asked("Create"))
    said = (one.on_lost, one.reset_after_ms, one.invalid_state, one.movable, one.within_occurrence)
    assert said == ("fail", 3_600_000, "raw", False, True)
    assert (two.HasField("reset_after_ms"), two.reset_after_ms, two.movable) == (True, 0, True)
    fields = ("on_lost", "reset_after_ms", "invalid_state", "movable", "within_occurrence")
    assert not any(three.HasField(field) for field in fields)
    assert taskctl("start", "demo.noop", "--on-lost", "ignore").code == 2


def test_x16_the_same_spec_twice_is_already_there(taskctl: Taskctl) -> None:
    taskctl("start", "demo.noop", "--id", "hello")
    ran = taskctl("start", "demo.noop", "--id", "hello")
    assert ran.code == 0
    assert "already there" in ran.out


def test_x16_another_spec_is_a_conflict_that_names_the_fields(taskctl: Taskctl) -> None:
    taskctl("start", "demo.noop", "--id", "hello")
    ran = taskctl("start", "demo.noop", "--id", "hello", "-p", "a=1")
    assert ran.code == 4
    first = ran.err.splitlines()[0]
    assert first == "error: start hello: id is taken by a task with another spec (params, cost)"


def test_x16_a_misspelt_executor_is_answered_with_the_nearest(taskctl: Taskctl) -> None:
    ran = taskctl("start", "demo.tickr")
    assert ran.code == 8
    assert ran.err.splitlines()[0] == (
        "error: start demo.tickr: no node ever offered this executor; did you mean demo.ticker?"
    )


def test_x17_a_string_field_takes_the_text_as_it_stands(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    ran = taskctl("start", "demo.ticker", "--id", "t", "-p", "version=1.10", "-p", "until=3")
    assert ran.code == 0
    assert json.loads(cluster.asked("Create")[0].task.params) == {"version": "1.10", "until": 3}


def test_x17_what_an_integer_field_cannot_read_is_named(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    ran = taskctl("start", "demo.ticker", "--id", "t", "-p", "until=x")
    assert ran.code == 8
    assert ran.err.splitlines()[0] == "error: start t: params.until: must be an integer (got x)"
    assert not cluster.asked("Create")


def test_refused_params_name_field_and_reason(taskctl: Taskctl) -> None:
    ran = taskctl("start", "demo.ticker", "--id", "t", "-p", "until=0")
    assert ran.code == 8
    assert ran.err.startswith("error: start t: params.until: must be at least 1 (got 0)\nwhy:   ")


def test_flags_of_start_arrive(taskctl: Taskctl, cluster: FakeCluster) -> None:
    flags = "--priority low --cost large --run-timeout 5m --max-attempts unlimited --label a=b"
    more = (
        "--object shop/eu --paused --require-assignment --replace-finished --due +1h --reason why"
    )
    ran = taskctl("start", "demo.noop", *flags.split(), *more.split())
    assert ran.code == 0
    request = cluster.asked("Create")[0]
    spec = request.task.spec
    assert (spec.priority, spec.cost, spec.timeout_ms, spec.max_attempts) == (1, 4, 300_000, 0)
    assert spec.HasField("max_attempts")
    assert not spec.HasField("on_lost")
    assert (dict(spec.labels), spec.object_kind, spec.object_id) == ({"a": "b"}, "shop", "eu")
    assert abs(spec.due_at - (time.time() + 3600) * 1000) < 60_000
    assert request.task.paused
    assert request.task.require_assignment
    assert request.task.replace_finished
    assert request.change.reason == "why"


def test_x20_a_dry_run_names_the_effect_and_writes_nothing(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    before = cluster.revision
    ran = taskctl("start", "demo.noop", "--id", "hello", "--dry-run")
    assert ran.code == 0
    assert "assigned to n1" in ran.out
    assert "dry run" in ran.out
    assert cluster.revision == before
    assert not cluster.tasks


def test_list_is_a_table_with_a_footer_on_stderr(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("ingest-eu", progress=wire.Progress(done=82, total=100), attempts=0)
    cluster.put("reindex-7", status="unassigned", code="no_capacity", explanation="n3")
    cluster.put("done", status="succeeded")
    ran = taskctl("list")
    lines = ran.out.splitlines()
    assert (
        lines[0] == "ID         EXECUTOR   STATUS      NODE  ALLOC  TRY  PROGRESS       AGE  NOTE"
    )
    assert lines[1] == "ingest-eu  demo.noop  running     n1        1  1/3  ████████ 82 %  12s"
    assert (
        lines[2]
        == "reindex-7  demo.noop  unassigned  -         -  0/3                 12s  no_capacity: n3"
    )
    assert len(lines) == 3
    assert ran.err == "2 tasks · revision 13 · leader c1, term 6\n"


def test_list_selects_by_everything(taskctl: Taskctl, cluster: FakeCluster) -> None:
    taskctl(
        "list",
        "-l",
        "team=shop,env!=dev",
        "--status",
        "running,failed",
        "--executor",
        "demo.*",
        "--node",
        "n1",
    )
    wanted = cluster.asked("List")[0].filter
    assert list(wanted.label_terms) == ["team=shop", "env!=dev"]
    assert list(wanted.statuses) == ["running", "failed"]
    assert (wanted.executor, wanted.node, wanted.include_finished) == ("demo.*", "n1", False)


def test_list_groups(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a")
    cluster.put("b", status="waiting")
    ran = taskctl("list", "--group-by", "executor", "--no-headers")
    assert ran.out.split() == ["demo.noop", "2", "1", "running,", "1", "waiting"]


def test_list_sorts_cuts_columns_and_writes_csv(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("b")
    cluster.put("a")
    ran = taskctl("list", "-o", "csv", "--columns", "id,alloc", "--sort", "-alloc")
    assert ran.out == "id,alloc\na,2\nb,1\n"
    assert taskctl("list", "--columns", "nope").code == 2


def test_get_shows_everything(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello", state=b'{"tick": 5}', state_allocation_id=1, state_is_current=True)
    ran = taskctl("get", "hello")
    assert 'state         {"tick": 5}  (of the current run)' in ran.out
    assert "status        running on n1" in ran.out
    tree = json.loads(taskctl("get", "hello", "-o", "json").out)
    assert (tree["kind"], tree["state"], tree["assignment"]["node"]) == ("Task", {"tick": 5}, "n1")
    assert tree["created_at"].endswith("Z")
    assert tree["last_outcome"] is None


def test_cancel_keeps_the_state(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello", state=b'{"tick":42}')
    ran = taskctl("cancel", "hello", "--reason", "seen enough", "--wait")
    assert ran.out == 'hello  cancelled  state kept: {"tick": 42}\n'
    assert cluster.asked("Cancel")[0].change.reason == "seen enough"
    again = taskctl("cancel", "hello")
    assert (again.code, "unchanged" in again.out) == (0, True)


def test_x20_if_revision_with_an_old_number(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    ran = taskctl("cancel", "hello", "--if-revision", "3")
    assert ran.code == 4
    assert ran.err.startswith("error: cancel hello: revision is 11, you expected 3\n")
    assert cluster.tasks["hello"].status == "running"


def test_rm_of_a_running_task(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    ran = taskctl("rm", "hello")
    assert ran.code == 4
    assert ran.err.startswith("error: rm hello: still running; cancel it first\n")
    cluster.put("hello", status="succeeded")
    assert taskctl("rm", "hello").out == "hello  removed\n"
    assert not cluster.tasks


def test_move(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    ran = taskctl("move", "hello", "--avoid", "n2")
    assert ran.out == "hello  stopping on n1\n"
    request = cluster.asked("Update")[0]
    assert (request.move, list(request.avoid)) == (True, ["n2"])


def test_no_such_task(taskctl: Taskctl) -> None:
    ran = taskctl("get", "nope")
    assert ran.code == 3
    assert ran.err.splitlines()[0] == "error: get nope: no such task"


def test_history_is_the_table_of_the_readme(taskctl: Taskctl, cluster: FakeCluster) -> None:
    now = int(time.time() * 1000)
    cluster.put("hello", state=b'{"tick":1}')
    cluster.runs["hello"] = [
        wire.Run(task="hello", allocation_id=2, attempt=1, node="n2", cause="reassigned",
                 started_at=now - 3_000, status="running"),
        wire.Run(task="hello", allocation_id=1, attempt=1, node="n1", cause="start", started_at=now - 20_000,
                 ended_at=now - 10_000, status="ended", outcome="lost", reason="node_lost",
                 error=b'{"type":"","message":"n1 silent for 7.1 s"}'),
    ]  # fmt: skip
    lines = taskctl("history", "hello").out.splitlines()
    assert lines[0] == "ALLOC  TRY  NODE  CAUSE       STARTED   LASTED  OUTCOME  REASON"
    assert lines[1].startswith("    1    1  n1    start       ")
    assert lines[1].endswith("10 s    lost     node_lost: n1 silent for 7.1 s")
    assert lines[2].endswith("-        running, goes on from its saved state")


def test_explain_is_the_sample(taskctl: Taskctl, cluster: FakeCluster) -> None:
    now = int(time.time() * 1000)
    task = cluster.put(
        "reindex-7", executor="shop.reindex", executor_version=2, status="unassigned"
    )
    cluster.explanations["reindex-7"] = wire.ExplainResponse(
        task=task, stage=5, code="no_capacity", text="n3", since_at=now - 12_100, queue_position=1,
        next_check_at=now + 8_900,
        nodes=[
            wire.NodeVerdict(node="n1", code="no_executor", detail="has demo.ticker v1"),
            wire.NodeVerdict(node="n3", code="no_capacity", detail="needs 4 units, 2 of 20 are free"),
        ],
        hints=[wire.Hint(text="end the drain", command="taskctl node undrain n2"), wire.Hint(text="2 more units on n3")],
    )  # fmt: skip
    assert taskctl("explain", "reindex-7").out.splitlines() == [
        "reindex-7 (shop.reindex v2) is unassigned for 12 s: no_capacity. First in the queue; "
        "looked at again within 8 s or at the next change.",
        "  n1  no_executor  has demo.ticker v1",
        "  n3  no_capacity  needs 4 units, 2 of 20 are free",
        "  try: taskctl node undrain n2 · 2 more units on n3",
    ]


def test_explain_tells_what_the_executor_itself_says(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    task = cluster.put("e1", executor="video.encode", executor_version=1, status="unassigned")
    cluster.explanations["e1"] = wire.ExplainResponse(
        task=task, stage=6, code="executor_refused", text="no node has av1=yes",
        nodes=[wire.NodeVerdict(node="n1", eligible=True)],
    )  # fmt: skip
    assert taskctl("explain", "e1").out.splitlines() == [
        "e1 (video.encode v1) is unassigned: executor_refused. no node has av1=yes.",
        "  n1  eligible",
    ]


def test_logs_and_what_was_dropped(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    cluster.lines["hello"] = [
        wire.LogLine(
            at=1_000, level="info", event="hashed", fields=b'{"path":"a.py"}', allocation_id=1
        )
    ]
    ran = taskctl("logs", "hello")
    assert ran.out == '1970-01-01 00:00:01 info     hashed  path="a.py"\n'
    assert ran.err == "2 lines were dropped\n"


def test_many_from_a_file(taskctl: Taskctl, cluster: FakeCluster, tmp_path: object) -> None:
    rows = [{"id": "a", "executor": "demo.noop"}, {"id": "b", "executor": "demo.nope", "cost": 4}]
    text = "\n".join(json.dumps(row) for row in rows)
    ran = taskctl("start", "-f", "-", stdin=text)
    assert ran.code == 13
    assert "a  assigned to n1  allocation 1" in ran.out
    assert ran.err.startswith("b  refused: start demo.nope: no node ever offered this executor")
    assert ran.out.endswith("1 of 2 tasks\n")
    assert cluster.asked("CreateMany")[0].tasks[1].spec.cost == 4
