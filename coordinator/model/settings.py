"""Cluster settings: replicated, checked as a whole, in force at once (PT section 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from coordinator.model.instants import DAY, HOUR, MINUTE, SECOND, Instant, Millis
from coordinator.model.limits import FINISHED_KEPT_MAX
from coordinator.model.windows import Span, spans, spans_text

UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


class SettingValue(msgspec.Struct, frozen=True, array_like=True, gc=False):
    value: str  # canonical text
    by: str
    at: Instant
    reason: str = ""


class ReassignFloor(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """R does not fall below this yet: nodes may still count with the longer L that went with it.

    `restored`: those nodes are the ones of the cluster before, so none is taken in until R has passed.
    """

    reassign_ms: Millis
    revision: int  # of the entry that last shortened the lease, or of the restored state
    restored: bool = False


class DurationRule(msgspec.Struct, frozen=True, gc=False):
    default: Millis
    low: Millis
    high: Millis

    def parse(self, text: str) -> str:
        """Canonical text of a duration within the bounds; ValueError names them."""
        millis = duration_ms(text)
        if not self.low <= millis <= self.high:
            raise ValueError(f"must be between {self.bounds()}")
        return duration_text(millis)

    def bounds(self) -> str:
        return f"{duration_text(self.low)} .. {duration_text(self.high)}"

    def default_text(self) -> str:
        return duration_text(self.default)


class NumberRule(msgspec.Struct, frozen=True, gc=False):
    default: int
    low: int
    high: int

    def parse(self, text: str) -> str:
        """Canonical text of a whole number within the bounds; ValueError names them."""
        if not text.strip().lstrip("-").isdigit() or not self.low <= int(text) <= self.high:
            raise ValueError(f"must be a whole number between {self.bounds()}")
        return str(int(text))

    def bounds(self) -> str:
        return f"{self.low} .. {self.high}"

    def default_text(self) -> str:
        return str(self.default)


class RetentionRule(msgspec.Struct, frozen=True, gc=False):
    """How long what is over is kept, and how many of it: `30d`, or `30d/50` where the number is not the default."""

    age: DurationRule
    entries: int  # the default; at most ENTRIES_KEPT_MAX

    def parse(self, text: str) -> str:
        """Canonical text; ValueError names the bounds."""
        millis, entries = self.read(text)
        if not 0 <= entries <= ENTRIES_KEPT_MAX or not self.age.low <= millis <= self.age.high:
            raise ValueError(f"must be {self.bounds()}")
        told = duration_text(millis)
        return told if entries == self.entries else f"{told}/{entries}"

    def read(self, text: str) -> tuple[Millis, int]:
        """Age and number of entries; ValueError for what is neither `30d` nor `30d/50`."""
        age, given, entries = text.strip().partition("/")
        if given and not entries.strip().isdecimal():
            raise ValueError(f"{text!r} is not a retention such as 30d or 30d/50")
        return duration_ms(age), int(entries) if given else self.entries

    def bounds(self) -> str:
        return f"{self.age.bounds()}, or that with a number of entries up to {ENTRIES_KEPT_MAX}, such as 30d/50 ({self.entries} if not given)"

    def default_text(self) -> str:
        return self.age.default_text()


class WordRule(msgspec.Struct, frozen=True, gc=False):
    default: str
    words: tuple[str, ...]

    def parse(self, text: str) -> str:
        """One of the words, whatever its case; ValueError lists them."""
        if text.lower() not in self.words:
            raise ValueError(f"must be one of {self.bounds()}")
        return text.lower()

    def bounds(self) -> str:
        return ", ".join(self.words)

    def default_text(self) -> str:
        return self.default


class PercentRule(msgspec.Struct, frozen=True, gc=False):
    default: int
    low: int
    high: int

    def parse(self, text: str) -> str:
        """`20%` or `20` as `20%`; ValueError names the bounds."""
        bare = text.strip().removesuffix("%").strip()
        if not bare.isdecimal() or not self.low <= int(bare) <= self.high:
            raise ValueError(f"must be a whole percentage between {self.bounds()}")
        return f"{int(bare)}%"

    def bounds(self) -> str:
        return f"{self.low}% .. {self.high}%"

    def default_text(self) -> str:
        return f"{self.default}%"


class WindowRule(msgspec.Struct, frozen=True, gc=False):
    """Weekly spans in UTC, or none."""

    def parse(self, text: str) -> str:
        """`none`, or the spans in one way of writing; ValueError shows how to write them."""
        return "none" if text.strip().lower() == "none" else spans_text(spans(text))

    def bounds(self) -> str:
        return "none, or weekly spans in UTC such as Sat 22:00-Sun 06:00"

    def default_text(self) -> str:
        return "none"


ENTRIES_KEPT_MAX = 1_000_000
PLUGIN_KEY = re.compile(r"plugins(\.[a-z0-9_]+)+")
PLUGIN_KEY_CHARS_MAX = 100

Rule = DurationRule | NumberRule | RetentionRule | WordRule | PercentRule | WindowRule

RULES: Mapping[str, Rule] = {
    "assignment.assigner_timeout": DurationRule(500, 10, 10 * SECOND),
    "assignment.batch": NumberRule(1_000, 1, 10_000),
    "assignment.enable": WordRule("all", ("all", "none")),
    "assignment.recheck_interval": DurationRule(10 * SECOND, SECOND, HOUR),
    "health.cold": DurationRule(MINUTE, 5 * SECOND, HOUR),
    "health.delay_warn": DurationRule(MINUTE, 10, DAY),
    "health.failed_error": PercentRule(90, 0, 100),
    "health.failed_warn": PercentRule(80, 0, 100),
    "health.hot": DurationRule(1_500, 100, MINUTE),
    "nodes.disconnect_grace": DurationRule(SECOND, 0, MINUTE),
    "nodes.forget_after": DurationRule(DAY, MINUTE, 30 * DAY),
    "nodes.heartbeat": DurationRule(500, 100, 5 * SECOND),
    "nodes.lease": DurationRule(6 * SECOND, 2 * SECOND, MINUTE),
    "nodes.reassign_after": DurationRule(9 * SECOND, 2_600, 10 * MINUTE),
    "rebalance.cool_down": DurationRule(10 * MINUTE, MINUTE, 7 * DAY),
    "rebalance.enable": WordRule("off", ("off", "on")),
    "rebalance.max_moves": NumberRule(2, 1, 100),
    "rebalance.min_gain": PercentRule(20, 1, 100),
    "rebalance.window": WindowRule(),
    "retention.audit": RetentionRule(DurationRule(90 * DAY, 0, 3_650 * DAY), 100_000),
    "retention.failed": RetentionRule(DurationRule(30 * DAY, 0, 3_650 * DAY), FINISHED_KEPT_MAX),
    "retention.fates": RetentionRule(DurationRule(30 * DAY, 0, 3_650 * DAY), 1_000),
    "retention.runs": RetentionRule(DurationRule(30 * DAY, 0, 3_650 * DAY), 50),
    "retention.succeeded": RetentionRule(DurationRule(DAY, 0, 3_650 * DAY), FINISHED_KEPT_MAX),
    "retry.base": DurationRule(5 * MINUTE, 0, DAY),
    "retry.cap": DurationRule(HOUR, 0, DAY),
    "retry.first": DurationRule(30 * SECOND, 0, DAY),
    "retry.max_attempts": NumberRule(3, 1, 1_000),
    "run.cancel_grace": DurationRule(10 * SECOND, 0, 10 * MINUTE),
    "run.timeout": DurationRule(5 * MINUTE, SECOND, 30 * DAY),
    "schedule.bulk_spread": DurationRule(5 * MINUTE, 0, DAY),
    "schedule.misfire_grace": DurationRule(MINUTE, 0, DAY),
    "scheduling.ageing": DurationRule(10 * MINUTE, 0, DAY),
    "stats.window": NumberRule(50, 10, 1_000),
}


SWITCH = WordRule("on", ("on", "off"))


def rule_of(key: str) -> Rule | None:
    """Of one of ours, or of a switch that an executor names for what it declares (PT-84)."""
    is_plugins = len(key) <= PLUGIN_KEY_CHARS_MAX and PLUGIN_KEY.fullmatch(key) is not None
    return SWITCH if is_plugins else RULES.get(key)


class Settings(msgspec.Struct, gc=False):
    """The values that were set; all else is default. Typed reads for the code."""

    values: dict[str, SettingValue] = msgspec.field(default_factory=dict)

    def text(self, key: str) -> str:
        found = self.values.get(key)
        return found.value if found is not None else RULES[key].default_text()

    def millis(self, key: str) -> Millis:
        found = self.values.get(key)
        if found is not None:
            return duration_ms(found.value)
        rule = RULES[key]
        if not isinstance(rule, DurationRule):
            raise TypeError(f"{key} is not a duration")
        return rule.default

    def kept(self, key: str) -> tuple[Millis, int]:
        """Of a retention: how long, and how many."""
        rule = RULES[key]
        if not isinstance(rule, RetentionRule):
            raise TypeError(f"{key} is not a retention")
        found = self.values.get(key)
        return (rule.age.default, rule.entries) if found is None else rule.read(found.value)

    def number(self, key: str) -> int:
        return int(self.text(key))

    def percent(self, key: str) -> int:
        return int(self.text(key).removesuffix("%"))

    def window(self, key: str) -> tuple[Span, ...]:
        """No spans: no window is set."""
        text = self.text(key)
        return () if text == "none" else spans(text)

    def is_on(self, key: str, *, default: bool) -> bool:
        """A switch of a plugin; its default is the plugin's own."""
        found = self.values.get(key)
        return default if found is None else found.value == "on"

    @property
    def assignment_enabled(self) -> bool:
        return self.text("assignment.enable") == "all"

    @property
    def lease_ms(self) -> Millis:
        return self.millis("nodes.lease")

    @property
    def reassign_ms(self) -> Millis:
        return self.millis("nodes.reassign_after")

    @property
    def heartbeat_ms(self) -> Millis:
        return self.millis("nodes.heartbeat")


