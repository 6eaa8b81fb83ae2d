"""How an executor wishes its tasks to be treated. Defaults and bounds as in the specification of the task manager.

A field that is not given leaves the choice to the cluster's settings and then to the default; `declared` in the
manifest says which were given, because precedence is: task, executor, cluster setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from executors.durations import Span, format_ms, span_ms
from executors.errors import definition_error

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

COSTS = {"tiny": 1, "normal": 2, "large": 4, "extra_large": 10}
PRIORITIES = {"low": 1, "long_running": 40, "normal": 50}

Cost = int | Literal["tiny", "normal", "large", "extra_large"]
Priority = int | Literal["low", "long_running", "normal"]


class _Unset:
    """The value of a field that the author did not give."""


_UNSET: Any = _Unset()


@dataclass(frozen=True)
class Backoff:
    """How long to wait after the n-th failed attempt in a row.

    `exponential`: after the first exactly `first`; after the n-th an upper bound of base x 2^(n-2), at most `cap`;
    with jitter `full` uniform below it, `half` in its upper half, `none` the bound itself. `fixed`: always `first`.
    """

    first: Span = "30s"
    base: Span = "5m"
    cap: Span = "1h"
    jitter: Literal["full", "half", "none"] = "full"
    kind: Literal["exponential", "fixed"] = "exponential"

    def __post_init__(self) -> None:
        _span_within("backoff.first", self.first, 0, 24 * HOUR_MS)
        base = _span_within("backoff.base", self.base, 0, 24 * HOUR_MS)
        cap = _span_within("backoff.cap", self.cap, 0, 24 * HOUR_MS)
        _one_of("backoff.jitter", self.jitter, ("full", "half", "none"))
        _one_of("backoff.kind", self.kind, ("exponential", "fixed"))
        if self.kind == "exponential" and base > cap:
            raise definition_error(
                f"policy: backoff.base is {format_ms(base)}, at most backoff.cap ({format_ms(cap)})"
            )

    @classmethod
    def fixed(cls, delay: Span) -> Backoff:
        """The same wait after every failure."""
        return cls(first=delay, base=delay, cap=delay, jitter="none", kind="fixed")

    def document(self) -> dict[str, object]:
        """As it stands in a manifest."""
        return {
            "kind": self.kind,
            "first_ms": span_ms(self.first),
            "base_ms": span_ms(self.base),
            "cap_ms": span_ms(self.cap),
            "jitter": self.jitter,
        }


@dataclass(frozen=True)
class Limit:
    """At most `max` runs at a time, in the cluster or per node.

    `key`: empty for the executor itself, a group name shared by several (all of them declare the same `max`), or a
    field such as `params.tenant`.
    """

    scope: Literal["cluster", "node"] = "cluster"
    key: str = ""
    max: int = 1

    def __post_init__(self) -> None:
        _one_of("concurrency.scope", self.scope, ("cluster", "node"))
        _whole_within("concurrency.max", self.max, 0, 1_000_000)

    def document(self) -> dict[str, object]:
        """As it stands in a manifest."""
        return {"scope": self.scope, "key": self.key, "max": self.max}


@dataclass(frozen=True)
class TaskPolicy:
    """What an executor declares about its tasks; every field can be overridden per task.

    Durations are texts such as `90s` or timedeltas. `timeout=None`: no limit; not given: none, but 5 min for tasks
    with a schedule. `max_attempts=None`: unlimited. `cost` in units (normal = 2).
    """

    timeout: Span | None = _UNSET
    max_attempts: int | None = _UNSET
    backoff: Backoff = _UNSET
    priority: Priority = _UNSET
    cost: Cost = _UNSET
    retention: Span | None = _UNSET
    cancel_grace: Span = _UNSET
    exclusive: bool = _UNSET
    movable: bool = _UNSET
    isolation: Literal["shared", "process"] = _UNSET
    invalid_state: Literal["fail", "raw"] = _UNSET
    on_lost: Literal["rerun", "fail"] = _UNSET
    within_occurrence: bool = _UNSET
    reset_after: Span | None = _UNSET
    concurrency: tuple[Limit, ...] = _UNSET
    declared: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        declared = set()
        for one in fields(self):
            if one.init and isinstance(getattr(self, one.name), _Unset):
                object.__setattr__(self, one.name, _DEFAULTS[one.name])
            elif one.init:
                declared.add(one.name)
        object.__setattr__(self, "declared", frozenset(declared))
        object.__setattr__(self, "concurrency", tuple(self.concurrency))
        _check(self)

    def document(self) -> dict[str, object]:
        """As it stands in a manifest: every field with its value in force, durations in ms, and `declared`."""
        return {
            "timeout_ms": _optional_ms(self.timeout),
            "max_attempts": self.max_attempts,
            "backoff": self.backoff.document(),
            "priority": PRIORITIES.get(str(self.priority), self.priority),
            "cost": COSTS.get(str(self.cost), self.cost),
            "retention_ms": _optional_ms(self.retention),
            "cancel_grace_ms": span_ms(self.cancel_grace),
            "exclusive": self.exclusive,
            "movable": self.movable,
            "isolation": self.isolation,
            "invalid_state": self.invalid_state,
            "on_lost": self.on_lost,
            "within_occurrence": self.within_occurrence,
            "reset_after_ms": _optional_ms(self.reset_after),
            "concurrency": [limit.document() for limit in self.concurrency],
            "declared": sorted(self.declared),
        }


def _check(policy: TaskPolicy) -> None:
    for name, low, high in (
        ("timeout", SECOND_MS, 30 * DAY_MS),
        ("retention", 0, 3_652 * DAY_MS),
        ("cancel_grace", 0, 10 * MINUTE_MS),
        ("reset_after", SECOND_MS, 30 * DAY_MS),
    ):
        value = getattr(policy, name)
        if value is not None or name == "cancel_grace":
            _span_within(name, value, low, high)
    if policy.max_attempts is not None:
        _whole_within("max_attempts", policy.max_attempts, 1, 1_000)
    _whole_within("priority", PRIORITIES.get(str(policy.priority), policy.priority), 1, 100)
    _whole_within("cost", COSTS.get(str(policy.cost), policy.cost), 0, 1_000)
    _one_of("isolation", policy.isolation, ("shared", "process"))
    _one_of("invalid_state", policy.invalid_state, ("fail", "raw"))
    _one_of("on_lost", policy.on_lost, ("rerun", "fail"))
    for name in ("exclusive", "movable", "within_occurrence"):
        _one_of(name, getattr(policy, name), (True, False))
    _kinds(policy)


def _kinds(policy: TaskPolicy) -> None:
    if not isinstance(policy.backoff, Backoff):
        raise definition_error(f"policy: backoff is {policy.backoff!r}, give a Backoff")
    for limit in policy.concurrency:
        if not isinstance(limit, Limit):
            raise definition_error(f"policy: concurrency holds {limit!r}, give Limits")


def _span_within(name: str, value: object, low: int, high: int) -> int:
    try:
        ms = span_ms(value)
    except ValueError as error:
        raise definition_error(f"policy: {name}: {error}") from None
    if not low <= ms <= high:
        bounds = f"{format_ms(low)} .. {format_ms(high)}"
        raise definition_error(f"policy: {name} is {format_ms(ms)}, allowed are {bounds}")
    return ms


def _whole_within(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise definition_error(f"policy: {name} is {value!r}, allowed are {low} .. {high}")


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if not any(value is one or (isinstance(value, str) and value == one) for one in allowed):
        words = ", ".join(repr(one) for one in allowed)
        raise definition_error(f"policy: {name} is {value!r}, allowed are {words}")


def _optional_ms(span: Span | None) -> int | None:
    return None if span is None else span_ms(span)


_DEFAULTS: dict[str, object] = {
    "timeout": None,
    "max_attempts": 3,
    "backoff": Backoff(),
    "priority": 50,
    "cost": 2,
    "retention": None,
    "cancel_grace": "10s",
    "exclusive": True,
    "movable": True,
    "isolation": "shared",
    "invalid_state": "fail",
    "on_lost": "rerun",
    "within_occurrence": False,
    "reset_after": None,
    "concurrency": (),
}
