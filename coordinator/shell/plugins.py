"""The guarded calls of `validate`, `get_assignment` and `describe`, on the coordinator's side of the pipes (PT-44).

One helper process serves all plugins, until one of them holds it up or ends it, at its import or when asked: from then
on that plugin has a helper of its own, and the others see no more of it. All of this goes on beside serving: no plugin,
broken or slow, keeps a coordinator from starting.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Sequence

from coordinator.model.ids import NodeName
from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import Input, PluginAnswered, PluginsKnown
from coordinator.shell.logs import Log
from coordinator.shell.plugin_frames import Hello, Known, Reply
from coordinator.shell.plugin_helper import Helper

GROUP, OUR_OWN = "ptasks.executors", "executors.builtin."  # entry points
PATIENCE_S = 2.0  # with one import, while other plugins wait behind it
IMPORT_S = 25.0  # alone: the process's own limit (executors.registry), and time to act on it
RETRY_S = 300.0  # until a plugin that could not be imported at all is tried again
WAIT_S = 8.0  # from the start on, wishes wait that long for code that is being imported


def are_expected(specs: Sequence[str]) -> bool:
    """Whether this coordinator has plugins at all, beside the built-in ones."""
    found = importlib.metadata.entry_points(group=GROUP)
    return bool(specs) or any(not one.value.startswith(OUR_OWN) for one in found)


class Plugins:
    """Owns the helper processes. `run` is its one loop task."""

    def __init__(self, specs: Sequence[str], feed: Callable[[Input], None], log: Log) -> None:
        self._arguments = ["--parent", str(os.getpid())]
        for spec in specs:
            self._arguments += ["--executors", spec]
        self._feed = feed
        self._log = log
        self._shared = Helper(self, self._of_shared, PATIENCE_S, log)
        self._alone: dict[str, Helper] = {}  # by source, in the order in which they fell
        self._route: dict[str, Helper] = {}  # by executor
        self._told: set[tuple[str, str]] = set()
        self._waits = True
        self.on_answer: Callable[[str, str, str, float], None] = lambda *_: None
        self._group: asyncio.TaskGroup | None = None

    @property
    def known(self) -> tuple[str, ...]:
        """The executors whose code is here."""
        return tuple(sorted(self._route))

    def ask(self, effect: AskPlugin) -> None:
        """Answered by PluginAnswered, sooner or later; returns at once."""
        helper = self._route.get(effect.executor)
        if helper is None:
            self.on_answer(effect.executor, effect.kind, "missing", 0.0)
            self.answered(Reply(effect.call, "missing"))
        else:
            helper.put((effect,))

    async def run(self) -> None:
        """Keep the helpers alive until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._shared.run(), name="plugins")
            await asyncio.sleep(WAIT_S)
            self._waits = False
            self._tell()

    # -- what helpers say -----------------------------------------------------------------------

    def greeted(self, helper: Helper, hello: Hello) -> None:
        """Its imports are done."""
        helper.is_settled = True
        helper.known = hello.executors
        for source, message in hello.load_errors:
            self._complain("plugin not loaded", source, message)
        if hello.fatal:
            self._complain("plugins not usable", "", hello.fatal)
        if hello.fatal or (helper is not self._shared and not helper.known):
            helper.rest(RETRY_S)  # a new start would find no more
        self._tell()

    def answered(self, reply: Reply) -> None:
        node = None if reply.node is None else NodeName(reply.node)
        self._feed(PluginAnswered(reply.call, reply.kind, node, reply.code, reply.text))

    def took(self, asked: AskPlugin, answer: str, seconds: float) -> None:
        """Whoever counts is told executor, kind of question, kind of answer, and how long it took."""
        self.on_answer(asked.executor, asked.kind, answer, seconds)

    def fell(self, helper: Helper, *, at_import: str = "", asked: str = "") -> None:
        """Whoever held up the others gets a helper of its own; there, an import that fails is left for a while."""
        if helper is self._shared:
            found = [one.source for one in helper.known if one.name == asked]
            source = at_import or (found[0] if found else "")
            if source in self._alone or not _is_plugin(source):
                return
            self._set_alone(source)
        elif at_import:
            self._complain(
                "plugin not loaded", at_import, "its import does not end, or its process"
            )
            helper.is_settled = True
            helper.known = ()
            helper.rest(RETRY_S)
        self._tell()

    # -- who has which plugins ------------------------------------------------------------------

    def _of_shared(self) -> list[str]:
        return [*self._arguments, *(word for s in self._alone for word in ("--without", s))]

    def _set_alone(self, source: str) -> None:
        self._log.warning("plugin gets a helper of its own", plugin=source)
        shared = self._shared
        alone = Helper(self, lambda: [*self._arguments, "--only", source], IMPORT_S, self._log)
        alone.known = tuple(one for one in shared.known if one.source == source)
        alone.is_settled = bool(alone.known)
        shared.known = tuple(one for one in shared.known if one.source != source)
        self._alone[source] = alone
        if self._group is not None:
            self._group.create_task(alone.run(), name=f"plugin {source}")

    def _tell(self) -> None:
        """What is known now; questions that wait go where their executor is now."""
        helpers = [self._shared, *self._alone.values()]
        waiting = [asked for helper in helpers for asked in helper.take_back()]
        found = dict(self._offers(helpers))
        self._route = {name: helper for name, (_, helper) in found.items()}
        for asked in waiting:
            self.ask(asked)
        more = self._waits and not all(helper.is_settled for helper in helpers)
        if more and not self._shared.is_settled:
            return  # nothing is known yet
        offers = tuple(
            (one.name, one.version, one.own_validate, one.own_assignment)
            for one, _ in found.values()
        )
        self._feed(PluginsKnown(offers, more))

    def _offers(self, helpers: Sequence[Helper]) -> Iterator[tuple[str, tuple[Known, Helper]]]:
        """Every executor once; a name that another plugin had before stays with that one."""
        taken: dict[str, str] = {}
        for helper in helpers:
            for one in helper.known:
                if one.name not in taken:
                    taken[one.name] = one.source
                    yield one.name, (one, helper)
                elif taken[one.name] != one.source:
                    other = f"executor {one.name} is offered by {taken[one.name]}, too"
                    self._complain("plugin not loaded", one.source, other)

    def _complain(self, event: str, plugin: str, reason: str) -> None:
        """Once, not at every start of a helper."""
        if (plugin, reason) not in self._told:
            self._told.add((plugin, reason))
            self._log.error(event, plugin=plugin, reason=reason)


def _is_plugin(source: str) -> bool:
    return bool(source) and not source.startswith("built-in ")
