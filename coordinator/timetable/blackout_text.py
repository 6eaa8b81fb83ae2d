"""Black-outs as people write them: `Mon 09:00-Mon 17:00 Europe/Berlin shift`, `cron '0 9 * * 1' for 8h`."""

from __future__ import annotations

import re

from coordinator.model.instants import MINUTE
from coordinator.model.schedules import Blackout
from coordinator.model.settings import duration_ms, duration_text
from coordinator.model.windows import Span, spans, spans_text

BLACKOUT_CHARS_MAX = 500
EXAMPLES = "`Mon 09:00-Mon 17:00 Europe/Berlin shift` or `cron '0 9 * * 1' for 8h`"
_CRON = re.compile(r"cron\s+(?:'([^']*)'|\"([^\"]*)\")\s+for\s+(\S+)(.*)", re.ASCII | re.IGNORECASE)
_SPAN = re.compile(r"(\w{3} \d\d:\d\d ?- ?\w{3} \d\d:\d\d)(?=\s|$)(.*)", re.ASCII)


def parse_blackout(text: str) -> Blackout:
    """The zone is UTC and `then` skip unless given. ValueError for anything else; `problem` checks the bounds."""
    text = text.strip()
    cron = _CRON.fullmatch(text) if len(text) <= BLACKOUT_CHARS_MAX else None
    if cron is not None:
        single, double, duration, rest = cron.groups()
        zone, then = _zone_and_then(text, rest)
        expression = single if single is not None else double
        return Blackout(
            cron=expression, duration_ms=duration_ms(duration), time_zone=zone, then=then
        )
    span = _SPAN.fullmatch(text) if len(text) <= BLACKOUT_CHARS_MAX else None
    if span is None:
        raise _not_understood(text)
    zone, then = _zone_and_then(text, span[2])
    (found,) = spans(span[1])
    return Blackout(found.begin // MINUTE, found.end // MINUTE, time_zone=zone, then=then)


def blackout_text(blackout: Blackout) -> str:
    """The text that reads back as this black-out; what is default is left out."""
    if blackout.cron:
        of = f"cron '{blackout.cron}' for {duration_text(blackout.duration_ms)}"
    else:
        of = spans_text((Span(blackout.first * MINUTE, blackout.last * MINUTE),))
    zone = "" if blackout.time_zone == "UTC" else f" {blackout.time_zone}"
    return of + zone + ("" if blackout.then == "skip" else f" {blackout.then}")


def _zone_and_then(text: str, rest: str) -> tuple[str, str]:
    words = rest.split()
    then = words.pop() if words and words[-1] in {"skip", "shift"} else "skip"
    if len(words) > 1:
        raise _not_understood(text)
    return (words[0] if words else "UTC"), then


def _not_understood(text: str) -> ValueError:
    return ValueError(f"{text[:100]!r} is no black-out such as {EXAMPLES}")
