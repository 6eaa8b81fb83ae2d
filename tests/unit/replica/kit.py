"""Longer arms for the tests of the replica: executors that choose for themselves, turns by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from coordinator.model.instants import Now
from coordinator.model.tasks import TaskSpec
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.shown import Words
from coordinator.shell.plugin_tasks import KnownTasks
from executors.views import TaskView
from tests.unit.replica.world import FakeNode, Member, World

PICK = "demo.pick"


def node(world: World, name: str, *executors: str, capacity: int = 10, **says: object) -> FakeNode:
    """A registered node that beats in `until`; the manifest of the first executor has what is said."""
    made = FakeNode(world, name, capacity)
    made.executors = list(executors) or ["demo.noop"]
    made.bodies = {made.executors[0]: json.dumps({"policy": {}, **says}).encode()}
    world.__dict__.setdefault("beating", []).append(made)
    return made.register()


def pause(world: World, ms: int) -> None:
    """Time passes and the nodes made here beat."""
    for step in range(ms // 50):
        world.run(50)
        for one in world.__dict__.get("beating", ()) if step % 5 == 4 else ():
            one.beat()


def until(world: World, condition: Callable[[], bool], ms: int = 20_000) -> int:
    """How long it took, in ms."""
    for passed in range(0, ms, 50):
        if condition():
            return passed
        world.run(50)
        for one in world.__dict__.get("beating", ()) if passed % 250 == 200 else ():
            one.beat()
    raise AssertionError("the condition never held")


def know(world: World, *executors: str, more: bool = False) -> None:
    """Every coordinator has the code of these executors, with both methods of their own."""
    for member in world.members.values():
        known = tuple((name, 1, True, True) for name in executors)
        member.inbox.append(i.PluginsKnown(known, more))
    world.settle()


def wish(
    task_id: str, executor: str = "demo.noop", params: bytes = b"{}", **spec: object
) -> i.Create:
    return i.Create(task_id, executor, params, TaskSpec(**spec))


def questions(world: World) -> list[e.AskPlugin]:
    return [asked for _, asked in world.asked_plugins]


def asked_about(question: e.AskPlugin) -> dict[str, object]:
    said: dict[str, object] = msgspec.msgpack.decode(question.payload)
    return said


class Helper:
    """The helper process's memory of what it was told about tasks."""

    def __init__(self) -> None:
        self._known = KnownTasks()
        self.left_out = 0

    def sees(self, question: e.AskPlugin) -> tuple[TaskView, ...] | None:
        """What the executor is shown with this question; None when words that went before were missed."""
        words = msgspec.convert(asked_about(question)["cluster"]["tasks"], Words)  # type: ignore[index]
        if not self._known.take(question.executor, words):
            return None
        self.left_out = words.left_out
        return self._known.views(question.executor)


def answer(world: World, kind: str, **said: str) -> e.AskPlugin:
    """Answer the oldest question."""
    member, question = world.asked_plugins.pop(0)
    back = i.PluginAnswered(question.call, kind, **said)
    world.members[member].inbox.append(back)
    world.settle()
    return question


def at_once(world: World, member: Member, *inputs: i.Input, ms: int = 0) -> list[e.Effect]:
    """One turn by hand, `ms` later: what it asks for, and nothing of it is done."""
    now = Now(world.now.steady + ms, world.now.wall + ms)
    return member.replica.handle(inputs, now)


def of(kind: type, effects: Iterable[e.Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def codes(world: World, ids: Sequence[str]) -> list[str]:
    return [world.task(one).assignment.code.value for one in ids]
