"""`taskctl limit` and `taskctl cluster rebalance`: how many may run at a time, and what would move (TM-60, PT-80)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.output import Column
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import Moments, count, dry_line

if TYPE_CHECKING:
    from coordinator.client.placement_client import Limit, LimitChanged, Move
    from coordinator.client.requests import ChangeOptions

_HERE = "coordinator.cli.limit_commands"
_SCOPE = click.option(
    "--per-node", "per_node", is_flag=True, help="The limit of each node, not of the cluster."
)
limit = LazyGroup(
    name="limit",
    help="How many runs may be placed at a time.",
    entries={
        "list": Entry(_HERE, "list_limits", "What is declared, overridden and in use."),
        "set": Entry(_HERE, "set_limit", "Put another number in the place of the declared one."),
        "rm": Entry(_HERE, "remove_limit", "Let the declared number count again."),
    },
)


@click.command("list", cls=Verb)
@click.pass_context
def list_limits(ctx: click.Context) -> int:
    """Limits that executors declare, operators override or runs stand under."""
    session = session_of(ctx)
    session.doing = "limit list"

    async def work() -> int:
        found = await session.client.cluster.placement.limits(read=session.read)
        columns = _columns(session.moments)
        session.out.listing("LimitList", found.answer, found.limits, columns)
        return exits.OK

    return session.run(work)


@click.command("set", cls=Verb)
@click.argument("key")
@click.option("--max", "most", type=click.IntRange(0, 1_000_000), required=True, metavar="N")
@_SCOPE
@change_flags
@click.pass_context
def set_limit(ctx: click.Context, /, key: str, most: int, per_node: bool, **flags: Any) -> int:
    """At most N runs at a time under KEY: an executor, group:NAME, EXECUTOR:params.FIELD[=VALUE]. 0 blocks."""
    session = session_of(ctx)

    async def call(change: ChangeOptions) -> LimitChanged:
        placement, scope = session.client.cluster.placement, _scope(per_node=per_node)
        done = await placement.set_limit(key, most, change, scope=scope)
        if not change.dry_run and not _is_declared(key, scope, (await placement.limits()).limits):
            from coordinator.cli.output import tell

            tell(f"note: no executor declares {key} for the {scope}, so it holds back nothing yet")
        return done

    return _change(session, key, flags, call)


def _is_declared(key: str, scope: str, known: Sequence[Limit]) -> bool:
    """By itself or as one of a family; what a list that was cut short leaves out is believed."""
    return all(one.declared is not None for one in known if (one.key, one.scope) == (key, scope))


@click.command("rm", cls=Verb)
@click.argument("key")
@_SCOPE
@change_flags
@click.pass_context
def remove_limit(ctx: click.Context, /, key: str, per_node: bool, **flags: Any) -> int:
    """What the executor declares for KEY counts again."""
    session = session_of(ctx)

    async def call(change: ChangeOptions) -> LimitChanged:
        placement = session.client.cluster.placement
        return await placement.remove_limit(key, change, scope=_scope(per_node=per_node))

    return _change(session, key, flags, call)


@click.command("rebalance", cls=Verb)
@click.pass_context
def rebalance(ctx: click.Context) -> int:
    """The moves that would even out the nodes, and what holds them back; nothing is moved by asking."""
    session = session_of(ctx)
    session.doing = "cluster rebalance"

    async def work() -> int:
        from coordinator.cli.output import tell

        found = await session.client.cluster.placement.rebalance()
        session.out.listing("MoveList", found.answer, found.moves, _MOVE_COLUMNS)
        if not session.out.is_json:
            tell(f"{count(len(found.moves), 'move')}; {found.held_back or 'they are under way'}")
        return exits.OK

    return session.run(work)


def _change(
    session: Session,
    key: str,
    flags: dict[str, Any],
    call: Callable[[ChangeOptions], Coroutine[Any, Any, LimitChanged]],
) -> int:
    session.doing = f"{session.verb} {key}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        done = await call(change)
        view = {"key": key, "unchanged": done.unchanged, "dry_run": change.dry_run}
        text = f"{key}: {'unchanged' if done.unchanged else 'changed'}"
        text = dry_line(text, dry_run=change.dry_run)
        session.out.single("Limit", done.answer, view, key, lambda: text)
        return exits.OK

    return session.run(work)


def _scope(*, per_node: bool) -> str:
    return "node" if per_node else "cluster"


def _columns(moments: Moments) -> tuple[Column[Limit], ...]:
    return (
        Column("KEY", lambda one: one.key),
        Column("SCOPE", lambda one: one.scope),
        Column("MAX", lambda one: "-" if one.max is None else str(one.max)),
        Column("DECLARED", lambda one: "-" if one.declared is None else str(one.declared)),
        Column("RUNS", lambda one: str(one.runs)),
        Column("SET BY", lambda one: one.set_by or "-"),
        Column("SET", lambda one: moments.show(one.set_at), lambda one: one.set_at),
    )


_MOVE_COLUMNS: tuple[Column[Move], ...] = (
    Column("TASK", lambda one: one.task),
    Column("FROM", lambda one: one.source),
    Column("TO", lambda one: one.target),
)
