from . import health_pb2 as _health_pb2
from . import tasks_pb2 as _tasks_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Finding(_message.Message):
    __slots__ = ("rule", "level", "text")
    RULE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    level: str
    text: str
    def __init__(self, rule: _Optional[str] = ..., level: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("name", "grpc", "http", "role", "condition", "voter", "reachable", "error", "term", "applied", "lag", "snapshot", "fsync_p99_ms", "disk_free_bytes", "version", "uptime_ms", "log_entries", "digest", "id", "supports")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GRPC_FIELD_NUMBER: _ClassVar[int]
    HTTP_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    FSYNC_P99_MS_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_MS_FIELD_NUMBER: _ClassVar[int]
    LOG_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    grpc: str
    http: str
    role: str
    condition: str
    voter: bool
    reachable: bool
    error: str
    term: int
    applied: int
    lag: int
    snapshot: int
    fsync_p99_ms: float
    disk_free_bytes: int
    version: str
    uptime_ms: int
    log_entries: int
    digest: str
    id: int
    supports: int
    def __init__(self, name: _Optional[str] = ..., grpc: _Optional[str] = ..., http: _Optional[str] = ..., role: _Optional[str] = ..., condition: _Optional[str] = ..., voter: _Optional[bool] = ..., reachable: _Optional[bool] = ..., error: _Optional[str] = ..., term: _Optional[int] = ..., applied: _Optional[int] = ..., lag: _Optional[int] = ..., snapshot: _Optional[int] = ..., fsync_p99_ms: _Optional[float] = ..., disk_free_bytes: _Optional[int] = ..., version: _Optional[str] = ..., uptime_ms: _Optional[int] = ..., log_entries: _Optional[int] = ..., digest: _Optional[str] = ..., id: _Optional[int] = ..., supports: _Optional[int] = ...) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("answer", "self", "cluster_id", "commit", "feature_level", "members", "elections", "has_quorum", "tasks", "nodes", "wall_at", "nodes_support")
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class NodesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    SELF_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ELECTIONS_FIELD_NUMBER: _ClassVar[int]
    HAS_QUORUM_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    WALL_AT_FIELD_NUMBER: _ClassVar[int]
    NODES_SUPPORT_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    self: Member
    cluster_id: str
    commit: int
    feature_level: int
    members: _containers.RepeatedCompositeFieldContainer[Member]
    elections: int
    has_quorum: bool
    tasks: _containers.ScalarMap[str, int]
    nodes: _containers.ScalarMap[str, int]
    wall_at: int
    nodes_support: int
    def __init__(self_, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., self: _Optional[_Union[Member, _Mapping]] = ..., cluster_id: _Optional[str] = ..., commit: _Optional[int] = ..., feature_level: _Optional[int] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., elections: _Optional[int] = ..., has_quorum: _Optional[bool] = ..., tasks: _Optional[_Mapping[str, int]] = ..., nodes: _Optional[_Mapping[str, int]] = ..., wall_at: _Optional[int] = ..., nodes_support: _Optional[int] = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HealthResponse(_message.Message):
    __slots__ = ("answer", "health", "findings", "report")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    health: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    report: _health_pb2.HealthReport
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., health: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., report: _Optional[_Union[_health_pb2.HealthReport, _Mapping]] = ...) -> None: ...

class CapacityRequest(_message.Message):
    __slots__ = ("read", "nodes", "add")
    READ_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    nodes: int
    add: _containers.RepeatedCompositeFieldContainer[_health_pb2.SeriesToAdd]
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ..., nodes: _Optional[int] = ..., add: _Optional[_Iterable[_Union[_health_pb2.SeriesToAdd, _Mapping]]] = ...) -> None: ...

