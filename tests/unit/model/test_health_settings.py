"""Settings of the figures on health: their bounds, and what they may not be together (TM section 15)."""

from __future__ import annotations

import pytest

from coordinator.model.settings import RULES, Settings, SettingValue, objection


@pytest.mark.parametrize(
    "key, default, least, most, beyond",
    [
        ("stats.window", "50", "10", "1000", ("9", "1001")),
        ("health.hot", "1s500ms", "100ms", "1m", ("99ms", "61s")),
        ("health.cold", "1m", "5s", "1h", ("4s", "61m")),
        ("health.delay_warn", "1m", "10ms", "1d", ("9ms", "25h")),
        ("health.failed_warn", "80%", "0%", "100%", ("101",)),
        ("health.failed_error", "90%", "0%", "100%", ("-1",)),
    ],
)
def test_bounds(key: str, default: str, least: str, most: str, beyond: tuple[str, ...]) -> None:
    rule = RULES[key]
    assert rule.default_text() == default
    assert (rule.parse(least), rule.parse(most)) == (least, most)
    for text in beyond:
        with pytest.raises(ValueError, match="between"):
            rule.parse(text)


@pytest.mark.parametrize(
    "warn, error, wrong", [("80%", "90%", False), ("90%", "90%", False), ("91%", "90%", True)]
)
def test_a_warning_comes_no_later_than_an_error(warn: str, error: str, wrong: bool) -> None:
    values = {"health.failed_warn": warn, "health.failed_error": error}
    settings = Settings({key: SettingValue(text, "ann", 0) for key, text in values.items()})
    found = objection(settings)
    assert (found is not None) is wrong
    assert found is None or "health.failed_warn 91%" in found
