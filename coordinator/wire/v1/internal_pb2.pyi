from . import tasks_pb2 as _tasks_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Introduction(_message.Message):
    __slots__ = ("name", "cluster_id", "storage_id", "peers", "member_id", "mode", "http", "stream", "seed", "address", "admission", "feature_level", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    STORAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HTTP_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    cluster_id: str
    storage_id: str
    peers: _containers.RepeatedScalarFieldContainer[str]
    member_id: int
    mode: str
    http: str
    stream: str
    seed: str
    address: str
    admission: Admission
    feature_level: int
    version: str
    def __init__(self, name: _Optional[str] = ..., cluster_id: _Optional[str] = ..., storage_id: _Optional[str] = ..., peers: _Optional[_Iterable[str]] = ..., member_id: _Optional[int] = ..., mode: _Optional[str] = ..., http: _Optional[str] = ..., stream: _Optional[str] = ..., seed: _Optional[str] = ..., address: _Optional[str] = ..., admission: _Optional[_Union[Admission, _Mapping]] = ..., feature_level: _Optional[int] = ..., version: _Optional[str] = ...) -> None: ...

class Admission(_message.Message):
    __slots__ = ("member_id", "waits_for", "refused", "removed", "members")
    MEMBER_ID_FIELD_NUMBER: _ClassVar[int]
    WAITS_FOR_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    member_id: int
    waits_for: str
    refused: str
    removed: bool
    members: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, member_id: _Optional[int] = ..., waits_for: _Optional[str] = ..., refused: _Optional[str] = ..., removed: _Optional[bool] = ..., members: _Optional[_Iterable[str]] = ...) -> None: ...

