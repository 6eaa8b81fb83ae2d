"""The history between members: a snapshot brings the state alone, so runs, fates and audit of before are asked for afterwards.

That they are missing is on the disk before the snapshot is (a file of its own), and until all of them were told to a
state that the snapshot is part of, by a member that has applied as much. It goes on beside all other work, a piece after
the other, each on our disk before the next one is taken; whatever breaks it off, it begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from coordinator.codec.history import (
    decode_audit,
    decode_fates,
    decode_runs,
    encode_audit,
    encode_fates,
    encode_runs,
)
from coordinator.codec.snapshots import MalformedSnapshot
from coordinator.replica.inputs import KeepHistory
from coordinator.shell.history import History
from coordinator.shell.logs import Log
from coordinator.shell.new_directory import sync_names
from coordinator.shell.peer_links import PeerLinks
from coordinator.shell.peer_roads import UNREACHABLE
from coordinator.shell.record_rows import fate_row, run_row
from coordinator.shell.standing import Standing
from coordinator.shell.store_port import StoreError
from coordinator.wire.v1.internal_pb2 import HistoryPiece, HistoryRequest
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

WANTED = "history-wanted"  # in the data directory: history is missing
SILENCE_S = 30.0
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
ROUNDS_BEFORE_ANY = 5  # tries before one that lacks some itself will do
ALL = 2**63 - 1


class HistoryIo:
    """Both sides of it, of one member. All methods belong to the event loop's thread. `revision`: of our state, now."""

    def __init__(
        self,
        directory: Path,
        history: History,
        revision: Callable[[], int],
        links: PeerLinks,
        standing: Standing,
        log: Log,
    ) -> None:
        self._wanted = directory / WANTED
        self._history = history
        self._revision = revision
        self._links = links
        self._standing = standing
        self._log = log
        self._leader = 0
        self._fetching: asyncio.Task[None] | None = None
        self._again = False
        self._upto = 0  # of entries up to here we have a snapshot alone, or are about to

    def start(self) -> None:
        """Go on where the process before ended."""
        if self._wanted.exists():
            self._upto = self._revision()
            self.fetch()

    def led_by(self, leader: int) -> None:
        """Whom to ask first; 0: nobody knows."""
        self._leader = leader

    async def want(self, index: int) -> None:
        """A snapshot at `index` is about to be installed: from now on history is missing, whatever happens. Raises OSError."""
        if index <= self._revision():
            return  # our own entries got there first: nobody installs it any more
        self._upto = max(self._upto, index)
        await asyncio.to_thread(self._mark)
        self.fetch()

    def fetch(self) -> None:
        """Ask for all there is, once the snapshot is here; once more if that is under way."""
        self._again = True
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(), name="history")

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    # -- telling ----------------------------------------------------------------------------------

    async def pieces(self, request: HistoryRequest) -> AsyncIterator[HistoryPiece]:
        """All that is here. Raises StoreError."""
        if self._wanted.exists() and not request.incomplete:
            yield HistoryPiece(refused="it is not complete here")
            return
        if self._revision() < request.revision and not request.incomplete:
            yield HistoryPiece(refused="it is not known here yet")
            return
        async for rows in self._history.pages(ALL):
            for piece in encode_runs(rows):
                yield HistoryPiece(runs=piece)
        async for ranges in self._history.fate_pages(ALL):
            yield HistoryPiece(fates=encode_fates(ranges))
        async for events in self._history.audit_pages(ALL):
            yield HistoryPiece(audit=encode_audit(events))
        yield HistoryPiece(last=True)

    # -- asking -----------------------------------------------------------------------------------

    def _mark(self) -> None:
        self._wanted.touch()
        sync_names(self._wanted.parent)

    async def _fetch(self) -> None:
        tries = 0
        while self._again:
            is_here = self._revision() >= self._upto
            why = await self._try(tries) if is_here else "the snapshot is not here yet"
            if not why:
                continue
            self._log.debug("history not fetched", reason=why, tries=tries)
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += is_here  # a wait for our own snapshot is no reason to be content with less

    async def _try(self, tries: int) -> str:
        """Why it came to nothing; empty if all is here."""
        others = sorted(self._links.members(), key=lambda n: (n != self._leader, n))
        if not others:
            return "nobody is there to ask"
        member = others[tries % len(others)]
        self._again = False
        try:
            why = await self._ask(member, incomplete=tries >= ROUNDS_BEFORE_ANY * len(others))
            if not why and not self._again:
                self._wanted.unlink(missing_ok=True)
                self._log.info("history fetched", member=member)
        except asyncio.CancelledError:  # of the call, where its link was closed
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            why = "the way was closed"
        except (*UNREACHABLE, MalformedSnapshot, StoreError) as error:
            why = str(error) or type(error).__name__
        self._again = self._again or bool(why)
        return why

    async def _ask(self, member: int, *, incomplete: bool) -> str:
        """Raises RpcError, TimeoutError, MalformedSnapshot, StoreError."""
        link = self._links.get(member)
        if link is None:
            return "no such member"
        request = HistoryRequest(
            hello=self._standing.introduction(), incomplete=incomplete, revision=self._upto
        )
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SILENCE_S) as silence:
            async for piece in PeerStub(link.channel).TellHistory(request):
                if piece.refused:
                    return piece.refused
                if piece.last:
                    return ""
                silence.reschedule(None)  # our own disk may take its time
                await self._history.keep(told_of(piece))
                silence.reschedule(loop.time() + SILENCE_S)
        return "it broke off"


def told_of(piece: HistoryPiece) -> KeepHistory:
    """Raises MalformedSnapshot."""
    runs = decode_runs(piece.runs) if piece.runs else []
    fates = decode_fates(piece.fates) if piece.fates else []
    audit = decode_audit(piece.audit) if piece.audit else []
    return KeepHistory(tuple(map(run_row, runs)), tuple(map(fate_row, fates)), tuple(audit))
