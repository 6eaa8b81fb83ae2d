"""The global flags: accepted before and after the verb, each with an environment twin (EX-4).

Order: flag, environment, context, default. What was given is collected in `Given`; `session.settings` puts it together
with the context, because only a command that goes to the cluster needs that.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import click
from click.core import ParameterSource

from coordinator.cli.completing import complete
from coordinator.cli.overriding import override
from coordinator.client.durations import parse_duration

OUTPUTS = ("table", "wide", "json", "jsonl", "csv", "name")
TIMES = ("relative", "local", "utc", "unix")
COLORS = ("auto", "always", "never")


class Told(Protocol):
    """What an error has to know of the command that met it."""

    @property
    def about(self) -> tuple[str, tuple[str, ...]]:
        """Verb and name, and the addresses that were asked."""
        ...

    @property
    def output_form(self) -> str:
        """As `--output` has it."""
        ...


class Given:
    """What the user gave, by flag and by environment. A flag given twice: the later one counts."""

    def __init__(self) -> None:
        self.session: Told | None = None
        self.flags: dict[str, Any] = {}
        self.environment: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The value by flag or environment; None when neither."""
        found = self.flags.get(name)
        return self.environment.get(name) if found is None else found


class DurationType(click.ParamType[int]):
    """A duration such as 500ms, 90s, 5m, 1h30m, 2d; int milliseconds inside."""

    name = "duration"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds, or a usage error that says what is allowed."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    @override
    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  (click's)
        """As the help shows it."""
        return "D"


DURATION = DurationType()


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    given = ctx.find_root().obj
    if not isinstance(given, Given) or param.name is None:
        return
    source = ctx.get_parameter_source(param.name)
    if source is ParameterSource.COMMANDLINE:
        given.flags[param.name] = value
    elif source is ParameterSource.ENVIRONMENT:
        given.environment[param.name] = value


def _flag(*names: str, **more: Any) -> click.Option:
    twin = "TASKCTL_" + next(n for n in names if n.startswith("--"))[2:].upper().replace("-", "_")
    return click.Option(
        names,
        envvar=twin,
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        default=None,
        **more,
    )


@cache
def global_flags() -> tuple[click.Option, ...]:
    """All of them; the same objects for every command."""
    return (*_about_calls(), *_about_answers())


def _about_calls() -> tuple[click.Option, ...]:
    return (
        _flag(
            "--context",
            metavar="NAME",
            shell_complete=complete("contexts"),
            help="Where to go, by name of a context.",
        ),
        _flag(
            "--addr",
            metavar="H:P[,H:P]",
            help="Coordinators to ask.  [default: 127.0.0.1:7101, :7102, :7103]",
        ),
        _flag(
            "--timeout",
            type=DURATION,
            help="Limit of the whole command.  [default: 10s; none where a command waits]",
        ),
        _flag(
            "--stale",
            is_flag=True,
            help="Read what the answering member has, without asking the leader; needs no quorum.",
        ),
        _flag("-v", "--verbose", count=True, help="Tell of each call; -vv also of errors in full."),
        _flag("-y", "--yes", is_flag=True, help="Answer yes to every confirmation."),
    )


def _about_answers() -> tuple[click.Option, ...]:
    return (
        _flag(
            "-o",
            "--output",
            type=click.Choice(OUTPUTS),
            help="Form of the answer.  [default: table]",
        ),
        _flag("--columns", metavar="A,B", help="Columns of a table or csv."),
        _flag("--sort", metavar="[-]A", help="Sort a list by a column; - for descending."),
        _flag("--no-headers", is_flag=True, help="Tables and csv without the first line."),
        _flag("-q", "--quiet", is_flag=True, help="Names only; the same as -o name."),
        _flag(
            "--time",
            type=click.Choice(TIMES),
            help="How instants are shown.  [default: relative; utc when not on a terminal]",
        ),
        _flag("--color", type=click.Choice(COLORS), help="Colour.  [default: auto]"),
    )