class CapacityResponse(_message.Message):
    __slots__ = ("answer", "capacity")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    capacity: _health_pb2.CapacityView
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., capacity: _Optional[_Union[_health_pb2.CapacityView, _Mapping]] = ...) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ("read", "path", "page_size", "page_token")
    READ_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    path: str
    page_size: int
    page_token: str
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ..., path: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class StateEntry(_message.Message):
    __slots__ = ("path", "value")
    PATH_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    path: str
    value: bytes
    def __init__(self, path: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class StateResponse(_message.Message):
    __slots__ = ("answer", "entries", "next_page")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    entries: _containers.RepeatedCompositeFieldContainer[StateEntry]
    next_page: str
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[StateEntry, _Mapping]]] = ..., next_page: _Optional[str] = ...) -> None: ...

class NodeExecutor(_message.Message):
    __slots__ = ("name", "version", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    error: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("kind", "reason", "by", "since_at", "deadline_at", "state", "remaining", "movable", "not_movable", "stalled", "hold_ms", "held")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    MOVABLE_FIELD_NUMBER: _ClassVar[int]
    NOT_MOVABLE_FIELD_NUMBER: _ClassVar[int]
    STALLED_FIELD_NUMBER: _ClassVar[int]
    HOLD_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    kind: str
    reason: str
    by: str
    since_at: int
    deadline_at: int
    state: str
    remaining: int
    movable: int
    not_movable: int
    stalled: int
    hold_ms: int
    held: int
    def __init__(self, kind: _Optional[str] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ..., since_at: _Optional[int] = ..., deadline_at: _Optional[int] = ..., state: _Optional[str] = ..., remaining: _Optional[int] = ..., movable: _Optional[int] = ..., not_movable: _Optional[int] = ..., stalled: _Optional[int] = ..., hold_ms: _Optional[int] = ..., held: _Optional[int] = ...) -> None: ...

class NodeView(_message.Message):
    __slots__ = ("name", "incarnation", "status", "attributes", "capacity", "units", "effective_units", "used_units", "runs", "heartbeat_age_ms", "executors", "drain", "member", "version", "python", "joined_at", "connected", "loop_lag_ms", "rss_bytes", "running", "overload")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_UNITS_FIELD_NUMBER: _ClassVar[int]
    USED_UNITS_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    JOINED_AT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_MS_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    OVERLOAD_FIELD_NUMBER: _ClassVar[int]
    name: str
    incarnation: str
    status: str
    attributes: _containers.ScalarMap[str, str]
    capacity: int
    units: int
    effective_units: int
    used_units: int
    runs: int
    heartbeat_age_ms: int
    executors: _containers.RepeatedCompositeFieldContainer[NodeExecutor]
    drain: Drain
    member: str
    version: str
    python: str
    joined_at: int
    connected: bool
    loop_lag_ms: int
    rss_bytes: int
    running: _containers.RepeatedScalarFieldContainer[str]
    overload: str
    def __init__(self, name: _Optional[str] = ..., incarnation: _Optional[str] = ..., status: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., capacity: _Optional[int] = ..., units: _Optional[int] = ..., effective_units: _Optional[int] = ..., used_units: _Optional[int] = ..., runs: _Optional[int] = ..., heartbeat_age_ms: _Optional[int] = ..., executors: _Optional[_Iterable[_Union[NodeExecutor, _Mapping]]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., member: _Optional[str] = ..., version: _Optional[str] = ..., python: _Optional[str] = ..., joined_at: _Optional[int] = ..., connected: _Optional[bool] = ..., loop_lag_ms: _Optional[int] = ..., rss_bytes: _Optional[int] = ..., running: _Optional[_Iterable[str]] = ..., overload: _Optional[str] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ("read", "name")
    READ_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    name: str
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("answer", "nodes")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    nodes: _containers.RepeatedCompositeFieldContainer[NodeView]
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., nodes: _Optional[_Iterable[_Union[NodeView, _Mapping]]] = ...) -> None: ...

class DrainNodeRequest(_message.Message):
    __slots__ = ("change", "name", "kind", "deadline_ms", "hold_ms")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    HOLD_MS_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    kind: str
    deadline_ms: int
    hold_ms: int
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., deadline_ms: _Optional[int] = ..., hold_ms: _Optional[int] = ...) -> None: ...

class UndrainNodeRequest(_message.Message):
    __slots__ = ("change", "name")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class RemoveNodeRequest(_message.Message):
    __slots__ = ("change", "name")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class NodeResponse(_message.Message):
    __slots__ = ("answer", "node", "unchanged")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    node: NodeView
    unchanged: bool
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., node: _Optional[_Union[NodeView, _Mapping]] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class ListMembersRequest(_message.Message):
    __slots__ = ("read",)
    READ_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ...) -> None: ...

