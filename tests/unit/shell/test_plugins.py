"""Foreign code in its own process: it may answer, refuse, raise, hang or die, and costs only its own questions."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import Input, PluginAnswered, PluginsKnown
from coordinator.replica.shown import Row, Words
from coordinator.shell import plugins
from coordinator.shell.logs import Log
from coordinator.shell.plugins import Plugins
from executors.registry import IMPORT_SECONDS_MAX

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
        if params.how == "pid":
            return Assignment.to(candidates[-1], str(os.getpid()))
        if params.how == "tasks":
            told = [(t.id, t.status, t.params, t.params_left_out) for t in cluster.tasks("test.odd")]
            for task in cluster.tasks():
                task.params["how"] = "spoilt"
            return Assignment.to(candidates[-1], f"{told} and {cluster.tasks_left_out}")
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

    async def known(
        self, fits: Callable[[PluginsKnown], bool] = lambda _known: True
    ) -> PluginsKnown:
        """The first word on plugins that fits."""

        def found() -> list[PluginsKnown]:
            return [item for item in self.heard if isinstance(item, PluginsKnown) and fits(item)]

        await self.until(lambda: bool(found()))
        return found()[0]

    async def pid(self, executor: str) -> str:
        """Of the process that answers for this executor."""
        return (await self.answer(self.ask("assign", "pid", executor))).text

    def ask(
        self,
        kind: str,
        how: str,
        executor: str = "test.odd",
        timeout_ms: int = 30_000,
        words: Words | None = None,
    ) -> int:
        self.calls += 1
        payload = msgspec.msgpack.encode(
            {
                "params": json.dumps({"how": how}).encode(),
                "version": 3,
                "candidates": [{"name": "n1"}, {"name": "n2"}],
                "cluster": {"at": 5, "tasks": words},
            }
        )
        self.plugins.ask(AskPlugin(self.calls, kind, executor, payload, timeout_ms))
        return self.calls

    async def answer(self, call: int) -> PluginAnswered:
        def found() -> list[PluginAnswered]:
            return [i for i in self.heard if isinstance(i, PluginAnswered) and i.call == call]

        await self.until(lambda: bool(found()))
        return found()[0]


@asynccontextmanager
async def running(*specs: Path) -> AsyncIterator[Rig]:
    rig = Rig([str(spec) for spec in specs])
    task = asyncio.create_task(rig.plugins.run())
    try:
        yield rig
    finally:
        print(rig.lines.getvalue())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def written(place: Path, name: str, code: str = CODE, executor: str = "test.odd") -> Path:
    file = place / f"{name}_plugin.py"
    file.write_text(code.replace("test.odd", executor))
    return file


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(plugins, "PATIENCE_S", 60.0)
    monkeypatch.setattr(plugins, "WAIT_S", 3_600.0)
    broken = written(tmp_path, "broken", "raise RuntimeError('no such luck')")
    async with running(written(tmp_path, "odd"), broken) as made:
        yield made


async def test_questions_and_answers(rig: Rig) -> None:
    known = await rig.known()
    assert not known.more
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


async def test_whoever_counts_is_told_of_every_answer_and_how_long_it_took(rig: Rig) -> None:
    told: list[tuple[str, str, str]] = []
    slow: list[float] = []

    def note(executor: str, kind: str, answer: str, seconds: float) -> None:
        told.append((executor, kind, answer))
        slow.append(seconds)

    await rig.known()
    rig.plugins.on_answer = note
    await rig.answer(rig.ask("validate", "ok"))
    await rig.answer(rig.ask("assign", "raise"))
    await rig.answer(rig.ask("validate", "ok", "test.unknown"))
    await rig.answer(rig.ask("validate", "hang", timeout_ms=100))
    await rig.answer(rig.ask("validate", "die"))
    assert told == [
        ("test.odd", "validate", "ok"),
        ("test.odd", "assign", "error"),
        ("test.unknown", "validate", "missing"),
        ("test.odd", "validate", "timeout"),
        ("test.odd", "validate", "error"),
    ]
    assert slow[3] >= 0.1


async def test_tasks_are_told_once_and_shown_with_every_question(rig: Rig) -> None:
    await rig.known()
    rows = (Row("b", "running", "n1", {}, b""), Row("a", "waiting", None, {}, b'{"how":"so"}'))
    first = rig.ask("assign", "tasks", words=Words(0, 1, rows, (), 7))
    said = "[('a', 'waiting', {'how': 'so'}, False), ('b', 'running', {}, True)] and 7"
    assert (await rig.answer(first)).text == said
    rows = (Row("a", "running", "n2", {}, None),)
    again = rig.ask("assign", "tasks", words=Words(1, 2, rows, ("b",), 0))
    assert (await rig.answer(again)).text == "[('a', 'running', {'how': 'so'}, False)] and 0"
    missed = rig.ask("validate", "ok", words=Words(3, 4, (), (), 0))
    assert (await rig.answer(missed)).kind == "stale"


async def test_a_helper_that_was_started_anew_says_that_it_missed_something(rig: Rig) -> None:
    await rig.known()
    hanging = rig.ask("validate", "hang", timeout_ms=100, words=Words(0, 1, (), (), 0))
    behind = rig.ask("validate", "ok", words=Words(1, 2, (), (), 0))
    assert (await rig.answer(hanging)).kind == "timeout"
    assert (await rig.answer(behind)).kind == "stale"
    assert (await rig.answer(rig.ask("validate", "ok", words=Words(0, 3, (), (), 0)))).kind == "ok"


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
    async with running(written(tmp_path, "one"), written(tmp_path, "two")) as rig:
        assert (await rig.known()).executors == ()
        assert "offered twice" in rig.lines.getvalue()
        assert (await rig.answer(rig.ask("validate", "ok"))).kind == "missing"


# --- a helper of its own for whoever holds up the others ------------------------------------------------------------


@pytest.mark.parametrize("how", ["hang", "die"])
async def test_pt_44_who_held_up_the_others_once_does_it_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(plugins, "PATIENCE_S", 60.0)
    monkeypatch.setattr(plugins, "WAIT_S", 3_600.0)
    other = written(tmp_path, "other", executor="test.other")
    async with running(written(tmp_path, "odd"), other) as rig:
        await rig.known()
        assert await rig.pid("test.odd") == await rig.pid("test.other")
        bad = rig.ask("validate", how, timeout_ms=100)
        assert (await rig.answer(bad)).kind in ("timeout", "error")
        odd, beside = await rig.pid("test.odd"), await rig.pid("test.other")
        assert odd != beside
        bad = rig.ask("validate", how, timeout_ms=100)
        assert (await rig.answer(bad)).kind in ("timeout", "error")
        assert await rig.pid("test.other") == beside  # the same process: it noticed nothing
        assert await rig.pid("test.odd") not in (odd, beside)
        assert all(
            {"test.odd", "test.other"} <= {name for name, *_ in item.executors}
            for item in rig.heard
            if isinstance(item, PluginsKnown)
        )


HANG = "import time\nwhile True: time.sleep(60)\n"


def names(known: PluginsKnown) -> set[str]:
    return {name for name, *_ in known.executors}


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow imports are noticed soon; how long wishes wait for them is not what ends a test."""
    monkeypatch.setattr(plugins, "PATIENCE_S", 0.5)
    monkeypatch.setattr(plugins, "WAIT_S", 3_600.0)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("harm", [HANG, "import os\nos._exit(3)\n"])
