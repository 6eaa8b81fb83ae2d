"""`taskctl node`: who runs the executors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.node_texts import node_columns, node_line, node_page
from coordinator.cli.output import tell
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import count

if TYPE_CHECKING:
    from coordinator.client.cluster_views import Node, NodeChanged, Nodes
    from coordinator.client.requests import ChangeOptions

_HERE = "coordinator.cli.node_commands"
node = LazyGroup(
    name="node",
    help="Nodes: the machines that run executors.",
    entries={
        "list": Entry(_HERE, "list_nodes", "All nodes."),
        "get": Entry(_HERE, "get_node", "Everything known about a node."),
        "drain": Entry(_HERE, "drain", "Give it nothing new, move what can be moved."),
        "undrain": Entry(_HERE, "undrain", "End the drain."),
        "rm": Entry(_HERE, "remove", "Forget a node."),
    },
)


@click.command("list", cls=Verb)
@click.pass_context
def list_nodes(ctx: click.Context) -> int:
    """All nodes."""
    session = session_of(ctx)

    async def work() -> int:
        found = await session.client.cluster.nodes(read=session.read)
        session.out.listing("NodeList", found.answer, found.nodes, node_columns(session.moments))
        if session.out.is_table:
            tell(f"{count(len(found.nodes), 'node')} · revision {found.answer.revision}")
        return exits.OK

    return session.run(work)


@click.command("get", cls=Verb)
@click.argument("name", shell_complete=complete("nodes"))
@click.pass_context
def get_node(ctx: click.Context, name: str) -> int:
    """Everything known about a node."""
    session = session_of(ctx)
    session.doing = f"node get {name}"

    async def work() -> int:
        answer, found = await _one(session, name)
        session.out.single(
            "Node", answer.answer, found, name, lambda: node_page(found, session.moments)
        )
        return exits.OK

    return session.run(work)


async def _one(session: Session, name: str) -> tuple[Nodes, Node]:
    from coordinator.client.errors import NotFound

    found = await session.client.cluster.nodes(name, read=session.read)
    chosen = next((one for one in found.nodes if one.name == name), None)
    if chosen is None:
        raise NotFound(f"no node {name}", reason="node_not_found")
    return found, chosen


@click.command("drain", cls=Verb)
@click.argument("name", shell_complete=complete("nodes"))
@click.option(
    "--kind",
    type=click.Choice(["restart", "remove", "terminate"]),
    default="restart",
    show_default=True,
    help="restart: the mark goes when the node comes back.",
)
@click.option(
    "--deadline",
    type=DURATION,
    help="Movable runs that found no other node by then are stopped and wait for one.",
)
@click.option(
    "--hold",
    type=DURATION,
    help="Of a restart: its tasks stay, and wait so long for its return once it has gone.",
)
@change_flags
@click.pass_context
def drain(ctx: click.Context, /, name: str, **flags: Any) -> int:
    """Give a node nothing new, move what can be moved, and show how far that is. --reason is needed."""
    from coordinator.cli.node_drain import follow_drain

    session = session_of(ctx)
    session.doing = f"node drain {name}"
    if not flags["reason"].strip():
        raise usage(
            f"node drain {name}: --reason is missing", why="a drain is kept with its reason"
        )
    kind, deadline = flags.pop("kind"), flags.pop("deadline") or 0
    hold = flags.pop("hold") or 0
    if hold and kind != "restart":
        raise usage(f"node drain {name}: --hold goes with --kind restart")
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        done = await session.client.cluster.drain(
            name, change, kind=kind, deadline_ms=deadline, hold_ms=hold
        )
        if change.dry_run:
            return _show(session, name, done, dry_run=True)
        return await follow_drain(session, name, done)

    try:
        return session.run(work)
    except KeyboardInterrupt:
        tell(f"the drain of {name} stays in force; end it with: taskctl node undrain {name}")
        return exits.INTERRUPTED


@click.command("undrain", cls=Verb)
@click.argument("name", shell_complete=complete("nodes"))
@change_flags
@click.pass_context
def undrain(ctx: click.Context, /, name: str, **flags: Any) -> int:
    """End the drain of a node: it takes work again."""
    session = session_of(ctx)
    session.doing = f"node undrain {name}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        done = await session.client.cluster.undrain(name, change)
        return _show(session, name, done, dry_run=change.dry_run)

    return session.run(work)


@click.command("rm", cls=Verb)
@click.argument("name", shell_complete=complete("nodes"))
@change_flags
@click.pass_context
def remove(ctx: click.Context, /, name: str, **flags: Any) -> int:
    """Forget a node. A live one is refused from now on; its runs end and go elsewhere."""
    session = session_of(ctx)
    session.doing = f"node rm {name}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)
    return session.run(lambda: _remove(session, name, change))


async def _remove(session: Session, name: str, change: ChangeOptions) -> int:
    _, found = await _one(session, name)
    if found.status != "lost" and not change.dry_run:
        runs = f" and holds {count(found.runs, 'run')}" if found.runs else ""
        session.confirm(f"node rm {name}: this node is {found.status}{runs}", name)
    done = await session.client.cluster.remove_node(name, change)
    return _show(session, name, done, dry_run=change.dry_run, removed=True)


def _show(
    session: Session, name: str, done: NodeChanged, *, dry_run: bool = False, removed: bool = False
) -> int:
    from coordinator.client.serializer import plain_dict

    found = done.node
    state = "removed" if removed or found is None else node_line(found)
    parts = [name, *(["unchanged"] if done.unchanged else []), state]
    if dry_run:
        parts.append("(dry run: nothing was written)")
    view: dict[str, Any] = plain_dict(found) if found is not None else {"name": name}
    view |= {"unchanged": done.unchanged, "removed": removed and not dry_run}
    session.out.single("Node", done.answer, view, name, lambda: "  ".join(parts))
    return exits.OK
