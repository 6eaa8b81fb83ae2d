"""Times of day: hours x minutes x seconds, walked without ever being written out; a day may have 86,400 of them."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


class TimesOfDay(NamedTuple):
    """Each tuple ascending and never empty."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    @property
    def total(self) -> int:
        return len(self.hours) * len(self.minutes) * len(self.seconds)

    def rank(self, second: int) -> int:
        """How many of them are before this second of the day."""
        hour, rest = divmod(second, HOUR_S)
        minute, rest = divmod(rest, MINUTE_S)
        per_minute = len(self.seconds)
        per_hour = len(self.minutes) * per_minute
        h = bisect_left(self.hours, hour)
        if h == len(self.hours) or self.hours[h] != hour:
            return h * per_hour
        m = bisect_left(self.minutes, minute)
        if m == len(self.minutes) or self.minutes[m] != minute:
            return h * per_hour + m * per_minute
        return h * per_hour + m * per_minute + bisect_left(self.seconds, rest)

    def at(self, rank: int) -> int:
        """The second of the day with so many of them before it."""
        rest, s = divmod(rank, len(self.seconds))
        h, m = divmod(rest, len(self.minutes))
        return self.hours[h] * HOUR_S + self.minutes[m] * MINUTE_S + self.seconds[s]

    def first(self, second: int) -> int | None:
        """The first at or after this second of the day."""
        rank = self.rank(second)
        return self.at(rank) if rank < self.total else None
