from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Answer(_message.Message):
    __slots__ = ("revision", "member", "term", "leader", "leader_address", "stale", "age_ms", "forwarded", "coordinators")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    LEADER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FIELD_NUMBER: _ClassVar[int]
    COORDINATORS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    member: str
    term: int
    leader: str
    leader_address: str
    stale: bool
    age_ms: int
    forwarded: bool
    coordinators: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, revision: _Optional[int] = ..., member: _Optional[str] = ..., term: _Optional[int] = ..., leader: _Optional[str] = ..., leader_address: _Optional[str] = ..., stale: _Optional[bool] = ..., age_ms: _Optional[int] = ..., forwarded: _Optional[bool] = ..., coordinators: _Optional[_Iterable[str]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("request_id", "reason", "dry_run", "if_revision", "all_or_nothing")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    IF_REVISION_FIELD_NUMBER: _ClassVar[int]
    ALL_OR_NOTHING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reason: str
    dry_run: bool
    if_revision: int
    all_or_nothing: bool
    def __init__(self, request_id: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: _Optional[bool] = ..., if_revision: _Optional[int] = ..., all_or_nothing: _Optional[bool] = ...) -> None: ...

class Backoff(_message.Message):
    __slots__ = ("kind", "first_ms", "base_ms", "cap_ms", "jitter")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIRST_MS_FIELD_NUMBER: _ClassVar[int]
    BASE_MS_FIELD_NUMBER: _ClassVar[int]
    CAP_MS_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    first_ms: int
    base_ms: int
    cap_ms: int
    jitter: str
    def __init__(self, kind: _Optional[str] = ..., first_ms: _Optional[int] = ..., base_ms: _Optional[int] = ..., cap_ms: _Optional[int] = ..., jitter: _Optional[str] = ...) -> None: ...

class AttributeTest(_message.Message):
    __slots__ = ("attribute", "values")
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    attribute: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, attribute: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class Preference(_message.Message):
    __slots__ = ("test", "weight")
    TEST_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    test: AttributeTest
    weight: int
    def __init__(self, test: _Optional[_Union[AttributeTest, _Mapping]] = ..., weight: _Optional[int] = ...) -> None: ...

class Constraints(_message.Message):
    __slots__ = ("require", "avoid", "prefer", "spread", "apart")
    REQUIRE_FIELD_NUMBER: _ClassVar[int]
    AVOID_FIELD_NUMBER: _ClassVar[int]
    PREFER_FIELD_NUMBER: _ClassVar[int]
    SPREAD_FIELD_NUMBER: _ClassVar[int]
    APART_FIELD_NUMBER: _ClassVar[int]
    require: _containers.RepeatedCompositeFieldContainer[AttributeTest]
    avoid: _containers.RepeatedCompositeFieldContainer[AttributeTest]
    prefer: _containers.RepeatedCompositeFieldContainer[Preference]
    spread: _containers.RepeatedScalarFieldContainer[str]
    apart: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, require: _Optional[_Iterable[_Union[AttributeTest, _Mapping]]] = ..., avoid: _Optional[_Iterable[_Union[AttributeTest, _Mapping]]] = ..., prefer: _Optional[_Iterable[_Union[Preference, _Mapping]]] = ..., spread: _Optional[_Iterable[str]] = ..., apart: _Optional[_Iterable[str]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("every_ms", "cron", "rrule", "time_zone", "start_at", "end_at", "count_from", "jitter_ms", "misfire", "misfire_grace_ms", "max_catch_up", "overlap", "start_deadline_ms", "dst_gap", "blackouts", "pause_after_failures")
    EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    RRULE_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FROM_FIELD_NUMBER: _ClassVar[int]
    JITTER_MS_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    START_DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    DST_GAP_FIELD_NUMBER: _ClassVar[int]
    BLACKOUTS_FIELD_NUMBER: _ClassVar[int]
    PAUSE_AFTER_FAILURES_FIELD_NUMBER: _ClassVar[int]
    every_ms: int
    cron: str
    rrule: str
    time_zone: str
    start_at: int
    end_at: int
    count_from: str
    jitter_ms: int
    misfire: str
    misfire_grace_ms: int
    max_catch_up: int
    overlap: str
    start_deadline_ms: int
    dst_gap: str
    blackouts: _containers.RepeatedScalarFieldContainer[str]
    pause_after_failures: int
    def __init__(self, every_ms: _Optional[int] = ..., cron: _Optional[str] = ..., rrule: _Optional[str] = ..., time_zone: _Optional[str] = ..., start_at: _Optional[int] = ..., end_at: _Optional[int] = ..., count_from: _Optional[str] = ..., jitter_ms: _Optional[int] = ..., misfire: _Optional[str] = ..., misfire_grace_ms: _Optional[int] = ..., max_catch_up: _Optional[int] = ..., overlap: _Optional[str] = ..., start_deadline_ms: _Optional[int] = ..., dst_gap: _Optional[str] = ..., blackouts: _Optional[_Iterable[str]] = ..., pause_after_failures: _Optional[int] = ...) -> None: ...

class TaskSpec(_message.Message):
    __slots__ = ("due_at", "priority", "cost", "timeout_ms", "max_attempts", "backoff", "on_lost", "cancel_grace_ms", "retention_ms", "labels", "headers", "exclusive", "isolation", "object_kind", "object_id", "parent", "constraints", "schedule", "after", "until", "on_dependency_failure", "dedup_key", "within_occurrence", "reset_after_ms", "invalid_state", "movable")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    ON_LOST_FIELD_NUMBER: _ClassVar[int]
    CANCEL_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_MS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_KIND_FIELD_NUMBER: _ClassVar[int]
    OBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    ON_DEPENDENCY_FAILURE_FIELD_NUMBER: _ClassVar[int]
    DEDUP_KEY_FIELD_NUMBER: _ClassVar[int]
    WITHIN_OCCURRENCE_FIELD_NUMBER: _ClassVar[int]
    RESET_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    INVALID_STATE_FIELD_NUMBER: _ClassVar[int]
    MOVABLE_FIELD_NUMBER: _ClassVar[int]
    due_at: int
    priority: int
    cost: int
    timeout_ms: int
    max_attempts: int
    backoff: Backoff
    on_lost: str
    cancel_grace_ms: int
    retention_ms: int
    labels: _containers.ScalarMap[str, str]
    headers: _containers.ScalarMap[str, str]
    exclusive: bool
    isolation: str
    object_kind: str
    object_id: str
    parent: str
    constraints: Constraints
    schedule: Schedule
    after: _containers.RepeatedScalarFieldContainer[str]
    until: str
    on_dependency_failure: str
    dedup_key: str
    within_occurrence: bool
    reset_after_ms: int
    invalid_state: str
    movable: bool
    def __init__(self, due_at: _Optional[int] = ..., priority: _Optional[int] = ..., cost: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., max_attempts: _Optional[int] = ..., backoff: _Optional[_Union[Backoff, _Mapping]] = ..., on_lost: _Optional[str] = ..., cancel_grace_ms: _Optional[int] = ..., retention_ms: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., headers: _Optional[_Mapping[str, str]] = ..., exclusive: _Optional[bool] = ..., isolation: _Optional[str] = ..., object_kind: _Optional[str] = ..., object_id: _Optional[str] = ..., parent: _Optional[str] = ..., constraints: _Optional[_Union[Constraints, _Mapping]] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., after: _Optional[_Iterable[str]] = ..., until: _Optional[str] = ..., on_dependency_failure: _Optional[str] = ..., dedup_key: _Optional[str] = ..., within_occurrence: _Optional[bool] = ..., reset_after_ms: _Optional[int] = ..., invalid_state: _Optional[str] = ..., movable: _Optional[bool] = ...) -> None: ...

class NewTask(_message.Message):
    __slots__ = ("id", "executor", "params", "spec", "paused", "require_assignment", "replace_finished")
    ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FINISHED_FIELD_NUMBER: _ClassVar[int]
    id: str
    executor: str
    params: bytes
    spec: TaskSpec
    paused: bool
    require_assignment: bool
    replace_finished: bool
    def __init__(self, id: _Optional[str] = ..., executor: _Optional[str] = ..., params: _Optional[bytes] = ..., spec: _Optional[_Union[TaskSpec, _Mapping]] = ..., paused: _Optional[bool] = ..., require_assignment: _Optional[bool] = ..., replace_finished: _Optional[bool] = ...) -> None: ...

class LastOutcome(_message.Message):
    __slots__ = ("outcome", "allocation_id", "reason", "error", "result", "ended_at", "node", "duration_ms")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    allocation_id: int
    reason: str
    error: bytes
    result: bytes
    ended_at: int
    node: str
    duration_ms: int
    def __init__(self, outcome: _Optional[str] = ..., allocation_id: _Optional[int] = ..., reason: _Optional[str] = ..., error: _Optional[bytes] = ..., result: _Optional[bytes] = ..., ended_at: _Optional[int] = ..., node: _Optional[str] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "message", "at")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    done: float
    total: float
    message: str
    at: int
    def __init__(self, done: _Optional[float] = ..., total: _Optional[float] = ..., message: _Optional[str] = ..., at: _Optional[int] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("priority", "cost", "timeout_ms", "max_attempts", "backoff", "on_lost", "cancel_grace_ms", "retention_ms", "exclusive", "movable", "isolation", "within_occurrence", "reset_after_ms", "invalid_state")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    ON_LOST_FIELD_NUMBER: _ClassVar[int]
    CANCEL_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_MS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    MOVABLE_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    WITHIN_OCCURRENCE_FIELD_NUMBER: _ClassVar[int]
    RESET_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    INVALID_STATE_FIELD_NUMBER: _ClassVar[int]
    priority: int
    cost: int
    timeout_ms: int
    max_attempts: int
    backoff: Backoff
    on_lost: str
    cancel_grace_ms: int
    retention_ms: int
    exclusive: bool
    movable: bool
    isolation: str
    within_occurrence: bool
    reset_after_ms: int
    invalid_state: str
    def __init__(self, priority: _Optional[int] = ..., cost: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., max_attempts: _Optional[int] = ..., backoff: _Optional[_Union[Backoff, _Mapping]] = ..., on_lost: _Optional[str] = ..., cancel_grace_ms: _Optional[int] = ..., retention_ms: _Optional[int] = ..., exclusive: _Optional[bool] = ..., movable: _Optional[bool] = ..., isolation: _Optional[str] = ..., within_occurrence: _Optional[bool] = ..., reset_after_ms: _Optional[int] = ..., invalid_state: _Optional[str] = ...) -> None: ...

class Occurrence(_message.Message):
    __slots__ = ("cause", "fire_at", "due_at", "attempts")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    FIRE_AT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    cause: str
    fire_at: int
    due_at: int
    attempts: int
    def __init__(self, cause: _Optional[str] = ..., fire_at: _Optional[int] = ..., due_at: _Optional[int] = ..., attempts: _Optional[int] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ("next_fire_at", "next_due_at", "last_fire_at", "occurrence", "queued", "failures", "extra_at")
    NEXT_FIRE_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_DUE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIRE_AT_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    EXTRA_AT_FIELD_NUMBER: _ClassVar[int]
    next_fire_at: int
    next_due_at: int
    last_fire_at: int
    occurrence: Occurrence
    queued: int
    failures: int
    extra_at: int
    def __init__(self, next_fire_at: _Optional[int] = ..., next_due_at: _Optional[int] = ..., last_fire_at: _Optional[int] = ..., occurrence: _Optional[_Union[Occurrence, _Mapping]] = ..., queued: _Optional[int] = ..., failures: _Optional[int] = ..., extra_at: _Optional[int] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "executor", "executor_version", "status", "desired", "stop_reason", "stopping_since_at", "params", "state", "state_version", "state_allocation_id", "state_is_current", "description", "spec", "policy", "allocation_id", "node", "incarnation", "code", "explanation", "attempts", "due_at", "last_outcome", "progress", "created_at", "updated_at", "started_at", "finished_at", "expires_at", "created_revision", "modified_revision", "declared", "paused_until_at", "series", "end_reason", "set_by", "run_again")
    class SetByEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DESIRED_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    STOPPING_SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_IS_CURRENT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_REVISION_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_REVISION_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_UNTIL_AT_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    RUN_AGAIN_FIELD_NUMBER: _ClassVar[int]
    id: str
    executor: str
    executor_version: int
    status: str
    desired: str
    stop_reason: str
    stopping_since_at: int
    params: bytes
    state: bytes
    state_version: int
    state_allocation_id: int
    state_is_current: bool
    description: str
    spec: TaskSpec
    policy: Policy
    allocation_id: int
    node: str
    incarnation: str
    code: str
    explanation: str
    attempts: int
    due_at: int
    last_outcome: LastOutcome
    progress: Progress
    created_at: int
    updated_at: int
    started_at: int
    finished_at: int
    expires_at: int
    created_revision: int
    modified_revision: int
    declared: bool
    paused_until_at: int
    series: Series
    end_reason: str
    set_by: _containers.ScalarMap[str, str]
    run_again: bool
    def __init__(self, id: _Optional[str] = ..., executor: _Optional[str] = ..., executor_version: _Optional[int] = ..., status: _Optional[str] = ..., desired: _Optional[str] = ..., stop_reason: _Optional[str] = ..., stopping_since_at: _Optional[int] = ..., params: _Optional[bytes] = ..., state: _Optional[bytes] = ..., state_version: _Optional[int] = ..., state_allocation_id: _Optional[int] = ..., state_is_current: _Optional[bool] = ..., description: _Optional[str] = ..., spec: _Optional[_Union[TaskSpec, _Mapping]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., allocation_id: _Optional[int] = ..., node: _Optional[str] = ..., incarnation: _Optional[str] = ..., code: _Optional[str] = ..., explanation: _Optional[str] = ..., attempts: _Optional[int] = ..., due_at: _Optional[int] = ..., last_outcome: _Optional[_Union[LastOutcome, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., created_at: _Optional[int] = ..., updated_at: _Optional[int] = ..., started_at: _Optional[int] = ..., finished_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., created_revision: _Optional[int] = ..., modified_revision: _Optional[int] = ..., declared: _Optional[bool] = ..., paused_until_at: _Optional[int] = ..., series: _Optional[_Union[Series, _Mapping]] = ..., end_reason: _Optional[str] = ..., set_by: _Optional[_Mapping[str, str]] = ..., run_again: _Optional[bool] = ...) -> None: ...

class CreateRequest(_message.Message):
    __slots__ = ("change", "task", "forwarded")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FIELD_NUMBER: _ClassVar[int]
    change: Change
    task: NewTask
    forwarded: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., task: _Optional[_Union[NewTask, _Mapping]] = ..., forwarded: _Optional[bool] = ...) -> None: ...

class CreateResponse(_message.Message):
    __slots__ = ("answer", "task", "created", "validated", "fire_times", "deduplicated")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    FIRE_TIMES_FIELD_NUMBER: _ClassVar[int]
    DEDUPLICATED_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    created: bool
    validated: str
    fire_times: _containers.RepeatedCompositeFieldContainer[FireTime]
    deduplicated: bool
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., created: _Optional[bool] = ..., validated: _Optional[str] = ..., fire_times: _Optional[_Iterable[_Union[FireTime, _Mapping]]] = ..., deduplicated: _Optional[bool] = ...) -> None: ...

class FireTime(_message.Message):
    __slots__ = ("at", "local", "fate", "reason", "jitter_ms", "note")
    AT_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    FATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    JITTER_MS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    at: int
    local: str
    fate: str
    reason: str
    jitter_ms: int
    note: str
    def __init__(self, at: _Optional[int] = ..., local: _Optional[str] = ..., fate: _Optional[str] = ..., reason: _Optional[str] = ..., jitter_ms: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class CreateManyRequest(_message.Message):
    __slots__ = ("change", "tasks", "brief")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    change: Change
    tasks: _containers.RepeatedCompositeFieldContainer[NewTask]
    brief: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., tasks: _Optional[_Iterable[_Union[NewTask, _Mapping]]] = ..., brief: _Optional[bool] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ("code", "reason", "message", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    code: str
    reason: str
    message: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateManyItem(_message.Message):
    __slots__ = ("id", "created", "task", "error", "allocation_id", "node", "status", "validated", "deduplicated")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    DEDUPLICATED_FIELD_NUMBER: _ClassVar[int]
    id: str
    created: bool
    task: Task
    error: ItemError
    allocation_id: int
    node: str
    status: str
    validated: str
    deduplicated: bool
    def __init__(self, id: _Optional[str] = ..., created: _Optional[bool] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ..., allocation_id: _Optional[int] = ..., node: _Optional[str] = ..., status: _Optional[str] = ..., validated: _Optional[str] = ..., deduplicated: _Optional[bool] = ...) -> None: ...

class CreateManyResponse(_message.Message):
    __slots__ = ("answer", "items")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    items: _containers.RepeatedCompositeFieldContainer[CreateManyItem]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., items: _Optional[_Iterable[_Union[CreateManyItem, _Mapping]]] = ...) -> None: ...

class ReadOptions(_message.Message):
    __slots__ = ("stale", "min_revision")
    STALE_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    stale: bool
    min_revision: int
    def __init__(self, stale: _Optional[bool] = ..., min_revision: _Optional[int] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("id", "read", "prefix", "fire_times")
    ID_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    FIRE_TIMES_FIELD_NUMBER: _ClassVar[int]
    id: str
    read: ReadOptions
    prefix: bool
    fire_times: int
    def __init__(self, id: _Optional[str] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ..., prefix: _Optional[bool] = ..., fire_times: _Optional[int] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("answer", "task", "matches", "match_count", "fire_times")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRE_TIMES_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    matches: _containers.RepeatedScalarFieldContainer[str]
    match_count: int
    fire_times: _containers.RepeatedCompositeFieldContainer[FireTime]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., matches: _Optional[_Iterable[str]] = ..., match_count: _Optional[int] = ..., fire_times: _Optional[_Iterable[_Union[FireTime, _Mapping]]] = ...) -> None: ...

class Filter(_message.Message):
    __slots__ = ("label_terms", "statuses", "executor", "node", "parent", "object_kind", "object_id", "include_finished", "ids", "id_pattern", "running_longer_ms", "recurring", "standalone")
    LABEL_TERMS_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    OBJECT_KIND_FIELD_NUMBER: _ClassVar[int]
    OBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FINISHED_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    ID_PATTERN_FIELD_NUMBER: _ClassVar[int]
    RUNNING_LONGER_MS_FIELD_NUMBER: _ClassVar[int]
    RECURRING_FIELD_NUMBER: _ClassVar[int]
    STANDALONE_FIELD_NUMBER: _ClassVar[int]
    label_terms: _containers.RepeatedScalarFieldContainer[str]
    statuses: _containers.RepeatedScalarFieldContainer[str]
    executor: str
    node: str
    parent: str
    object_kind: str
    object_id: str
    include_finished: bool
    ids: _containers.RepeatedScalarFieldContainer[str]
    id_pattern: str
    running_longer_ms: int
    recurring: bool
    standalone: bool
    def __init__(self, label_terms: _Optional[_Iterable[str]] = ..., statuses: _Optional[_Iterable[str]] = ..., executor: _Optional[str] = ..., node: _Optional[str] = ..., parent: _Optional[str] = ..., object_kind: _Optional[str] = ..., object_id: _Optional[str] = ..., include_finished: _Optional[bool] = ..., ids: _Optional[_Iterable[str]] = ..., id_pattern: _Optional[str] = ..., running_longer_ms: _Optional[int] = ..., recurring: _Optional[bool] = ..., standalone: _Optional[bool] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token", "read", "count_only")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    COUNT_ONLY_FIELD_NUMBER: _ClassVar[int]
    filter: Filter
    page_size: int
    page_token: str
    read: ReadOptions
    count_only: bool
    def __init__(self, filter: _Optional[_Union[Filter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ..., count_only: _Optional[bool] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("answer", "tasks", "next_page", "list_revision", "count")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    LIST_REVISION_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    next_page: str
    list_revision: int
    count: int
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., next_page: _Optional[str] = ..., list_revision: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class UpdateRequest(_message.Message):
    __slots__ = ("change", "id", "move", "avoid", "params", "merge_params", "spec", "mask", "restart", "set_state", "state", "executor_version")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MOVE_FIELD_NUMBER: _ClassVar[int]
    AVOID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    MERGE_PARAMS_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    SET_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    move: bool
    avoid: _containers.RepeatedScalarFieldContainer[str]
    params: bytes
    merge_params: bool
    spec: TaskSpec
    mask: _containers.RepeatedScalarFieldContainer[str]
    restart: bool
    set_state: bool
    state: bytes
    executor_version: int
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., move: _Optional[bool] = ..., avoid: _Optional[_Iterable[str]] = ..., params: _Optional[bytes] = ..., merge_params: _Optional[bool] = ..., spec: _Optional[_Union[TaskSpec, _Mapping]] = ..., mask: _Optional[_Iterable[str]] = ..., restart: _Optional[bool] = ..., set_state: _Optional[bool] = ..., state: _Optional[bytes] = ..., executor_version: _Optional[int] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("change", "id", "running", "until_at", "clear_state")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    UNTIL_AT_FIELD_NUMBER: _ClassVar[int]
    CLEAR_STATE_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    running: str
    until_at: int
    clear_state: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., running: _Optional[str] = ..., until_at: _Optional[int] = ..., clear_state: _Optional[bool] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("change", "id", "no_catch_up")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NO_CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    no_catch_up: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., no_catch_up: _Optional[bool] = ...) -> None: ...

class RunNowRequest(_message.Message):
    __slots__ = ("change", "id", "queue", "replace")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    queue: bool
    replace: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., queue: _Optional[bool] = ..., replace: _Optional[bool] = ...) -> None: ...

class EnsureRequest(_message.Message):
    __slots__ = ("change", "task", "overwrite", "revive")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    REVIVE_FIELD_NUMBER: _ClassVar[int]
    change: Change
    task: NewTask
    overwrite: bool
    revive: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., task: _Optional[_Union[NewTask, _Mapping]] = ..., overwrite: _Optional[bool] = ..., revive: _Optional[bool] = ...) -> None: ...

class EnsureResponse(_message.Message):
    __slots__ = ("answer", "task", "result", "changed", "kept", "validated")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    result: str
    changed: _containers.RepeatedScalarFieldContainer[str]
    kept: _containers.RepeatedScalarFieldContainer[str]
    validated: str
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., result: _Optional[str] = ..., changed: _Optional[_Iterable[str]] = ..., kept: _Optional[_Iterable[str]] = ..., validated: _Optional[str] = ...) -> None: ...

class PreviewScheduleRequest(_message.Message):
    __slots__ = ("id", "schedule", "count", "from_at", "read")
    ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_AT_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    id: str
    schedule: Schedule
    count: int
    from_at: int
    read: ReadOptions
    def __init__(self, id: _Optional[str] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., count: _Optional[int] = ..., from_at: _Optional[int] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ...) -> None: ...

class PreviewScheduleResponse(_message.Message):
    __slots__ = ("answer", "expression", "time_zone", "reading", "from_at", "items", "warnings")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    READING_FIELD_NUMBER: _ClassVar[int]
    FROM_AT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    expression: str
    time_zone: str
    reading: str
    from_at: int
    items: _containers.RepeatedCompositeFieldContainer[FireTime]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., expression: _Optional[str] = ..., time_zone: _Optional[str] = ..., reading: _Optional[str] = ..., from_at: _Optional[int] = ..., items: _Optional[_Iterable[_Union[FireTime, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class RetryRequest(_message.Message):
    __slots__ = ("change", "id", "again", "params", "merge_params")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    MERGE_PARAMS_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    again: bool
    params: bytes
    merge_params: bool
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., again: _Optional[bool] = ..., params: _Optional[bytes] = ..., merge_params: _Optional[bool] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("change", "id", "purge", "finished_only", "grace_ms", "scope", "then", "allocation_id")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PURGE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_ONLY_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    THEN_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    change: Change
    id: str
    purge: bool
    finished_only: bool
    grace_ms: int
    scope: str
    then: str
    allocation_id: int
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., id: _Optional[str] = ..., purge: _Optional[bool] = ..., finished_only: _Optional[bool] = ..., grace_ms: _Optional[int] = ..., scope: _Optional[str] = ..., then: _Optional[str] = ..., allocation_id: _Optional[int] = ...) -> None: ...

class CancelManyRequest(_message.Message):
    __slots__ = ("change", "filter", "purge", "grace_ms", "page_token")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PURGE_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    change: Change
    filter: Filter
    purge: bool
    grace_ms: int
    page_token: str
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., purge: _Optional[bool] = ..., grace_ms: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ChangeManyRequest(_message.Message):
    __slots__ = ("change", "filter", "page_token", "pause", "resume", "retry", "run_now", "update", "clear_state_of")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    RUN_NOW_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    CLEAR_STATE_OF_FIELD_NUMBER: _ClassVar[int]
    change: Change
    filter: Filter
    page_token: str
    pause: PauseRequest
    resume: ResumeRequest
    retry: RetryRequest
    run_now: RunNowRequest
    update: UpdateRequest
    clear_state_of: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, change: _Optional[_Union[Change, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., page_token: _Optional[str] = ..., pause: _Optional[_Union[PauseRequest, _Mapping]] = ..., resume: _Optional[_Union[ResumeRequest, _Mapping]] = ..., retry: _Optional[_Union[RetryRequest, _Mapping]] = ..., run_now: _Optional[_Union[RunNowRequest, _Mapping]] = ..., update: _Optional[_Union[UpdateRequest, _Mapping]] = ..., clear_state_of: _Optional[_Iterable[str]] = ...) -> None: ...

class ChangeManyItem(_message.Message):
    __slots__ = ("id", "result", "task", "error", "removed", "validated")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    id: str
    result: str
    task: Task
    error: ItemError
    removed: bool
    validated: str
    def __init__(self, id: _Optional[str] = ..., result: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ..., removed: _Optional[bool] = ..., validated: _Optional[str] = ...) -> None: ...

class ChangeManyResponse(_message.Message):
    __slots__ = ("answer", "items", "next_page")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    items: _containers.RepeatedCompositeFieldContainer[ChangeManyItem]
    next_page: str
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., items: _Optional[_Iterable[_Union[ChangeManyItem, _Mapping]]] = ..., next_page: _Optional[str] = ...) -> None: ...

class ChangeResponse(_message.Message):
    __slots__ = ("answer", "task", "unchanged", "removed", "effect", "now", "next_run", "validated", "fire_times", "notes")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    NEXT_RUN_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    FIRE_TIMES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    unchanged: bool
    removed: bool
    effect: str
    now: _containers.RepeatedScalarFieldContainer[str]
    next_run: _containers.RepeatedScalarFieldContainer[str]
    validated: str
    fire_times: _containers.RepeatedCompositeFieldContainer[FireTime]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., unchanged: _Optional[bool] = ..., removed: _Optional[bool] = ..., effect: _Optional[str] = ..., now: _Optional[_Iterable[str]] = ..., next_run: _Optional[_Iterable[str]] = ..., validated: _Optional[str] = ..., fire_times: _Optional[_Iterable[_Union[FireTime, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class NodeVerdict(_message.Message):
    __slots__ = ("node", "eligible", "code", "detail")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    node: str
    eligible: bool
    code: str
    detail: str
    def __init__(self, node: _Optional[str] = ..., eligible: _Optional[bool] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Hint(_message.Message):
    __slots__ = ("text", "command")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    text: str
    command: str
    def __init__(self, text: _Optional[str] = ..., command: _Optional[str] = ...) -> None: ...

class LimitHeld(_message.Message):
    __slots__ = ("scope", "key", "max", "runs", "holders")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    scope: str
    key: str
    max: int
    runs: int
    holders: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[str] = ..., key: _Optional[str] = ..., max: _Optional[int] = ..., runs: _Optional[int] = ..., holders: _Optional[_Iterable[str]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("id", "read")
    ID_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    id: str
    read: ReadOptions
    def __init__(self, id: _Optional[str] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("answer", "task", "stage", "code", "text", "since_at", "next_check_at", "would_choose", "queue_position", "nodes", "hints", "limits")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_CHECK_AT_FIELD_NUMBER: _ClassVar[int]
    WOULD_CHOOSE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    stage: int
    code: str
    text: str
    since_at: int
    next_check_at: int
    would_choose: str
    queue_position: int
    nodes: _containers.RepeatedCompositeFieldContainer[NodeVerdict]
    hints: _containers.RepeatedCompositeFieldContainer[Hint]
    limits: _containers.RepeatedCompositeFieldContainer[LimitHeld]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., stage: _Optional[int] = ..., code: _Optional[str] = ..., text: _Optional[str] = ..., since_at: _Optional[int] = ..., next_check_at: _Optional[int] = ..., would_choose: _Optional[str] = ..., queue_position: _Optional[int] = ..., nodes: _Optional[_Iterable[_Union[NodeVerdict, _Mapping]]] = ..., hints: _Optional[_Iterable[_Union[Hint, _Mapping]]] = ..., limits: _Optional[_Iterable[_Union[LimitHeld, _Mapping]]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("task", "executor", "allocation_id", "attempt", "cause", "node", "incarnation", "due_at", "assigned_at", "started_at", "ended_at", "status", "outcome", "reported", "reason", "error", "result", "progress", "description", "log_lines", "log_dropped", "stop_reason", "stopping_since_at", "parent", "headers", "running_for_ms", "occurrence_at", "state_digest_before", "state_digest_after", "state_bytes", "log_counts")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LOG_LINES_FIELD_NUMBER: _ClassVar[int]
    LOG_DROPPED_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    STOPPING_SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FOR_MS_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCE_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_DIGEST_BEFORE_FIELD_NUMBER: _ClassVar[int]
    STATE_DIGEST_AFTER_FIELD_NUMBER: _ClassVar[int]
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LOG_COUNTS_FIELD_NUMBER: _ClassVar[int]
    task: str
    executor: str
    allocation_id: int
    attempt: int
    cause: str
    node: str
    incarnation: str
    due_at: int
    assigned_at: int
    started_at: int
    ended_at: int
    status: str
    outcome: str
    reported: str
    reason: str
    error: bytes
    result: bytes
    progress: Progress
    description: str
    log_lines: int
    log_dropped: int
    stop_reason: str
    stopping_since_at: int
    parent: str
    headers: _containers.ScalarMap[str, str]
    running_for_ms: int
    occurrence_at: int
    state_digest_before: str
    state_digest_after: str
    state_bytes: int
    log_counts: LogCounts
    def __init__(self, task: _Optional[str] = ..., executor: _Optional[str] = ..., allocation_id: _Optional[int] = ..., attempt: _Optional[int] = ..., cause: _Optional[str] = ..., node: _Optional[str] = ..., incarnation: _Optional[str] = ..., due_at: _Optional[int] = ..., assigned_at: _Optional[int] = ..., started_at: _Optional[int] = ..., ended_at: _Optional[int] = ..., status: _Optional[str] = ..., outcome: _Optional[str] = ..., reported: _Optional[str] = ..., reason: _Optional[str] = ..., error: _Optional[bytes] = ..., result: _Optional[bytes] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., description: _Optional[str] = ..., log_lines: _Optional[int] = ..., log_dropped: _Optional[int] = ..., stop_reason: _Optional[str] = ..., stopping_since_at: _Optional[int] = ..., parent: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., running_for_ms: _Optional[int] = ..., occurrence_at: _Optional[int] = ..., state_digest_before: _Optional[str] = ..., state_digest_after: _Optional[str] = ..., state_bytes: _Optional[int] = ..., log_counts: _Optional[_Union[LogCounts, _Mapping]] = ...) -> None: ...

class LogCounts(_message.Message):
    __slots__ = ("debug", "info", "warning", "error")
    DEBUG_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    debug: int
    info: int
    warning: int
    error: int
    def __init__(self, debug: _Optional[int] = ..., info: _Optional[int] = ..., warning: _Optional[int] = ..., error: _Optional[int] = ...) -> None: ...

class FatesRequest(_message.Message):
    __slots__ = ("id", "limit", "page_token", "read")
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    id: str
    limit: int
    page_token: str
    read: ReadOptions
    def __init__(self, id: _Optional[str] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ...) -> None: ...

class FateRange(_message.Message):
    __slots__ = ("fate", "reason", "first_at", "last_at", "count", "number")
    FATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIRST_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_AT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    fate: str
    reason: str
    first_at: int
    last_at: int
    count: int
    number: int
    def __init__(self, fate: _Optional[str] = ..., reason: _Optional[str] = ..., first_at: _Optional[int] = ..., last_at: _Optional[int] = ..., count: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class FatesResponse(_message.Message):
    __slots__ = ("answer", "fates", "next_page")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    FATES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    fates: _containers.RepeatedCompositeFieldContainer[FateRange]
    next_page: str
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., fates: _Optional[_Iterable[_Union[FateRange, _Mapping]]] = ..., next_page: _Optional[str] = ...) -> None: ...

class RunsRequest(_message.Message):
    __slots__ = ("id", "limit", "before_allocation_id", "read", "filter", "outcomes", "since_at", "until_at", "page_token", "count_only", "group_by", "allocation_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_AT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COUNT_ONLY_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    limit: int
    before_allocation_id: int
    read: ReadOptions
    filter: Filter
    outcomes: _containers.RepeatedScalarFieldContainer[str]
    since_at: int
    until_at: int
    page_token: str
    count_only: bool
    group_by: str
    allocation_id: int
    def __init__(self, id: _Optional[str] = ..., limit: _Optional[int] = ..., before_allocation_id: _Optional[int] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., outcomes: _Optional[_Iterable[str]] = ..., since_at: _Optional[int] = ..., until_at: _Optional[int] = ..., page_token: _Optional[str] = ..., count_only: _Optional[bool] = ..., group_by: _Optional[str] = ..., allocation_id: _Optional[int] = ...) -> None: ...

class RunGroup(_message.Message):
    __slots__ = ("group", "runs", "words")
    class WordsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    GROUP_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    group: str
    runs: int
    words: _containers.ScalarMap[str, int]
    def __init__(self, group: _Optional[str] = ..., runs: _Optional[int] = ..., words: _Optional[_Mapping[str, int]] = ...) -> None: ...

class RunsResponse(_message.Message):
    __slots__ = ("answer", "runs", "next_page", "count", "groups")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page: str
    count: int
    groups: _containers.RepeatedCompositeFieldContainer[RunGroup]
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page: _Optional[str] = ..., count: _Optional[int] = ..., groups: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ...) -> None: ...

class LogsRequest(_message.Message):
    __slots__ = ("id", "allocation_id", "follow", "level", "since_at", "read")
    ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    id: str
    allocation_id: int
    follow: bool
    level: str
    since_at: int
    read: ReadOptions
    def __init__(self, id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., follow: _Optional[bool] = ..., level: _Optional[str] = ..., since_at: _Optional[int] = ..., read: _Optional[_Union[ReadOptions, _Mapping]] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("at", "level", "event", "fields", "allocation_id")
    AT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    at: int
    level: str
    event: str
    fields: bytes
    allocation_id: int
    def __init__(self, at: _Optional[int] = ..., level: _Optional[str] = ..., event: _Optional[str] = ..., fields: _Optional[bytes] = ..., allocation_id: _Optional[int] = ...) -> None: ...

class LogsResponse(_message.Message):
    __slots__ = ("answer", "lines", "dropped", "ended")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    lines: _containers.RepeatedCompositeFieldContainer[LogLine]
    dropped: int
    ended: bool
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ..., dropped: _Optional[int] = ..., ended: _Optional[bool] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("kind", "status", "path", "op", "value", "allocation_id", "revision")
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    status: str
    path: str
    op: str
    value: bytes
    allocation_id: int
    revision: int
    def __init__(self, kind: _Optional[str] = ..., status: _Optional[str] = ..., path: _Optional[str] = ..., op: _Optional[str] = ..., value: _Optional[bytes] = ..., allocation_id: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class WaitRequest(_message.Message):
    __slots__ = ("id", "conditions", "deadline_ms", "after_revision")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    deadline_ms: int
    after_revision: int
    def __init__(self, id: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., deadline_ms: _Optional[int] = ..., after_revision: _Optional[int] = ...) -> None: ...

class WaitResponse(_message.Message):
    __slots__ = ("answer", "task", "met", "gone", "condition")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    MET_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    task: Task
    met: bool
    gone: bool
    condition: str
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., met: _Optional[bool] = ..., gone: _Optional[bool] = ..., condition: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("after_revision", "from_now", "filter", "progress")
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    FROM_NOW_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    after_revision: int
    from_now: bool
    filter: Filter
    progress: bool
    def __init__(self, after_revision: _Optional[int] = ..., from_now: _Optional[bool] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., progress: _Optional[bool] = ...) -> None: ...

class WatchChange(_message.Message):
    __slots__ = ("type", "task")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    type: str
    task: Task
    def __init__(self, type: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("kind", "revision", "changes", "more", "reason", "oldest_revision", "answer")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OLDEST_REVISION_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    revision: int
    changes: _containers.RepeatedCompositeFieldContainer[WatchChange]
    more: bool
    reason: str
    oldest_revision: int
    answer: Answer
    def __init__(self, kind: _Optional[str] = ..., revision: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[WatchChange, _Mapping]]] = ..., more: _Optional[bool] = ..., reason: _Optional[str] = ..., oldest_revision: _Optional[int] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ...) -> None: ...

class CallRequest(_message.Message):
    __slots__ = ("id", "method", "payload")
    ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    id: str
    method: str
    payload: bytes
    def __init__(self, id: _Optional[str] = ..., method: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class CallResponse(_message.Message):
    __slots__ = ("answer", "payload", "allocation_id", "node")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    answer: Answer
    payload: bytes
    allocation_id: int
    node: str
    def __init__(self, answer: _Optional[_Union[Answer, _Mapping]] = ..., payload: _Optional[bytes] = ..., allocation_id: _Optional[int] = ..., node: _Optional[str] = ...) -> None: ...
