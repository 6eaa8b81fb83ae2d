"""Translation between the values of a node's session and the wire. One frame carries everything that waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from coordinator.client.node_values import (
    CallAnswer,
    FromLeader,
    Heartbeat,
    HeartbeatAnswer,
    LoadProblem,
    LogLine,
    NewChild,
    Offer,
    Progress,
    Registration,
    Report,
    ReportAnswer,
    RunCall,
    RunEnd,
    Wanted,
    WantedRun,
    Welcome,
)
from coordinator.client.schedules import schedule_to_wire
from coordinator.wire.v1 import internal_pb2 as wire
from coordinator.wire.v1 import tasks_pb2 as tasks_wire

FRAME_BYTES_MAX = 2 * 1024 * 1024  # of what is put together here; the servers take 4 MiB
REPORT_BYTES = 256  # what a report takes besides its payloads, about
CHAR_BYTES_MAX = 4


class KeptLog(NamedTuple):
    """What travels of a run's log with its end: JSON lines, how many were dropped, all counted from debug to error."""

    lines: bytes
    dropped: int = 0
    counts: tuple[int, ...] = ()


NO_LOG = KeptLog(b"")
RunLogs = Callable[[int], KeptLog]


@dataclass(slots=True)
class Outgoing:
    """What waits to be sent; one frame, or several if it is large. `now` is the node's steady clock at sending.

    `unsendable`: the answers to reports that no frame can carry, known when all is sent.
    """

    now: int = 0
    heartbeat: Heartbeat | None = None
    reports: list[Report] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    call_answers: list[CallAnswer] = field(default_factory=list)
    unsendable: list[ReportAnswer] = field(default_factory=list)
    drain: bool = False
    goodbye: bool = False
    loop_lag_ms: int = 0
    rss_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(
            self.heartbeat
            or self.reports
            or self.progress
            or self.logs
            or self.call_answers
            or self.drain
            or self.goodbye
        )


# --- node -> leader --------------------------------------------------------------------------------------------------


def register_frame(
    who: Registration,
    offers: Iterable[Offer],
    problems: Iterable[LoadProblem],
    cluster_id: str,
    *,
    rejoin: bool,
) -> wire.NodeFrame:
    """The first frame of a session. `rejoin`: this incarnation had a session before."""
    return wire.NodeFrame(
        register=wire.Register(
            name=who.name,
            node_uid=who.node_uid,
            counter=who.counter,
            incarnation=who.incarnation,
            boot_id=who.boot_id,
            pid_namespace=who.pid_namespace,
            boot_counter=who.boot_counter,
            machine=who.machine,
            old_is_dead=who.old_is_dead,
            attributes=who.attributes,
            capacity=who.capacity,
            max_starting=who.max_starting,
            version=who.version,
            python=who.python,
            manifests=[_manifest(offer) for offer in offers],
            load_errors=[_load_error(problem) for problem in problems],
            cluster_id=cluster_id,
            rejoin=rejoin,
            feature_level=who.feature_level,
        )
    )


def _manifest(offer: Offer) -> wire.Manifest:
    return wire.Manifest(name=offer.name, version=offer.version, body=offer.body, hash=offer.digest)


def _load_error(problem: LoadProblem) -> wire.LoadError:
    return wire.LoadError(plugin=problem.plugin, error=problem.error)


def node_frames(outgoing: Outgoing, logs: RunLogs) -> Iterator[wire.NodeFrame]:
    """The frames that carry all of it: heartbeat and reports first, in their order."""
    frame = wire.NodeFrame(drain=outgoing.drain)
    if outgoing.heartbeat is not None:
        frame.heartbeat.CopyFrom(_heartbeat(outgoing.heartbeat, outgoing))
    size = 0
    for place, message, weight in _items(outgoing, logs):
        if size and size + weight > FRAME_BYTES_MAX:
            yield frame
            frame, size = wire.NodeFrame(), 0
        getattr(frame, place).append(message)
        size += weight
    frame.goodbye = outgoing.goodbye
    yield frame


