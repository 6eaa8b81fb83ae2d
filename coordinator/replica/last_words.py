"""What the leader had heard of runs that are lost: their log lines and last progress go into the entry that ends them (TM-69, TM-70).

Lines and progress live in the leader's memory alone, and nothing newer will come of a run whose node is gone. All runs
of one loss share a bound, so that the entry that frees a large node's tasks stays small: of each the progress is kept,
without its text if that is too long, and the newest lines. Of very many runs some say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from coordinator.machine.commands import Command, JoinNode, LastWords, LoseNode, LoseRuns
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.limits import KIB, RUN_LOG_BYTES_MAX
from coordinator.model.state import ClusterState
from coordinator.replica.live import LiveBoard, ProgressNow
from coordinator.replica.sayings import LiveLog

ALL_BYTES = 512 * KIB
LEAST_SHARE = 128  # of a run: with less none could say anything
RUN_BYTES = 32  # beside its id and what it said, about
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
    share = min(RUN_LOG_BYTES_MAX, max(LEAST_SHARE, ALL_BYTES // len(heard)))
    words = (_words(run, live, share) for run in heard[: ALL_BYTES // share])
    return tuple(one for one in words if one.logs or one.progress)


def _words(run: _Run, live: LiveBoard, share: int) -> LastWords:
    """At most `share` bytes."""
    share -= RUN_BYTES + len(run[0].encode())
    told = _told(live.progress_of(*run), share)
    share -= len(told or b"")
    lines, _ = live.lines_of(*run)
    kept: list[bytes] = []
    for line in reversed(lines[-LINES_MAX:]):
        text = _encoded(line)
        share -= len(text)
        if share < 0:
            break
        kept.append(text)
    return LastWords(*run, b"".join(reversed(kept)) or None, told)


def _told(progress: ProgressNow | None, share: int) -> bytes | None:
    if progress is None:
        return None
    for said in (progress, replace(progress, message="")):
        text = msgspec.json.encode(said)
        if len(text) <= share:
            return text
    return None


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
