"""What a task lives through, in the words of the task manager: TM-A1, A2, A4, A13, A21, A28, A29, A33, A56, A57."""

from __future__ import annotations

import pytest

from coordinator.client.labels import label_text
from coordinator.machine.commands import PauseTask, RetryTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.instants import HOUR, MINUTE, SECOND, Now
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.fanout import run_digest
from coordinator.replica.sayings import Heartbeat, LocalRun, NodeSaying
from tests.unit.replica.kit import node, pause, until, wish
from tests.unit.replica.life import holder
from tests.unit.replica.world import FakeNode, World

GOOD = RunOutcome.SUCCEEDED


def later(world: World, ms: int, *beating: FakeNode) -> None:
    """A long time passes in steps of a second."""
    for _ in range(ms // SECOND):
        world.now = Now(world.now.steady + SECOND, world.now.wall + SECOND)
        for member in world.members.values():
            member.inbox.append(i.Tick())
        world.settle()
        for one in beating:
            one.beat()


def test_tm_a1_a_one_off_without_a_time_is_due_at_once_and_over_after_it_succeeded() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t")
    assert (world.task("t").status, world.task("t").due_at) == (Status.ASSIGNED, 0)
    one.listen()
    one.report("t", "started")
    one.report("t", "ended", outcome=GOOD)
    assert (world.task("t").status, world.task("t").is_terminal) == (Status.SUCCEEDED, True)
    later(world, 10 * MINUTE, one)
    assert one.wanted == {}


def test_tm_a2_a_one_off_for_later_does_not_run_before_and_then_once() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t", due_at=world.leader().replica.leading.bench.at + HOUR)
    created = world.task("t").allocation_id
    later(world, 59 * MINUTE, one)
    assert (world.task("t").status, world.task("t").assignment.code) == (
        Status.WAITING,
        Code.NOT_DUE,
    )
    assert one.wanted == {}
    later(world, MINUTE + SECOND, one)
    assert one.wanted["t"].allocation_id == world.task("t").allocation_id == created + 1
    one.report("t", "ended", outcome=GOOD)
    later(world, 10 * MINUTE, one)
    assert (world.task("t").status, one.wanted) == (Status.SUCCEEDED, {})


def test_tm_a4_another_spec_under_an_id_is_refused_and_the_same_one_gives_the_stored_task() -> None:
    world = World(1)
    node(world, "n1")
    first = world.create("t", priority=7)
    stored = world.task("t")
    refused = world.create("t", priority=8)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.detail) == (Refusal.ALREADY_EXISTS, "priority")
    again = world.create("t", priority=7)
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (again.task_id, again.allocation_id) == (first.task_id, first.allocation_id)
    assert (again.created, again.unchanged) == (False, True)
    assert world.task("t") == stored


@pytest.mark.parametrize("arrived", [True, False])
def test_tm_a13_around_a_change_of_leader_one_assignment_wins(*, arrived: bool) -> None:
    """The old leader proposes one it can commit no more; it has reached the others, or it has not."""
    world = World(3)
    nodes = [FakeNode(world, name).register() for name in ("n1", "n2")]
    world.create("t", due_at=world.leader().replica.leading.bench.at + 2_000)
    before = world.task("t").allocation_id
    old = world.leader()
    followers = [number for number in world.members if number != old.number]
    world.until(lambda: old.replica.now.wall >= world.task("t").due_at - 300)
    for other in followers:
        world.cut |= {(other, old.number)} | (set() if arrived else {(old.number, other)})
    proposed = old.replica.raft.last_index
    world.until(lambda: old.replica.raft.last_index > proposed)
    assert old.replica.state.tasks[TaskId("t")].status is Status.WAITING
    if arrived:
        assert all(world.members[n].replica.raft.last_index > proposed for n in followers)
    world.cut |= {(old.number, other) for other in followers}
    world.until(lambda: world.leader() is not old)
    for one in nodes:
        one.register()
    world.until(lambda: world.task("t").has_node)
    world.heal()
    world.run(3_000)
    task = world.task("t")
    assert (task.status, task.attempts, task.allocation_id) == (Status.ASSIGNED, 0, before + 1)
    assert [m.replica.state.tasks[TaskId("t")] for m in world.members.values()] == [task] * 3
    for one in nodes:
        one.listen()
    assert [one.name for one in nodes if "t" in one.wanted] == [task.assignment.node]


def test_tm_a21_paused_tasks_whose_time_comes_never_start() -> None:
    world = World(1)
    one = node(world, "n1")
    due = world.leader().replica.leading.bench.at + 5 * MINUTE
    world.create("once", due_at=due)
    world.create("series", schedule=Schedule(every_ms=MINUTE, start=due))
    for name in ("once", "series"):
        (answer,) = world.outcomes(world.submit(PauseTask(TaskId(name))))
        assert isinstance(answer, Accepted)
    before = world.leader().replica.state.last_allocation_id
    later(world, 15 * MINUTE, one)
    assert [world.task(name).status for name in ("once", "series")] == [Status.PAUSED] * 2
    assert (one.wanted, world.leader().replica.state.last_allocation_id) == ({}, before)


