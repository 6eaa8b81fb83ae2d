from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Spread(_message.Message):
    __slots__ = ("count", "mean", "p50", "p90", "p95", "p99")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P90_FIELD_NUMBER: _ClassVar[int]
    P95_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    def __init__(self, count: _Optional[int] = ..., mean: _Optional[float] = ..., p50: _Optional[float] = ..., p90: _Optional[float] = ..., p95: _Optional[float] = ..., p99: _Optional[float] = ...) -> None: ...

class OverdueView(_message.Message):
    __slots__ = ("tasks", "units", "oldest_ms")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MS_FIELD_NUMBER: _ClassVar[int]
    tasks: int
    units: int
    oldest_ms: int
    def __init__(self, tasks: _Optional[int] = ..., units: _Optional[int] = ..., oldest_ms: _Optional[int] = ...) -> None: ...

class ExecutorHealth(_message.Message):
    __slots__ = ("executor", "runs", "start_delay", "hand_over", "duration", "outcomes", "overdue", "tasks", "paused")
    class OutcomesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    START_DELAY_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    executor: str
    runs: int
    start_delay: Spread
    hand_over: Spread
    duration: Spread
    outcomes: _containers.ScalarMap[str, int]
    overdue: OverdueView
    tasks: _containers.ScalarMap[str, int]
    paused: bool
    def __init__(self, executor: _Optional[str] = ..., runs: _Optional[int] = ..., start_delay: _Optional[_Union[Spread, _Mapping]] = ..., hand_over: _Optional[_Union[Spread, _Mapping]] = ..., duration: _Optional[_Union[Spread, _Mapping]] = ..., outcomes: _Optional[_Mapping[str, int]] = ..., overdue: _Optional[_Union[OverdueView, _Mapping]] = ..., tasks: _Optional[_Mapping[str, int]] = ..., paused: _Optional[bool] = ...) -> None: ...

class ExecutorPause(_message.Message):
    __slots__ = ("executor", "reason", "by", "at")
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    executor: str
    reason: str
    by: str
    at: int
    def __init__(self, executor: _Optional[str] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ..., at: _Optional[int] = ...) -> None: ...

class OverloadedNode(_message.Message):
    __slots__ = ("name", "reason", "effective_units", "units")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_UNITS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    effective_units: int
    units: int
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ..., effective_units: _Optional[int] = ..., units: _Optional[int] = ...) -> None: ...

class CapacityView(_message.Message):
    __slots__ = ("nodes", "units", "units_per_node", "series_per_minute", "series_units", "one_off_units", "long_units", "demand_units", "load", "runs_per_minute_per_node", "min_nodes", "proposed_nodes", "overdue", "drain_minutes", "drain_net_minutes", "drain_net_never", "verdict", "series_alone_too_much", "unmeasured", "series", "series_pending")
    NODES_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    SERIES_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    SERIES_UNITS_FIELD_NUMBER: _ClassVar[int]
    ONE_OFF_UNITS_FIELD_NUMBER: _ClassVar[int]
    LONG_UNITS_FIELD_NUMBER: _ClassVar[int]
    DEMAND_UNITS_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    RUNS_PER_MINUTE_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_NODES_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DRAIN_NET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DRAIN_NET_NEVER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SERIES_ALONE_TOO_MUCH_FIELD_NUMBER: _ClassVar[int]
    UNMEASURED_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    SERIES_PENDING_FIELD_NUMBER: _ClassVar[int]
    nodes: int
    units: float
    units_per_node: float
    series_per_minute: float
    series_units: float
    one_off_units: float
    long_units: float
    demand_units: float
    load: Spread
    runs_per_minute_per_node: float
    min_nodes: int
    proposed_nodes: int
    overdue: int
    drain_minutes: float
    drain_net_minutes: float
    drain_net_never: bool
    verdict: str
    series_alone_too_much: bool
    unmeasured: _containers.RepeatedScalarFieldContainer[str]
    series: int
    series_pending: int
    def __init__(self, nodes: _Optional[int] = ..., units: _Optional[float] = ..., units_per_node: _Optional[float] = ..., series_per_minute: _Optional[float] = ..., series_units: _Optional[float] = ..., one_off_units: _Optional[float] = ..., long_units: _Optional[float] = ..., demand_units: _Optional[float] = ..., load: _Optional[_Union[Spread, _Mapping]] = ..., runs_per_minute_per_node: _Optional[float] = ..., min_nodes: _Optional[int] = ..., proposed_nodes: _Optional[int] = ..., overdue: _Optional[int] = ..., drain_minutes: _Optional[float] = ..., drain_net_minutes: _Optional[float] = ..., drain_net_never: _Optional[bool] = ..., verdict: _Optional[str] = ..., series_alone_too_much: _Optional[bool] = ..., unmeasured: _Optional[_Iterable[str]] = ..., series: _Optional[int] = ..., series_pending: _Optional[int] = ...) -> None: ...