def _items(outgoing: Outgoing, logs: RunLogs) -> Iterator[tuple[str, object, int]]:
    """The field of the frame, what is added to it, and about how many bytes that takes."""
    for report in outgoing.reports:
        message = _sendable(report, outgoing, logs)
        if message is None:
            continue
        weight = REPORT_BYTES + len(message.state) + len(message.ended.result)
        weight += len(message.child.params) if report.child is not None else 0
        weight += len(message.ended.logs) + len(message.ended.error)
        yield "reports", message, weight
    for answer in outgoing.call_answers:
        said = wire.CallAnswer(**msgspec.structs.asdict(answer))
        yield "call_answers", said, REPORT_BYTES + len(answer.payload)
    for news in outgoing.progress:
        yield "progress", _progress(news), REPORT_BYTES + CHAR_BYTES_MAX * len(news.message)
    for line in outgoing.logs:
        weight = REPORT_BYTES + CHAR_BYTES_MAX * len(line.event) + len(line.fields)
        yield "logs", _log_line(line), weight


def _sendable(report: Report, outgoing: Outgoing, logs: RunLogs) -> wire.Report | None:
    """None: no frame can carry it, which is its answer; sent again it would break every session (G8). An end is told
    all the same, without what it was to say.
    """
    try:
        return _report(report, outgoing.now, logs)
    except Exception as error:  # noqa: BLE001  (foreign code has made what is in it)
        why = f"cannot be sent: {type(error).__name__}: {error}"
    if report.ended is None:
        refusal = ReportAnswer(report.number, False, "validation_failed", detail=why)
        outgoing.unsendable.append(refusal)
        return None
    told = msgspec.json.encode({"type": "ValueError", "message": why, "traceback": ""})
    plain = RunEnd("failed", error=told, reported="failed")
    return _report(msgspec.structs.replace(report, ended=plain), outgoing.now, logs)


def _heartbeat(beat: Heartbeat, outgoing: Outgoing) -> wire.Heartbeat:
    runs = [
        wire.LocalRun(task_id=run.task_id, allocation_id=run.allocation_id, state=run.state)
        for run in beat.runs or ()
    ]
    return wire.Heartbeat(
        sequence=beat.sequence,
        accepted_sequence=beat.accepted_sequence,
        runs_digest=beat.runs_digest,
        runs=runs,
        lists_runs=beat.runs is not None,
        lease_ms=beat.lease_ms,
        loop_lag_ms=outgoing.loop_lag_ms,
        rss_bytes=outgoing.rss_bytes,
        effective_capacity=beat.effective_capacity,
        overload=beat.overload,
    )


def _report(report: Report, now: int, logs: RunLogs) -> wire.Report:
    message = wire.Report(
        number=report.number,
        task_id=report.task_id,
        allocation_id=report.allocation_id,
        started_ago_ms=-1 if report.started_at is None else max(0, now - report.started_at),
    )
    if report.state is not None:
        message.has_state = True
        message.state_seq = report.state.seq
        message.state_version = report.state.version
        message.state_is_null = report.state.data is None
        message.state = report.state.data or b""
    if report.ended is not None:
        message.kind = "ended"
        _fill_ended(message.ended, report.ended, logs(report.allocation_id), _age(report, now))
    elif report.child is not None:
        _fill_child(message, report.child)
    elif report.poke is not None:
        message.kind, message.poke = "poke", report.poke.executor
    elif report.stopping:
        message.kind, message.stop_reason = "stopping", report.stopping
    else:
        message.kind = "started" if report.state is None else "state"
    return message


def _age(report: Report, now: int) -> int:
    """For how long an outcome has been waiting for a leader, in ms."""
    if report.ended is None or report.started_at is None:
        return 0
    return max(0, now - report.started_at - report.ended.lasted_ms)


def _fill_child(message: wire.Report, child: NewChild) -> None:
    asked: dict[str, Any] = msgspec.json.decode(child.spec)
    paused = bool(asked.pop("paused", False))
    backoff = asked.pop("backoff", None)
    spec = tasks_wire.TaskSpec(**asked)
    if backoff is not None:
        spec.backoff.CopyFrom(tasks_wire.Backoff(**backoff))
    message.kind = "child"
    message.child.CopyFrom(
        wire.NewChild(
            key=child.key, executor=child.executor, params=child.params, spec=spec, paused=paused
        )
    )