class ListMembersResponse(_message.Message):
    __slots__ = ("answer", "members", "pending")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    members: _containers.RepeatedCompositeFieldContainer[Member]
    pending: MemberChange
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., pending: _Optional[_Union[MemberChange, _Mapping]] = ...) -> None: ...

class MemberChange(_message.Message):
    __slots__ = ("revision", "since_at", "joining", "leaving", "stage", "joining_id", "leaving_id")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SINCE_AT_FIELD_NUMBER: _ClassVar[int]
    JOINING_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    JOINING_ID_FIELD_NUMBER: _ClassVar[int]
    LEAVING_ID_FIELD_NUMBER: _ClassVar[int]
    revision: int
    since_at: int
    joining: str
    leaving: str
    stage: str
    joining_id: int
    leaving_id: int
    def __init__(self, revision: _Optional[int] = ..., since_at: _Optional[int] = ..., joining: _Optional[str] = ..., leaving: _Optional[str] = ..., stage: _Optional[str] = ..., joining_id: _Optional[int] = ..., leaving_id: _Optional[int] = ...) -> None: ...

class AddMemberRequest(_message.Message):
    __slots__ = ("change", "name", "address", "replaces")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    address: str
    replaces: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ..., address: _Optional[str] = ..., replaces: _Optional[str] = ...) -> None: ...

class RemoveMemberRequest(_message.Message):
    __slots__ = ("change", "name")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class MemberChangeResponse(_message.Message):
    __slots__ = ("answer", "pending", "unchanged")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    pending: MemberChange
    unchanged: bool
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., pending: _Optional[_Union[MemberChange, _Mapping]] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class TransferLeaderRequest(_message.Message):
    __slots__ = ("change", "to")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    to: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., to: _Optional[str] = ...) -> None: ...

class TransferLeaderResponse(_message.Message):
    __slots__ = ("answer", "unchanged")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    unchanged: bool
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ("key", "value", "default_value", "set_by", "set_at", "bounds")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    default_value: str
    set_by: str
    set_at: int
    bounds: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., default_value: _Optional[str] = ..., set_by: _Optional[str] = ..., set_at: _Optional[int] = ..., bounds: _Optional[str] = ...) -> None: ...

class GetSettingsRequest(_message.Message):
    __slots__ = ("read",)
    READ_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ...) -> None: ...

class GetSettingsResponse(_message.Message):
    __slots__ = ("answer", "settings")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    settings: _containers.RepeatedCompositeFieldContainer[Setting]
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., settings: _Optional[_Iterable[_Union[Setting, _Mapping]]] = ...) -> None: ...

class SetSettingsRequest(_message.Message):
    __slots__ = ("change", "set", "reset")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    set: _containers.ScalarMap[str, str]
    reset: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., set: _Optional[_Mapping[str, str]] = ..., reset: _Optional[_Iterable[str]] = ...) -> None: ...

class LimitView(_message.Message):
    __slots__ = ("scope", "key", "declared", "override", "runs", "set_by", "set_at")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    scope: str
    key: str
    declared: int
    override: int
    runs: int
    set_by: str
    set_at: int
    def __init__(self, scope: _Optional[str] = ..., key: _Optional[str] = ..., declared: _Optional[int] = ..., override: _Optional[int] = ..., runs: _Optional[int] = ..., set_by: _Optional[str] = ..., set_at: _Optional[int] = ...) -> None: ...

