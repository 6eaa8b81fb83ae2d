"""Concurrency limits as operators see them: declared, overridden, in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from coordinator.model.concurrency import SCOPES, family_of
from coordinator.model.limits import PAGE_MAX
from coordinator.model.state import ClusterState
from coordinator.replica.task_limits import FIELD_ROOTS
from coordinator.wire.v1 import cluster_pb2 as wire

_Key = tuple[str, str]  # scope, key


def limit_views(state: ClusterState) -> list[wire.LimitView]:
    """By key and scope: what manifests declare, what operators say, what runs; at most a page."""
    declared = dict(_declared(state))
    runs = dict(_runs(state))
    keys = sorted({*declared, *state.limit_overrides, *runs}, key=lambda one: (one[1], one[0]))
    return [_view(state, one, declared, runs) for one in keys[:PAGE_MAX]]


def _view(
    state: ClusterState, one: _Key, declared: dict[_Key, int], runs: dict[_Key, int]
) -> wire.LimitView:
    scope, key = one
    view = wire.LimitView(scope=scope, key=key, runs=runs.get(one, 0))
    most = declared.get(one, declared.get((scope, family_of(key))))
    if most is not None:
        view.declared = most
    override = state.limit_overrides.get(one)
    if override is not None:
        view.override, view.set_by, view.set_at = override.max, override.by, override.at
    return view


def _declared(state: ClusterState) -> Iterator[tuple[_Key, int]]:
    """Of the newest manifest of each executor."""
    for executor, manifests in sorted(state.manifests.items()):
        newest = max(manifests.values(), key=lambda one: (one.version, one.hash))
        for limit in _limits_in(newest.body):
            scope, key, most = limit.get("scope"), limit.get("key"), limit.get("max")
            if scope in SCOPES and isinstance(key, str) and isinstance(most, int):
                yield (scope, _family(executor, key)), most


def _limits_in(body: bytes) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(body)["policy"]["concurrency"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _family(executor: str, key: str) -> str:
    if not key:
        return executor
    return f"{executor}:{key}" if key.startswith(FIELD_ROOTS) else f"group:{key}"


def _runs(state: ClusterState) -> Iterator[tuple[_Key, int]]:
    """Of the cluster; and of the node that has most."""
    for key, runs in state.limit_runs.items():
        yield ("cluster", key), runs
    most: dict[str, int] = {}
    for use in state.use.values():
        for key, runs in use.by_limit.items():
            most[key] = max(runs, most.get(key, 0))
    for key, runs in most.items():
        yield ("node", key), runs
