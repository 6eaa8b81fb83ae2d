"""A single raftos state without network: the stub records what it would send, messages go in by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.raftos_evidence import shims

shims.install()

import raftos  # noqa: E402 - after the shims
from raftos.cryptors import DummyCryptor  # noqa: E402
from raftos.serializers import JSONSerializer  # noqa: E402
from raftos.state import State  # noqa: E402

HOST = "127.0.0.1"
OWN_PORT = 9000
Message = dict[str, Any]


class StubServer:
    """What raftos' State expects of its server."""

    def __init__(self, members: int) -> None:
        self.host, self.port = HOST, OWN_PORT
        self.loop = asyncio.get_running_loop()
        self.cluster = {(HOST, OWN_PORT + number) for number in range(1, members)}
        self.sent: list[tuple[Message, object]] = []

    @property
    def cluster_count(self) -> int:
        """The others; raftos takes it for all."""
        return len(self.cluster)

    async def send(self, data: Message, destination: object) -> None:
        """Record instead of sending."""
        self.sent.append((data, destination))

    def broadcast(self, data: Message) -> None:
        """Record instead of sending, once for each other member."""
        self.sent += [(data, peer) for peer in self.cluster]


class Lab:
    """One state on the configured directory; `restart` is a second state on the same files."""

    def __init__(self, members: int) -> None:
        self.server = StubServer(members)
        self.state: Any = State(self.server)
        self.state.start()

    def restart(self) -> None:
        """As after a crash: what was only in memory is gone."""
        self.state.stop()
        self.state = State(self.server)
        self.state.start()

    async def tell(self, sender: int, **message: object) -> list[Message]:
        """Deliver a message of member number `sender`; the answers to it."""
        before = len(self.server.sent)
        self.state.request_handler({**message, "sender": (HOST, OWN_PORT + sender)})
        await settled()
        return [data for data, _ in self.server.sent[before:]]

    async def ask_vote(self, candidate: int, term: int) -> bool | None:
        """True or False as answered, None for no answer."""
        answers = await self.tell(
            candidate,
            type="request_vote",
            term=term,
            candidate_id=f"{HOST}:{OWN_PORT + candidate}",
            last_log_index=self.state.log.last_log_index,
            last_log_term=self.state.log.last_log_term,
        )
        return next((bool(a["vote_granted"]) for a in answers if "vote_granted" in a), None)

    @property
    def leads(self) -> bool:
        """Whether it takes itself for the leader."""
        return type(self.state.state).__name__ == "Leader"


async def settled() -> None:
    """Let what was scheduled run."""
    for _ in range(10):
        await asyncio.sleep(0)


@contextmanager
def lab(work: Path, members: int = 3, serializer: object = JSONSerializer) -> Iterator[Lab]:
    """A state that forgets its timers at the end."""
    raftos.configure({"log_path": str(work), "serializer": serializer, "cryptor": DummyCryptor})
    made = Lab(members)
    try:
        yield made
    finally:
        made.state.stop()
