"""What a task may ask for otherwise than its executor declares (TM-1), its own time limit among it (TM-A39)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, doors, refused

DECLARED: dict[str, Any] = {
    "policy": {
        "timeout_ms": 600_000, "max_attempts": 4, "priority": 40, "cost": 4, "on_lost": "rerun",
        "cancel_grace_ms": 9_000, "exclusive": True, "movable": True, "isolation": "shared",
        "invalid_state": "fail", "within_occurrence": False, "reset_after_ms": 5_000,
    }
}  # fmt: skip
OVERRIDES: dict[str, Any] = {
    "timeout_ms": 61_000, "max_attempts": 7, "priority": 71, "cost": 1, "on_lost": "fail",
    "cancel_grace_ms": 1_234, "retention_ms": 86_400_000, "exclusive": False, "movable": False,
    "isolation": "process", "invalid_state": "raw", "within_occurrence": True,
    "reset_after_ms": 77_000,
}  # fmt: skip
EVERY: dict[str, Any] = {"schedule": wire.Schedule(every_ms=3_600_000)}


@pytest.mark.parametrize("kind", [{}, EVERY], ids=["one-off", "recurring"])
@pytest.mark.parametrize("field", OVERRIDES)
async def test_tm_1_every_field_of_the_policy_goes_by_the_task_first(
    kind: dict[str, Any], field: str
) -> None:
    async with doors() as at:
        await at.node("n1", offers={NOOP: DECLARED})
        await at.create("own", spec=wire.TaskSpec(**kind, **{field: OVERRIDES[field]}))
        await at.create("not", spec=wire.TaskSpec(**kind))
        own, other = (await at.get("own")).policy, (await at.get("not")).policy
        assert getattr(own, field) == OVERRIDES[field]
        if field in DECLARED["policy"]:
            assert getattr(other, field) == DECLARED["policy"][field]
        for name in OVERRIDES.keys() - {field}:
            assert getattr(own, name) == getattr(other, name)


async def test_tm_1_the_run_is_told_how_to_deal_with_unreadable_state() -> None:
    async with doors() as at:
        node = await at.node("n1", offers={NOOP: DECLARED})
        await at.create("own", spec=wire.TaskSpec(invalid_state="raw"))
        await at.create("not")
        assert (await node.runs("own")).invalid_state == "raw"
        assert (await node.runs("not")).invalid_state == "fail"


async def test_tm_a39_a_series_has_its_own_time_limit() -> None:
    async with doors() as at:
        node = await at.node("n1", offers={NOOP: DECLARED})
        await at.create("own", spec=wire.TaskSpec(timeout_ms=90_000, **EVERY))
        await at.create("not", spec=wire.TaskSpec(**EVERY))
        assert (await node.runs("own")).timeout_ms == 90_000
        assert (await node.runs("not")).timeout_ms == 600_000


@pytest.mark.parametrize("timeout_ms", [-1, 999, 30 * 86_400_000 + 1])
async def test_tm_a39_a_malformed_time_limit_is_refused(timeout_ms: int) -> None:
    async with doors() as at:
        await at.node()
        said = await refused(at.create("t", spec=wire.TaskSpec(timeout_ms=timeout_ms, **EVERY)))
        assert (said.reason, said.metadata["field"]) == ("invalid_field", "timeout")
        assert "1s .. 30d" in said.message
        assert str(timeout_ms) in said.message
        assert "t" not in at.house.replica.state.tasks
        await at.create("t", spec=wire.TaskSpec(**EVERY))
        edit = wire.UpdateRequest(
            id="t", spec=wire.TaskSpec(timeout_ms=timeout_ms), mask=["timeout_ms"]
        )
        said = await refused(at.tasks.Update(edit))
        assert (said.reason, said.metadata["field"]) == ("invalid_field", "timeout")
