"""What a session does with what cannot be sent: who reported it learns why, and no session says nothing for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from coordinator.client.node_values import (
    CallAnswer,
    FromLeader,
    Heartbeat,
    NewChild,
    Report,
    Welcome,
)
from coordinator.client.node_wire import NO_LOG, Outgoing, RunLogs, node_frames
from coordinator.wire.v1 import internal_pb2 as wire
from node.logs import Log
from node.session import Events, Session

SPEC_OF_A_FILE_NAME = b'{"labels": {"file": "caf\\udce9"}}'
WELCOME = Welcome("k", "", 500, 6_000, 9_000, ("127.0.0.1:1",), 1_000)


class Stream:
    """Takes frames; `trouble` is raised once."""

    def __init__(self) -> None:
        self.frames: list[wire.NodeFrame] = []
        self.trouble: Exception | None = None

    async def send(self, out: Outgoing, logs: RunLogs) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.frames += node_frames(out, logs)


class Node:
    """A session that is open, without a leader."""

    def __init__(self, path: Path) -> None:
        self.log = path / "log"
        self.heard: list[FromLeader] = []
        events = Events(self.heard.append, lambda: None, lambda _: NO_LOG)
        nobody: Any = None
        self.session = Session(("127.0.0.1:1",), nobody, events, Log("agent", self.log))
        self.stream = Stream()

    async def __aenter__(self) -> Node:
        stream: Any = self.stream
        self.writing = asyncio.create_task(self.session._write(stream))
        self.session._reading = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
        self.session._welcomed(FromLeader(3, WELCOME))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writing.cancel()
        if self.session._reading is not None:
            self.session._reading.cancel()

    async def turn(self) -> None:
        self.session.wake()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def test_g8_a_report_that_no_frame_can_carry_is_refused_here_and_the_rest_is_sent(
    node: Node,
) -> None:
    child = NewChild(1, "k", "a.b", b"{}", SPEC_OF_A_FILE_NAME)
    async with node:
        node.session.out.heartbeat = Heartbeat(1, 0, 6_000, 0)
        node.session.out.reports += [
            Report(1, "t", 7, started_at=0),
            Report(2, "t", 7, child=child),
            Report(3, "u", 8, started_at=0),
        ]
        await node.turn()
        (frame,) = node.stream.frames
        assert frame.heartbeat.sequence == 1
        assert [one.number for one in frame.reports] == [1, 3]
        ((answer,),) = [one.answers for one in node.heard]
        assert (answer.number, answer.accepted) == (2, False)
        assert answer.reason == "validation_failed"
        assert "cannot be sent" in answer.detail
        assert not node.writing.done()


async def test_g8_a_session_that_cannot_write_any_more_does_not_stay_open(node: Node) -> None:
    async with node:
        node.stream.trouble = RuntimeError("a bug")
        node.session.out.goodbye = True
        await node.turn()
        assert node.writing.done()
        assert node.session._reading is not None
        assert node.session._reading.cancelled()  # which ends the session
        await asyncio.sleep(0.1)
        assert "a bug" in node.log.read_text()


async def test_pt_85_answers_to_questions_of_a_session_before_are_not_sent(node: Node) -> None:
    node.session.out.call_answers.append(CallAnswer(5, b"1", "", ""))
    async with node:
        await node.turn()
        assert not node.stream.frames
        node.session.out.call_answers.append(CallAnswer(6, b"1", "", ""))
        node.session._welcomed(FromLeader(3, WELCOME))  # of the same session: settings have changed
        await node.turn()
        ((answer,),) = [one.call_answers for one in node.stream.frames]
        assert answer.call == 6
