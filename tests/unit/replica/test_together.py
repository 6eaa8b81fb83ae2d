"""Changes that are one command, under a leader and its followers (TM-32)."""

from __future__ import annotations

from coordinator.codec.snapshots import digest
from coordinator.machine.commands import (
    CancelTask,
    Change,
    ChangeTasks,
    PauseTask,
    RetryTask,
    RunNow,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.instants import HOUR
from coordinator.replica import inputs as i
from coordinator.replica.wishes import asked_of
from tests.unit.replica.kit import answer, know, node, questions
from tests.unit.replica.world import World

MISSING = PauseTask(TaskId("missing"))
PROVE = "demo.prove"


def t(name: str) -> TaskId:
    return TaskId(name)


def house(members: int = 1) -> World:
    """Two that wait for their time, one that is paused, and a node with room."""
    world = World(members)
    node(world, "n1")
    for name in ("later-1", "later-2"):
        world.create(name, due_at=world.now.wall + HOUR)
    world.create("runs")
    world.create("rests")
    world.outcomes(world.submit(PauseTask(t("rests"))))
    return world


def together(world: World, *changes: Change, **more: str) -> Accepted | Refused:
    (outcome,) = world.outcomes(world.submit(ChangeTasks(changes), **more))
    return outcome


def test_tm_32_runs_that_begin_at_once_have_their_places_in_the_same_entry() -> None:
    world = house()
    load = world.leader().replica.leading.bench.view.load
    before = load.runs("n1")
    outcome = together(world, RunNow(t("later-1")), RunNow(t("later-2")))
    assert isinstance(outcome, Accepted)
    tasks = [world.task(name) for name in ("later-1", "later-2")]
    assert [one.assignment.node for one in tasks] == ["n1", "n1"]
    assert len({one.revision for one in tasks}) == 1
    assert load.runs("n1") == before + 2


def test_tm_32_places_are_given_back_when_one_is_refused() -> None:
    world = house()
    load = world.leader().replica.leading.bench.view.load
    before = load.runs("n1"), load.units("n1")
    outcome = together(world, RunNow(t("later-1")), RunNow(t("later-2")), MISSING)
    assert isinstance(outcome, Refused)
    assert outcome.task_id == "missing"
    assert (load.runs("n1"), load.units("n1")) == before
    assert [world.task(name).status for name in ("later-1", "later-2")] == ["waiting", "waiting"]
    assert isinstance(together(world, RunNow(t("later-1"))), Accepted)


def test_tm_32_every_member_undoes_the_same_also_one_that_reads_it_from_its_disk() -> None:
    world = house(3)
    edited = world.task("later-2").edited_revision
    changes: tuple[Change, ...] = (
        RunNow(t("later-1")),
        UpdateTask(t("later-2"), edited, params=b'{"n":1}'),
        CancelTask(t("runs")),
        PauseTask(t("rests")),
    )
    refused = together(world, *changes, MISSING, request_id="r1")
    assert isinstance(refused, Refused)
    follower = next(n for n, m in world.members.items() if not m.replica.is_leader)
    world.crash(follower)
    accepted = together(world, *changes, request_id="r2")
    assert isinstance(accepted, Accepted)
    world.start(follower)
    revision = world.leader().replica.state.revision
    world.until(lambda: world.members[follower].replica.state.revision >= revision)
    world.run(1_000)
    assert len({digest(member.replica.state) for member in world.members.values()}) == 1
    world.crash(world.leader().number)
    world.until(lambda: any(member.replica.is_leader for member in world.members.values()))
    again = together(world, *changes, MISSING, request_id="r1")
    assert isinstance(again, Refused)
    assert (again.code, again.task_id) == (Refusal.TASK_NOT_FOUND, "missing")
    repeated = together(world, *changes, request_id="r2")
    assert isinstance(repeated, Accepted)
    assert repeated.unchanged


def test_tm_32_no_code_is_asked_again_about_a_repeat() -> None:
    world = World(1)
    world.leader()
    node(world, "n1", PROVE, own_validate=True)
    world.create("a", executor=PROVE)
    world.create("b", executor=PROVE)
    know(world, PROVE)
    changes = [
        UpdateTask(t(name), world.task(name).edited_revision, params=b'{"n":1}') for name in "ab"
    ]
    ticket = world.submit(ChangeTasks(tuple(changes)), request_id="r1")
    answer(world, "ok")
    answer(world, "ok")
    (outcome,) = world.outcomes(ticket)
    assert isinstance(outcome, Accepted)
    world.submit(UpdateTask(t("a"), world.task("a").edited_revision, params=b'{"n":2}'))
    answer(world, "ok")
    repeated = together(world, *changes, request_id="r1")
    assert isinstance(repeated, Accepted)
    assert repeated.unchanged
    assert not questions(world)


def test_tm_32_one_that_is_refused_by_code_has_no_other_looked_at_any_more() -> None:
    """The code of the first is slow, so it is not asked: that one is refused at once."""
    world = World(1)
    world.leader()
    for name, executor in (("n1", PROVE), ("n2", "demo.other")):
        node(world, name, executor, own_validate=True)
    for name, executor in (("a", PROVE), ("b", "demo.other"), ("c", PROVE)):
        world.create(name, executor=executor)
    know(world, PROVE, "demo.other")
    edits = [UpdateTask(t(name), world.task(name).edited_revision, b'{"n":1}') for name in "abc"]
    world.submit(edits[2])
    answer(world, "timeout")
    refused = together(world, *edits[:2])
    assert isinstance(refused, Refused)
    assert (refused.code, refused.task_id) == (Refusal.VALIDATION_FAILED, "a")
    assert not questions(world)
    assert world.task("b").params == b"{}"


def test_g9_a_fire_time_that_has_come_goes_before_any_of_them() -> None:
    both = i.Asked(ChangeTasks((PauseTask(t("a")), RunNow(t("b")))))
    assert asked_of([i.Submit(1, (both,))]) == {"a", "b"}


def test_tm_32_a_dry_run_of_edits_writes_nothing() -> None:
    world = house()
    last = world.leader().replica.raft.last_index
    edited = world.task("rests").edited_revision
    changes = (UpdateTask(t("rests"), edited, params=b'{"n":1}'), RetryTask(t("runs")))
    asked = i.Asked(ChangeTasks(changes), dry_run=True)
    world.leader().inbox.append(i.Submit(77, (asked,)))
    world.settle()
    (outcome,) = world.outcomes(77)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.task_id) == (Refusal.NOT_FINISHED, "runs")
    assert world.leader().replica.raft.last_index == last
