from __future__ import annotations

import pytest

from coordinator.model.ids import AllocationId, TaskId, run_name
from coordinator.model.instants import DAY, HOUR, MINUTE, SECOND, Now, stamp
from coordinator.model.limits import require
from coordinator.model.nodes import Offer
from coordinator.model.settings import (
    RULES,
    DurationRule,
    Settings,
    SettingValue,
    duration_ms,
    duration_text,
    objection,
)
from coordinator.model.tasks import STRENGTH, StopReason
from tests.unit.machine.kit import World, join, with_task


def test_a_run_is_named_by_task_and_allocation() -> None:
    assert run_name(TaskId("t"), AllocationId(4)) == "t#4"


@pytest.mark.parametrize(
    "now, expected",
    [(Now(1_000, 9_000), 9_000), (Now(1_500, 2_000), 5_500), (Now(10, 2_000), 5_000)],
    ids=["wall goes on", "wall was set back", "steady of another boot"],
)
def test_a_stamp_never_falls(now: Now, expected: int) -> None:
    assert stamp(now, 5_000, 1_000) == expected


def test_limits_that_contradict_one_another_are_noticed() -> None:
    with pytest.raises(ValueError, match="a task fits"):
        require(False, "a task fits")


@pytest.mark.parametrize(
    "text, millis",
    [("500ms", 500), ("90s", 90 * SECOND), ("1h30m", 90 * MINUTE), ("2d", 2 * DAY), ("0s", 0)],
)
def test_durations(text: str, millis: int) -> None:
    assert duration_ms(text) == millis
    assert duration_ms(duration_text(millis)) == millis


@pytest.mark.parametrize("text", ["", "5", "s", "1.2.3s", "5x", "-5s", "5 s", "."])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        duration_ms(text)


def test_fractions_are_read() -> None:
    assert duration_ms("1.5h") == HOUR + 30 * MINUTE
    assert duration_text(90_500) == "1m30s500ms"


def test_defaults_hold_together_and_read_back() -> None:
    settings = Settings()
    assert objection(settings) is None
    for key, rule in RULES.items():
        assert rule.parse(rule.default_text()) == settings.text(key)
        assert rule.bounds()


def test_settings_are_read_by_their_kind() -> None:
    settings = Settings({"assignment.batch": SettingValue("7", "ann", 1)})
    assert settings.number("assignment.batch") == 7
    assert settings.millis("nodes.lease") == settings.lease_ms == 6 * SECOND
    with pytest.raises(TypeError, match="is not a duration"):
        settings.millis("assignment.enable")


def test_bounds_of_a_duration() -> None:
    rule = RULES["nodes.lease"]
    assert isinstance(rule, DurationRule)
    assert rule.parse("2000ms") == "2s"
    with pytest.raises(ValueError, match=r"2s \.\. 1m"):
        rule.parse("1s")


def test_tm_74_a_retention_is_an_age_and_a_number() -> None:
    rule = RULES["retention.runs"]
    assert rule.parse("48h") == rule.parse("2d/50") == "2d"
    assert rule.parse("2d / 7") == "2d/7"
    settings = Settings({"retention.runs": SettingValue("2d/7", "ann", 1)})
    assert settings.kept("retention.runs") == (2 * DAY, 7)
    assert Settings().kept("retention.fates") == (30 * DAY, 1_000)
    assert Settings().kept("retention.audit") == (90 * DAY, 100_000)
    for text in ("30d/x", "30d/1000001", "4000d/5", "50"):
        with pytest.raises(ValueError, match=r"30d|90s"):
            rule.parse(text)
    with pytest.raises(TypeError, match="is not a retention"):
        settings.kept("nodes.lease")


def test_stop_reasons_have_their_order() -> None:
    assert sorted(StopReason, key=STRENGTH.__getitem__) == [
        "move",
        "replace",
        "pause",
        "timeout",
        "cancel",
    ]


def test_a_node_offers_its_highest_version() -> None:
    world = World()
    world.accept(join(offers=(Offer("a", 1, ""), Offer("a", 3, ""), Offer("b", 9, ""))))
    node = next(world.state.nodes_by_name())
    assert (node.version_of("a"), node.version_of("c"), node.units) == (3, None, 20)


def test_facts_of_a_task() -> None:
    task = with_task().task()
    assert (task.has_node, task.is_terminal, task.attempt, task.state_is_current) == (
        True,
        False,
        1,
        False,
    )
