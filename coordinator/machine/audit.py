"""Which requests leave an event behind, and what it says (TM-75). Creations and whatever happens to runs leave none.

An event is made when its entry is applied, so every member has the same ones. A repeated request is one change, not two;
a refusal that never reached the log leaves nothing. What the leader does by itself is told only if it did something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coordinator.machine import commands as c
from coordinator.machine.outcome import Outcome, Refusal, Refused
from coordinator.model.audit import Asker, AuditEvent, EarlyDrops
from coordinator.model.events import Audited
from coordinator.model.instants import HOUR
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Status

CLUSTER = Asker("cluster")
TARGET_CHARS_MAX = 1_024  # a name that nothing has is refused in the log, however long it is
CHANGE_CHARS_MAX = 1_024
DETAIL_CHARS_MAX = 1_024
EARLY_TOLD_MS = HOUR  # between two events of records that were dropped early

Said = tuple[str, str, str, str]  # action, kind, target, change
Words = Callable[[Any], Said]


def audit(state: ClusterState, request: c.Request, outcome: Outcome) -> None:
    """Note the event of this request, if it is one that leaves any; of changes that are one command, of each."""
    command = request.command
    if isinstance(command, c.RemoveTask):
        _note_early(state, request, outcome)
    elif type(command) in WORDS:
        _note(state, request, command, outcome)
    elif isinstance(command, c.ChangeTasks):
        for change, part in _parts(command, outcome):
            _note(state, request, change, part)


def _parts(together: c.ChangeTasks, outcome: Outcome) -> Iterator[tuple[c.Change, Outcome]]:
    """All that was changed, or the one that was the reason why nothing was."""
    if isinstance(outcome, Refused):
        refused = [one for one in together.changes if one.task_id == outcome.task_id]
        yield from ((one, outcome) for one in refused[:1])
    else:
        yield from zip(together.changes, outcome.parts, strict=True)


def _note(state: ClusterState, request: c.Request, command: Any, outcome: Outcome) -> None:
    if request.asker is None and not _is_to_be_told(command, outcome):
        return
    asker, answer, detail = request.asker or CLUSTER, "ok", ""
    if isinstance(outcome, Refused):
        if outcome.code is Refusal.CHOICE_STALE:
            return  # it comes again, made anew
        answer, detail = outcome.code.value, outcome.detail[:DETAIL_CHARS_MAX]
    elif outcome.unchanged:
        answer = "unchanged"
    said, reason = WORDS[type(command)](command), asker.reason or getattr(command, "reason", "")
    _leave(state, request, said, asker, (reason, answer, detail))


def _note_early(state: ClusterState, request: c.Request, outcome: Outcome) -> None:
    """A failed record made room for newer ones: never silent, and no more events than one in a while (TM-74)."""
    task = None if isinstance(outcome, Refused) else outcome.record
    if task is None or task.status is not Status.FAILED or task.expires_at <= state.at:
        return
    told_at, count = state.early_drops.told_at, state.early_drops.untold + 1
    if told_at and state.at - told_at < EARLY_TOLD_MS:
        state.early_drops = EarlyDrops(told_at, count)
        return
    state.early_drops = EarlyDrops(state.at)
    kept = state.settings.kept("retention.failed")[1]
    change, reason = f"{count} failed before their time", f"retention.failed keeps {kept}"
    _leave(state, request, ("drop", "task", task.id, change), CLUSTER, (reason, "ok", ""))


def _leave(
    state: ClusterState, request: c.Request, said: Said, asker: Asker, end: tuple[str, str, str]
) -> None:
    """`end`: the reason, the answer, and what a refusal says."""
    (action, kind, target, change), (reason, answer, detail) = said, end
    state.audited += 1
    event = AuditEvent(
        state.audited,
        state.revision,
        state.at,
        asker.by,
        action,
        kind,
        target[:TARGET_CHARS_MAX],
        change[:CHANGE_CHARS_MAX],
        reason,
        answer,
        detail,
        request.request_id,
        asker.caller,
    )
    state.events.append(Audited(event))


def _is_to_be_told(command: Any, outcome: Outcome) -> bool:
    """Of what the leader does by itself: what was done, but for a drain's or a rebalance's moves run by run."""
    done = not isinstance(outcome, Refused) and not outcome.unchanged
    return done and not isinstance(command, c.UnassignTask)


def _flags(**said: object) -> str:
    """The names of those that hold."""
    return ", ".join(name.replace("_", " ") for name, holds in said.items() if holds)


def _pause(one: c.PauseTask) -> Said:
    change = _flags(finish=one.finish, clear_state=one.clear_state, until=one.until)
    return "pause", "task", one.task_id, change + (f" {one.until}" if one.until else "")


def _resume(one: c.ResumeTask) -> Said:
    return "resume", "task", one.task_id, _flags(no_catch_up=one.no_catch_up)


def _run_now(one: c.RunNow) -> Said:
    return "run_now", "task", one.task_id, _flags(queue=one.queue, replace=one.replace)


def _edit(one: c.UpdateTask) -> Said:
    change = _flags(
        params=one.params is not None,
        spec=one.spec is not None,
        state=one.has_state,
        restart=one.restart,
    )
    return "edit", "task", one.task_id, change


def _cancel(one: c.CancelTask) -> Said:
    if one.finished_only:
        return "purge", "task", one.task_id, ""
    return "cancel", "task", one.task_id, _flags(purge=one.purge)


def _run_of(one: c.CancelRun) -> str:
    return f"{one.task_id}#{one.allocation_id}" if one.allocation_id else one.task_id


def _cancel_run(one: c.CancelRun) -> Said:
    return "cancel", "run", _run_of(one), _flags(rerun=one.rerun)


def _retry(one: c.RetryTask) -> Said:
    return "retry", "task", one.task_id, _flags(again=one.again, params=one.params is not None)


def _drain(one: c.DrainNode) -> Said:
    return "drain", "node", one.name, one.kind


def _settings(one: c.SetSettings) -> Said:
    changes = [f"{key}={value}" for key, value in one.values]
    changes += [f"{key} unset" for key in one.reset]
    keys = [key for key, _ in one.values] + list(one.reset)
    return "set", "settings", keys[0] if len(keys) == 1 else "", ", ".join(changes)


def _pause_executor(one: c.PauseExecutor) -> Said:
    return "pause", "executor", one.executor, _flags(stop=one.stop)


def _set_limit(one: c.SetLimit) -> Said:
    return "set", "limit", one.key, f"{one.scope}: {one.max}"


WORDS: Mapping[type, Words] = {
    c.PauseTask: _pause,
    c.ResumeTask: _resume,
    c.RunNow: _run_now,
    c.UpdateTask: _edit,
    c.CancelTask: _cancel,
    c.CancelRun: _cancel_run,
    c.RetryTask: _retry,
    c.UnassignTask: lambda one: ("move", "task", one.task_id, ""),
    c.PauseExecutor: _pause_executor,
    c.ResumeExecutor: lambda one: ("resume", "executor", one.executor, ""),
    c.DrainNode: _drain,
    c.UndrainNode: lambda one: ("undrain", "node", one.name, ""),
    c.RemoveNode: lambda one: ("remove", "node", one.name, ""),
    c.AddMember: lambda one: ("add", "member", one.name, one.address),
    c.RemoveMember: lambda one: ("remove", "member", str(one.id), ""),
    c.RaiseFeatureLevel: lambda one: ("upgrade", "cluster", "", f"feature level {one.level}"),
    c.SetSettings: _settings,
    c.SetLimit: _set_limit,
    c.RemoveLimit: lambda one: ("unset", "limit", one.key, one.scope),
}
