"""Small texts of tables and lines: ages, moments, durations, bars. Pure: the present moment is handed in."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from coordinator.client.instants import rfc3339

_AGES = (("d", 86_400_000, 2), ("h", 3_600_000, 2), ("m", 60_000, 2), ("s", 1_000, 0))
_DAY_MS = 86_400_000
BAR_CELLS = 10


def one_line(text: str) -> str:
    """The text with line breaks and other control characters written out, as in `\\n`: it can neither add lines nor
    speak to a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def dry_line(text: str, *, dry_run: bool) -> str:
    """What a change came to; of a dry run with the word that it was none."""
    return f"{text}  (dry run: nothing was written)" if dry_run else text


def age(millis: int) -> str:
    """`12s`, `3h`, `9d`: one figure, rounded down; a unit is used from twice its size on."""
    for unit, size, least in _AGES:
        if millis >= size * max(1, least):
            return f"{millis // size}{unit}"
    return "0s"


def lasted(millis: int | None) -> str:
    """A measured time: `5 ms`, `7.1 s`, `12 s`, `3m 20s`, `2h 5m`; `-` for none."""
    if millis is None:
        return "-"
    if millis < 1_000:
        return f"{millis} ms"
    if millis < 10_000:
        return f"{millis / 1000:.1f} s"
    seconds = millis // 1000
    if seconds < 120:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 120:
        return f"{minutes}m {seconds}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m"


def bar(done: float, total: float | None) -> str:
    """`████████ 82 %`, a block for each tenth; or the bare number where there is no total."""
    if not total or total <= 0:
        return f"{done:g}"
    share = min(1.0, max(0.0, done / total))
    return f"{'█' * round(share * BAR_CELLS)} {round(share * 100)} %".lstrip()


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 task`, `4 tasks`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


class Moments:
    """Instants as text in one style: relative, local, utc or unix. `now` is int ms."""

    def __init__(self, style: str, now: int, zone: tzinfo | None = None) -> None:
        self._style = style
        self.now = now
        self._zone = timezone.utc if style == "utc" else zone  # noqa: UP017

    def age(self, at: int | None) -> str:
        """How long ago, whatever the style."""
        return "-" if at is None else age(max(0, self.now - at))

    def show(self, at: int | None) -> str:
        """In lines and cells: `3h ago`, `in 40s`; or a time of day, with its date when that is not near."""
        if at is None:
            return "-"
        if self._style == "unix":
            return f"{at / 1000:.3f}"
        if self._style == "relative":
            return f"in {age(at - self.now)}" if at > self.now else f"{age(self.now - at)} ago"
        return self.clock(at)

    def clock(self, at: int | None) -> str:
        """A time of day, `14:02:11`; with its date when further than half a day away."""
        if at is None:
            return "-"
        if self._style == "unix":
            return f"{at / 1000:.3f}"
        moment = datetime.fromtimestamp(at / 1000, self._zone).replace(tzinfo=None)
        near = abs(at - self.now) < _DAY_MS // 2
        return f"{moment:%H:%M:%S}" if near else f"{moment:%Y-%m-%d %H:%M:%S}"

    def full(self, at: int | None) -> str:
        """Everything there is to say: `2026-11-21T14:02:11.120Z`, and in relative style how long ago as well."""
        if at is None:
            return "-"
        if self._style == "unix":
            return f"{at / 1000:.3f}"
        if self._style == "local":
            moment = datetime.fromtimestamp(at / 1000).astimezone(self._zone)
            return moment.isoformat(sep=" ", timespec="milliseconds")
        return rfc3339(at) + (f" ({self.show(at)})" if self._style == "relative" else "")
