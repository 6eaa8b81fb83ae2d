"""Node frames as sayings, and the leader's sayings as frames."""

from __future__ import annotations

from coordinator.api.errors import Rejected, refusal_of
from coordinator.api.schedules import schedule_from_wire
from coordinator.api.translate import spec_from_wire
from coordinator.model.features import FIRST
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import LoadError, Manifest
from coordinator.model.tasks import RunOutcome, TaskSpec
from coordinator.replica import sayings as s
from coordinator.wire.v1 import internal_pb2 as wire
from coordinator.wire.v1 import tasks_pb2 as tasks_wire

OUTCOMES = frozenset(RunOutcome)
OVERLOAD_CHARS_MAX = 256


def registration(said: wire.Register) -> s.Registration:
    return s.Registration(
        name=NodeName(said.name),
        uid=said.node_uid,
        counter=said.counter,
        incarnation=Incarnation(said.incarnation),
        capacity=said.capacity,
        manifests=_manifests(said.manifests),
        attributes=tuple(sorted(said.attributes.items())),
        load_errors=_load_errors(said.load_errors),
        boot_id=said.boot_id,
        pid_namespace=said.pid_namespace,
        old_is_dead=said.old_is_dead,
        rejoin=said.rejoin,
        version=said.version,
        python=said.python,
        cluster_id=said.cluster_id,
        feature_level=said.feature_level or FIRST,
        boot_counter=said.boot_counter,
        machine=said.machine,
    )


def saying(frame: wire.NodeFrame) -> s.NodeSaying:
    """One frame of a node."""
    return s.NodeSaying(
        heartbeat=_heartbeat(frame.heartbeat) if frame.HasField("heartbeat") else None,
        reports=tuple([_report(one) for one in frame.reports]),
        progress=tuple([_progress(one) for one in frame.progress]),
        logs=tuple([_log(one) for one in frame.logs]),
        goodbye=frame.goodbye,
        drain=frame.drain,
        offers=_manifests(frame.manifests) if frame.manifests else None,
        load_errors=_load_errors(frame.load_errors) if frame.load_errors else None,
        call_answers=tuple([_call_answer(one) for one in frame.call_answers]),
    )


def _call_answer(said: wire.CallAnswer) -> s.CallAnswer:
    return s.CallAnswer(said.call, said.payload, said.reason, said.detail)


def frame_to_wire(said: s.LeaderSaying) -> wire.LeaderFrame:
    """One frame of the leader."""
    frame = wire.LeaderFrame(term=said.term, send_runs=said.send_runs)
    if said.welcome is not None:
        w = said.welcome
        frame.welcome.CopyFrom(
            wire.Welcome(
                cluster_id=w.cluster_id,
                leader=w.leader,
                heartbeat_ms=w.heartbeat_ms,
                lease_ms=w.lease_ms,
                reassign_ms=w.reassign_ms,
                coordinators=w.coordinators,
                disconnect_grace_ms=w.disconnect_grace_ms,
            )
        )
    if said.heartbeat is not None:
        h = said.heartbeat
        frame.heartbeat.sequence = h.sequence
        frame.heartbeat.term = said.term
        frame.heartbeat.heartbeat_ms = h.heartbeat_ms
        frame.heartbeat.lease_ms = h.lease_ms
    if said.wanted is not None:
        _put_wanted(frame.wanted, said.wanted)
    for answer in said.answers:
        frame.answers.add(
            number=answer.number,
            accepted=answer.accepted,
            reason=answer.reason,
            current_allocation_id=answer.current_allocation_id,
            revision=answer.revision,
            detail=answer.detail,
            created=answer.created,
        )
    frame.calls.extend(map(_call, said.calls))
    return frame


def _call(call: s.RunCall) -> wire.RunCall:
    return wire.RunCall(
        call=call.call,
        task_id=call.task_id,
        allocation_id=call.allocation_id,
        method=call.method,
        payload=call.payload,
        timeout_ms=call.timeout_ms,
        headers=dict(call.headers),
    )


def _put_wanted(frame: wire.Wanted, wanted: s.Wanted) -> None:
    frame.full = wanted.full
    frame.revision = wanted.revision
    frame.previous = wanted.previous
    frame.gone.extend(wanted.gone)
    frame.more = wanted.more
    for run in wanted.runs:
        frame.runs.append(_run(run))


