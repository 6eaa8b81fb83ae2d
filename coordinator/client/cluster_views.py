"""What callers see of the cluster itself: nodes, members, executors, settings (EX-19, EX-20)."""

from __future__ import annotations

from msgspec import Struct

from coordinator.client.views import Answer, Json


class NodeExecutor(Struct, frozen=True):
    """One executor that a node offers, or why it could not load it."""

    name: str
    version: int
    error: str | None


class Drain(Struct, frozen=True):
    """A node that takes no new work, and how far it is."""

    kind: str
    reason: str
    by: str
    since_at: int | None
    deadline_at: int | None
    state: str
    remaining: int
    movable: int
    not_movable: int
    stalled: int
    hold: str | None = None
    held: int = 0


class Node(Struct, frozen=True):
    """A machine identity that runs executors; `status` is ready, draining or lost."""

    name: str
    incarnation: str
    status: str
    attributes: dict[str, str]
    capacity: int
    units: int
    effective_units: int
    used_units: int
    runs: int
    heartbeat_age_ms: int | None
    executors: list[NodeExecutor]
    drain: Drain | None
    member: str | None
    loop_lag_ms: int
    rss_bytes: int
    version: str
    python: str
    tzdata: str | None
    joined_at: int | None
    connected: bool
    running: list[str]
    overload: str | None = None  # why it takes less than it could, or did until just now


class Member(Struct, frozen=True):
    """One coordinator: `role` leader, follower, candidate, learner or unreachable.

    `supports`: the highest feature level it can follow, 0 where that is unknown.
    """

    name: str
    grpc: str
    http: str | None
    role: str
    condition: str
    voter: bool
    reachable: bool
    error: str | None
    term: int
    applied: int
    lag: int | None
    snapshot: int
    fsync_p99_ms: float | None
    disk_free_bytes: int | None
    version: str
    uptime_ms: int | None
    log_entries: int
    digest: str | None
    id: int = 0
    supports: int = 0


class MemberChange(Struct, frozen=True):
    """A change among the coordinators under way; `stage` says what it waits for, null where only the leader knows."""

    revision: int
    since_at: int | None
    joining: str | None
    leaving: str | None
    stage: str | None
    joining_id: int
    leaving_id: int


class Finding(Struct, frozen=True):
    """Something that `health` has to say; `level` is warning or error."""

    rule: str
    level: str
    text: str


class MemberStatus(Struct, frozen=True):
    """What one member says of itself and of the cluster; asked for without a quorum as well."""

    answer: Answer
    member: Member
    cluster_id: str
    commit: int
    feature_level: int
    members: list[Member]
    elections: int
    has_quorum: bool
    tasks: dict[str, int]
    nodes: dict[str, int]
    wall_at: int | None
    nodes_support: int = 0


class ClusterStatus(Struct, frozen=True):
    """What all members together say.

    Of the feature level: the one in force, the highest that some coordinator knows, and what all can follow by now.
    """

    cluster_id: str | None
    health: str
    quorum: bool
    findings: list[Finding]
    leader: str | None
    term: int
    commit: int
    feature_level: int
    voters: int
    tolerates: int
    elections_24h: int
    clock_spread_ms: int | None
    nodes: dict[str, int]
    tasks: dict[str, int]
    members: list[Member]
    feature_level_highest: int = 0
    feature_level_possible: int = 0


class ExecutorError(Struct, frozen=True):
    """A node that could not load a plugin."""

    node: str
    error: str


class ExecutorPause(Struct, frozen=True):
    """Who keeps an executor from starting, when and why; of no executor: all of them."""

    executor: str | None
    reason: str
    by: str
    at: int


class Executor(Struct, frozen=True):
    """An executor that nodes offer or once offered; `versions` maps version to the nodes that have it."""

    name: str
    versions: dict[str, list[str]]
    doc: str
    policy: Json
    params_schema: Json
    state_schema: Json
    own_validate: bool
    own_assignment: bool
    code_on: list[str]
    paused: bool
    load_errors: list[ExecutorError]
    tasks: dict[str, int]
    pause: ExecutorPause | None = None


class Setting(Struct, frozen=True):
    """A replicated setting with who set it and what is allowed."""

    key: str
    value: str
    default: str
    set_by: str | None
    set_at: int | None
    bounds: str


class Nodes(Struct, frozen=True):
    """Of `nodes`."""

    answer: Answer
    nodes: list[Node]


class NodeChanged(Struct, frozen=True):
    """Of `drain`, `undrain` and `remove_node`."""

    answer: Answer
    node: Node | None
    unchanged: bool


class Members(Struct, frozen=True):
    """Of `members`."""

    answer: Answer
    members: list[Member]
    pending: MemberChange | None = None


class MemberChanged(Struct, frozen=True):
    """Of `add_member` and `remove_member`: the wish, unless it is fulfilled already."""

    answer: Answer
    pending: MemberChange | None
    unchanged: bool


class UpgradeBlocker(Struct, frozen=True):
    """Who cannot follow: `kind` member or node; `supports` 0 while it is not heard of."""

    kind: str
    name: str
    version: str
    supports: int


class Upgraded(Struct, frozen=True):
    """Of `upgrade`: the feature level in force, what all can follow, what some coordinator can, and who not to that."""

    answer: Answer
    level: int
    possible: int
    highest: int
    blockers: list[UpgradeBlocker]
    unchanged: bool


class Executors(Struct, frozen=True):
    """Of `executors`."""

    answer: Answer
    executors: list[Executor]


class Settings(Struct, frozen=True):
    """Of `settings` and `set_settings`."""

    answer: Answer
    settings: list[Setting]


class Rechecked(Struct, frozen=True):
    """Of `recheck`: how many tasks are without a node now."""

    answer: Answer
    unassigned: int
