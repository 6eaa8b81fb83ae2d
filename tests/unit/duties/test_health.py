"""The judgement on health (TM-77): what is a warning, what an error, and what neither."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.duties.capacity import Demand, Figures, Measured, estimate
from coordinator.duties.health import (
    Cold,
    ExecutorFigures,
    Finding,
    Hot,
    Overloaded,
    judge,
    level_of,
)
from coordinator.duties.overdue import Backlog
from coordinator.duties.run_window import RunFigures
from coordinator.duties.spread import spread_of
from coordinator.model.settings import Settings, SettingValue

AT = 1_700_000_000_000
HOT = Hot(made_at=0, at=AT)
COLD = Cold(0, estimate(Figures(1, 20.0)))


def settings(**values: str) -> Settings:
    return Settings(
        {key.replace("__", "."): SettingValue(v, "ann", 0) for key, v in values.items()}
    )


def found(
    hot: Hot | None = HOT, cold: Cold | None = COLD, steady: int = 0, **set_: str
) -> list[Finding]:
    return list(judge(settings(**set_), steady, hot, cold))


def executor(name: str, *delays: int, **outcomes: int) -> ExecutorFigures:
    ended = tuple(sorted(outcomes.items()))
    return ExecutorFigures(
        name, RunFigures(spread_of(delays), runs=sum(outcomes.values()), outcomes=ended)
    )


@pytest.mark.parametrize(
    "steady, rules",
    [
        (4_500, []),
        (4_501, ["hot_figures"]),
        (90_000, ["hot_figures"]),
        (90_001, ["hot_figures", "cold_figures"]),
    ],
)
def test_tm_a66_figures_that_nobody_renews_are_an_error(steady: int, rules: list[str]) -> None:
    findings = found(steady=steady)
    assert [one.rule for one in findings] == rules
    assert level_of(findings, starting=False) == ("error" if rules else "ok")


def test_tm_a66_a_longer_interval_in_force_is_no_error_by_itself() -> None:
    assert found(steady=90_001, health__hot="1m", health__cold="1h") == []


def test_tm_a67_a_late_start_names_who_is_late() -> None:
    late, brisk = executor("late", *[10] * 40, 61_000), executor("brisk", *[10] * 9)
    hot = replace(HOT, start_delay=spread_of([*[10] * 49, 61_000]), executors=(brisk, late))
    (finding,) = found(hot)
    assert (finding.rule, finding.level) == ("start_delay", "warning")
    assert "late (61.0 s)" in finding.text
    assert "brisk" not in finding.text
    assert found(hot, health__delay_warn="2m") == []


def test_tm_77_nearly_all_runs_of_an_executor_failing_is_a_warning() -> None:
    hot = replace(
        HOT,
        executors=(
            executor("bad", failed=85, succeeded=15),
            executor("fine", failed=80, succeeded=20),
            executor("ruined", failed=50),
            executor("young", failed=9),
        ),
    )
    findings = found(hot)
    assert [(one.text.split(":")[0], one.level, one.shown) for one in findings] == [
        ("bad", "warning", ""),
        ("ruined", "warning", "error"),
    ]
    assert level_of(findings, starting=False) == "warning"


def test_tm_77_overdue_for_over_five_minutes() -> None:
    hot = replace(HOT, overdue=Backlog(3, 6, AT - 300_000))
    assert found(hot) == []
    (finding,) = found(replace(hot, at=AT + 1_000))
    assert (finding.rule, finding.text) == (
        "overdue",
        "3 tasks are due and have not started, the oldest for 5m1s",
    )


def test_tm_77_overdue_of_a_paused_executor_is_no_trouble() -> None:
    assert found(replace(HOT, overdue_paused=Backlog(3, 6, AT - 900_000))) == []


def test_tm_77_an_estimate_is_never_an_error() -> None:
    figures = Figures(1, 2.0, (Demand("t", 600, 1_200),), measured={"t": Measured(9.0)})
    findings = found(cold=Cold(0, estimate(figures)))
    assert [(one.rule, one.level) for one in findings] == [("capacity", "warning")]
    assert "series alone" in findings[0].text


def test_tm_77_a_node_that_protects_itself_is_named_with_its_reason() -> None:
    hot = replace(HOT, overloaded=(Overloaded("n1", "writes refused", 12, 20),))
    (finding,) = found(hot)
    assert (finding.rule, finding.level) == ("overload", "warning")
    assert finding.text.endswith("n1 takes 12 of 20 units (writes refused)")


def test_tm_77_words() -> None:
    warning, error = Finding("a", "warning", ""), Finding("b", "error", "")
    assert level_of((), starting=False) == "ok"
    assert level_of((warning,), starting=False) == "warning"
    assert level_of((warning,), starting=True) == "starting"
    assert level_of((warning, error), starting=True) == "error"
    assert found(None, None) == []
