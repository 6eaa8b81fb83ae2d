"""The helper processes of coordinators that ask foreign code: they answer, late, wrongly or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coordinator.model.ids import NodeName
from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import PluginAnswered
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife
    from tests.simulation.world import World


class Plugins:
    """One per world; every question is answered once, as the product's guard sees to it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = world.dice.split("plugin")
        self._dial = world.dials.faults["plugin"]
        self._loaded_at: dict[tuple[str, str], int] = {}

    def ask(self, life: MemberLife, effect: AskPlugin) -> None:
        dice, now = self._dice, self._world.timeline.now
        answer, delay = self._sound(effect), dice.between(MS, 20 * MS)
        if not self._world.network.quiet and dice.percent(self._dial // 3):
            self._world.tally.fault("plugin")
            kind = dice.pick(("timeout", "error", "nonsense", "loads"))
            if kind == "loads":
                self._loaded_at[life.name, effect.executor] = now + dice.between(SECOND, 8 * SECOND)
            elif kind == "timeout":
                answer, delay = PluginAnswered(effect.call, "timeout"), effect.timeout_ms * MS
            elif kind == "error":
                answer = PluginAnswered(effect.call, "error", text="KeyError: 'zone'")
            else:
                answer = PluginAnswered(effect.call, "ok", node=NodeName("nowhere"))
        # The time for an answer is counted from when the code is there.
        delay += max(0, self._loaded_at.get((life.name, effect.executor), 0) - now)
        label = f"{life.name} plugin"
        self._world.timeline.after(delay, label, lambda: life.pump.feed(answer), life)

    def _sound(self, effect: AskPlugin) -> PluginAnswered:
        if effect.kind == "validate":
            return PluginAnswered(effect.call, "ok")
        asked = msgspec.msgpack.decode(effect.payload)
        candidates = asked.get("candidates") or []
        if not candidates or self._dice.percent(5):
            return PluginAnswered(effect.call, "refused", code="awaiting_input", text="not yet")
        chosen = self._dice.pick(candidates)
        name = chosen["name"] if isinstance(chosen, dict) else chosen[0]
        return PluginAnswered(effect.call, "ok", node=NodeName(name))
