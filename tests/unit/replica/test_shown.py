"""What an executor is shown of its tasks: the truth within its bounds, and each change once."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from coordinator.machine.commands import CancelTask
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.limits import KIB, MIB
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Policy, Status, Task, TaskSpec
from coordinator.replica import inputs as i
from coordinator.replica import shown
from coordinator.replica.shown import Shown
from coordinator.shell.plugin_tasks import KnownTasks
from tests.unit.replica.kit import (
    PICK,
    Helper,
    answer,
    asked_about,
    know,
    node,
    questions,
    wish,
)
from tests.unit.replica.world import World

E = "x.e"


def record(task_id: str, revision: int, params: bytes = b"{}", executor: str = E) -> Task:
    return Task(
        id=TaskId(task_id),
        executor=executor,
        executor_version=1,
        params=params,
        spec=TaskSpec(labels=(("team", task_id),)),
        policy=Policy(),
        desired=Desired.RUNNING,
        status=Status.UNASSIGNED,
        assignment=Assignment(),
        allocation_id=0,  # type: ignore[arg-type]
        created_at=0,
        updated_at=0,
        created_revision=revision,
        revision=revision,
    )


class Tale:
    """A state that changes, what is said of it, and a helper that listens."""

    def __init__(self) -> None:
        self.state = ClusterState()
        self.shown = Shown(self.state)
        self.helper = KnownTasks()
        self.said: list[shown.Words] = []

    def put(self, task: Task) -> None:
        old = self.state.tasks.get(task.id)
        self.state.put_task(task)
        self.shown.follow(old, task)

    def change(self, task_id: str, **values: object) -> None:
        self.put(msgspec.structs.replace(self.state.tasks[TaskId(task_id)], **values))

    def remove(self, task_id: str) -> None:
        old = self.state.tasks[TaskId(task_id)]
        self.state.drop_task(old.id)
        self.shown.follow(old, None)

    def tell(self) -> shown.Words:
        words = self.shown.words(E)
        assert self.helper.take(E, words)
        self.said.append(words)
        return words

    def unfinished(self) -> list[Task]:
        mine = [t for t in self.state.tasks.values() if t.executor == E and not t.is_terminal]
        return sorted(mine, key=lambda task: (task.created_revision, task.id))


def test_all_once_then_what_has_changed_and_params_only_when_they_are_new() -> None:
    tale = Tale()
    for n in range(3):
        tale.put(record(f"t{n}", n, b'{"n":%d}' % n))
    first = tale.tell()
    assert first.since == 0
    assert {row.id: row.params for row in first.rows} == {
        "t0": b'{"n":0}',
        "t1": b'{"n":1}',
        "t2": b'{"n":2}',
    }
    assert tale.tell().rows == ()
    tale.change(
        "t1", status=Status.ASSIGNED, assignment=Assignment(NodeName("n1"), None, Code.ASSIGNED)
    )
    tale.change("t2", params=b'{"n":9}')
    tale.change("t0", status=Status.SUCCEEDED)
    tale.put(record("other", 9, executor="x.other"))
    last = tale.tell()
    assert {row.id: row.params for row in last.rows} == {"t1": None, "t2": b'{"n":9}'}
    assert last.gone == ("t0",)
    seen = {view.id: (view.node, view.params, view.labels["team"]) for view in tale.helper.views(E)}
    assert seen == {"t1": ("n1", {"n": 1}, "t1"), "t2": (None, {"n": 9}, "t2")}


def test_words_that_were_missed_are_noticed_and_the_tale_begins_anew() -> None:
    tale = Tale()
    tale.put(record("t0", 1))
    tale.tell()
    tale.put(record("t1", 2))
    missed = tale.shown.words(E)
    tale.put(record("t2", 3))
    words = tale.shown.words(E)
    assert not tale.helper.take(E, words)
    tale.shown.begin_anew(E, words.number)
    again = tale.tell()
    assert again.since == 0
    assert [view.id for view in tale.helper.views(E)] == ["t0", "t1", "t2"]
    tale.shown.begin_anew(E, missed.number)  # its question comes back late: that tale is over
    assert tale.tell().since == again.number
    assert not KnownTasks().take(E, tale.shown.words(E))


def test_a_tale_that_nobody_asks_for_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "CHANGES_KEPT", 3)
    tale = Tale()
    tale.tell()
    for n in range(4):
        tale.put(record(f"t{n}", n))
    assert tale.tell().since == 0
    assert len(tale.helper.views(E)) == 4


def test_labels_count_and_the_oldest_are_left_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "ROWS_BYTES", 5 * KIB)
    tale = Tale()
    for n in range(10):
        spec = TaskSpec(labels=(("big", "x" * KIB),))
        tale.put(msgspec.structs.replace(record(f"t{n}", n), spec=spec))
    assert tale.tell().left_out == 6
    assert [view.id for view in tale.helper.views(E)] == ["t6", "t7", "t8", "t9"]
    tale.put(record("t10", 10))
    tale.change("t9", spec=TaskSpec(labels=(("big", "x" * 2 * KIB),)))
    assert tale.tell().gone == ("t6",)
    for n in (7, 8, 9):
        tale.change(f"t{n}", status=Status.CANCELLED)
    assert tale.tell().since == 0  # room for older ones again
    assert [view.id for view in tale.helper.views(E)] == ["t10", "t3", "t4", "t5", "t6"][:5]


@pytest.mark.parametrize("seed", range(30))
def test_it_is_the_truth_within_its_bounds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, size = 20, 1_000
    monkeypatch.setattr(shown, "TASKS_SHOWN", rows)
    monkeypatch.setattr(shown, "PARAMS_BYTES", size)
    dice, tale, born = Random(seed), Tale(), 0
    for _ in range(400):
        match dice.choice(("put", "put", "change", "end", "revive", "remove", "tell")):
            case "put":
                born += 1
                text = b'{"x":"' + b"x" * dice.choice((0, 40, 200)) + b'"}'
                executor = E if dice.random() < 0.8 else "x.other"
                tale.put(record(f"t{dice.randrange(60):02}", born, text, executor))
            case "tell":
                tale.tell()
                check_shown(tale, rows, size)
            case what if tale.state.tasks:
                task_id = dice.choice(sorted(tale.state.tasks))
                ends = {"change": Status.RUNNING, "end": Status.FAILED, "revive": Status.UNASSIGNED}
                if what == "remove":
                    tale.remove(task_id)
                else:
                    tale.change(task_id, status=ends[what])
    assert any(words.since for words in tale.said)


def check_shown(tale: Tale, rows: int, size: int) -> None:
    truth, views = tale.unfinished(), tale.helper.views(E)
    by_id = {task.id: task for task in truth}
    assert [view.id for view in views] == sorted(view.id for view in views)
    assert len(views) + tale.said[-1].left_out == len(truth)
    assert len(views) <= rows
    assert len(views) >= min(len(truth), 0.8 * rows)
    total = 0
    for view in views:
        task = by_id[TaskId(view.id)]
        assert (view.status, dict(view.labels)) == (task.status.value, dict(task.spec.labels))
        if not view.params_left_out:
            assert view.params == msgspec.json.decode(task.params)
            total += len(task.params)
    assert total <= size
    if sum(len(task.params) for task in truth) <= size / 2 and len(truth) <= 0.8 * rows:
        assert not any(view.params_left_out for view in views)


# --- in a leader -----------------------------------------------------------------------------------------------------


def choosing() -> World:
    world = World(1)
    world.leader()
    know(world, PICK)
    node(world, "n1", PICK, capacity=10_000, own_assignment=True, own_validate=True)
    return world


def test_large_params_of_many_tasks_travel_once_and_within_their_bound() -> None:
    world, helper = choosing(), Helper()
    params = b'{"text":"' + b"x" * (250 * KIB) + b'"}'
    for number in range(200):
        world.submit(i.Create(f"t{number:03}", PICK, params, TaskSpec()))
        for kind in ("validate", "assign"):
            (question,) = questions(world)
            assert question.kind == kind
            assert len(question.payload) < 3 * len(params)  # its own, and those of the one before
            seen = helper.sees(question)
            assert [view.id for view in seen] == [f"t{n:03}" for n in range(number)]
            answer(world, "ok", node="n1" if kind == "assign" else None)
    with_params = [view.id for view in seen if not view.params_left_out]
    assert with_params == [f"t{n:03}" for n in range(199 - 4 * MIB // len(params), 199)]
    assert all(world.task(f"t{n:03}").assignment.node == "n1" for n in range(200))


def test_a_helper_that_was_started_anew_is_told_all_of_it_again() -> None:
    world = choosing()
    for name in ("a", "b"):
        world.submit(wish(name, PICK))
        answer(world, "ok")
        answer(world, "ok", node="n1")
    world.submit(wish("c", PICK))
    assert Helper().sees(questions(world)[0]) is None
    answer(world, "stale")
    assert [view.id for view in Helper().sees(questions(world)[0])] == ["a", "b"]
    answer(world, "ok")
    assert questions(world)[0].kind == "assign"
    answer(world, "stale")
    assert [view.id for view in Helper().sees(questions(world)[0])] == ["a", "b"]
    answer(world, "ok", node="n1")
    assert world.task("c").assignment.node == "n1"


def test_many_questions_to_a_helper_that_missed_one_are_all_asked_again() -> None:
    world = choosing()
    for name in "abcd":
        world.submit(wish(name, PICK))
    told = [answer(world, "stale") for _ in range(4)]
    assert {question.kind for question in told} == {"validate"}
    helper = Helper()
    assert all(helper.sees(question) is not None for question in questions(world))
    numbers = [asked_about(question)["cluster"]["tasks"][0] for question in questions(world)]
    assert numbers.count(0) == 1  # all of it once, then what has changed
    while world.asked_plugins:
        answer(world, "ok", node="n1")
    assert all(world.task(name).assignment.node == "n1" for name in "abcd")


def test_a_finished_task_is_shown_no_more() -> None:
    world, helper = choosing(), Helper()
    for name in ("a", "b"):
        world.submit(wish(name, PICK))
        for kind in ("ok", "refused"):
            seen = helper.sees(questions(world)[0])
            answer(world, kind, text="no")
    assert [view.id for view in seen] == ["a"]
    world.submit(CancelTask("a"))
    world.submit(wish("c", PICK))
    assert [view.id for view in helper.sees(questions(world)[0])] == ["b"]