class FoundRequest(_message.Message):
    __slots__ = ("cluster_id", "founder", "snapshot", "peers", "storage_ids", "seed", "digest")
    class StorageIdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    FOUNDER_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    STORAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    founder: str
    snapshot: bytes
    peers: _containers.RepeatedScalarFieldContainer[str]
    storage_ids: _containers.ScalarMap[str, str]
    seed: str
    digest: str
    def __init__(self, cluster_id: _Optional[str] = ..., founder: _Optional[str] = ..., snapshot: _Optional[bytes] = ..., peers: _Optional[_Iterable[str]] = ..., storage_ids: _Optional[_Mapping[str, str]] = ..., seed: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class DigestRequest(_message.Message):
    __slots__ = ("hello", "index", "digest")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    hello: Introduction
    index: int
    digest: str
    def __init__(self, hello: _Optional[_Union[Introduction, _Mapping]] = ..., index: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class DigestReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ("hello", "incomplete", "revision")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    hello: Introduction
    incomplete: bool
    revision: int
    def __init__(self, hello: _Optional[_Union[Introduction, _Mapping]] = ..., incomplete: _Optional[bool] = ..., revision: _Optional[int] = ...) -> None: ...

class HistoryPiece(_message.Message):
    __slots__ = ("runs", "fates", "last", "refused", "audit")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    FATES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    runs: bytes
    fates: bytes
    last: bool
    refused: str
    audit: bytes
    def __init__(self, runs: _Optional[bytes] = ..., fates: _Optional[bytes] = ..., last: _Optional[bool] = ..., refused: _Optional[str] = ..., audit: _Optional[bytes] = ...) -> None: ...

class FoundReply(_message.Message):
    __slots__ = ("accepted", "reason")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    reason: str
    def __init__(self, accepted: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class PeerFrame(_message.Message):
    __slots__ = ("hello", "messages", "sent_wall_at")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SENT_WALL_AT_FIELD_NUMBER: _ClassVar[int]
    hello: Introduction
    messages: _containers.RepeatedScalarFieldContainer[bytes]
    sent_wall_at: int
    def __init__(self, hello: _Optional[_Union[Introduction, _Mapping]] = ..., messages: _Optional[_Iterable[bytes]] = ..., sent_wall_at: _Optional[int] = ...) -> None: ...

class PeerReply(_message.Message):
    __slots__ = ("refused", "hello", "received", "removed")
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    refused: str
    hello: Introduction
    received: int
    removed: bool
    def __init__(self, refused: _Optional[str] = ..., hello: _Optional[_Union[Introduction, _Mapping]] = ..., received: _Optional[int] = ..., removed: _Optional[bool] = ...) -> None: ...

class SnapshotChunk(_message.Message):
    __slots__ = ("hello", "message", "number", "data", "crc32", "last")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    hello: Introduction
    message: bytes
    number: int
    data: bytes
    crc32: int
    last: bool
    def __init__(self, hello: _Optional[_Union[Introduction, _Mapping]] = ..., message: _Optional[bytes] = ..., number: _Optional[int] = ..., data: _Optional[bytes] = ..., crc32: _Optional[int] = ..., last: _Optional[bool] = ...) -> None: ...

class SnapshotReply(_message.Message):
    __slots__ = ("accepted", "reason")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    reason: str
    def __init__(self, accepted: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class NodeFrame(_message.Message):
    __slots__ = ("register", "heartbeat", "reports", "progress", "logs", "goodbye", "drain", "manifests", "load_errors", "call_answers")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    MANIFESTS_FIELD_NUMBER: _ClassVar[int]
    LOAD_ERRORS_FIELD_NUMBER: _ClassVar[int]
    CALL_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    register: Register
    heartbeat: Heartbeat
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    progress: _containers.RepeatedCompositeFieldContainer[LiveProgress]
    logs: _containers.RepeatedCompositeFieldContainer[LiveLog]
    goodbye: bool
    drain: bool
    manifests: _containers.RepeatedCompositeFieldContainer[Manifest]
    load_errors: _containers.RepeatedCompositeFieldContainer[LoadError]
    call_answers: _containers.RepeatedCompositeFieldContainer[CallAnswer]
    def __init__(self, register: _Optional[_Union[Register, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ..., progress: _Optional[_Iterable[_Union[LiveProgress, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[LiveLog, _Mapping]]] = ..., goodbye: _Optional[bool] = ..., drain: _Optional[bool] = ..., manifests: _Optional[_Iterable[_Union[Manifest, _Mapping]]] = ..., load_errors: _Optional[_Iterable[_Union[LoadError, _Mapping]]] = ..., call_answers: _Optional[_Iterable[_Union[CallAnswer, _Mapping]]] = ...) -> None: ...

class CallAnswer(_message.Message):
    __slots__ = ("call", "payload", "reason", "detail")
    CALL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    call: int
    payload: bytes
    reason: str
    detail: str
    def __init__(self, call: _Optional[int] = ..., payload: _Optional[bytes] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("name", "version", "body", "hash")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    body: bytes
    hash: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., body: _Optional[bytes] = ..., hash: _Optional[str] = ...) -> None: ...

class LoadError(_message.Message):
    __slots__ = ("plugin", "error")
    PLUGIN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    plugin: str
    error: str
    def __init__(self, plugin: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("name", "node_uid", "counter", "incarnation", "boot_id", "pid_namespace", "old_is_dead", "attributes", "capacity", "manifests", "load_errors", "version", "python", "cluster_id", "max_starting", "rejoin", "boot_counter", "feature_level", "machine")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    PID_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    OLD_IS_DEAD_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    MANIFESTS_FIELD_NUMBER: _ClassVar[int]
    LOAD_ERRORS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_STARTING_FIELD_NUMBER: _ClassVar[int]
    REJOIN_FIELD_NUMBER: _ClassVar[int]
    BOOT_COUNTER_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    node_uid: str
    counter: int
    incarnation: str
    boot_id: str
    pid_namespace: str
    old_is_dead: bool
    attributes: _containers.ScalarMap[str, str]
    capacity: int
    manifests: _containers.RepeatedCompositeFieldContainer[Manifest]
    load_errors: _containers.RepeatedCompositeFieldContainer[LoadError]
    version: str
    python: str
    cluster_id: str
    max_starting: int
    rejoin: bool
    boot_counter: int
    feature_level: int
    machine: str
    def __init__(self, name: _Optional[str] = ..., node_uid: _Optional[str] = ..., counter: _Optional[int] = ..., incarnation: _Optional[str] = ..., boot_id: _Optional[str] = ..., pid_namespace: _Optional[str] = ..., old_is_dead: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ..., capacity: _Optional[int] = ..., manifests: _Optional[_Iterable[_Union[Manifest, _Mapping]]] = ..., load_errors: _Optional[_Iterable[_Union[LoadError, _Mapping]]] = ..., version: _Optional[str] = ..., python: _Optional[str] = ..., cluster_id: _Optional[str] = ..., max_starting: _Optional[int] = ..., rejoin: _Optional[bool] = ..., boot_counter: _Optional[int] = ..., feature_level: _Optional[int] = ..., machine: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sequence", "accepted_sequence", "runs_digest", "runs", "lease_ms", "loop_lag_ms", "rss_bytes", "lists_runs", "effective_capacity", "overload")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RUNS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_MS_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    LISTS_RUNS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    OVERLOAD_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    accepted_sequence: int
    runs_digest: int
    runs: _containers.RepeatedCompositeFieldContainer[LocalRun]
    lease_ms: int
    loop_lag_ms: int
    rss_bytes: int
    lists_runs: bool
    effective_capacity: int
    overload: str
    def __init__(self, sequence: _Optional[int] = ..., accepted_sequence: _Optional[int] = ..., runs_digest: _Optional[int] = ..., runs: _Optional[_Iterable[_Union[LocalRun, _Mapping]]] = ..., lease_ms: _Optional[int] = ..., loop_lag_ms: _Optional[int] = ..., rss_bytes: _Optional[int] = ..., lists_runs: _Optional[bool] = ..., effective_capacity: _Optional[int] = ..., overload: _Optional[str] = ...) -> None: ...

class LocalRun(_message.Message):
    __slots__ = ("task_id", "allocation_id", "state")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    allocation_id: int
    state: str
    def __init__(self, task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("number", "task_id", "allocation_id", "kind", "state_seq", "state", "state_is_null", "state_version", "ended", "has_state", "started_ago_ms", "stop_reason", "child", "poke")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_SEQ_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_IS_NULL_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    HAS_STATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AGO_MS_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    POKE_FIELD_NUMBER: _ClassVar[int]
    number: int
    task_id: str
    allocation_id: int
    kind: str
    state_seq: int
    state: bytes
    state_is_null: bool
    state_version: int
    ended: Ended
    has_state: bool
    started_ago_ms: int
    stop_reason: str
    child: NewChild
    poke: str
    def __init__(self, number: _Optional[int] = ..., task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., kind: _Optional[str] = ..., state_seq: _Optional[int] = ..., state: _Optional[bytes] = ..., state_is_null: _Optional[bool] = ..., state_version: _Optional[int] = ..., ended: _Optional[_Union[Ended, _Mapping]] = ..., has_state: _Optional[bool] = ..., started_ago_ms: _Optional[int] = ..., stop_reason: _Optional[str] = ..., child: _Optional[_Union[NewChild, _Mapping]] = ..., poke: _Optional[str] = ...) -> None: ...

class NewChild(_message.Message):
    __slots__ = ("key", "executor", "params", "spec", "paused")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    key: str
    executor: str
    params: bytes
    spec: _tasks_pb2.TaskSpec
    paused: bool
    def __init__(self, key: _Optional[str] = ..., executor: _Optional[str] = ..., params: _Optional[bytes] = ..., spec: _Optional[_Union[_tasks_pb2.TaskSpec, _Mapping]] = ..., paused: _Optional[bool] = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ("outcome", "reason", "result", "error", "permanent", "retry_in_ms", "logs", "logs_dropped", "lasted_ms", "handed_back", "worker_died", "reported", "log_counts", "again_in_ms", "schedule", "then")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PERMANENT_FIELD_NUMBER: _ClassVar[int]
    RETRY_IN_MS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    LOGS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    LASTED_MS_FIELD_NUMBER: _ClassVar[int]
    HANDED_BACK_FIELD_NUMBER: _ClassVar[int]
    WORKER_DIED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    LOG_COUNTS_FIELD_NUMBER: _ClassVar[int]
    AGAIN_IN_MS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    THEN_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    reason: str
    result: bytes
    error: bytes
    permanent: bool
    retry_in_ms: int
    logs: bytes
    logs_dropped: int
    lasted_ms: int
    handed_back: bool
    worker_died: bool
    reported: str
    log_counts: _tasks_pb2.LogCounts
    again_in_ms: int
    schedule: _tasks_pb2.Schedule
    then: str
    def __init__(self, outcome: _Optional[str] = ..., reason: _Optional[str] = ..., result: _Optional[bytes] = ..., error: _Optional[bytes] = ..., permanent: _Optional[bool] = ..., retry_in_ms: _Optional[int] = ..., logs: _Optional[bytes] = ..., logs_dropped: _Optional[int] = ..., lasted_ms: _Optional[int] = ..., handed_back: _Optional[bool] = ..., worker_died: _Optional[bool] = ..., reported: _Optional[str] = ..., log_counts: _Optional[_Union[_tasks_pb2.LogCounts, _Mapping]] = ..., again_in_ms: _Optional[int] = ..., schedule: _Optional[_Union[_tasks_pb2.Schedule, _Mapping]] = ..., then: _Optional[str] = ...) -> None: ...

class LiveProgress(_message.Message):
    __slots__ = ("task_id", "allocation_id", "done", "total", "message")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    allocation_id: int
    done: float
    total: float
    message: str
    def __init__(self, task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., done: _Optional[float] = ..., total: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class LiveLog(_message.Message):
    __slots__ = ("task_id", "allocation_id", "at", "level", "event", "fields")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    allocation_id: int
    at: int
    level: str
    event: str
    fields: bytes
    def __init__(self, task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., at: _Optional[int] = ..., level: _Optional[str] = ..., event: _Optional[str] = ..., fields: _Optional[bytes] = ...) -> None: ...

class LeaderFrame(_message.Message):
    __slots__ = ("term", "welcome", "heartbeat", "wanted", "answers", "close", "leader_address", "close_detail", "send_runs", "calls")
    TERM_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    LEADER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_DETAIL_FIELD_NUMBER: _ClassVar[int]
    SEND_RUNS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    term: int
    welcome: Welcome
    heartbeat: HeartbeatAnswer
    wanted: Wanted
    answers: _containers.RepeatedCompositeFieldContainer[ReportAnswer]
    close: str
    leader_address: str
    close_detail: str
    send_runs: bool
    calls: _containers.RepeatedCompositeFieldContainer[RunCall]
    def __init__(self, term: _Optional[int] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., heartbeat: _Optional[_Union[HeartbeatAnswer, _Mapping]] = ..., wanted: _Optional[_Union[Wanted, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[ReportAnswer, _Mapping]]] = ..., close: _Optional[str] = ..., leader_address: _Optional[str] = ..., close_detail: _Optional[str] = ..., send_runs: _Optional[bool] = ..., calls: _Optional[_Iterable[_Union[RunCall, _Mapping]]] = ...) -> None: ...

class RunCall(_message.Message):
    __slots__ = ("call", "task_id", "allocation_id", "method", "payload", "timeout_ms", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CALL_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    call: int
    task_id: str
    allocation_id: int
    method: str
    payload: bytes
    timeout_ms: int
    headers: _containers.ScalarMap[str, str]
    def __init__(self, call: _Optional[int] = ..., task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., method: _Optional[str] = ..., payload: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("cluster_id", "leader", "heartbeat_ms", "lease_ms", "reassign_ms", "coordinators", "disconnect_grace_ms")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    REASSIGN_MS_FIELD_NUMBER: _ClassVar[int]
    COORDINATORS_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    leader: str
    heartbeat_ms: int
    lease_ms: int
    reassign_ms: int
    coordinators: _containers.RepeatedScalarFieldContainer[str]
    disconnect_grace_ms: int
    def __init__(self, cluster_id: _Optional[str] = ..., leader: _Optional[str] = ..., heartbeat_ms: _Optional[int] = ..., lease_ms: _Optional[int] = ..., reassign_ms: _Optional[int] = ..., coordinators: _Optional[_Iterable[str]] = ..., disconnect_grace_ms: _Optional[int] = ...) -> None: ...

class HeartbeatAnswer(_message.Message):
    __slots__ = ("sequence", "term", "heartbeat_ms", "lease_ms")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    term: int
    heartbeat_ms: int
    lease_ms: int
    def __init__(self, sequence: _Optional[int] = ..., term: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ..., lease_ms: _Optional[int] = ...) -> None: ...

class Wanted(_message.Message):
    __slots__ = ("full", "revision", "previous", "runs", "gone", "more")
    FULL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    full: bool
    revision: int
    previous: int
    runs: _containers.RepeatedCompositeFieldContainer[WantedRun]
    gone: _containers.RepeatedScalarFieldContainer[str]
    more: bool
    def __init__(self, full: _Optional[bool] = ..., revision: _Optional[int] = ..., previous: _Optional[int] = ..., runs: _Optional[_Iterable[_Union[WantedRun, _Mapping]]] = ..., gone: _Optional[_Iterable[str]] = ..., more: _Optional[bool] = ...) -> None: ...

class WantedRun(_message.Message):
    __slots__ = ("task_id", "allocation_id", "stop", "stop_reason", "executor", "executor_version", "params", "state", "state_is_null", "state_version", "state_allocation_id", "attempt", "timeout_ms", "cancel_grace_ms", "exclusive", "isolation", "cost", "labels", "headers", "due_at", "parent", "own_process", "max_attempts", "invalid_state")
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
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_IS_NULL_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    OWN_PROCESS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INVALID_STATE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    allocation_id: int
    stop: bool
    stop_reason: str
    executor: str
    executor_version: int
    params: bytes
    state: bytes
    state_is_null: bool
    state_version: int
    state_allocation_id: int
    attempt: int
    timeout_ms: int
    cancel_grace_ms: int
    exclusive: bool
    isolation: str
    cost: int
    labels: _containers.ScalarMap[str, str]
    headers: _containers.ScalarMap[str, str]
    due_at: int
    parent: str
    own_process: bool
    max_attempts: int
    invalid_state: str
    def __init__(self, task_id: _Optional[str] = ..., allocation_id: _Optional[int] = ..., stop: _Optional[bool] = ..., stop_reason: _Optional[str] = ..., executor: _Optional[str] = ..., executor_version: _Optional[int] = ..., params: _Optional[bytes] = ..., state: _Optional[bytes] = ..., state_is_null: _Optional[bool] = ..., state_version: _Optional[int] = ..., state_allocation_id: _Optional[int] = ..., attempt: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., cancel_grace_ms: _Optional[int] = ..., exclusive: _Optional[bool] = ..., isolation: _Optional[str] = ..., cost: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., headers: _Optional[_Mapping[str, str]] = ..., due_at: _Optional[int] = ..., parent: _Optional[str] = ..., own_process: _Optional[bool] = ..., max_attempts: _Optional[int] = ..., invalid_state: _Optional[str] = ...) -> None: ...

class ReportAnswer(_message.Message):
    __slots__ = ("number", "accepted", "reason", "current_allocation_id", "revision", "detail", "created")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CURRENT_ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    number: int
    accepted: bool
    reason: str
    current_allocation_id: int
    revision: int
    detail: str
    created: bool
    def __init__(self, number: _Optional[int] = ..., accepted: _Optional[bool] = ..., reason: _Optional[str] = ..., current_allocation_id: _Optional[int] = ..., revision: _Optional[int] = ..., detail: _Optional[str] = ..., created: _Optional[bool] = ...) -> None: ...
