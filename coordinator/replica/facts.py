"""What manifests say of executors, read once per manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from coordinator.duties.view import Declaration, ExecutorFacts
from coordinator.model.ids import TaskId
from coordinator.model.limits import PARAMS_BYTES_MAX, TASK_ID_BYTES_MAX
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState

DECLARED_MAX = 100  # tasks of one executor


class FactsBook:
    """Executor -> facts of its newest manifest, or of code that only this coordinator has."""

    def __init__(self, *, expects_plugins: bool = False) -> None:
        self._is_complete = not expects_plugins
        self._by_hash: dict[str, ExecutorFacts] = {}
        self._local: dict[str, ExecutorFacts] = {}

    def know_local(
        self, executors: tuple[tuple[str, int, bool, bool], ...], *, more: bool = False
    ) -> None:
        """Plugins of this coordinator's own helper process; `more`: others may still come."""
        self._is_complete = self._is_complete or not more
        self._local = {
            name: ExecutorFacts(version, own_validate, own_assignment, {})
            for name, version, own_validate, own_assignment in executors
        }

    def has_code(self, executor: str) -> bool:
        return executor in self._local

    def may_get_code(self, executor: str) -> bool:
        """Its code is not here, but may be one of the plugins that are still being imported."""
        return not self._is_complete and executor not in self._local

    def of(self, executor: str, state: ClusterState) -> ExecutorFacts | None:
        manifests = state.manifests.get(executor)
        if not manifests:
            return self._local.get(executor)
        return self._facts_in(max(manifests.values(), key=_age))

    def _facts_in(self, manifest: Manifest) -> ExecutorFacts:
        found = self._by_hash.get(manifest.hash)
        if found is None:
            found = self._by_hash[manifest.hash] = _read(manifest.version, manifest.body)
        return found

    def declared(self, state: ClusterState) -> dict[str, tuple[Declaration, ...]]:
        """What the newest version declares of those that nodes offer, so that a roll-back counts; where no node offers
        the executor any more, of all that were ever offered.
        """
        may = {
            name: manifests
            for name, manifests in state.manifests.items()
            if any(self._facts_in(one).declares for one in manifests.values())
        }
        newest: dict[str, Manifest] = {}
        for node in state.nodes.values() if may else ():
            for offer in node.offers:
                manifest = may.get(offer.executor, {}).get(offer.manifest)
                if manifest is not None:
                    before = newest.get(offer.executor, manifest)
                    newest[offer.executor] = max(before, manifest, key=_age)
        return {
            name: self._facts_in(newest.get(name) or max(may[name].values(), key=_age)).declares
            for name in sorted(may)
        }

    def all(self, state: ClusterState) -> dict[str, ExecutorFacts]:
        found: dict[str, ExecutorFacts] = {}
        for name in sorted(set(state.manifests) | set(self._local)):
            facts = self.of(name, state)
            if facts is not None:
                found[name] = facts
        return found


def _age(manifest: Manifest) -> tuple[int, str]:
    return manifest.version, manifest.hash


def _read(version: int, body: bytes) -> ExecutorFacts:
    try:
        said: dict[str, Any] = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = {}
    return ExecutorFacts(
        version,
        bool(said.get("own_validate")),
        bool(said.get("own_assignment")),
        said.get("policy") or {},
        tuple(_declarations(said.get("declares"))),
    )


def _declarations(said: object) -> Iterator[Declaration]:
    """Those that can be kept; a manifest is a node's word, not ours."""
    for one in said[:DECLARED_MAX] if isinstance(said, list) else ():
        try:
            found = msgspec.convert(one, _Declared)
        except msgspec.ValidationError:
            continue
        params = msgspec.json.encode(found.params, order="sorted")
        if 0 < len(found.id.encode()) <= TASK_ID_BYTES_MAX and len(params) <= PARAMS_BYTES_MAX:
            yield Declaration(TaskId(found.id), params, found.setting, found.default)


class _Declared(msgspec.Struct, frozen=True):
    id: str
    params: dict[str, Any]
    setting: str = ""
    default: bool = True