def _fill_ended(message: wire.Ended, end: RunEnd, log: KeptLog, age: int) -> None:
    """What a run asked for is counted from its end, by the leader from now: no outage moves it."""
    message.outcome = end.outcome
    message.reason = end.reason
    message.lasted_ms = end.lasted_ms
    message.retry_in_ms = -1 if end.retry_in_ms is None else max(0, end.retry_in_ms - age)
    message.result = end.result or b""
    message.error = end.error
    message.permanent = end.permanent
    message.handed_back = end.handed_back
    message.worker_died = end.worker_died
    message.reported = end.reported if end.reported != end.outcome else ""
    message.logs, message.logs_dropped = log.lines, log.dropped
    if any(log.counts):
        debug, info, warning, error = log.counts
        counts = tasks_wire.LogCounts(debug=debug, info=info, warning=warning, error=error)
        message.log_counts.CopyFrom(counts)
    if end.again_in_ms is not None:
        message.again_in_ms = max(0, end.again_in_ms - age)
    if end.schedule is not None:
        message.schedule.CopyFrom(schedule_to_wire(msgspec.json.decode(end.schedule)))
    message.then = end.then


def _progress(progress: Progress) -> wire.LiveProgress:
    return wire.LiveProgress(
        task_id=progress.task_id,
        allocation_id=progress.allocation_id,
        done=progress.done,
        total=progress.total,
        message=progress.message,
    )


def _log_line(line: LogLine) -> wire.LiveLog:
    return wire.LiveLog(**msgspec.structs.asdict(line))


# --- leader -> node --------------------------------------------------------------------------------------------------


def leader_frame(frame: wire.LeaderFrame) -> FromLeader:
    """A frame of the leader as a value."""
    return FromLeader(
        term=frame.term,
        welcome=_welcome(frame.welcome) if frame.HasField("welcome") else None,
        heartbeat=_heartbeat_answer(frame.heartbeat) if frame.HasField("heartbeat") else None,
        wanted=_wanted(frame.wanted) if frame.HasField("wanted") else None,
        answers=tuple(map(_answer, frame.answers)),
        close=frame.close,
        close_detail=frame.close_detail,
        leader_address=frame.leader_address,
        send_runs=frame.send_runs,
        calls=tuple(map(_call, frame.calls)),
    )


def _call(call: wire.RunCall) -> RunCall:
    return RunCall(
        call.call,
        call.task_id,
        call.allocation_id,
        call.method,
        call.payload,
        call.timeout_ms,
        dict(call.headers),
    )


def _welcome(welcome: wire.Welcome) -> Welcome:
    return Welcome(
        cluster_id=welcome.cluster_id,
        leader=welcome.leader,
        heartbeat_ms=welcome.heartbeat_ms,
        lease_ms=welcome.lease_ms,
        reassign_ms=welcome.reassign_ms,
        coordinators=tuple(welcome.coordinators),
        disconnect_grace_ms=welcome.disconnect_grace_ms,
    )


def _heartbeat_answer(answer: wire.HeartbeatAnswer) -> HeartbeatAnswer:
    return HeartbeatAnswer(answer.sequence, answer.term, answer.heartbeat_ms, answer.lease_ms)


def _answer(answer: wire.ReportAnswer) -> ReportAnswer:
    return ReportAnswer(
        answer.number,
        answer.accepted,
        answer.reason,
        answer.current_allocation_id,
        answer.revision,
        answer.detail,
        answer.created,
    )


def _wanted(wanted: wire.Wanted) -> Wanted:
    return Wanted(
        full=wanted.full,
        revision=wanted.revision,
        previous=wanted.previous,
        runs=tuple(map(_wanted_run, wanted.runs)),
        gone=tuple(wanted.gone),
        more=wanted.more,
    )


_NOTHING: Mapping[str, str] = {}


def _wanted_run(run: wire.WantedRun) -> WantedRun:
    if run.stop:
        return WantedRun(run.task_id, run.allocation_id, stop=True, stop_reason=run.stop_reason)
    return WantedRun(
        task_id=run.task_id,
        allocation_id=run.allocation_id,
        executor=run.executor,
        executor_version=run.executor_version,
        params=run.params,
        state=None if run.state_is_null or not run.state else run.state,
        state_version=run.state_version,
        state_allocation_id=run.state_allocation_id,
        attempt=run.attempt,
        max_attempts=run.max_attempts or None,
        timeout_ms=run.timeout_ms or None,
        cancel_grace_ms=run.cancel_grace_ms,
        exclusive=run.exclusive,
        isolation=run.isolation or "shared",
        cost=run.cost,
        labels=dict(run.labels) if run.labels else _NOTHING,
        headers=dict(run.headers) if run.headers else _NOTHING,
        due_at=run.due_at or None,
        parent=run.parent or None,
        own_process=run.own_process,
        invalid_state=run.invalid_state,
    )