class HealthReport(_message.Message):
    __slots__ = ("hot_age_ms", "cold_age_ms", "overdue", "overdue_paused", "start_delay", "executors", "load", "load_now", "arrivals_per_minute", "runs_per_minute", "dead_letters", "overloaded", "capacity", "tasks", "nodes", "versions", "settings", "forecast", "pauses")
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
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HOT_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    COLD_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_PAUSED_FIELD_NUMBER: _ClassVar[int]
    START_DELAY_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    LOAD_NOW_FIELD_NUMBER: _ClassVar[int]
    ARRIVALS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    RUNS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    OVERLOADED_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    PAUSES_FIELD_NUMBER: _ClassVar[int]
    hot_age_ms: int
    cold_age_ms: int
    overdue: OverdueView
    overdue_paused: OverdueView
    start_delay: Spread
    executors: _containers.RepeatedCompositeFieldContainer[ExecutorHealth]
    load: Spread
    load_now: float
    arrivals_per_minute: float
    runs_per_minute: float
    dead_letters: int
    overloaded: _containers.RepeatedCompositeFieldContainer[OverloadedNode]
    capacity: CapacityView
    tasks: _containers.ScalarMap[str, int]
    nodes: _containers.ScalarMap[str, int]
    versions: _containers.ScalarMap[str, int]
    settings: _containers.ScalarMap[str, str]
    forecast: _containers.RepeatedScalarFieldContainer[float]
    pauses: _containers.RepeatedCompositeFieldContainer[ExecutorPause]
    def __init__(self, hot_age_ms: _Optional[int] = ..., cold_age_ms: _Optional[int] = ..., overdue: _Optional[_Union[OverdueView, _Mapping]] = ..., overdue_paused: _Optional[_Union[OverdueView, _Mapping]] = ..., start_delay: _Optional[_Union[Spread, _Mapping]] = ..., executors: _Optional[_Iterable[_Union[ExecutorHealth, _Mapping]]] = ..., load: _Optional[_Union[Spread, _Mapping]] = ..., load_now: _Optional[float] = ..., arrivals_per_minute: _Optional[float] = ..., runs_per_minute: _Optional[float] = ..., dead_letters: _Optional[int] = ..., overloaded: _Optional[_Iterable[_Union[OverloadedNode, _Mapping]]] = ..., capacity: _Optional[_Union[CapacityView, _Mapping]] = ..., tasks: _Optional[_Mapping[str, int]] = ..., nodes: _Optional[_Mapping[str, int]] = ..., versions: _Optional[_Mapping[str, int]] = ..., settings: _Optional[_Mapping[str, str]] = ..., forecast: _Optional[_Iterable[float]] = ..., pauses: _Optional[_Iterable[_Union[ExecutorPause, _Mapping]]] = ...) -> None: ...

class SeriesToAdd(_message.Message):
    __slots__ = ("count", "every_ms", "cron", "rrule", "time_zone", "executor", "cost", "duration_ms")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    RRULE_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    count: int
    every_ms: int
    cron: str
    rrule: str
    time_zone: str
    executor: str
    cost: int
    duration_ms: int
    def __init__(self, count: _Optional[int] = ..., every_ms: _Optional[int] = ..., cron: _Optional[str] = ..., rrule: _Optional[str] = ..., time_zone: _Optional[str] = ..., executor: _Optional[str] = ..., cost: _Optional[int] = ..., duration_ms: _Optional[int] = ...) -> None: ...
