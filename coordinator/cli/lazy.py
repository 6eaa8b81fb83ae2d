"""Commands that are loaded when they are typed, and global flags that work before and after the verb.

A group knows its commands as (module, attribute, one line of help); the module is imported when the command runs or
its own help is asked for, never to list it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from coordinator.cli.flags import global_flags
from coordinator.cli.overriding import override


class Entry(NamedTuple):
    """Where a command lives, and what the list of commands says about it."""

    module: str
    attribute: str
    summary: str


class PipeClosed(Exception):
    """Whoever read our stdout has gone: the command ends silently, with 0 (EX-6)."""


class Verb(click.Command):
    """A command that also takes the global flags."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *global_flags()]

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Run it; a closed pipe is told apart here, before click makes an exit code of it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosed from None

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own flags first, the global ones apart."""
        format_flags(self, ctx, formatter)


class LazyGroup(click.Group):
    """A group whose commands are imported one by one, when they are used."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries
        self.params = [*self.params, *global_flags()]

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """All names, in the order of the table."""
        return list(self._entries)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        """Import and return one command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.attribute} is no command")
        return command

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without any argument the help is what was wanted."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a misspelt name is answered with the nearest ones."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self._entries:
            raise click.UsageError(f"no such command: {name}{nearest(name, self._entries)}", ctx)
        return super().resolve_command(ctx, args)

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first, then the global flags."""
        rows = [(name, entry.summary) for name, entry in self._entries.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        format_flags(self, ctx, formatter)


def nearest(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """`; did you mean list?`, or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def format_flags(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """The flags of a command in two sections."""
    shared = {option.name for option in global_flags()}
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            (common if param.name in shared else own).append(record)
    for title, rows in (("Flags", own), ("Global flags, also before the verb", common)):
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
