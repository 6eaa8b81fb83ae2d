"""What a command weighs in the log: by it entries are filled and the queue is bounded."""

from __future__ import annotations

import msgspec

from coordinator.machine.commands import (
    ChangeTasks,
    Command,
    CreateTask,
    EndRun,
    FireSchedule,
    JoinNode,
    LastWords,
    LoseNode,
    LoseRuns,
    RetryTask,
    UpdateTask,
    WriteState,
)

COMMAND_BYTES = 300  # what a command takes beside its payload, roughly

_encode = msgspec.msgpack.Encoder().encode


def weight_of(command: Command) -> int:
    """Bytes of the command in the log, roughly: its payloads count, the rest is a constant."""
    match command:
        case CreateTask():
            words = len(command.description) + _packed(command.spec, command.limits)
            return COMMAND_BYTES + len(command.params) + words
        case EndRun():
            payloads = (command.result, command.error, command.logs, command.final_state)
            return COMMAND_BYTES + sum(len(p) for p in payloads if p)
        case ChangeTasks():
            return sum(map(weight_of, command.changes))
        case WriteState():
            return COMMAND_BYTES + len(command.state or b"")
        case UpdateTask():
            payload = len(command.params or b"") + len(command.state or b"")
            return COMMAND_BYTES + payload + _packed(command.spec, command.limits)
        case RetryTask():
            return COMMAND_BYTES + len(command.params or b"") + _packed(command.limits)
        case FireSchedule() if command.fates or command.catch_up:
            return COMMAND_BYTES + _packed(command.fates, command.catch_up)
        case JoinNode():
            manifests = sum(COMMAND_BYTES + len(m.body) for m in command.manifests)
            return COMMAND_BYTES + manifests + _said(command.said)
        case LoseNode() | LoseRuns():
            return COMMAND_BYTES * (1 + len(command.placements)) + _said(command.said)
        case _:
            return COMMAND_BYTES


def _packed(*parts: object) -> int:
    return len(_encode(parts))


def _said(words: tuple[LastWords, ...]) -> int:
    payloads = (len(one.logs or b"") + len(one.progress or b"") for one in words)
    return COMMAND_BYTES * len(words) + sum(payloads)