@pytest.mark.parametrize(
    "outcome, more, status, label",
    [
        (RunOutcome.FAILED, {"reason": "self_reported", "permanent": True}, "failed", "Error"),
        (RunOutcome.WARNING, {}, "succeeded", "Warning"),
    ],
)
def test_tm_a28_what_a_run_reported_of_itself_is_its_label_and_no_reason_to_retry(
    outcome: RunOutcome, more: dict[str, object], status: str, label: str
) -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t", max_attempts=5)
    one.listen()
    one.report("t", "ended", outcome=outcome, **more)
    task = world.task("t")
    assert task.status == status
    assert task.last_outcome is not None
    assert label_text(task.status, task.last_outcome.outcome, recurring=False) == label
    later(world, 10 * MINUTE, one)
    assert (world.task("t"), one.wanted) == (task, {})


@pytest.mark.parametrize("reason", ["no_capacity", "no_executor"])
def test_tm_a29_what_a_node_could_not_take_is_no_attempt(reason: str) -> None:
    world = World(1)
    one, other = node(world, "n1"), node(world, "n2")
    world.create("t")
    first = holder(world, "t", one, other)
    first.report("t", "ended", outcome=RunOutcome.ABORTED, reason=reason, handed_back=True)
    task = world.task("t")
    assert task.attempts == 0
    assert task.assignment.node == next(n.name for n in (one, other) if n is not first)


def test_tm_a29_an_exception_while_starting_is_one_attempt() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t")
    one.listen()
    one.report("t", "ended", outcome=RunOutcome.FAILED, reason="start_failed")
    assert (world.task("t").attempts, world.task("t").status) == (1, Status.WAITING)


def test_tm_a33_a_run_longer_than_every_lease_is_not_started_twice_until_its_node_dies() -> None:
    world = World(1)
    one, other = node(world, "n1"), node(world, "n2")
    world.create("t")
    first = holder(world, "t", one, other)
    second = other if first is one else one
    first.report("t", "started")
    before = world.task("t")
    later(world, 30 * MINUTE, one, other)
    assert (world.task("t"), second.wanted) == (before, {})
    first.beating = False
    took = until(world, lambda: world.task("t").assignment.node == second.name)
    assert 8_000 <= took <= 9_000 + 1_000  # R; and one election, had the leader died as well
    assert world.task("t").allocation_id > before.allocation_id


def test_tm_a56_only_what_failed_is_tried_again_by_hand() -> None:
    world = World(1)
    one = node(world, "n1")
    waiting = world.leader().replica.leading.bench.at + HOUR
    world.create("waits", due_at=waiting)
    world.create("t", max_attempts=1)
    one.listen()
    one.report("t", "started")
    for name in ("waits", "t"):
        (refused,) = world.outcomes(world.submit(RetryTask(TaskId(name))))
        assert isinstance(refused, Refused)
        assert refused.code is Refusal.NOT_FINISHED
    failed = one.wanted["t"].allocation_id
    one.report("t", "ended", outcome=RunOutcome.FAILED)
    assert world.task("t").status is Status.FAILED
    world.outcomes(world.submit(RetryTask(TaskId("t"))))
    pause(world, 500)
    one.listen()
    assert one.wanted["t"].allocation_id > failed
    assert (world.task("t").attempts, world.task("t").status) == (0, Status.ASSIGNED)


class Deaf(FakeNode):
    """A node that misses one change of its wanted set, and names its runs when it is asked to."""

    missed = ""
    is_asked = False

    def listen(self) -> None:
        frames = self.world.to_nodes.get(self.session, [])
        self.is_asked = self.is_asked or any(one.send_runs for one in frames[self.read :])
        super().listen()
        if self.missed:
            self.wanted.pop(self.missed, None)

    def beat(self) -> None:
        self.listen()
        self.sequence += 1
        digest, runs = 0, []
        for run in self.wanted.values():
            digest ^= run_digest(self.world.task(run.task_id))
            runs.append(LocalRun(run.task_id, run.allocation_id, "running"))
        names = tuple(runs) if self.is_asked else None
        self.is_asked = False
        said = Heartbeat(self.sequence, self.seen, digest, self.lease_ms, runs=names)
        self.say(i.NodeSaid(self.session, NodeSaying(heartbeat=said)))


def test_tm_a57_a_lost_change_is_found_by_the_digest_under_constant_traffic() -> None:
    world = World(1)
    one = Deaf(world, "n1")
    one.register()
    one.missed = "t"
    world.outcomes(world.submit(wish("t")))
    one.listen()
    lost = world.task("t").allocation_id
    assert one.wanted == {}
    one.missed = ""
    for number in range(120):  # 30 s
        world.create(f"other{number}")
        world.run(250)
        one.beat()
        one.report(f"other{number}", "ended", outcome=GOOD)
        if "t" in one.wanted:
            break
    assert one.wanted["t"].allocation_id == world.task("t").allocation_id > lost
    assert world.task("t").attempts == 0