def objection(values: Settings) -> str | None:
    """What is wrong between settings that are each within bounds, or None."""
    if values.reassign_ms * 10 < values.lease_ms * 13:
        return (
            f"nodes.reassign_after {duration_text(values.reassign_ms)} must be at least 1.3 times "
            f"nodes.lease {duration_text(values.lease_ms)}"
        )
    if values.heartbeat_ms * 4 > values.lease_ms:
        return (
            f"nodes.heartbeat {duration_text(values.heartbeat_ms)} must be at most a quarter of "
            f"nodes.lease {duration_text(values.lease_ms)}"
        )
    warn, error = values.percent("health.failed_warn"), values.percent("health.failed_error")
    if warn > error:
        return f"health.failed_warn {warn}% must be at most health.failed_error {error}%"
    base, cap = values.millis("retry.base"), values.millis("retry.cap")
    if base > cap:
        return f"retry.base {duration_text(base)} must be at most retry.cap {duration_text(cap)}"
    return None


@lru_cache(maxsize=1_024)  # settings are asked for in every turn
def duration_ms(text: str) -> Millis:
    """`500ms 90s 5m 1h30m 2d` as milliseconds; ValueError on anything else, bare numbers included."""
    rest, total, seen = text.strip(), 0.0, False
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        unit = next((u for u in ("ms", "s", "m", "h", "d") if rest[digits:].startswith(u)), None)
        if not digits or unit is None or rest[:digits].count(".") > 1:
            raise ValueError(f"{text!r} is not a duration such as 500ms, 90s, 5m, 1h30m or 2d")
        total += float(rest[:digits]) * UNITS[unit]
        rest, seen = rest[digits + len(unit) :], True
    if not seen:
        raise ValueError("an empty text is not a duration such as 500ms, 90s, 5m, 1h30m or 2d")
    return round(total)


def duration_text(millis: Millis) -> str:
    """The shortest text that reads back as this duration."""
    if millis == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, millis = divmod(millis, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
