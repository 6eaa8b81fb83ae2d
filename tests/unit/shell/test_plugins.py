"""Foreign code in its own process: it may answer, refuse, raise, hang or die, and costs only its own questions."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import Input, PluginAnswered, PluginsKnown
from coordinator.shell.logs import Log
from coordinator.shell.plugins import Plugins

CODE = """
import os, time
from pydantic import BaseModel
from executors import Assignment, PersistentTasksExecutor, ValidationError

class Params(BaseModel):
    how: str = "ok"

class Odd(PersistentTasksExecutor[Params, Params]):
    name = "test.odd"
    version = 3

    def validate(self, params, cluster):
        print("foreign print")
        if params.how == "refuse":
            raise ValidationError("how", "not that way")
        if params.how == "hang":
            time.sleep(60)
        if params.how == "die":
            os._exit(9)

    def get_assignment(self, params, candidates, cluster):
        if params.how == "raise":
            raise KeyError("gone")
        if params.how == "lazy":
            return Assignment.none("lazy", "all too small")
        if params.how == "any":
            return Assignment.least_loaded(candidates)
        return Assignment.to(candidates[-1], "the last")

    async def node_operation(self, task, params, state):
        return None
"""


class Rig:
    def __init__(self, specs: list[str]) -> None:
        self.heard: list[Input] = []
        self.news = asyncio.Event()
        self.lines = io.StringIO()
        self.plugins = Plugins(specs, self.feed, Log(self.lines, "debug"))
        self.calls = 0

    def feed(self, item: Input) -> None:
        self.heard.append(item)
        self.news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def known(self) -> PluginsKnown:
        await self.until(lambda: any(isinstance(item, PluginsKnown) for item in self.heard))
        return next(item for item in self.heard if isinstance(item, PluginsKnown))

    def ask(self, kind: str, how: str, executor: str = "test.odd", timeout_ms: int = 30_000) -> int:
        self.calls += 1
        payload = msgspec.msgpack.encode(
            {
                "params": json.dumps({"how": how}).encode(),
                "version": 3,
                "candidates": [{"name": "n1"}, {"name": "n2"}],
                "cluster": {"at": 5},
            }
        )
        self.plugins.ask(AskPlugin(self.calls, kind, executor, payload, timeout_ms))
        return self.calls

    async def answer(self, call: int) -> PluginAnswered:
        def found() -> list[PluginAnswered]:
            return [i for i in self.heard if isinstance(i, PluginAnswered) and i.call == call]

        await self.until(lambda: bool(found()))
        return found()[0]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    file = tmp_path / "odd_plugin.py"
    file.write_text(CODE)
    broken = tmp_path / "broken_plugin.py"
    broken.write_text("raise RuntimeError('no such luck')")
    made = Rig([str(file), str(broken)])
    task = asyncio.create_task(made.plugins.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_questions_and_answers(rig: Rig) -> None:
    known = await rig.known()
    assert ("test.odd", 3, True, True) in known.executors
    assert ("demo.noop", 1, False, False) in known.executors
    assert "no such luck" in rig.lines.getvalue()

    ok = await rig.answer(rig.ask("validate", "ok"))
    assert (ok.kind, ok.code) == ("ok", "")
    refused = await rig.answer(rig.ask("validate", "refuse"))
    assert (refused.kind, refused.code) == ("refused", "validation_failed")
    assert refused.text == "how: not that way"
    chosen = await rig.answer(rig.ask("assign", "ok"))
    assert (chosen.kind, chosen.node, chosen.text) == ("ok", "n2", "the last")
    either = await rig.answer(rig.ask("assign", "any"))
    assert (either.kind, either.text) == ("least_loaded", "n1,n2")
    lazy = await rig.answer(rig.ask("assign", "lazy"))
    assert (lazy.kind, lazy.code, lazy.text) == ("refused", "lazy", "all too small")
    raised = await rig.answer(rig.ask("assign", "raise"))
    assert (raised.kind, raised.code) == ("error", "assigner_error")
    assert "KeyError" in raised.text
    missing = await rig.answer(rig.ask("validate", "ok", "test.unknown"))
    assert missing.kind == "missing"
    described = await rig.answer(rig.ask("describe", "ok"))
    assert described.kind == "ok"


async def test_a_hang_costs_only_its_own_question(rig: Rig) -> None:
    await rig.known()
    hanging = rig.ask("validate", "hang", timeout_ms=100)
    behind = rig.ask("validate", "ok")
    assert (await rig.answer(hanging)).kind == "timeout"
    assert (await rig.answer(behind)).kind == "ok"


async def test_a_death_costs_only_its_own_question(rig: Rig) -> None:
    await rig.known()
    dying = rig.ask("validate", "die")
    behind = rig.ask("validate", "ok")
    assert (await rig.answer(dying)).kind == "error"
    assert (await rig.answer(behind)).kind == "ok"


async def test_one_name_offered_twice_is_told_and_leaves_no_plugin(tmp_path: Path) -> None:
    for name in ("one_plugin", "two_plugin"):
        (tmp_path / f"{name}.py").write_text(CODE)
    rig = Rig([str(tmp_path / "one_plugin.py"), str(tmp_path / "two_plugin.py")])
    task = asyncio.create_task(rig.plugins.run())
    assert (await rig.known()).executors == ()
    assert "offered twice" in rig.lines.getvalue()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
