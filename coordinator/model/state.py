"""The aggregate: every record of the cluster and the indexes over them.

Only the machine writes, through `put_*` and `drop_*`; each moves all indexes along and notes an
event. The indexes are derived, so a state loaded from a snapshot rebuilds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator.model.audit import EarlyDrops
from coordinator.model.concurrency import LimitOverride, TaskLimit, count
from coordinator.model.events import Event, MembersChanged, NodeChanged, TaskChanged
from coordinator.model.features import Feature
from coordinator.model.ids import NO_ALLOCATION, AllocationId, NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.members import MemberChange, MemberRecord
from coordinator.model.nodes import Drain, Manifest, Node, NodeUse, count_labels
from coordinator.model.pauses import ExecutorPause
from coordinator.model.requests import RequestMemory
from coordinator.model.schedules import last_start
from coordinator.model.settings import ReassignFloor, Settings
from coordinator.model.tasks import Code, Desired, Policy, Status, Task, TaskSpec
from coordinator.model.timers import Timers

FOREVER: Instant = 2**62
AT_ONCE: Instant = 1  # of a series about which the leader has to say what comes next


class ClusterState:
    """All that the cluster ever decided, at `revision`."""

    def __init__(self) -> None:
        self.cluster_id, self.feature_level = "", int(Feature.TASKS)
        self.revision, self.at = 0, 0  # index and stamp of the entry applied last; neither falls
        self.last_allocation_id: AllocationId = NO_ALLOCATION
        self.tasks: dict[TaskId, Task] = {}
        self.nodes: dict[NodeName, Node] = {}
        self.node_counters: dict[str, int] = {}  # node uid -> last counter, outlives the record
        self.drains: dict[NodeName, Drain] = {}  # of names that no node has (PT-70)
        self.members: dict[int, MemberRecord] = {}
        self.last_member_id = 0  # outlives the record (M1)
        self.member_change: MemberChange | None = None  # the one under way
        self.restore_epoch = 0  # how often it was begun anew from a backup or a survivor (B2)
        self.audited = 0  # changes that left an event, the number of the last one (TM-75)
        self.early_drops = EarlyDrops()  # failed records for which there was no room (TM-74)
        self.predecessors: tuple[str, ...] = ()  # cluster ids it goes back to, the last one last
        self.settings = Settings()
        self.reassign_floor: ReassignFloor | None = None  # until all know a shorter lease
        self.limit_overrides: dict[tuple[str, str], LimitOverride] = {}  # by (scope, key)
        self.paused_executors: dict[str, ExecutorPause] = {}
        self.requests = RequestMemory()
        self.manifests: dict[str, dict[str, Manifest]] = {}  # executor -> content hash -> manifest
        self._derive()

    def _derive(self) -> None:
        """What follows from the records, still empty."""
        self.events: list[Event] = []
        self.on_node: dict[NodeName, dict[TaskId, None]] = {}
        self.use: dict[NodeName, NodeUse] = {}
        self.limit_runs: dict[str, int] = {}  # by key, of limits that count the whole cluster
        self.of_executor: dict[str, dict[TaskId, None]] = {}
        self.unassigned: dict[TaskId, None] = {}
        self.children: dict[TaskId, dict[TaskId, None]] = {}
        self.dependents: dict[TaskId, dict[TaskId, None]] = {}  # who still waits for its end
        self.dedup: dict[tuple[str, str], TaskId] = {}  # active ones, by executor and key
        self.held: dict[NodeName, dict[TaskId, None]] = {}  # waiting for that node to come back
        self.status_counts: dict[Status, int] = dict.fromkeys(Status, 0)
        # the last one moves when a task id appears or goes
        self.active_tasks, self.records_bytes, self.names_version = 0, 0, 0
        self._shared: dict[str, tuple[str, Policy, TaskSpec]] = {}  # the last of each executor
        self.recurring = 0  # tasks that have a series and have not ended
        self._wakes = Timers(self.tasks, _wake_of)
        self._fires = Timers(self.tasks, _fire_of)
        self._deadlines = Timers(self.tasks, _deadline_of)
        self._expiries = {over: Timers(self.tasks, _expiry_of) for over in (True, False)}

    # -- reading ------------------------------------------------------------------------------

    def tasks_by_id(self) -> Iterator[Task]:
        """Tasks in the one order that all members share. The only way to walk them all."""
        return (self.tasks[task_id] for task_id in sorted(self.tasks))

    def nodes_by_name(self) -> Iterator[Node]:
        return (self.nodes[name] for name in sorted(self.nodes))

    def members_by_id(self) -> Iterator[MemberRecord]:
        return (self.members[number] for number in sorted(self.members))

    def use_of(self, name: NodeName) -> NodeUse:
        return self.use.get(name) or NodeUse()

    def max_of(self, limit: TaskLimit) -> int:
        """The `max` in force: an operator's for this key, or for its family, or what was declared."""
        if not self.limit_overrides:
            return limit.max
        overrides, scope = self.limit_overrides, limit.scope
        found = overrides.get((scope, limit.key)) or overrides.get((scope, limit.family))
        return found.max if found is not None else limit.max

    def runs_under(self, limit: TaskLimit, node: NodeName) -> int:
        """Runs placed and not ended that count for this limit if the next one goes to `node`."""
        if limit.scope == "cluster":
            return self.limit_runs.get(limit.key, 0)
        use = self.use.get(node)
        return use.by_limit.get(limit.key, 0) if use is not None else 0

    @property
    def reassign_ms(self) -> Millis:
        """The R in force: that of the settings, or for a while the larger one before (PT section 10)."""
        floor = self.reassign_floor.reassign_ms if self.reassign_floor is not None else 0
        return max(self.settings.reassign_ms, floor)

    @property
    def is_held(self) -> bool:
        """Runs of the cluster that this one was restored from may still be alive somewhere (G6)."""
        return self.reassign_floor is not None and self.reassign_floor.restored

    def wakes_until(self, at: Instant, limit: int) -> list[Task]:
        """Waiting tasks whose time has come and paused ones whose pause is over, earliest first; at most `limit`."""
        return self._wakes.until(at, limit)

    def fires_until(self, at: Instant, limit: int) -> list[Task]:
        """Series with a fire time that is due by then, or of which it has to be said what comes next; at most `limit`."""
        return self._fires.until(at, limit)

    def fires_among(self, ids: Iterable[TaskId], at: Instant) -> list[Task]:
        """Those of these series of which the same can be said, earliest first."""
        return self._fires.among(ids, at)

    def deadlines_until(self, at: Instant, limit: int) -> list[Task]:
        """Series whose occurrence should have had a place by then; at most `limit`."""
        return self._deadlines.until(at, limit)

    def expired_until(self, at: Instant, limit: int) -> list[Task]:
        """Finished tasks whose retention has ended; at most `limit`."""
        found = self._expiries[True].until(at, limit)
        return found + self._expiries[False].until(at, limit - len(found))

    def expiring_first(self, *, succeeded: bool, limit: int) -> list[Task]:
        """Of those that succeeded, or of all other finished tasks, those whose retention ends first."""
        return self._expiries[succeeded].until(FOREVER, limit)

    def next_wake(self) -> Instant | None:
        return self._wakes.next()

    def next_fire(self) -> Instant | None:
        """When the leader has to look at a series, at the latest."""
        fires, deadline = self._fires.next(), self._deadlines.next()
        if deadline is None:
            return fires
        return deadline if fires is None else min(fires, deadline)

    def next_expiry(self) -> Instant | None:
        return _earlier(*(timers.next() for timers in self._expiries.values()))

    # -- writing: the machine alone -------------------------------------------------------------

    def begin_entry(self, revision: int, at: Instant) -> None:
        self.revision = revision
        self.at = max(self.at, at)

    def next_allocation_id(self) -> AllocationId:
        self.last_allocation_id = AllocationId(self.last_allocation_id + 1)
        return self.last_allocation_id

    def shared(self, executor: str, policy: Policy, spec: TaskSpec) -> tuple[str, Policy, TaskSpec]:
        """Equal values, as instances that tasks of this executor hold in common if they can.

        A decoded command brings its own copies: a third of what a task takes in memory.
        """
        last = self._shared.get(executor)
        if last is None or last[1] != policy or last[2] != spec:
            last = (executor, policy, spec) if last is None else (last[0], policy, spec)
            self._shared[last[0]] = last
        return last

    def put_task(self, task: Task) -> None:
        """Store the record, move every index along and note the change."""
        old = self.tasks.get(task.id)
        self.tasks[task.id] = task
        if old is not None:
            self._unindex(old)
        else:
            self.names_version += 1
        self._index(task)
        self.events.append(TaskChanged(old, task))

    def drop_task(self, task_id: TaskId) -> None:
        old = self.tasks.pop(task_id)
        self._unindex(old)
        self.names_version += 1
        self.events.append(TaskChanged(old, None))

    def put_node(self, node: Node) -> None:
        old = self.nodes.get(node.name)
        self.nodes[node.name] = node
        self.node_counters[node.uid] = max(self.node_counters.get(node.uid, 0), node.counter)
        self.events.append(NodeChanged(node.name, old, node))

    def drop_node(self, name: NodeName) -> None:
        old = self.nodes.pop(name)
        self.events.append(NodeChanged(name, old, None))

    def put_member(self, member: MemberRecord) -> None:
        self.members[member.id] = member
        self.last_member_id = max(self.last_member_id, member.id)
        self.events.append(MembersChanged())

    def drop_member(self, number: int) -> None:
        del self.members[number]
        self.events.append(MembersChanged())

    def take_events(self) -> list[Event]:
        taken, self.events = self.events, []
        return taken

    # -- indexes --------------------------------------------------------------------------------

    def _index(self, task: Task) -> None:
        self.status_counts[task.status] += 1
        self.records_bytes += len(task.params) + len(task.state or b"")
        node = task.assignment.node
        if node is not None:
            self._take_place(task, node)
        self.of_executor.setdefault(task.executor, {})[task.id] = None
        if task.spec.parent:
            self.children.setdefault(TaskId(task.spec.parent), {})[task.id] = None
        if task.is_terminal:
            finished = len(self.tasks) - self.active_tasks
            self._expiries[task.status is Status.SUCCEEDED].put(task, finished)
            return
        self.active_tasks += 1
        if task.spec.after or task.spec.dedup_key:
            self._index_relations(task)
        if task.status is Status.UNASSIGNED:
            self.unassigned[task.id] = None
        if task.wake_at or task.paused_until:
            waiting = self.status_counts[Status.WAITING] + self.status_counts[Status.PAUSED]
            self._wakes.put(task, waiting)
        if task.assignment.code is Code.HELD_FOR_NODE:
            self.held.setdefault(_holder_of(task), {})[task.id] = None
        if task.series is not None:
            self.recurring += 1
            self._fires.put(task, self.recurring)
            self._deadlines.put(task, self.recurring)

    def _unindex(self, task: Task) -> None:
        self.status_counts[task.status] -= 1
        self.records_bytes -= len(task.params) + len(task.state or b"")
        node = task.assignment.node
        if node is not None:
            self._give_place_back(task, node)
        of_executor = self.of_executor[task.executor]
        del of_executor[task.id]
        if not of_executor:
            del self.of_executor[task.executor]
        if task.spec.parent:
            siblings = self.children[TaskId(task.spec.parent)]
            del siblings[task.id]
            if not siblings:
                del self.children[TaskId(task.spec.parent)]
        if not task.is_terminal:
            self.active_tasks -= 1
            if task.spec.after or task.spec.dedup_key:
                self._unindex_relations(task)
            self.recurring -= task.series is not None
        if task.status is Status.UNASSIGNED:
            del self.unassigned[task.id]
        elif task.assignment.code is Code.HELD_FOR_NODE:
            held = self.held[_holder_of(task)]
            del held[task.id]
            if not held:
                del self.held[_holder_of(task)]

    def _index_relations(self, task: Task) -> None:
        for one in task.spec.after if not task.waited else ():
            self.dependents.setdefault(TaskId(one), {})[task.id] = None
        if task.spec.dedup_key:
            self.dedup[task.executor, task.spec.dedup_key] = task.id

    def _unindex_relations(self, task: Task) -> None:
        for one in dict.fromkeys(task.spec.after) if not task.waited else ():
            waiting = self.dependents[TaskId(one)]
            del waiting[task.id]
            if not waiting:
                del self.dependents[TaskId(one)]
        if task.spec.dedup_key:
            self.dedup.pop((task.executor, task.spec.dedup_key), None)

    def _take_place(self, task: Task, node: NodeName) -> None:
        self.on_node.setdefault(node, {})[task.id] = None
        use = self.use.setdefault(node, NodeUse())
        use.units += task.policy.cost
        use.runs += 1
        use.by_executor[task.executor] = use.by_executor.get(task.executor, 0) + 1
        if task.limits:
            count(use.by_limit, task.limits, "node", 1)
            count(self.limit_runs, task.limits, "cluster", 1)
        if task.spec.labels:
            count_labels(use.by_label, task.spec.labels, 1)

    def _give_place_back(self, task: Task, node: NodeName) -> None:
        del self.on_node[node][task.id]
        use = self.use[node]
        use.units -= task.policy.cost
        use.runs -= 1
        use.by_executor[task.executor] -= 1
        if not use.by_executor[task.executor]:
            del use.by_executor[task.executor]
        if task.limits:
            count(use.by_limit, task.limits, "node", -1)
            count(self.limit_runs, task.limits, "cluster", -1)
        if task.spec.labels:
            count_labels(use.by_label, task.spec.labels, -1)
        if not use.runs:
            del self.use[node], self.on_node[node]


def _earlier(*instants: Instant | None) -> Instant | None:
    return min((one for one in instants if one is not None), default=None)


def _wake_of(task: Task) -> Instant | None:
    if task.status is Status.WAITING:
        return task.wake_at or None  # a series waits for its fire time
    return task.paused_until or None


def _fire_of(task: Task) -> Instant | None:
    series = task.series
    if series is None or task.is_terminal or task.desired is Desired.CANCELLED:
        return None
    if series.needs:  # of a paused one, too: whether a fire time passed meanwhile is for its end
        return AT_ONCE
    if task.desired is Desired.PAUSED:
        return None
    due_at, extra_at = series.next.due_at, series.extra_at
    return (min(due_at, extra_at) if due_at and extra_at else due_at or extra_at) or None


def _deadline_of(task: Task) -> Instant | None:
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None or series.occurrence is None or task.is_terminal:
        return None
    return last_start(schedule, series.occurrence) or None


def _expiry_of(task: Task) -> Instant | None:
    return task.expires_at if task.is_terminal and task.expires_at else None


def _holder_of(task: Task) -> NodeName:
    """The text of that code is the node's name."""
    return NodeName(task.assignment.explanation)
