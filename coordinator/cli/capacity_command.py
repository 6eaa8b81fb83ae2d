"""`taskctl cluster capacity`: what the nodes can do, what is asked of them, and what it would be if (TM-79, TM-81)."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.lazy import Verb
from coordinator.cli.overriding import override
from coordinator.cli.session import session_of
from coordinator.cli.spec_words import COST_MAX, COSTS

if TYPE_CHECKING:
    from coordinator.client.health_views import SeriesToAdd

NODES_MAX, COUNT_MAX = 5_000, 200_000
KEYS = ("every", "cron", "rrule", "time_zone", "executor", "cost", "duration")
_COUNT = re.compile(r"\s*(\d+)\s*x\s+(.+)")


class SeriesType(click.ParamType["SeriesToAdd"]):
    """`500 x every=1m cost=normal duration=2s`."""

    name = "series"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> SeriesToAdd:
        """The value, or a usage error that says what is allowed."""
        try:
            return series_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def series_of(text: str) -> SeriesToAdd:
    """Raises ValueError, naming what is wrong."""
    from coordinator.client.durations import parse_duration
    from coordinator.client.health_views import SeriesToAdd

    found = _COUNT.fullmatch(text)
    number, rest = (int(found[1]), found[2]) if found else (1, text)
    if not 1 <= number <= COUNT_MAX:
        raise ValueError(f"{number} x: 1 to {COUNT_MAX}")
    said: dict[str, str] = {}
    for word in shlex.split(rest):
        key, equals, value = word.partition("=")
        if not equals or key not in KEYS or key in said:
            raise ValueError(
                f"{word!r}: write [N x] KEY=VALUE ..., each once, of {', '.join(KEYS)}"
            )
        said[key] = value
    if sum(key in said for key in ("every", "cron", "rrule")) != 1:
        raise ValueError("exactly one of every, cron and rrule says when")
    if "duration" not in said and "executor" not in said:
        raise ValueError("duration= says how long a run takes, or executor= whose runs are meant")
    return SeriesToAdd(
        count=number,
        every_ms=parse_duration(said["every"]) if "every" in said else 0,
        cron=said.get("cron", ""),
        rrule=said.get("rrule", ""),
        time_zone=said.get("time_zone", ""),
        executor=said.get("executor", ""),
        cost=_cost(said["cost"]) if "cost" in said else None,
        duration_ms=parse_duration(said["duration"]) if "duration" in said else None,
    )


def _cost(text: str) -> int:
    if text in COSTS:
        return COSTS[text]
    if not text.isdecimal() or int(text) > COST_MAX:
        raise ValueError(f"cost={text}: 0 to {COST_MAX} units, or one of {', '.join(COSTS)}")
    return int(text)


@click.command("capacity", cls=Verb)
@click.option(
    "--nodes", type=click.IntRange(1, NODES_MAX), metavar="N", help="As if there were N such nodes."
)
@click.option(
    "--add",
    type=SeriesType(),
    multiple=True,
    metavar="SPEC",
    help='As if there were more series: "500 x every=1m cost=normal duration=2s".',
)
@click.pass_context
def capacity(ctx: click.Context, nodes: int | None, add: tuple[SeriesToAdd, ...]) -> int:
    """What the nodes can do and what is asked of them, or what it would be if. Nothing is changed."""
    session = session_of(ctx)
    session.doing = "cluster capacity"

    async def work() -> int:
        from coordinator.cli.health_texts import capacity_text
        from coordinator.client.health_views import capacity_fields

        found = await session.client.cluster.placement.capacity(nodes, add)
        fields = capacity_fields(found.capacity)
        text = lambda: capacity_text(found.capacity)  # noqa: E731 - made only when a person reads it
        session.out.single("Capacity", found.answer, fields, found.capacity.verdict, text)
        return exits.OK

    return session.run(work)