class ListLimitsRequest(_message.Message):
    __slots__ = ("read",)
    READ_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ...) -> None: ...

class ListLimitsResponse(_message.Message):
    __slots__ = ("answer", "limits")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    limits: _containers.RepeatedCompositeFieldContainer[LimitView]
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., limits: _Optional[_Iterable[_Union[LimitView, _Mapping]]] = ...) -> None: ...

class SetLimitRequest(_message.Message):
    __slots__ = ("change", "scope", "key", "max")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    scope: str
    key: str
    max: int
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., scope: _Optional[str] = ..., key: _Optional[str] = ..., max: _Optional[int] = ...) -> None: ...

class RemoveLimitRequest(_message.Message):
    __slots__ = ("change", "scope", "key")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    scope: str
    key: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., scope: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class LimitResponse(_message.Message):
    __slots__ = ("answer", "unchanged")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    unchanged: bool
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class RebalanceRequest(_message.Message):
    __slots__ = ("read",)
    READ_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ...) -> None: ...

class Move(_message.Message):
    __slots__ = ("task", "source", "target")
    TASK_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    task: str
    source: str
    target: str
    def __init__(self, task: _Optional[str] = ..., source: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class RebalanceResponse(_message.Message):
    __slots__ = ("answer", "moves", "held_back")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    HELD_BACK_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    moves: _containers.RepeatedCompositeFieldContainer[Move]
    held_back: str
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., moves: _Optional[_Iterable[_Union[Move, _Mapping]]] = ..., held_back: _Optional[str] = ...) -> None: ...

class ExecutorError(_message.Message):
    __slots__ = ("node", "error")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    node: str
    error: str
    def __init__(self, node: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class ExecutorVersions(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, nodes: _Optional[_Iterable[str]] = ...) -> None: ...

class ExecutorView(_message.Message):
    __slots__ = ("name", "versions", "doc", "policy", "params_schema", "state_schema", "own_validate", "own_assignment", "code_on", "paused", "load_errors", "tasks", "pause")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: ExecutorVersions
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[ExecutorVersions, _Mapping]] = ...) -> None: ...
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PARAMS_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    STATE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OWN_VALIDATE_FIELD_NUMBER: _ClassVar[int]
    OWN_ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    CODE_ON_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    LOAD_ERRORS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    versions: _containers.MessageMap[int, ExecutorVersions]
    doc: str
    policy: bytes
    params_schema: bytes
    state_schema: bytes
    own_validate: bool
    own_assignment: bool
    code_on: _containers.RepeatedScalarFieldContainer[str]
    paused: bool
    load_errors: _containers.RepeatedCompositeFieldContainer[ExecutorError]
    tasks: _containers.ScalarMap[str, int]
    pause: _health_pb2.ExecutorPause
    def __init__(self, name: _Optional[str] = ..., versions: _Optional[_Mapping[int, ExecutorVersions]] = ..., doc: _Optional[str] = ..., policy: _Optional[bytes] = ..., params_schema: _Optional[bytes] = ..., state_schema: _Optional[bytes] = ..., own_validate: _Optional[bool] = ..., own_assignment: _Optional[bool] = ..., code_on: _Optional[_Iterable[str]] = ..., paused: _Optional[bool] = ..., load_errors: _Optional[_Iterable[_Union[ExecutorError, _Mapping]]] = ..., tasks: _Optional[_Mapping[str, int]] = ..., pause: _Optional[_Union[_health_pb2.ExecutorPause, _Mapping]] = ...) -> None: ...

class PauseExecutorRequest(_message.Message):
    __slots__ = ("change", "name", "all", "running")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    all: bool
    running: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ..., all: _Optional[bool] = ..., running: _Optional[str] = ...) -> None: ...

class ResumeExecutorRequest(_message.Message):
    __slots__ = ("change", "name", "all")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    name: str
    all: bool
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., name: _Optional[str] = ..., all: _Optional[bool] = ...) -> None: ...

