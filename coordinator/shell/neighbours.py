"""The other members as this one deals with them: a link to each, and on the leader a place for those that come.

The replicated records are the address book. A member that has fallen behind is told the rest by those that greet it: who
greets us belongs to the cluster, and says where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from coordinator.api.door import Door, RoadFailed
from coordinator.machine.commands import BindMember
from coordinator.replica.inputs import Asked, MemberSaid
from coordinator.shell.logs import Log
from coordinator.shell.peer_links import PeerLinks
from coordinator.shell.standing import Standing, supports_of
from coordinator.wire.v1.internal_pb2 import Introduction

BIND_WITHIN_S = 2.0


class Neighbours:
    """One per member at work. All methods belong to the event loop's thread."""

    def __init__(self, me: int, door: Door, links: PeerLinks, standing: Standing, log: Log) -> None:
        self._me = me
        self._door = door
        self._links = links
        self._standing = standing
        self._log = log
        self._greeted: dict[int, str] = {}  # members we have yet to hear of by the log
        self._binding: asyncio.Task[None] | None = None
        self.on_change: Callable[[], None] = _nobody_cares

    def follow(self) -> None:
        """A link to each member with a directory, at the address that counts now; none to anybody else."""
        state = self._door.replica.state
        wanted = {n: a for n, a in self._greeted.items() if n > state.last_member_id}
        for record in state.members_by_id():
            if record.storage_id:
                wanted[record.id] = self._door.address_of(record.id)
        self._greeted = {n: a for n, a in self._greeted.items() if n in wanted}
        wanted.pop(self._me, None)
        for member, address in wanted.items():
            self._links.connect(member, address)
        for member in self._links.members():
            if member not in wanted:
                self._links.disconnect(member)

    def changed(self) -> None:
        """Members were applied that were others before."""
        self.follow()
        self.on_change()

    def greeted(self, theirs: Introduction) -> None:
        """A member opened its stream to us. One that we have not heard of can only be newer than our log."""
        self._door.feed(MemberSaid(theirs.member_id, supports_of(theirs), theirs.version))
        if theirs.member_id > self._door.replica.state.last_member_id and theirs.address:
            self._greeted[theirs.member_id] = theirs.address
            self.follow()

    def introduced(self, theirs: Introduction) -> None:
        """Whoever was added introduces itself: the leader notes which directory it is (D11)."""
        record = self._standing.awaited(theirs)
        if record is None or not self._door.replica.is_leader or self._binding is not None:
            return
        command = BindMember(record.id, theirs.storage_id, theirs.http)
        self._binding = asyncio.create_task(self._bind(command), name=f"bind {theirs.name}")

    async def close(self) -> None:
        if self._binding is not None:
            self._binding.cancel()
            await asyncio.gather(self._binding, return_exceptions=True)

    async def _bind(self, command: BindMember) -> None:
        """It introduces itself again if this comes to nothing."""
        try:
            reply = await self._door.submit((Asked(command),), BIND_WITHIN_S)
            self._log.info("member bound", member_id=command.id, outcome=str(reply.outcomes[0]))
        except RoadFailed as failed:
            self._log.debug("member not bound", member_id=command.id, reason=str(failed))
        finally:
            self._binding = None


def _nobody_cares() -> None:
    """Until somebody wants to know."""
