"""Frames: bytes and back, in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.frame_buffer import (
    FRAME_BYTES_MAX,
    FrameError,
    agent_side,
    encode_frame,
    encode_frames,
    worker_command,
    worker_side,
)
from node.frames import (
    Ended,
    LoadError,
    Loading,
    Log,
    LogCounts,
    Ping,
    Ready,
    RunError,
    Start,
    State,
    StateAck,
    Stop,
    ToAgent,
    ToWorker,
)

TO_WORKER: list[ToWorker] = [
    Start("t", 1, "demo.noop", b"{}", state=b"null", headers={"a": "b"}, timeout_ms=5),
    Stop(1, "cancel"),
    StateAck(1, 2, 3),
    Ping(4),
]


@given(st.lists(st.integers(min_value=1, max_value=400), max_size=12))
def test_messages_arrive_whole_and_in_order_however_they_are_cut(cuts: list[int]) -> None:
    data, buffer, got = encode_frames(TO_WORKER), worker_side(), []
    for size in [*cuts, len(data)]:
        got += buffer.feed(data[:size])
        data = data[size:]
    got += buffer.feed(data)
    assert got == TO_WORKER


def test_the_other_direction() -> None:
    error = RunError("E", "m", "t")
    messages: list[ToAgent] = [
        Loading("--executors a"),
        Ready(1, (), (LoadError("--executors a", "it hung", True),), ""),
        State(1, 1, None, 2),
        Log(1, "info", "e", b"{}", 5),
        Ended(1, "failed", "x", None, error, 5, None, True, False, "failed", LogCounts(1, 2, 3, 4)),
    ]
    assert agent_side().feed(encode_frames(messages)) == messages


@pytest.mark.parametrize(
    "data", [b"\0\0\0\1\xc1", b"\0\0\0\2\x91\x63", b"\x7f\0\0\0", encode_frame(Ping(1))]
)
def test_what_is_no_message_is_an_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        agent_side().feed(data)


def test_a_frame_too_large_is_not_sent() -> None:
    with pytest.raises(FrameError, match="at most"):
        encode_frame(State(1, 1, b"x" * FRAME_BYTES_MAX, 1))


def test_the_command_of_a_worker() -> None:
    command = worker_command("py", 7, 42, ["a:B", "c"])
    assert command == [
        *("py", "-m", "node.worker", "--fd", "7", "--parent", "42"),
        *("--loop-warn", "5000"),
        *("--executors", "a:B", "--executors", "c"),
    ]
    skipping = worker_command("py", 7, 42, ["a:B", "c"], {"--executors c": "it hung"})
    assert skipping == [*command, "--skip", "--executors c", "--because", "it hung"]
