"""The printed forms of the stories: entries, messages, Ready, configurations, progress.

The stories know one message with fields that mean different things in different types; `_Printed` is that message.
Our own have a struct for each type, and `_FIELDS` maps back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.consensus.changes import decode_conf_change
from coordinator.consensus.membership import Configuration
from coordinator.consensus.messages import (
    APPEND_THREAD,
    APPLY_THREAD,
    Append,
    AppendAccepted,
    AppendRejected,
    ConfChangeOp,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    Propose,
    ReadIndexReply,
    ReadIndexRequest,
    RequestVote,
    Snapshot,
    StorageAppendReply,
    StorageApplyReply,
    TimeoutNow,
    TransferLeader,
    VoteReply,
)
from coordinator.consensus.ready import ProgressView, Ready, Role, StorageAppend, StorageApply
from tests.conformance.quoting import quoted

OP_LETTERS = {
    ConfChangeOp.ADD_VOTER: "v",
    ConfChangeOp.ADD_LEARNER: "l",
    ConfChangeOp.REMOVE: "r",
    ConfChangeOp.UPDATE: "u",
}
_ENTRY_NAMES = {
    EntryKind.NORMAL: "EntryNormal",
    EntryKind.CONF_CHANGE: "EntryConfChange",
    EntryKind.CONF_CHANGE_V2: "EntryConfChangeV2",
}
_ROLE_NAMES = {
    Role.FOLLOWER: "StateFollower",
    Role.CANDIDATE: "StateCandidate",
    Role.LEADER: "StateLeader",
    Role.PRE_CANDIDATE: "StatePreCandidate",
}
_PROGRESS_NAMES = {
    "probe": "StateProbe",
    "replicate": "StateReplicate",
    "snapshot": "StateSnapshot",
}
_THREADS = {APPEND_THREAD: "AppendThread", APPLY_THREAD: "ApplyThread"}


@dataclass(frozen=True)
class _Printed:
    """A message as the stories know it."""

    sender: int
    to: int
    term: int
    type: str
    log_term: int = 0
    log_index: int = 0
    rejected: bool = False
    hint: int = 0
    commit: int = 0
    vote: int = 0
    entries: Sequence[Entry] = ()
    snapshot: Snapshot | None = None
    responses: Sequence[Message] = ()


def _context(context: bytes) -> tuple[Entry, ...]:
    return (Entry(0, 0, EntryKind.NORMAL, context),)


_FIELDS: Mapping[type[Message], Callable[[Any], dict[str, Any]]] = {
    Propose: lambda m: {"type": "MsgProp", "entries": m.entries},
    Append: lambda m: {
        "type": "MsgApp",
        "log_term": m.prev_term,
        "log_index": m.prev_index,
        "commit": m.commit,
        "entries": m.entries,
    },
    AppendAccepted: lambda m: {"type": "MsgAppResp", "log_index": m.match_index},
    AppendRejected: lambda m: {
        "type": "MsgAppResp",
        "log_term": m.hint_term,
        "log_index": m.asked_index,
        "rejected": True,
        "hint": m.hint_index,
    },
    RequestVote: lambda m: {
        "type": "MsgPreVote" if m.pre_vote else "MsgVote",
        "log_term": m.last_term,
        "log_index": m.last_index,
    },
    VoteReply: lambda m: {
        "type": "MsgPreVoteResp" if m.pre_vote else "MsgVoteResp",
        "rejected": not m.granted,
    },
    InstallSnapshot: lambda m: {"type": "MsgSnap", "snapshot": m.snapshot},
    Heartbeat: lambda m: {"type": "MsgHeartbeat", "commit": m.commit},
    HeartbeatReply: lambda _: {"type": "MsgHeartbeatResp"},
    TransferLeader: lambda m: {"type": "MsgTransferLeader", "sender": m.transferee},
    TimeoutNow: lambda _: {"type": "MsgTimeoutNow"},
    ReadIndexRequest: lambda m: {"type": "MsgReadIndex", "entries": _context(m.context)},
    ReadIndexReply: lambda m: {
        "type": "MsgReadIndexResp",
        "log_index": m.read_index,
        "entries": _context(m.context),
    },
    StorageAppendReply: lambda m: {
        "type": "MsgStorageAppendResp",
        "log_term": m.stored_term,
        "log_index": m.stored_index,
        "snapshot": m.snapshot,
    },
    StorageApplyReply: lambda m: {"type": "MsgStorageApplyResp", "entries": m.entries},
}


def _printed(message: Message) -> _Printed:
    common = {"sender": message.sender, "to": message.to, "term": message.term}
    return _Printed(**{**common, **_FIELDS[type(message)](message)})


def printed_type(message: Message) -> str:
    """The name under which the stories know the message."""
    return _printed(message).type


def printed_sender(message: Message) -> int:
    """From whom the stories say that it is."""
    return _printed(message).sender


def message_line(message: Message) -> str:
    """A message; more than one line if it has several entries, or a snapshot."""
    return _describe(_printed(message), "")


def storage_append(me: int, work: StorageAppend, *, responses: bool = True) -> str:
    """What a member asks of its append thread, as a message."""
    state = work.hard_state or HardState()
    shown = _Printed(
        sender=me,
        to=APPEND_THREAD,
        term=state.term,
        type="MsgStorageAppend",
        commit=state.commit,
        vote=state.vote,
        entries=work.entries,
        snapshot=work.snapshot,
        responses=work.responses if responses else (),
    )
    return _describe(shown, "")


def storage_apply(me: int, work: StorageApply, *, responses: bool = True) -> str:
    """What a member asks of its apply thread, as a message."""
    shown = _Printed(
        sender=me,
        to=APPLY_THREAD,
        term=0,
        type="MsgStorageApply",
        entries=work.entries,
        responses=work.responses if responses else (),
    )
    return _describe(shown, "")


def _describe(shown: _Printed, indent: str) -> str:
    sender, to = _target(shown.sender), _target(shown.to)
    parts = [f"{indent}{sender}->{to} {shown.type} Term:{shown.term}"]
    parts.append(f" Log:{shown.log_term}/{shown.log_index}")
    if shown.rejected:
        parts.append(f" Rejected (Hint: {shown.hint})")
    if shown.commit:
        parts.append(f" Commit:{shown.commit}")
    if shown.vote:
        parts.append(f" Vote:{shown.vote}")
    parts.append(_entries_part(shown.entries, indent))
    if shown.snapshot is not None and shown.snapshot.index:
        parts.append(f"\n{indent}  Snapshot: {snapshot(shown.snapshot)}")
    if shown.responses:
        lines = [_describe(_printed(response), indent + "  ") for response in shown.responses]
        parts.append("\n".join([" Responses:[", *lines, f"{indent}]"]))
    return "".join(parts)


def _entries_part(entries: Sequence[Entry], indent: str) -> str:
    if not entries:
        return ""
    if len(entries) == 1:
        return f" Entries:[{entry_line(entries[0])}]"
    lines = [f"{indent}  {entry_line(entry)}" for entry in entries]
    return "\n".join([" Entries:[", *lines, f"{indent}]"])


def _target(member: int) -> str:
    if member == 0:
        return "None"
    return _THREADS.get(member) or f"{member:x}"


def entry_line(entry: Entry) -> str:
    """`TERM/INDEX TYPE[ TEXT]`."""
    if entry.kind is EntryKind.NORMAL:
        text = quoted(entry.data)
    else:
        changes = decode_conf_change(entry).changes
        text = " ".join([f"{OP_LETTERS[single.op]}{single.member}" for single in changes])
    name = _ENTRY_NAMES[entry.kind]
    return f"{entry.term}/{entry.index} {name}" + (f" {text}" if text else "")


def snapshot(value: Snapshot) -> str:
    return f"Index:{value.index} Term:{value.term} ConfState:{_conf_state(value.conf)}"


def _conf_state(conf: ConfState) -> str:
    return (
        f"Voters:{_ids(conf.voters)} VotersOutgoing:{_ids(conf.voters_outgoing)}"
        f" Learners:{_ids(conf.learners)} LearnersNext:{_ids(conf.learners_next)}"
        f" AutoLeave:{_flag(conf.auto_leave)}"
    )


def _ids(members: Iterable[int]) -> str:
    return "[" + " ".join([str(member) for member in sorted(members)]) + "]"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def role_name(role: Role) -> str:
    return _ROLE_NAMES[role]


def ready(me: int, value: Ready) -> str:
    """All that a Ready asks for; no newline at the end of an empty one."""
    lines = [*_state_lines(value), *_log_lines(value), *_message_lines(me, value)]
    if not lines:
        return "<empty Ready>"
    return "\n".join([f"Ready MustSync={_flag(value.must_sync)}:", *lines]) + "\n"


def _state_lines(value: Ready) -> list[str]:
    lines = []
    if value.soft_state is not None:
        soft = value.soft_state
        lines.append(f"Lead:{soft.leader_id} State:{role_name(soft.role)}")
    if value.hard_state is not None:
        hard = value.hard_state
        vote = f" Vote:{hard.vote}" if hard.vote else ""
        lines.append(f"HardState Term:{hard.term}{vote} Commit:{hard.commit}")
    if value.read_states:
        reads = [f"{{{read.index} {_ids_in_order(read.context)}}}" for read in value.read_states]
        lines.append(f"ReadStates [{' '.join(reads)}]")
    return lines


def _ids_in_order(data: bytes) -> str:
    return "[" + " ".join([str(byte) for byte in data]) + "]"


def _log_lines(value: Ready) -> list[str]:
    lines = []
    if value.entries:
        lines += ["Entries:", *map(entry_line, value.entries)]
    if value.snapshot is not None:
        lines.append(f"Snapshot {snapshot(value.snapshot)}")
    if value.committed:
        lines += ["CommittedEntries:", *map(entry_line, value.committed)]
    return lines


def _message_lines(me: int, value: Ready) -> list[str]:
    lines = [message_line(message) for message in (*value.send_now, *value.send_after)]
    if value.storage_append is not None:
        lines.append(storage_append(me, value.storage_append))
    if value.storage_apply is not None:
        lines.append(storage_apply(me, value.storage_apply))
    return ["Messages:", *lines] if lines else []


def configuration(value: Configuration) -> str:
    """`voters=(1 2)[&&(1)][ learners=(3)][ learners_next=(4)][ autoleave]`."""
    text = f"voters={_set(value.voters)}"
    if value.outgoing:
        text += f"&&{_set(value.outgoing)}"
    if value.learners:
        text += f" learners={_set(value.learners)}"
    if value.learners_next:
        text += f" learners_next={_set(value.learners_next)}"
    return text + (" autoleave" if value.auto_leave else "")


def _set(members: Iterable[int]) -> str:
    return "(" + " ".join([f"{member:x}" for member in sorted(members)]) + ")"


def progress_lines(views: Mapping[int, ProgressView]) -> str:
    """A line for each member, ascending."""
    return "".join([f"{member}: {_progress(views[member])}\n" for member in sorted(views)])


def _progress(view: ProgressView) -> str:
    text = f"{_PROGRESS_NAMES[view.state]} match={view.match} next={view.next}"
    text += " learner" if view.is_learner else ""
    text += " paused" if view.paused else ""
    text += f" pendingSnap={view.pending_snapshot}" if view.pending_snapshot else ""
    text += "" if view.recently_active else " inactive"
    if view.inflight:
        text += f" inflight={view.inflight}" + ("[full]" if view.inflight_full else "")
    return text
