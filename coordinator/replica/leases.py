"""Whom the leader heard of lately. Memory only: begun anew at each election (spec 2.4).

A node is lost when R has passed since the leader *received* the last heartbeat it accepted; a new
leader counts everybody as heard at its own first commit, and so does one whose loop stood still.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from coordinator.model.ids import NodeName
from coordinator.model.instants import Millis


class _Heard(msgspec.Struct, gc=False):
    at: Millis  # steady: receipt of the last accepted heartbeat
    seen: int = 0  # highest acceptance that the node says it has seen
    answered: int = 0  # highest acceptance that we sent
    unseen_since: Millis = 0  # when the oldest one not yet seen was sent; 0: none
    lease: Millis = 0  # the L it counts with
    told: int = 0  # first acceptance sent under the settings in force; 0: none yet
    confirmed: bool = False  # it has seen that one, or a later one


class Leases:
    """One per term."""

    def __init__(self) -> None:
        self._heard: dict[NodeName, _Heard] = {}
        self._losing: set[NodeName] = set()

    def on_first_commit(self, nodes: Iterable[NodeName], now: Millis) -> None:
        """We have heard nobody yet, so we blame nobody yet (L6)."""
        for name in nodes:
            self._heard[name] = _Heard(now)

    def on_stall(self, now: Millis) -> None:
        """Our own loop stood still for more than R - L: all count as heard now (L6)."""
        for heard in self._heard.values():
            heard.at = now
            heard.unseen_since = 0

    def joined(self, name: NodeName, now: Millis) -> None:
        """A new incarnation was accepted by the log. What it counts with it learns from us."""
        self._heard[name] = _Heard(now, confirmed=True)
        self._losing.discard(name)

    def reconnected(self, name: NodeName) -> None:
        """A new session of the same incarnation: answers lost with the old one prove nothing."""
        heard = self._heard.get(name)
        if heard is not None:
            heard.unseen_since, heard.answered = 0, heard.seen

    def reported(self, name: NodeName, seen: int, lease: Millis, now: Millis) -> None:
        """What a heartbeat says about our answers; receipt alone accepts nothing."""
        heard = self._heard.get(name)
        if heard is None:
            return
        heard.lease = lease
        if seen != heard.seen:
            heard.seen = seen
            heard.unseen_since = now if heard.answered > seen else 0
        if heard.told and seen >= heard.told:
            heard.confirmed = True

    def settings_changed(self) -> None:
        """Only who sees an acceptance sent from now on is known to count with the values in force."""
        for heard in self._heard.values():
            heard.told, heard.confirmed = 0, False

    def confirmed(self) -> set[NodeName]:
        """Nodes known to count with no longer lease than the one in force."""
        return {name for name, heard in self._heard.items() if heard.confirmed}

    def accept(self, name: NodeName, sequence: int, received: Millis, now: Millis) -> bool:
        """Count the heartbeat received then, unless the node is being given up (L7) or has not
        seen our acceptances for half its lease (L8).
        """
        heard = self._heard.get(name)
        if heard is None or name in self._losing:
            return False
        if heard.unseen_since and received - heard.unseen_since > heard.lease // 2:
            return False
        if not heard.told and sequence > heard.answered:
            heard.told = sequence
        heard.at = max(heard.at, received)
        heard.answered = max(heard.answered, sequence)
        heard.unseen_since = heard.unseen_since or now
        return True

    def lost(self, now: Millis, reassign: Millis) -> list[NodeName]:
        """Names whose R (the one in force) has passed, in order; each is told once."""
        found = [
            name
            for name in sorted(self._heard)
            if name not in self._losing and now - self._heard[name].at >= reassign
        ]
        self._losing.update(found)
        return found

    def spare(self, name: NodeName) -> None:
        """The loss was not committed after all: it may be proposed again."""
        self._losing.discard(name)

    def forget(self, name: NodeName) -> None:
        self._heard.pop(name, None)
        self._losing.discard(name)

    def age(self, name: NodeName, now: Millis) -> Millis | None:
        heard = self._heard.get(name)
        return None if heard is None else now - heard.at
