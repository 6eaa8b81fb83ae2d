"""Policies: defaults, bounds, and what a manifest says of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executors import Backoff, ExecutorDefinitionError, Limit, TaskPolicy


def test_defaults_are_those_of_the_specification() -> None:
    assert TaskPolicy().document() == {
        "timeout_ms": None,
        "max_attempts": 3,
        "backoff": {
            "kind": "exponential",
            "first_ms": 30_000,
            "base_ms": 300_000,
            "cap_ms": 3_600_000,
            "jitter": "full",
        },
        "priority": 50,
        "cost": 2,
        "retention_ms": None,
        "cancel_grace_ms": 10_000,
        "exclusive": True,
        "movable": True,
        "isolation": "shared",
        "invalid_state": "fail",
        "on_lost": "rerun",
        "within_occurrence": False,
        "reset_after_ms": None,
        "concurrency": [],
        "declared": [],
    }


def test_declared_names_what_was_given_even_if_it_is_the_default() -> None:
    policy = TaskPolicy(timeout=None, max_attempts=3, cost="large", priority="low")
    document = policy.document()
    assert document["declared"] == ["cost", "max_attempts", "priority", "timeout"]
    assert (document["cost"], document["priority"]) == (4, 1)


def test_spans_may_be_timedeltas() -> None:
    policy = TaskPolicy(timeout=timedelta(minutes=10), reset_after="1h")
    assert policy.document()["timeout_ms"] == 600_000
    assert policy.document()["reset_after_ms"] == 3_600_000


def test_unlimited_attempts() -> None:
    assert TaskPolicy(max_attempts=None).document()["max_attempts"] is None


def test_fixed_backoff() -> None:
    assert Backoff.fixed("10s").document() == {
        "kind": "fixed",
        "first_ms": 10_000,
        "base_ms": 10_000,
        "cap_ms": 10_000,
        "jitter": "none",
    }


@pytest.mark.parametrize(
    "fields,told",
    [
        ({"timeout": "500ms"}, "timeout is 500ms, allowed are 1s .. 30d"),
        ({"timeout": "31d"}, "timeout is 31d"),
        ({"timeout": 600}, "timeout: 600 is no duration"),
        ({"timeout": "10"}, "timeout: '10' is no duration"),
        ({"cancel_grace": "11m"}, "cancel_grace is 11m, allowed are 0s .. 10m"),
        ({"cancel_grace": None}, "cancel_grace: None is no duration"),
        ({"max_attempts": 0}, "max_attempts is 0, allowed are 1 .. 1000"),
        ({"max_attempts": 1_001}, "max_attempts is 1001"),
        ({"max_attempts": True}, "max_attempts is True"),
        ({"priority": 0}, "priority is 0, allowed are 1 .. 100"),
        ({"priority": "urgent"}, "priority is 'urgent'"),
        ({"cost": 1_001}, "cost is 1001, allowed are 0 .. 1000"),
        ({"isolation": "thread"}, "isolation is 'thread', allowed are 'shared', 'process'"),
        ({"invalid_state": "drop"}, "invalid_state is 'drop'"),
        ({"on_lost": "ignore"}, "on_lost is 'ignore'"),
        ({"exclusive": 1}, "exclusive is 1, allowed are True, False"),
        ({"backoff": "5m"}, "backoff is '5m', give a Backoff"),
        ({"concurrency": ("a",)}, "concurrency holds 'a', give Limits"),
        ({"reset_after": "500ms"}, "reset_after is 500ms, allowed are 1s .. 30d"),
        ({"reset_after": "31d"}, "reset_after is 31d, allowed are 1s .. 30d"),
        ({"retention": "4000d"}, "retention is 4000d"),
    ],
)
def test_out_of_range_is_refused_with_field_value_and_place(
    fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(ExecutorDefinitionError) as caught:
        TaskPolicy(**fields)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    "fields,told",
    [
        ({"base": "2h", "cap": "1h"}, "backoff.base is 2h, at most backoff.cap (1h)"),
        ({"first": "25h"}, "backoff.first is 1d1h"),
        ({"jitter": "some"}, "backoff.jitter is 'some'"),
        ({"kind": "linear"}, "backoff.kind is 'linear'"),
    ],
)
def test_bad_backoff(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ExecutorDefinitionError) as caught:
        Backoff(**fields)
    assert told in str(caught.value)


def test_limits() -> None:
    policy = TaskPolicy(concurrency=(Limit(scope="node", key="params.tenant", max=2),))
    assert policy.document()["concurrency"] == [{"scope": "node", "key": "params.tenant", "max": 2}]
    with pytest.raises(ExecutorDefinitionError, match="max is -1"):
        Limit(max=-1)