class ExecutorPauseResponse(_message.Message):
    __slots__ = ("answer", "unchanged", "cleared")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    CLEARED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    unchanged: bool
    cleared: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., unchanged: _Optional[bool] = ..., cleared: _Optional[_Iterable[str]] = ...) -> None: ...

class ListExecutorsRequest(_message.Message):
    __slots__ = ("read", "name")
    READ_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    name: str
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class ListExecutorsResponse(_message.Message):
    __slots__ = ("answer", "executors")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    executors: _containers.RepeatedCompositeFieldContainer[ExecutorView]
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., executors: _Optional[_Iterable[_Union[ExecutorView, _Mapping]]] = ...) -> None: ...

class RecheckRequest(_message.Message):
    __slots__ = ("change", "ids", "executor")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    ids: _containers.RepeatedScalarFieldContainer[str]
    executor: str
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ..., ids: _Optional[_Iterable[str]] = ..., executor: _Optional[str] = ...) -> None: ...

class RecheckResponse(_message.Message):
    __slots__ = ("answer", "unassigned")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    UNASSIGNED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    unassigned: int
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., unassigned: _Optional[int] = ...) -> None: ...

class UpgradeRequest(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: _tasks_pb2.Change
    def __init__(self, change: _Optional[_Union[_tasks_pb2.Change, _Mapping]] = ...) -> None: ...

class UpgradeBlocker(_message.Message):
    __slots__ = ("kind", "name", "version", "supports")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    version: str
    supports: int
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., supports: _Optional[int] = ...) -> None: ...

class UpgradeResponse(_message.Message):
    __slots__ = ("answer", "level", "possible", "highest", "blockers", "unchanged")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    BLOCKERS_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    level: int
    possible: int
    highest: int
    blockers: _containers.RepeatedCompositeFieldContainer[UpgradeBlocker]
    unchanged: bool
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., level: _Optional[int] = ..., possible: _Optional[int] = ..., highest: _Optional[int] = ..., blockers: _Optional[_Iterable[_Union[UpgradeBlocker, _Mapping]]] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class BackupRequest(_message.Message):
    __slots__ = ("read", "without_history", "sealed")
    READ_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_HISTORY_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    read: _tasks_pb2.ReadOptions
    without_history: bool
    sealed: bool
    def __init__(self, read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ..., without_history: _Optional[bool] = ..., sealed: _Optional[bool] = ...) -> None: ...

class BackupResponse(_message.Message):
    __slots__ = ("answer", "data")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    data: bytes
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class EventsRequest(_message.Message):
    __slots__ = ("limit", "page_token", "read")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    limit: int
    page_token: str
    read: _tasks_pb2.ReadOptions
    def __init__(self, limit: _Optional[int] = ..., page_token: _Optional[str] = ..., read: _Optional[_Union[_tasks_pb2.ReadOptions, _Mapping]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("number", "revision", "at", "by", "action", "kind", "target", "change", "reason", "answer", "detail", "request_id", "caller")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    number: int
    revision: int
    at: int
    by: str
    action: str
    kind: str
    target: str
    change: str
    reason: str
    answer: str
    detail: str
    request_id: str
    caller: str
    def __init__(self, number: _Optional[int] = ..., revision: _Optional[int] = ..., at: _Optional[int] = ..., by: _Optional[str] = ..., action: _Optional[str] = ..., kind: _Optional[str] = ..., target: _Optional[str] = ..., change: _Optional[str] = ..., reason: _Optional[str] = ..., answer: _Optional[str] = ..., detail: _Optional[str] = ..., request_id: _Optional[str] = ..., caller: _Optional[str] = ...) -> None: ...

class EventsResponse(_message.Message):
    __slots__ = ("answer", "events", "next_page")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    answer: _tasks_pb2.Answer
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_page: str
    def __init__(self, answer: _Optional[_Union[_tasks_pb2.Answer, _Mapping]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_page: _Optional[str] = ...) -> None: ...
