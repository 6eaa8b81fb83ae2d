"""The policy in force for a task: what it asks, then what its executor declares, then the cluster's settings (TM-1)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, cast

from coordinator.duties.view import ExecutorFacts
from coordinator.model.settings import Settings
from coordinator.model.tasks import Backoff, Policy, TaskSpec

POLICIES_KEPT = 10_000
NO_SETTINGS = Settings()


class Policies:
    """Policies in force, one object for all tasks that asked the same of the same executor."""

    def __init__(self) -> None:
        self._facts: Mapping[str, ExecutorFacts] = {}
        self._settings = NO_SETTINGS
        self._of: dict[tuple[str, TaskSpec], Policy] = {}

    def resolve(
        self,
        executor: str,
        spec: TaskSpec,
        facts: Mapping[str, ExecutorFacts],
        settings: Settings,
    ) -> Policy:
        """Begun anew whenever manifests or settings changed, which replaces `facts` or `settings` as a whole."""
        is_same = facts is self._facts and settings is self._settings
        if not is_same or len(self._of) >= POLICIES_KEPT:
            self._facts, self._settings, self._of = facts, settings, {}
        found = self._of.get((executor, spec))
        if found is None:
            known = facts.get(executor)
            found = resolve(spec, known.policy if known is not None else {}, settings)
            self._of[executor, spec] = found
        return found


def resolve(
    spec: TaskSpec, manifest: Mapping[str, object], settings: Settings = NO_SETTINGS
) -> Policy:
    """Precedence: the task, then what its executor declares, then the setting. `manifest`: its policy as a document."""
    said = _declared(manifest)
    base = _defaults(settings, recurring=spec.schedule is not None)

    def pick(asked: Any, name: str) -> Any:
        return asked if asked is not None else said.get(name, getattr(base, name))

    return Policy(
        priority=pick(spec.priority, "priority"),
        cost=pick(spec.cost, "cost"),
        timeout_ms=pick(spec.timeout_ms, "timeout_ms"),
        max_attempts=pick(spec.max_attempts, "max_attempts"),
        backoff=spec.backoff or _backoff(said.get("backoff"), base.backoff),
        on_lost=pick(spec.on_lost, "on_lost"),
        cancel_grace_ms=pick(spec.cancel_grace_ms, "cancel_grace_ms"),
        retention_ms=pick(spec.retention_ms, "retention_ms"),
        exclusive=pick(spec.exclusive, "exclusive"),
        movable=pick(spec.movable, "movable"),
        isolation=pick(spec.isolation, "isolation"),
        within_occurrence=pick(spec.within_occurrence, "within_occurrence"),
        reset_after_ms=pick(spec.reset_after_ms, "reset_after_ms"),
        invalid_state=pick(spec.invalid_state, "invalid_state"),
    )


def _declared(manifest: Mapping[str, object]) -> dict[str, Any]:
    """What the executor's author wrote; a manifest has every field, and lists those. None there says `none`."""
    listed = manifest.get("declared")
    names: Container[str] = listed if isinstance(listed, list) else manifest
    said = {
        name: value
        for name, value in manifest.items()
        if name in names or name.removesuffix("_ms") in names
    }
    if "max_attempts" in said and said["max_attempts"] is None:
        said["max_attempts"] = 0  # unlimited
    if isinstance(listed, list) and "timeout_ms" in said and said["timeout_ms"] is None:
        said["timeout_ms"] = 0  # none at all, with a schedule, too
    return {name: value for name, value in said.items() if value is not None}


def _defaults(settings: Settings, *, recurring: bool) -> Policy:
    backoff = Backoff(
        first_ms=settings.millis("retry.first"),
        base_ms=settings.millis("retry.base"),
        cap_ms=settings.millis("retry.cap"),
    )
    return Policy(
        timeout_ms=settings.millis("run.timeout") if recurring else 0,
        max_attempts=settings.number("retry.max_attempts"),
        cancel_grace_ms=settings.millis("run.cancel_grace"),
        backoff=backoff,
    )


def _backoff(said: object, otherwise: Backoff) -> Backoff:
    if not isinstance(said, dict):
        return otherwise
    fields = cast(dict[str, Any], said)
    return Backoff(
        str(fields.get("kind", "exponential")),
        int(fields.get("first_ms", otherwise.first_ms)),
        int(fields.get("base_ms", otherwise.base_ms)),
        int(fields.get("cap_ms", otherwise.cap_ms)),
        str(fields.get("jitter", "full")),
    )
