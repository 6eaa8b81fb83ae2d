"""Of whom this member heard lately, and what they can follow. Memory only, and the same whatever role it has."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.model.instants import Millis, Now
from coordinator.replica.inputs import MemberSaid

FRESH_MS: Millis = 1_000  # two election time-outs; a leader has an answer every 100 ms


class Roster:
    """One per replica. Members by id."""

    def __init__(self, me: int, supports: int, now: Callable[[], Now]) -> None:
        """`supports`: the feature level that this build can follow."""
        self._me = me
        self._now = now
        self._heard: dict[int, Millis] = {}
        self._said = {me: MemberSaid(me, supports)}

    def heard(self, member: int) -> None:
        """A message of this member came in."""
        self._heard[member] = self._now().steady

    def introduced(self, said: MemberSaid) -> None:
        """First words of a process: what an earlier one said counts no more."""
        self._said[said.member] = said

    def said(self, member: int) -> MemberSaid | None:
        """What it can follow; None of one that never introduced itself to this process."""
        return self._said.get(member)

    def is_well(self, member: int) -> bool:
        """It is this one, or spoke within a second."""
        if member == self._me:
            return True
        heard = self._heard.get(member)
        return heard is not None and self._now().steady - heard <= FRESH_MS
