"""The flags of a schedule (TM section 2), and what they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from coordinator.cli.failures import usage
from coordinator.cli.flags import DURATION
from coordinator.client.durations import format_duration

Command = TypeVar("Command", bound=Callable[..., Any])

KINDS = ("every", "cron", "rrule")
# flag -> field of the schedule
_FIELDS = {
    "cron": "cron",
    "rrule": "rrule",
    "time_zone": "time_zone",
    "count_from": "from",
    "misfire": "misfire",
    "max_catch_up": "max_catch_up",
    "overlap": "overlap",
    "dst_gap": "dst_gap",
    "pause_after_failures": "pause_after_failures",
}
_SPANS = ("every", "jitter", "misfire_grace", "start_deadline")
_INSTANTS = ("start_at", "end_at")


def schedule_flags(command: Command) -> Command:
    """All of them, for a command of click."""
    for option in reversed((*_timetable(), *_policies())):
        command = option(command)
    return command


def timetable_flags(command: Command) -> Command:
    """Those that say when it fires, for a preview."""
    for option in reversed((*_timetable(), _DST_GAP, _BLACKOUT)):
        command = option(command)
    return command


def _timetable() -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option("--every", type=DURATION, help="Recurring: in such steps, from 1s to 366d."),
        click.option("--cron", metavar="E", help="Recurring: '30 2 * * *', seconds first if six fields, @daily."),
        click.option("--rrule", metavar="R", help="Recurring: FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9"),
        click.option("--tz", "time_zone", metavar="Z",
                     help="Time zone of --cron, --rrule and black-outs.  [default: UTC]"),
        click.option("--start", "start_at", default="", metavar="T", help="No fire time before."),
        click.option("--end", "end_at", default="", metavar="T", help="No fire time at or after it."),
    )  # fmt: skip


_DST_GAP: Callable[[Any], Any] = click.option(
    "--dst-gap",
    type=click.Choice(["skip", "shift"]),
    help="A local time that a clock change leaves out.  [default: skip]",
)
_BLACKOUT: Callable[[Any], Any] = click.option(
    "--blackout",
    "blackouts",
    multiple=True,
    metavar="W",
    help="Nothing begins in it: 'Mon 09:00-Mon 17:00 [Z] [skip|shift]', \"cron '0 9 * * 1' for 8h\".",
)


def _policies() -> tuple[Callable[[Any], Any], ...]:
    return (
        click.option("--from", "count_from", type=click.Choice(["due", "start", "end"]),
                     help="Where --every counts from: due time, start or end of the run.  [default: due]"),
        click.option("--jitter", type=DURATION, help="Later by up to so much, always the same for a fire time."),
        click.option("--misfire", type=click.Choice(["once", "all", "skip"]),
                     help="Fire times that came while no leader was there.  [default: once]"),
        click.option("--misfire-grace", type=DURATION, help="Only what is later than that counts as missed."),
        click.option("--max-catch-up", type=click.IntRange(1, 1_000), metavar="N", help="At most so many with --misfire all."),
        click.option("--overlap", type=click.Choice(["skip", "queue_one", "replace"]),
                     help="A fire time while the run before goes on.  [default: skip]"),
        click.option("--start-deadline", type=DURATION, help="Not at all if it cannot start within."),
        _DST_GAP,
        _BLACKOUT,
        click.option("--pause-after-failures", type=click.IntRange(0, 1_000_000), metavar="N", help="Pause it after so many in a row."),
    )  # fmt: skip


def asked_schedule(
    flags: dict[str, Any], instant: Callable[[str, str], int | None]
) -> dict[str, Any]:
    """The fields that were given, in the form of `client.schedules`; takes the flags out of `flags`.

    `instant(flag, text)` reads an instant, None for no text.
    """
    found: dict[str, Any] = {}
    for name in _SPANS:
        millis = flags.pop(name, None)
        if millis is not None:
            found[name] = format_duration(millis)
    for name in _INSTANTS:
        at = instant(f"--{name.removesuffix('_at')}", flags.pop(name, ""))
        if at is not None:
            found[name] = at
    for flag, field in _FIELDS.items():
        value = flags.pop(flag, None)
        if value is not None:
            found[field] = value
    if blackouts := flags.pop("blackouts", ()):
        found["blackouts"] = list(blackouts)
    return found


def whole_schedule(asked: dict[str, Any]) -> dict[str, Any] | None:
    """Of a task that has none yet: None where nothing was asked. Raises Failure."""
    kinds = [kind for kind in KINDS if kind in asked]
    if asked and not kinds:
        raise usage(
            "a schedule needs one of --every, --cron, --rrule",
            why=f"given: {', '.join(sorted(asked))}",
        )
    if len(kinds) > 1:
        raise usage(f"--{kinds[0]} and --{kinds[1]}: a schedule is of one kind")
    return asked or None


def merged_schedule(asked: dict[str, Any], present: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a task that may have one: what was not asked stays, another kind replaces the old one. Raises Failure."""
    if present is None:
        return whole_schedule(asked) or {}
    kept = dict(present)
    if any(kind in asked for kind in KINDS):
        whole_schedule(asked)
        kept |= dict.fromkeys(KINDS)
    return kept | asked
