"""The history between members: a snapshot brings the state alone, so runs and fates of before are asked for afterwards.

That they are missing is on the disk before the snapshot is (a file of its own), and until all of them were told. It goes
on beside all other work, a piece after the other, each on our disk before the next one is taken; whatever breaks it off,
it begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio

from coordinator.codec.history import decode_fates, decode_runs, encode_fates, encode_runs
from coordinator.codec.snapshots import MalformedSnapshot
from coordinator.replica.inputs import KeepHistory
from coordinator.shell.history import History
from coordinator.shell.logs import Log
from coordinator.shell.new_directory import sync_names
from coordinator.shell.peer_links import PeerLinks
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
    """Both sides of it, of one member. All methods belong to the event loop's thread."""

    def __init__(
        self, directory: Path, history: History, links: PeerLinks, standing: Standing, log: Log
    ) -> None:
        self._wanted = directory / WANTED
        self._history = history
        self._links = links
        self._standing = standing
        self._log = log
        self._leader = 0
        self._fetching: asyncio.Task[None] | None = None
        self._again = False

    def start(self) -> None:
        """Go on where the process before ended."""
        if self._wanted.exists():
            self.fetch()

    def led_by(self, leader: int) -> None:
        """Whom to ask first; 0: nobody knows."""
        self._leader = leader

    async def want(self) -> None:
        """A snapshot is about to be installed: from now on history is missing, whatever happens. Raises OSError."""
        await asyncio.to_thread(self._mark)

    def fetch(self) -> None:
        """Ask for all there is; once more if that is under way."""
        self._again = True
        if self._fetching is None:
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
        async for rows in self._history.pages(ALL):
            for piece in encode_runs(rows):
                yield HistoryPiece(runs=piece)
        async for ranges in self._history.fate_pages(ALL):
            yield HistoryPiece(fates=encode_fates(ranges))
        yield HistoryPiece(last=True)

    # -- asking -----------------------------------------------------------------------------------

    def _mark(self) -> None:
        self._wanted.touch()
        sync_names(self._wanted.parent)

    async def _fetch(self) -> None:
        tries = 0
        while self._again:
            why = await self._try(tries)
            if not why:
                continue
            self._log.debug("history not fetched", reason=why, tries=tries)
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1
        self._fetching = None

    async def _try(self, tries: int) -> str:
        """Why it came to nothing; empty if all is here."""
        others = sorted(self._links.members(), key=lambda n: (n != self._leader, n))
        if not others:
            return "nobody is there to ask"
        member = others[tries % len(others)]
        self._again = False
        try:
            why = await self._ask(member, incomplete=tries >= ROUNDS_BEFORE_ANY * len(others))
        except (grpc.RpcError, TimeoutError, MalformedSnapshot, StoreError) as error:
            why = str(error) or type(error).__name__
        if not why and not self._again:
            self._wanted.unlink(missing_ok=True)
            self._log.info("history fetched", member=member)
        self._again = self._again or bool(why)
        return why

    async def _ask(self, member: int, *, incomplete: bool) -> str:
        """Raises RpcError, TimeoutError, MalformedSnapshot, StoreError."""
        link = self._links.get(member)
        if link is None:
            return "no such member"
        request = HistoryRequest(hello=self._standing.introduction(), incomplete=incomplete)
        async with asyncio.timeout(SILENCE_S) as silence:
            async for piece in PeerStub(link.channel).TellHistory(request):
                if piece.refused:
                    return piece.refused
                if piece.last:
                    return ""
                await self._history.keep(told_of(piece))
                silence.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
        return "it broke off"


def told_of(piece: HistoryPiece) -> KeepHistory:
    """Raises MalformedSnapshot."""
    runs = decode_runs(piece.runs) if piece.runs else []
    fates = decode_fates(piece.fates) if piece.fates else []
    return KeepHistory(tuple(map(run_row, runs)), tuple(map(fate_row, fates)))
