"""`taskctl context`: named ways to clusters. Imports no grpc: it is all about one file."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli import contexts, exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import Failure, usage
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.output import Column
from coordinator.cli.session import parse_addresses, session_of

_HERE = "coordinator.cli.context_commands"
context = LazyGroup(
    name="context",
    help="Named ways to clusters, in ~/.config/taskctl/config.toml (TASKCTL_CONFIG).",
    entries={
        "list": Entry(_HERE, "list_contexts", "All contexts."),
        "use": Entry(_HERE, "use", "Select one."),
        "set": Entry(_HERE, "set_context", "Add or change one."),
        "show": Entry(_HERE, "show", "What the selected one holds."),
        "rm": Entry(_HERE, "remove", "Forget one."),
    },
)


def _load() -> contexts.Config:
    try:
        return contexts.load()
    except contexts.ConfigError as error:
        raise usage(str(error)) from None


def _known(config: contexts.Config, name: str) -> dict[str, Any]:
    if name not in config.contexts:
        known = ", ".join(sorted(config.contexts)) or "none"
        raise Failure(f"no context {name}", why=f"there are: {known}", exit_code=exits.NOT_FOUND)
    return config.contexts[name]


def _view(config: contexts.Config, name: str) -> dict[str, Any]:
    values = config.contexts[name]
    return {"name": name, "current": name == config.current} | {
        key: values.get(key) for key in contexts.KEYS
    }


_COLUMNS: tuple[Column[dict[str, Any]], ...] = (
    Column("NAME", lambda one: str(one["name"])),
    Column("CURRENT", lambda one: "*" if one["current"] else "", lambda one: one["current"]),
    Column("ADDRESS", lambda one: str(one["addr"] or "-"), lambda one: one["addr"]),
    Column("READ ONLY", lambda one: "yes" if one["read_only"] else "", lambda one: one["read_only"]),
)  # fmt: skip


@click.command("list", cls=Verb)
@click.pass_context
def list_contexts(ctx: click.Context) -> int:
    """All contexts; the selected one has a star."""
    config = _load()
    items = [_view(config, name) for name in sorted(config.contexts)]
    session_of(ctx).out.listing("ContextList", None, items, _COLUMNS)
    return exits.OK


@click.command("use", cls=Verb)
@click.argument("name", shell_complete=complete("contexts"))
@click.pass_context
def use(ctx: click.Context, name: str) -> int:
    """Select a context."""
    config = _load()
    _known(config, name)
    config.current = name
    contexts.save(config)
    _show(ctx, config, name, f"{name}  selected")
    return exits.OK


def _show(ctx: click.Context, config: contexts.Config, name: str, text: str) -> None:
    session_of(ctx).out.single("Context", None, _view(config, name), name, lambda: text)


@click.command("set", cls=Verb)
@click.argument("name")
@click.option("--read-only/--no-read-only", default=None, help="Refuse every change.")
@click.option("--banner", default=None, metavar="TEXT", help="Shown before every change.")
@click.pass_context
def set_context(ctx: click.Context, name: str, read_only: bool | None, banner: str | None) -> int:
    """Add or change a context: --addr, --output, --time, --read-only, --banner."""
    given = ctx.find_root().obj.flags
    values: dict[str, Any] = {
        key: given[key] for key in ("addr", "output", "time") if given.get(key)
    }
    parse_addresses(values.get("addr", ""))
    if read_only is not None:
        values["read_only"] = read_only
    if banner is not None:
        values["banner"] = banner
    if not values:
        raise usage(f"context set {name}: nothing to set", hint=f"context set {name} --addr H:P")
    try:
        contexts.write_context(name, values, select_if_none=True)
    except contexts.ConfigError as error:
        raise usage(str(error)) from None
    _show(ctx, _load(), name, f"{name}  kept in {contexts.config_path()}")
    return exits.OK


@click.command("show", cls=Verb)
@click.argument("name", required=False, default="", shell_complete=complete("contexts"))
@click.pass_context
def show(ctx: click.Context, name: str) -> int:
    """What a context holds; without a name the selected one."""
    config = _load()
    chosen = name or ctx.find_root().obj.get("context") or config.current
    if chosen is None:
        raise Failure(
            "no context is selected",
            hint="taskctl context set NAME --addr H:P",
            exit_code=exits.NOT_FOUND,
        )
    values = _known(config, chosen)
    rows = [("name", chosen), *((key, str(value)) for key, value in values.items())]
    _show(ctx, config, chosen, "\n".join(f"{title:<14}{text}" for title, text in rows))
    return exits.OK


@click.command("rm", cls=Verb)
@click.argument("name", shell_complete=complete("contexts"))
@click.pass_context
def remove(ctx: click.Context, name: str) -> int:
    """Forget a context."""
    config = _load()
    view = _view(config, name) if _known(config, name) is not None else {}
    del config.contexts[name]
    if config.current == name:
        config.current = None
    contexts.save(config)
    session_of(ctx).out.single("Context", None, view, name, lambda: f"{name}  removed")
    return exits.OK
