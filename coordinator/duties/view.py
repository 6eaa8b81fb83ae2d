"""What the leader knows beyond the state: who is connected, what is promised, what is under way."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from coordinator.assignment.backlog import Backlog
from coordinator.assignment.exclusions import Exclusion, Exclusions
from coordinator.assignment.load import Load
from coordinator.assignment.order import Order
from coordinator.assignment.ranking import PassView
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import Instant, Millis, Now, stamp
from coordinator.model.state import ClusterState


class Declaration(msgspec.Struct, frozen=True, gc=False):
    """A task that an executor declares (PT-84). `setting`: key of its switch, empty for none; `default` is its."""

    task_id: TaskId
    params: bytes
    setting: str = ""
    default: bool = True


class ExecutorFacts(msgspec.Struct, frozen=True, gc=False):
    """What manifests say of an executor, as the leader needs it."""

    version: int
    own_validate: bool
    own_assignment: bool
    policy: Mapping[str, object]
    declares: tuple[Declaration, ...] = ()


class LeaderView:
    """Memory of one term. Begun anew by each leader."""

    def __init__(self, state: ClusterState) -> None:
        self.state = state
        self.load = Load(state)
        self.backlog = Backlog()
        self.exclusions = Exclusions()
        self.connected: dict[NodeName, int] = {}  # node -> session
        self.busy: dict[TaskId, int] = {}  # proposals under way per task
        self.facts: dict[str, ExecutorFacts] = {}
        self.stamped: tuple[Instant, Millis] | None = None  # the last one, and when that was
        for task_id in state.unassigned:
            self.backlog.add(state.tasks[task_id])

    def pass_view(self, now: Now) -> PassView:
        """What a pass looks at, nodes in name order."""

        def exclusions(task_id: TaskId) -> Mapping[NodeName, Exclusion]:
            return self.exclusions.of(task_id, now.steady)

        nodes = list(self.state.nodes_by_name())
        return PassView(
            self.state.tasks,
            nodes,
            self.load,
            self.connected,
            exclusions,
            self.asks_itself,
            self.order(now),
        )

    def order(self, now: Now) -> Order:
        """Who comes first now (PT-38)."""
        return Order(self.time(now), self.state.settings.millis("scheduling.ageing"))

    def asks_itself(self, executor: str) -> bool:
        facts = self.facts.get(executor)
        return facts is not None and facts.own_assignment

    def steady_of(self, at: Instant, now: Now) -> Millis:
        """When, on the steady clock, the state's time will have reached `at`."""
        return now.steady + max(0, at - self.time(now))

    def time(self, now: Now) -> Instant:
        """The stamp an entry proposed now would get: never behind the state's, and going on when a clock was set back."""
        at = now.wall if self.stamped is None else stamp(now, *self.stamped)
        return max(at, self.state.at)