def _run(run: s.WantedRun) -> wire.WantedRun:
    return wire.WantedRun(
        task_id=run.task_id,
        allocation_id=run.allocation_id,
        stop=run.stop_reason is not None,
        stop_reason=run.stop_reason or "",
        executor=run.executor,
        executor_version=run.executor_version,
        params=run.params,
        state=run.state or b"",
        state_is_null=run.state is None,
        state_version=run.state_version,
        state_allocation_id=run.state_allocation_id,
        attempt=run.attempt,
        timeout_ms=run.timeout_ms,
        cancel_grace_ms=run.cancel_grace_ms,
        exclusive=run.exclusive,
        isolation=run.isolation,
        cost=run.cost,
        labels=dict(run.labels),
        headers=dict(run.headers),
        due_at=run.due_at,
        own_process=run.own_process,
        max_attempts=run.max_attempts,
        parent=run.parent,
        invalid_state=run.invalid_state,
    )


def _heartbeat(said: wire.Heartbeat) -> s.Heartbeat:
    runs = tuple(
        s.LocalRun(TaskId(run.task_id), AllocationId(run.allocation_id), run.state)
        for run in said.runs
    )
    return s.Heartbeat(
        said.sequence,
        said.accepted_sequence,
        said.runs_digest,
        said.lease_ms,
        runs if said.runs or said.lists_runs else None,
        said.loop_lag_ms,
        said.rss_bytes,
        said.effective_capacity,
        said.overload[:OVERLOAD_CHARS_MAX],
    )


def _report(said: wire.Report) -> s.Report:
    has_state = said.has_state or said.kind == "state"
    state = said.state if has_state and not said.state_is_null else None
    return s.Report(
        said.number,
        TaskId(said.task_id),
        AllocationId(said.allocation_id),
        said.kind,
        said.started_ago_ms,
        has_state,
        said.state_seq,
        state,
        said.state_version,
        _ended(said.ended) if said.kind == "ended" else None,
        said.stop_reason,
        _child(said.child) if said.kind == "child" else None,
        said.poke,
    )


def _child(said: wire.NewChild) -> s.NewChild:
    """With the refusal that its code is to hear, where the spec cannot even be read."""
    params = said.params or b"{}"
    try:
        spec = spec_from_wire(said.spec)
    except Rejected as rejected:
        refusal = refusal_of(rejected)
        return s.NewChild(said.key, said.executor, params, TaskSpec(), said.paused, refusal)
    return s.NewChild(said.key, said.executor, params, spec, said.paused)


def _ended(said: wire.Ended) -> s.EndedReport:
    try:
        outcome = RunOutcome(said.outcome)
    except ValueError:
        outcome = RunOutcome.FAILED  # a newer node's word: what it means, we cannot know
    try:
        schedule = schedule_from_wire(said.schedule) if said.HasField("schedule") else None
    except Rejected as wrong:
        return s.bad_schedule(outcome, wrong.message, said.logs or None, said.lasted_ms)
    return s.EndedReport(
        outcome=outcome,
        reason=said.reason,
        result=said.result or None,
        error=said.error or None,
        permanent=said.permanent,
        retry_in_ms=said.retry_in_ms,
        logs=said.logs or None,
        lasted_ms=said.lasted_ms,
        handed_back=said.handed_back,
        worker_died=said.worker_died,
        reported=said.reported if said.reported in OUTCOMES else "",
        log_counts=_counts(said.log_counts) if said.HasField("log_counts") else (),
        again_in_ms=said.again_in_ms if said.HasField("again_in_ms") else -1,
        schedule=schedule,
        then=said.then,
    )


def _counts(said: tasks_wire.LogCounts) -> tuple[int, ...]:
    return (said.debug, said.info, said.warning, said.error)


def _progress(said: wire.LiveProgress) -> s.LiveProgress:
    total = said.total if said.HasField("total") else None
    return s.LiveProgress(
        TaskId(said.task_id), AllocationId(said.allocation_id), said.done, total, said.message
    )


def _log(said: wire.LiveLog) -> s.LiveLog:
    return s.LiveLog(
        TaskId(said.task_id),
        AllocationId(said.allocation_id),
        said.at,
        said.level,
        said.event,
        said.fields,
    )


def _manifests(said: object) -> tuple[Manifest, ...]:
    return tuple(Manifest(m.name, m.version, m.hash, m.body) for m in said)  # type: ignore[attr-defined]  # a repeated field


def _load_errors(said: object) -> tuple[LoadError, ...]:
    return tuple(LoadError(e.plugin, e.error) for e in said)  # type: ignore[attr-defined]  # a repeated field
