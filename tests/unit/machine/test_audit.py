"""Which changes leave an event, and what it says (TM-75)."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.codec.envelope import HEADER_BYTES, decode_batch, encode_batch
from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.apply import apply_batch
from coordinator.machine.audit import CHANGE_CHARS_MAX, DETAIL_CHARS_MAX, TARGET_CHARS_MAX
from coordinator.machine.commands import (
    AddMember,
    Batch,
    CancelRun,
    CancelTask,
    ChangeTasks,
    Command,
    DrainNode,
    PauseExecutor,
    PauseTask,
    RaiseFeatureLevel,
    RemoveLimit,
    RemoveMember,
    RemoveNode,
    RemoveTask,
    Request,
    ResumeExecutor,
    ResumeTask,
    RetryTask,
    RunNow,
    SetLimit,
    SetSettings,
    UnassignTask,
    UndrainNode,
    UpdateTask,
)
from coordinator.machine.outcome import Outcome, Refused
from coordinator.model.audit import Asker, AuditEvent
from coordinator.model.events import Audited
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.instants import HOUR
from coordinator.model.settings import SettingValue
from coordinator.model.tasks import RunOutcome, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on, with_task

ANN = Asker("operator", "because", "desk 7")
T, N1, NOOP = TaskId("t"), NodeName("n1"), "demo.noop"


def ask(world: World, *requests: Request) -> tuple[list[Outcome], list[AuditEvent]]:
    """One entry, as it comes out of the log: the answers, and the events it leaves."""
    world.state.take_events()
    batch = decode_batch(encode_batch(Batch(world.at, requests)))
    outcomes = apply_batch(world.state, world.state.revision + 1, batch)
    found = world.state.take_events()
    return outcomes, [one.event for one in found if isinstance(one, Audited)]


def by_ann(command: Command, request_id: str = "") -> Request:
    return Request(command, request_id, 5 if request_id else 0, ANN)


def test_tm_75_who_when_what_why_and_the_answer() -> None:
    world = with_task()
    _, events = ask(world, by_ann(PauseTask(T, finish=True, reason="because"), "r1"))
    assert events == [
        AuditEvent(
            1, world.state.revision, AT, "operator", "pause", "task", "t", "finish", "because",
            "ok", "", "r1", "desk 7",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "command, said",
    [
        (PauseTask(T, clear_state=True), "pause task t clear state"),
        (PauseTask(T, finish=True, until=AT + 9), f"pause task t finish, until {AT + 9}"),
        (ResumeTask(T, no_catch_up=True), "resume task t no catch up"),
        (RunNow(T, queue=True), "run_now task t queue"),
        (RunNow(T, replace=True), "run_now task t replace"),
        (UpdateTask(T, 0, spec=TaskSpec(), has_state=True), "edit task t spec, state"),
        (UpdateTask(T, 0, params=b"{}", restart=True), "edit task t params, restart"),
        (CancelTask(T, purge=True), "cancel task t purge"),
        (CancelTask(T, finished_only=True), "purge task t "),
        (CancelRun(T, AllocationId(1), rerun=True), "cancel run t#1 rerun"),
        (CancelRun(T), "cancel run t "),
        (RetryTask(T, again=True), "retry task t again"),
        (RetryTask(T, params=b"{}"), "retry task t params"),
        (UnassignTask(T, AllocationId(1)), "move task t "),
        (PauseExecutor(NOOP, "why", "ann", stop=True), "pause executor demo.noop stop"),
        (PauseExecutor("", "why", "ann"), "pause executor  "),
        (ResumeExecutor("", "ann"), "resume executor  "),
        (DrainNode(N1, "restart", "why", "ann"), "drain node n1 restart"),
        (UndrainNode(N1), "undrain node n1 "),
        (RemoveNode(N1), "remove node n1 "),
        (SetLimit("node", NOOP, 3, "ann"), "set limit demo.noop node: 3"),
        (RemoveLimit("cluster", NOOP), "unset limit demo.noop cluster"),
        (AddMember("c9", "h:1"), "add member c9 h:1"),
        (RemoveMember(9), "remove member 9 "),
        (RaiseFeatureLevel(1), "upgrade cluster  feature level 1"),
        (
            SetSettings((("retry.first", "9s"),), ("run.timeout",)),
            "set settings  retry.first=9s, run.timeout unset",
        ),
        (SetSettings((("retry.first", "9s"),)), "set settings retry.first retry.first=9s"),
    ],
)
def test_tm_75_each_change_leaves_one_event_whatever_the_answer(
    command: Command, said: str
) -> None:
    _, events = ask(with_task(), by_ann(command))
    assert [f"{e.action} {e.kind} {e.target} {e.change}" for e in events] == [said]
    assert (events[0].reason, events[0].by) == ("because", "operator")


def test_tm_75_a_refusal_of_the_law_is_told_and_what_was_so_already() -> None:
    world = with_task()
    _, (gone,) = ask(world, by_ann(PauseTask(TaskId("no"))))
    assert (gone.answer, gone.target) == ("task_not_found", "no")
    _, (drain,) = ask(world, by_ann(DrainNode(N1, "restart", "", "ann")))
    assert (drain.answer, drain.detail) == ("invalid_field", "reason: a drain needs one")
    ask(world, by_ann(PauseTask(T)))
    _, (again,) = ask(world, by_ann(PauseTask(T)))
    assert (again.number, again.answer) == (4, "unchanged")


def test_tm_75_no_word_of_an_event_is_longer_than_it_may_be() -> None:
    """100,000 of them are kept, and some hundred travel in one message."""
    key = "k" * 3 * TARGET_CHARS_MAX
    _, (event,) = ask(with_task(), by_ann(SetSettings(((key, "v"),))))
    assert event.answer == "setting_not_found"
    said = (event.target, event.change, event.detail)
    assert tuple(map(len, said)) == (TARGET_CHARS_MAX, CHANGE_CHARS_MAX, DETAIL_CHARS_MAX)


def test_tm_75_a_repeated_request_and_a_choice_made_anew_leave_one_event() -> None:
    world = with_task()
    first, events = ask(world, by_ann(CancelTask(T), "r"), by_ann(CancelTask(T), "r"))
    assert (len(first), len(events)) == (2, 1)
    _, stale = ask(world, by_ann(UpdateTask(T, edited=99, params=b"{}")))
    assert not stale
    assert world.state.audited == 1


def test_tm_75_of_changes_that_are_one_command_each_is_told_or_the_one_that_was_the_reason() -> (
    None
):
    world = with_task()
    ask(world, Request(create("u")))
    both = ChangeTasks((PauseTask(T), CancelTask(TaskId("u"))))
    _, events = ask(world, by_ann(both, "r"))
    assert [(e.action, e.target, e.answer) for e in events] == [
        ("pause", "t", "ok"),
        ("cancel", "u", "ok"),
    ]
    _, refused = ask(world, by_ann(ChangeTasks((ResumeTask(T), PauseTask(TaskId("no"))))))
    assert [(e.number, e.target, e.answer) for e in refused] == [(3, "no", "task_not_found")]


def test_tm_75_creations_and_runs_leave_none_and_the_leader_only_what_it_did() -> None:
    world = World()
    quiet = [join(), create()]
    _, events = ask(world, *map(Request, quiet))
    assert not events
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.state.audited == 0
    ask(world, Request(create("u", on())))
    _, moved = ask(world, Request(UnassignTask(TaskId("u"), world.task("u").allocation_id)))
    assert not moved  # a drain, run by run
    _, refused = ask(world, Request(ResumeTask(TaskId("no"))), Request(ResumeTask(TaskId("u"))))
    assert not refused
    leaving = DrainNode(N1, "restart", "it was asked to stop", "node", leaving=True)
    _, (drain,) = ask(world, Request(leaving))
    assert (drain.by, drain.reason) == ("cluster", "it was asked to stop")


def test_tm_75_the_numbers_go_on_after_a_snapshot_and_are_part_of_the_digest() -> None:
    world = with_task()
    ask(world, by_ann(PauseTask(T)), by_ann(ResumeTask(T)))
    again = load(list(encode(freeze(world.state))))
    assert (again.audited, digest(again)) == (2, digest(world.state))
    again.audited = 3
    assert digest(again) != digest(world.state)


def test_a_request_of_a_log_from_before_has_no_asker() -> None:
    whole = encode_batch(Batch(AT, (Request(CancelTask(T), "r", 7),)))
    head, batch = whole[:HEADER_BYTES], msgspec.msgpack.decode(whole[HEADER_BYTES:])
    batch[1] = [request[:3] for request in batch[1]]
    (request,) = decode_batch(head + msgspec.msgpack.encode(batch)).requests
    assert request == Request(CancelTask(T), "r", 7)


def too_many(*outcomes: RunOutcome, kept: int = 0) -> World:
    """Tasks t0, t1, ... that ended so; no more than `kept` of them are to be kept."""
    world = World()
    world.accept(join())
    for number, outcome in enumerate(outcomes):
        world.accept(create(f"t{number}"))
        world.end(f"t{number}", outcome, permanent=True)
    world.state.settings.values["retention.failed"] = SettingValue(f"30d/{kept}", "ann", 1)
    return world


def drop(world: World, *numbers: int) -> list[AuditEvent]:
    tasks = [world.task(f"t{number}") for number in numbers]
    outcomes, events = ask(world, *(Request(RemoveTask(t.id, t.revision)) for t in tasks))
    assert not [one for one in outcomes if isinstance(one, Refused)]
    return events


def test_tm_74_a_failed_record_that_is_dropped_to_make_room_is_told() -> None:
    world = too_many(RunOutcome.FAILED)
    assert drop(world, 0) == [
        AuditEvent(
            1, world.state.revision, AT, "cluster", "drop", "task", "t0", "1 failed before their time",
            "retention.failed keeps 0", "ok", "", "", "",
        )
    ]  # fmt: skip


def test_tm_74_thousands_of_them_leave_an_event_an_hour_with_how_many() -> None:
    world = too_many(*[RunOutcome.FAILED] * 9)
    assert len(drop(world, 0, 1, 2, 3)) == 1
    world.at += HOUR - 1
    assert drop(world, 4) == []
    world.at += 1
    world.state = load(encode(freeze(world.state)))  # as who comes later has it
    assert [one.change for one in drop(world, 5, 6)] == ["5 failed before their time"]
    world.at += HOUR
    assert [one.change for one in drop(world, 7)] == ["2 failed before their time"]


def test_tm_74_what_has_had_its_time_or_did_not_fail_goes_without_a_word() -> None:
    world = too_many(RunOutcome.FAILED, RunOutcome.FAILED, RunOutcome.FAILED, kept=1)
    world.accept(create("t3"))
    world.accept(CancelTask(TaskId("t3")))
    world.end("t3", RunOutcome.CANCELLED)
    assert drop(world, 3) == []
    task = world.task("t0")
    asked = Request(CancelTask(task.id, finished_only=True), asker=ANN)
    assert [one.action for one in ask(world, asked)[1]] == ["purge"]
    world.at = world.task("t1").expires_at
    assert drop(world, 1) == []
    refused, events = ask(world, Request(RemoveTask(TaskId("t2"), 1)))
    assert (len(refused), events) == (1, [])
