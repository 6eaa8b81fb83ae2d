"""What a scrape is made of: bounded labels, buckets, gauges that fall to 0 before they go (TM-82)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coordinator.client.metric_parts import (
    SECONDS,
    Counts,
    Family,
    Names,
    Sheet,
    Spread,
    Spreads,
)
from coordinator.client.metrics_text import ZERO_S, Exposition

FAMILIES = (
    Family("runs", "gauge", "Runs.", ("executor",)),
    Family("ended_total", "counter", "Ends.", ("executor", "outcome")),
    Family("took_seconds", "histogram", "Time.", ("executor",)),
    Family("ready", "gauge", "1 if so."),
)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.values()))] = sample.value
    return found


def exposed(fill: Callable[[Sheet], None], clock: Clock | None = None) -> Exposition:
    return Exposition(FAMILIES, fill, clock or Clock())


def test_x57_bounds_go_from_a_millisecond_to_an_hour_in_steps_of_about_two_and_a_half() -> None:
    assert (SECONDS[0], SECONDS[-1]) == (0.001, 3_600.0)
    steps = [above / below for below, above in pairwise(SECONDS)]
    assert min(steps) >= 2.0
    assert max(steps) <= 3.0


def test_a_value_on_a_bound_belongs_below_it() -> None:
    spread = Spread((1.0, 2.5))
    for value in (0.5, 1.0, 1.1, 2.5, 9.0):
        spread.observe(value)
    assert spread.buckets() == [("1.0", 2.0), ("2.5", 4.0), ("+Inf", 5.0)]
    assert spread.total == pytest.approx(14.1)


async def test_the_text_has_every_family_with_its_type_also_without_a_number() -> None:
    text = await exposed(lambda _: None).text()
    found = {f.name: f.type for f in text_string_to_metric_families(text.decode())}
    assert found == {
        "ptasks_runs": "gauge",
        "ptasks_ended": "counter",
        "ptasks_took_seconds": "histogram",
        "ptasks_ready": "gauge",
    }
    assert samples(text) == {}


async def test_numbers_come_out_as_they_went_in() -> None:
    ended, took = Counts(), Spreads()
    ended["e", "failed"] += 3
    took[("e",)].observe(0.2)

    def fill(sheet: Sheet) -> None:
        sheet.put("ready", True)
        sheet.add("runs", 2, "other")
        sheet.add("runs", 3, "other")
        sheet.put_all("ended_total", ended)
        sheet.put_all("took_seconds", took)

    found = samples(await exposed(fill).text())
    assert found["ptasks_ready", ()] == 1
    assert found["ptasks_runs", ("other",)] == 5
    assert found["ptasks_ended_total", ("e", "failed")] == 3
    assert found["ptasks_took_seconds_bucket", ("0.1", "e")] == 0
    assert found["ptasks_took_seconds_bucket", ("0.25", "e")] == 1
    assert found["ptasks_took_seconds_bucket", ("+Inf", "e")] == 1
    assert found["ptasks_took_seconds_count", ("e",)] == 1
    assert found["ptasks_took_seconds_sum", ("e",)] == pytest.approx(0.2)


async def test_tm_82_a_gauge_that_has_gone_is_0_for_ten_minutes_and_then_absent() -> None:
    clock = Clock()
    present: dict[tuple[str, ...], float] = {("a",): 7.0, ("b",): 1.0}
    exposition = exposed(lambda sheet: sheet.put_all("runs", present), clock)

    async def runs() -> dict[str, float]:
        found = samples(await exposition.text())
        return {
            labels[0]: value for (name, labels), value in found.items() if name == "ptasks_runs"
        }

    assert await runs() == {"a": 7, "b": 1}
    del present[("a",)]
    assert await runs() == {"a": 0, "b": 1}  # at once, and at every scrape from now on
    clock.seconds += ZERO_S
    assert await runs() == {"a": 0, "b": 1}
    clock.seconds += 1
    assert await runs() == {"b": 1}
    present[("a",)] = 2.0
    assert await runs() == {"a": 2, "b": 1}


async def test_a_counter_does_not_vanish_with_its_cause() -> None:
    ended = Counts()
    exposition = exposed(lambda sheet: sheet.put_all("ended_total", ended))
    ended["e", "lost"] += 1
    assert samples(await exposition.text())["ptasks_ended_total", ("e", "lost")] == 1
    assert samples(await exposition.text())["ptasks_ended_total", ("e", "lost")] == 1


async def test_scrapes_follow_one_another_and_render_beside_the_loop() -> None:
    threads: list[str] = []
    number = 0

    def fill(sheet: Sheet) -> None:
        nonlocal number
        number += 1
        threads.append(threading.current_thread().name)
        sheet.put("ready", number)

    exposition = exposed(fill)
    texts = await asyncio.gather(*(exposition.text() for _ in range(5)))
    assert [samples(text)["ptasks_ready", ()] for text in texts] == [1, 2, 3, 4, 5]
    assert set(threads) == {threading.main_thread().name}


async def test_each_object_has_a_registry_of_its_own() -> None:
    one, other = exposed(lambda s: s.put("ready", 1)), exposed(lambda s: s.put("ready", 2))
    assert samples(await one.text())["ptasks_ready", ()] == 1
    assert samples(await other.text())["ptasks_ready", ()] == 2


@pytest.mark.parametrize("name, labels", [("unheard_of", ()), ("runs", ()), ("ready", ("x",))])
def test_what_the_contract_does_not_have_is_a_bug(name: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="no metric"):
        Sheet(FAMILIES).put(name, 1, *labels)


def test_names_beyond_the_first_are_other_and_known_ones_stay() -> None:
    names = Names(2)
    assert [names.label(n) for n in ("a", "b", "c", "a", "c")] == ["a", "b", "other", "a", "other"]


def test_a_copy_is_not_moved_by_later_observations() -> None:
    spread = Spread((1.0,))
    spread.observe(0.5)
    twin = spread.copy()
    spread.observe(0.5)
    assert (twin.buckets()[-1][1], spread.buckets()[-1][1]) == (1, 2)
