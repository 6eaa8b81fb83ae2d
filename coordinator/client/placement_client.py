"""The client's door to limits, paused executors, rebalancing and capacity. Reached as `Client.cluster.placement`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from coordinator.client.channels import Method
from coordinator.client.from_wire import answer_of
from coordinator.client.health_from_wire import capacity_of
from coordinator.client.health_views import CapacityAnswer, SeriesToAdd
from coordinator.client.requests import ChangeOptions, ReadOptions
from coordinator.client.views import Answer
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import health_pb2

_READ = ReadOptions()


def _method(name: str, request: Any, response: Any) -> Method[Any, Any]:
    path = f"/ptasks.v1.Cluster/{name}"
    return Method(path, request.SerializeToString, response.FromString)


_LIST = _method("ListLimits", wire.ListLimitsRequest, wire.ListLimitsResponse)
_SET = _method("SetLimit", wire.SetLimitRequest, wire.LimitResponse)
_REMOVE = _method("RemoveLimit", wire.RemoveLimitRequest, wire.LimitResponse)
_CAPACITY = _method("Capacity", wire.CapacityRequest, wire.CapacityResponse)
_PAUSE = _method("PauseExecutor", wire.PauseExecutorRequest, wire.ExecutorPauseResponse)
_RESUME = _method("ResumeExecutor", wire.ResumeExecutorRequest, wire.ExecutorPauseResponse)
_REBALANCE = _method("Rebalance", wire.RebalanceRequest, wire.RebalanceResponse)


class Limit(Struct, frozen=True):
    """At most `max` runs at a time under one key, in the cluster or on each node; None: nobody says.

    `runs`: that count for it now; of scope `node`: on the node with most.
    """

    key: str
    scope: str
    max: int | None
    declared: int | None
    override: int | None
    runs: int
    set_by: str | None
    set_at: int


class Limits(Struct, frozen=True):
    """Of `limits`."""

    answer: Answer
    limits: list[Limit]


class LimitChanged(Struct, frozen=True):
    """Of `set_limit` and `remove_limit`."""

    answer: Answer
    unchanged: bool


class ExecutorPaused(Struct, frozen=True):
    """Of `pause_executor` and `resume_executor`. `cleared`: executors, and `assignment.enable`, whose pause has ended."""

    answer: Answer
    unchanged: bool
    cleared: list[str]


class Move(Struct, frozen=True):
    """A task that would move, from node to node."""

    task: str
    source: str
    target: str


class Moves(Struct, frozen=True):
    """Of `rebalance`: what would even out the nodes, and why nothing of it begins now, if so."""

    answer: Answer
    moves: list[Move]
    held_back: str | None


class Calls(Protocol):
    """What `ClusterClient` does for all its calls."""

    async def read_call(self, method: Method[Any, Any], request: Any, read: ReadOptions) -> Any:
        """A call that reads."""

    async def change_call(
        self, method: Method[Any, Any], request: Any, change: ChangeOptions | None
    ) -> Any:
        """A call that changes."""


class PlacementClient:
    """Calls about where tasks go; they repeat and fail as those of `Client` do."""

    def __init__(self, cluster: Calls) -> None:
        self._cluster = cluster

    async def limits(self, *, read: ReadOptions = _READ) -> Limits:
        """Declared by executors, overridden by operators, or in use: at most 1,000, by key."""
        reply = await self._cluster.read_call(_LIST, wire.ListLimitsRequest(), read)
        return Limits(answer_of(reply.answer), [_limit_of(one) for one in reply.limits])

    async def set_limit(
        self, key: str, most: int, change: ChangeOptions | None = None, *, scope: str = "cluster"
    ) -> LimitChanged:
        """Let `most` runs at a time stand under this key, or under all of its family; 0 blocks."""
        request = wire.SetLimitRequest(scope=scope, key=key, max=most)
        reply = await self._cluster.change_call(_SET, request, change)
        return LimitChanged(answer_of(reply.answer), reply.unchanged)

    async def remove_limit(
        self, key: str, change: ChangeOptions | None = None, *, scope: str = "cluster"
    ) -> LimitChanged:
        """What the executor declares counts again."""
        request = wire.RemoveLimitRequest(scope=scope, key=key)
        reply = await self._cluster.change_call(_REMOVE, request, change)
        return LimitChanged(answer_of(reply.answer), reply.unchanged)

    async def pause_executor(
        self, name: str | None, change: ChangeOptions, *, running: str = "finish"
    ) -> ExecutorPaused:
        """Place nothing of this executor from now on; of no executor at all if `name` is None. `change.reason` is mandatory.

        `running`: runs that have a node go on (`finish`), or end and wait (`stop`). Raises NotFound `executor_not_found`.
        """
        request = wire.PauseExecutorRequest(name=name or "", all=name is None, running=running)
        return _paused_of(await self._cluster.change_call(_PAUSE, request, change))

    async def resume_executor(
        self, name: str | None, change: ChangeOptions | None = None
    ) -> ExecutorPaused:
        """Let it start again, also one that nobody knows any more; None: all that is paused, and `assignment.enable`."""
        request = wire.ResumeExecutorRequest(name=name or "", all=name is None)
        return _paused_of(await self._cluster.change_call(_RESUME, request, change))

    async def rebalance(self) -> Moves:
        """A dry run: nothing is moved by asking."""
        reply = await self._cluster.read_call(_REBALANCE, wire.RebalanceRequest(), _READ)
        moves = [Move(one.task, one.source, one.target) for one in reply.moves]
        return Moves(answer_of(reply.answer), moves, reply.held_back or None)

    async def capacity(
        self, nodes: int | None = None, add: Sequence[SeriesToAdd] = ()
    ) -> CapacityAnswer:
        """What the nodes can do and what they are asked for; with `nodes` or `add`: what it would be if (TM-79, TM-81)."""
        request = wire.CapacityRequest(nodes=nodes, add=[_series_of(one) for one in add])
        reply = await self._cluster.read_call(_CAPACITY, request, _READ)
        return CapacityAnswer(answer_of(reply.answer), capacity_of(reply.capacity))


def _paused_of(reply: wire.ExecutorPauseResponse) -> ExecutorPaused:
    return ExecutorPaused(answer_of(reply.answer), reply.unchanged, list(reply.cleared))


def _series_of(one: SeriesToAdd) -> health_pb2.SeriesToAdd:
    return health_pb2.SeriesToAdd(**asdict(one))


def _limit_of(found: wire.LimitView) -> Limit:
    declared = found.declared if found.HasField("declared") else None
    override = found.override if found.HasField("override") else None
    most = override if override is not None else declared
    by = found.set_by or None
    return Limit(found.key, found.scope, most, declared, override, found.runs, by, found.set_at)