async def test_pt_44_a_bad_import_does_not_keep_other_plugins_from_being_known(
    tmp_path: Path, harm: str
) -> None:
    bad = written(tmp_path, "bad", harm)
    async with running(bad, written(tmp_path, "odd")) as rig:
        await rig.known(lambda one: "test.odd" in names(one))
        assert (await rig.answer(rig.ask("validate", "ok"))).kind == "ok"
        assert "plugin gets a helper of its own" in rig.lines.getvalue()
        assert "did not end" not in rig.lines.getvalue()  # nobody has waited for it


async def test_pt_24_nobody_waits_for_ever_for_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "WAIT_S", 0.0)
    async with running(written(tmp_path, "odd")) as rig:
        assert await rig.known() == PluginsKnown((), more=False)
        known = await rig.known(lambda one: bool(one.executors))
        assert ("test.odd", 3, True, True) in known.executors


@pytest.mark.usefixtures("patience")
async def test_an_import_that_nothing_interrupts_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugins.IMPORT_S > IMPORT_SECONDS_MAX
    monkeypatch.setattr(plugins, "IMPORT_S", 0.5)
    bad = written(tmp_path, "bad", HANG)
    async with running(bad) as rig:
        last = await rig.known(lambda one: not one.more)
        assert "demo.noop" in names(last)
        assert str(bad) in rig.lines.getvalue()
        assert "its import does not end" in rig.lines.getvalue()


@pytest.mark.usefixtures("patience")
async def test_a_slow_import_is_only_late(tmp_path: Path) -> None:
    slow = written(tmp_path, "slow", f"import time\ntime.sleep(1)\n{CODE}", "test.slow")
    async with running(slow, written(tmp_path, "odd")) as rig:
        last = await rig.known(lambda one: not one.more)
        assert {"test.odd", "test.slow"} <= names(last)
        assert "gets a helper of its own" in rig.lines.getvalue()
        assert (await rig.answer(rig.ask("validate", "ok", "test.slow"))).kind == "ok"
        assert rig.plugins.known == tuple(sorted(names(last)))


def test_our_own_executors_are_no_plugins_to_wait_for() -> None:
    assert not plugins.are_expected(())
    assert plugins.are_expected(("shop",))
