"""What the leader had heard of runs that are lost: their log lines and last progress go into the entry that ends them (TM-69, TM-70).

Lines and progress live in the leader's memory alone, and nothing newer will come of a run whose node is gone. All runs
of one loss share a bound, so that the entry that frees a large node's tasks stays small; of each the newest lines are kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from coordinator.machine.commands import Command, JoinNode, LastWords, LoseNode, LoseRuns
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.limits import KIB, RUN_LOG_BYTES_MAX
from coordinator.model.state import ClusterState
from coordinator.replica.live import LiveBoard
from coordinator.replica.sayings import LiveLog

ALL_BYTES = 512 * KIB
LINES_MAX = 200

_Run = tuple[TaskId, AllocationId]


def with_last_words(command: Command, state: ClusterState, live: LiveBoard) -> Command:
    """The same command, with what is known of the runs that it ends."""
    match command:
        case LoseNode():
            return replace(command, said=words_of(_held(state, command.name), live))
        case LoseRuns():
            return replace(command, said=words_of(command.runs, live))
        case JoinNode() if _is_another_life(state, command):
            return replace(command, said=words_of(_held(state, command.name), live))
        case _:
            return command


def words_of(runs: Iterable[_Run], live: LiveBoard) -> tuple[LastWords, ...]:
    """Of those that said anything."""
    heard = [run for run in runs if live.has_heard(*run)]
    if not heard:
        return ()
    share = min(RUN_LOG_BYTES_MAX, ALL_BYTES // len(heard))
    return tuple(_words(run, live, share) for run in heard)


def _words(run: _Run, live: LiveBoard, share: int) -> LastWords:
    progress = live.progress_of(*run)
    lines, _ = live.lines_of(*run)
    kept: list[bytes] = []
    for line in reversed(lines[-LINES_MAX:]):
        text = _encoded(line)
        share -= len(text)
        if share < 0:
            break
        kept.append(text)
    told = None if progress is None else msgspec.json.encode(progress)
    return LastWords(*run, b"".join(reversed(kept)) or None, told)


def _encoded(line: LiveLog) -> bytes:
    fields = msgspec.Raw(line.fields or b"{}")
    said = {"at": line.at, "level": line.level, "event": line.event, "fields": fields}
    return msgspec.json.encode(said) + b"\n"


def _held(state: ClusterState, name: NodeName) -> list[_Run]:
    held: list[TaskId] = sorted(state.on_node.get(name, ()))
    return [(task_id, state.tasks[task_id].allocation_id) for task_id in held]


def _is_another_life(state: ClusterState, command: JoinNode) -> bool:
    node = state.nodes.get(command.name)
    return node is not None and node.incarnation != command.incarnation
