"""Digests of the state: taken beside the loop, told to the leader (I3). Whatever goes wrong, the next ones come soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc.aio

from coordinator.codec.snapshots import digest_of
from coordinator.replica.effects import SayDigest, TakeDigest
from coordinator.replica.inputs import DigestTaken, Input
from coordinator.shell.logs import Log
from coordinator.shell.peer_links import PeerLinks
from coordinator.shell.standing import Standing
from coordinator.wire.v1.internal_pb2 import DigestRequest
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

SAY_WITHIN_S = 2.0


class DigestsIo:
    """Does TakeDigest, which it answers with one input, and SayDigest."""

    def __init__(
        self, links: PeerLinks, standing: Standing, feed: Callable[[Input], None], log: Log
    ) -> None:
        self._links = links
        self._standing = standing
        self._feed = feed
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, effect: TakeDigest) -> None:
        """In another thread, from a picture that does not change."""
        self._begin(self._take(effect), f"digest at {effect.index}")

    def say(self, effect: SayDigest) -> None:
        """Once, without waiting."""
        self._begin(self._say(effect), f"digest to {effect.member}")

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, effect: TakeDigest) -> None:
        self._feed(DigestTaken(effect.index, await asyncio.to_thread(digest_of, effect.frozen)))

    async def _say(self, effect: SayDigest) -> None:
        link = self._links.get(effect.member)
        if link is None:
            return
        request = DigestRequest(
            hello=self._standing.introduction(), index=effect.index, digest=effect.digest
        )
        try:
            await PeerStub(link.channel).SayDigest(request, timeout=SAY_WITHIN_S)
        except grpc.RpcError as error:
            self._log.debug("digest not told", to=effect.member, reason=str(error))
