"""`/metrics`: the numbers of a process in the text format of Prometheus.

One registry per object, never the global one. What it collects is the picture of the scrape under way, so scrapes
follow one another; a slow one holds up others, not the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from coordinator.client.metric_parts import Family, Labels, Sheet, Spread

if TYPE_CHECKING:  # takes a tenth of a second to import: the first scrape's business
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import CollectorRegistry

PREFIX: Final = "ptasks_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
ZERO_S: Final = 600.0
"""A gauge whose labels have vanished is 0 for so long before it goes, so that every scraper sees it fall (TM-82)."""


class Exposition:
    """One per process object. `fill` puts all numbers into a sheet, on the loop; `read_clock` gives steady seconds."""

    def __init__(
        self,
        families: Sequence[Family],
        fill: Callable[[Sheet], None],
        read_clock: Callable[[], float] = monotonic,
    ) -> None:
        self._families = families
        self._fill = fill
        self._read_clock = read_clock
        self._shown: dict[tuple[str, Labels], float] = {}  # gauges, and when they were true last
        self._one_by_one = asyncio.Lock()
        self._sheet = Sheet(families)
        self._registry: CollectorRegistry | None = None

    async def text(self) -> bytes:
        """What a scrape gets."""
        async with self._one_by_one:
            self._sheet = Sheet(self._families)
            self._fill(self._sheet)
            return await asyncio.to_thread(self._render)

    def collect(self) -> Iterable[Metric]:
        """For the registry: the families in the order of the contract, also those without a number."""
        for family in self._families:
            yield _metric(family, self._sheet.values[family.name])

    def _render(self) -> bytes:
        from prometheus_client.exposition import generate_latest
        from prometheus_client.registry import CollectorRegistry

        if self._registry is None:
            self._registry = CollectorRegistry(auto_describe=False)
            self._registry.register(self)
        for put in self._sheet.later:
            put()
        self._keep_zeros(self._sheet)
        return generate_latest(self._registry)

    def _keep_zeros(self, sheet: Sheet) -> None:
        """Gauges that have just gone are 0."""
        now = self._read_clock()
        for family in self._families:
            if family.kind == "gauge":
                for labels in sheet.values[family.name]:
                    self._shown[family.name, labels] = now
        for (name, labels), seen in list(self._shown.items()):
            if now - seen > ZERO_S:
                del self._shown[name, labels]
            elif labels not in sheet.values[name]:
                sheet.put(name, 0.0, *labels)


def _metric(family: Family, values: Mapping[Labels, float | Spread]) -> Metric:
    from prometheus_client import metrics_core as core

    name = PREFIX + family.name
    if family.kind == "histogram":
        histogram = core.HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, spread in values.items():
            if isinstance(spread, Spread):
                histogram.add_metric(labels, spread.buckets(), spread.total)
        return histogram
    kind = core.CounterMetricFamily if family.kind == "counter" else core.GaugeMetricFamily
    metric = kind(name, family.help, labels=family.labels)
    for labels, value in values.items():
        if not isinstance(value, Spread):
            metric.add_metric(labels, value)
    return metric
