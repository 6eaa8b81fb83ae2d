"""`taskctl cluster settings | set | unset`: what all members agree on, replicated (PT section 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.params import split_pair
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import Moments

if TYPE_CHECKING:
    from coordinator.client.cluster_views import Setting, Settings


@click.command("settings", cls=Verb)
@click.argument("keys", nargs=-1)
@click.pass_context
def settings(ctx: click.Context, keys: tuple[str, ...]) -> int:
    """All settings, or those named: value, default, who set it and when, bounds."""
    session = session_of(ctx)
    session.doing = "cluster settings"

    async def work() -> int:
        found = await session.client.cluster.settings(read=session.read)
        known = {one.key for one in found.settings}
        unknown = [key for key in keys if key not in known]
        if unknown:
            from coordinator.client.errors import NotFound

            raise NotFound(f"no setting {unknown[0]}", reason="setting_not_found")
        _show(session, found, keys)
        return exits.OK

    return session.run(work)


def _show(session: Session, found: Settings, keys: Sequence[str]) -> None:
    chosen = [one for one in found.settings if not keys or one.key in keys]
    session.out.listing("SettingList", found.answer, chosen, _columns(session.moments))


def _columns(moments: Moments) -> tuple[Column[Setting], ...]:
    return (
        Column("KEY", lambda one: one.key),
        Column("VALUE", lambda one: one.value),
        Column("DEFAULT", lambda one: one.default),
        Column("SET BY", lambda one: one.set_by or "-"),
        Column("SET", lambda one: moments.show(one.set_at), lambda one: one.set_at),
        Column("BOUNDS", lambda one: one.bounds),
    )


@click.command("set", cls=Verb)
@click.argument("pairs", nargs=-1, required=True, metavar="K=V...")
@change_flags
@click.pass_context
def set_settings(ctx: click.Context, /, pairs: tuple[str, ...], **flags: Any) -> int:
    """Change settings; all of them or none."""
    session = session_of(ctx)
    values = dict(split_pair(pair, "cluster set") for pair in pairs)
    return _change(session, values, (), flags)


@click.command("unset", cls=Verb)
@click.argument("keys", nargs=-1, required=True)
@change_flags
@click.pass_context
def unset(ctx: click.Context, /, keys: tuple[str, ...], **flags: Any) -> int:
    """Give settings their default again."""
    return _change(session_of(ctx), {}, keys, flags)


def _change(
    session: Session, values: Mapping[str, str], reset: Sequence[str], flags: dict[str, Any]
) -> int:
    keys = (*values, *reset)
    session.doing = f"{session.verb} {keys[0]}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        found = await session.client.cluster.set_settings(values, change, reset=reset)
        if change.dry_run:
            _show_dry(session, found, values, reset)
        else:
            _show(session, found, keys)
        return exits.OK

    return session.run(work)


def _show_dry(
    session: Session, found: Settings, values: Mapping[str, str], reset: Sequence[str]
) -> None:
    """Each as it is and as it would be: the answer of a dry run holds what there is."""
    chosen = [one for one in found.settings if one.key in values or one.key in reset]
    would_be = {one.key: values.get(one.key, one.default) for one in chosen}
    if session.out.is_json:
        from coordinator.client.serializer import plain_dict

        items = [
            {**plain_dict(one), "new_value": would_be[one.key], "dry_run": True} for one in chosen
        ]
        session.out.listing("SettingList", found.answer, items, ())
        return
    key, value, *others = _columns(session.moments)
    new: Column[Setting] = Column("NEW VALUE", lambda one: would_be[one.key])
    session.out.listing("SettingList", found.answer, chosen, (key, value, new, *others))
    tell("dry run: nothing was written")
