"""What comes for the leader alone: the words of nodes, the answers of plugins, pokes.

A member that does not lead drops them: nodes are told to go elsewhere, the rest is of a past term.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.replica import inputs as i
from coordinator.replica.effects import CloseNode, Effect, Fail, Live
from coordinator.replica.leadership import Leadership
from coordinator.replica.sayings import NodeSaying
from coordinator.replica.seat import Seat


class LeaderInputs:
    """Takes the inputs of `table`. One per replica."""

    def __init__(self, seat: Seat, emit: Callable[[Effect], None]) -> None:
        self._seat = seat
        self._emit = emit

    def table(self) -> dict[type, Callable[[Any], None]]:
        return {
            i.NodeOpened: self._node_opened,
            i.NodeSaid: self._node_said,
            i.NodeClosed: self._node_closed,
            i.PluginAnswered: self._plugin_answered,
            i.PluginsKnown: self._plugins_known,
            i.Poke: self._poke,
            i.CallRun: self._call_run,
        }

    def _node_opened(self, opened: i.NodeOpened) -> None:
        leading = self._seat.leading
        if leading is None or self._seat.stopping:
            self._emit(CloseNode(opened.session, "not_leader", ""))
            return
        leading.sessions.opened(opened.session, opened.registration)

    def _node_said(self, said: i.NodeSaid) -> None:
        leading = self._seat.leading
        if leading is None:
            return
        if said.saying.progress or said.saying.logs:
            self._live(leading, said.session, said.saying)
        leading.sessions.said(said.session, said.saying)

    def _live(self, leading: Leadership, session: int, saying: NodeSaying) -> None:
        """Only of runs that are this node's now: a superseded one speaks for nobody (PT-3)."""
        holds = leading.sessions.holds
        progress = [
            one for one in saying.progress if holds(session, one.task_id, one.allocation_id)
        ]
        lines = [one for one in saying.logs if holds(session, one.task_id, one.allocation_id)]
        touched = leading.live.progress(progress, leading.bench.at) + leading.live.logs(lines)
        if touched:
            self._emit(Live(tuple(touched)))

    def _node_closed(self, closed: i.NodeClosed) -> None:
        if self._seat.leading is not None:
            self._seat.leading.sessions.closed(closed.session)

    def _plugin_answered(self, answer: i.PluginAnswered) -> None:
        leading = self._seat.leading
        if leading is not None and not leading.validations.answered(answer):
            leading.assigners.answered(answer)

    def _plugins_known(self, known: i.PluginsKnown) -> None:
        self._seat.facts.know_local(known.executors, more=known.more)
        leading = self._seat.leading
        if leading is not None:
            leading.refresh_facts()
            leading.creations.plugins_known()
            leading.edits.plugins_known()
            leading.look_again()

    def _poke(self, _: i.Poke) -> None:
        leading = self._seat.leading
        if leading is not None:
            leading.pokes.poke(leading.bench.now.steady)

    def _call_run(self, call: i.CallRun) -> None:
        leading = self._seat.leading
        if leading is None or self._seat.stopping:
            self._emit(Fail(call.ticket, "not_leader"))
        else:
            leading.run_calls.begin(call)
