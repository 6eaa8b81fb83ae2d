"""Nodes as lines, columns and pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.cli.output import Column
from coordinator.cli.texts import Moments
from coordinator.client.cluster_views import Drain, Node

_WIDTH = 14


def node_columns(moments: Moments) -> tuple[Column[Node], ...]:
    """The columns of a list of nodes."""
    return (
        Column("NAME", lambda node: node.name),
        Column("STATUS", lambda node: node.status),
        Column("CAPACITY", lambda n: str(n.capacity), lambda n: n.capacity, right=True),
        Column("USED", used, lambda node: node.used_units, right=True),
        Column("RUNS", lambda node: str(node.runs), lambda node: node.runs, right=True),
        Column("HEARTBEAT", heartbeat, lambda node: node.heartbeat_age_ms, right=True),
        Column("JOINED", lambda node: moments.age(node.joined_at), lambda node: node.joined_at),
        Column("INCARNATION", lambda node: node.incarnation, wide=True),
        Column("MEMBER", lambda node: node.member or "-", wide=True),
        Column("VERSION", lambda node: node.version, wide=True),
        Column("ATTRIBUTES", attributes, wide=True),
        Column("EXECUTORS", offers),
    )


def used(node: Node) -> str:
    """Units in use of those it takes, and where that is less for now, of those it has."""
    text = f"{node.used_units}/{node.effective_units}"
    return text if node.effective_units == node.units else f"{text} of {node.units}"


def heartbeat(node: Node) -> str:
    """How long ago it was heard."""
    return "-" if node.heartbeat_age_ms is None else f"{node.heartbeat_age_ms} ms"


def attributes(node: Node) -> str:
    """zone=a,disk=ssd."""
    return ",".join(f"{key}={value}" for key, value in sorted(node.attributes.items()))


def offers(node: Node) -> str:
    """demo.noop v1, demo.sleep v1; what could not be loaded with a mark."""
    return ", ".join(
        f"{offer.name} (error)" if offer.error else f"{offer.name} v{offer.version}"
        for offer in node.executors
    )


def node_line(node: Node) -> str:
    """`draining (restart: kernel)  in_progress, 2 remaining`."""
    if node.drain is None:
        return node.status
    return f"{node.status} ({node.drain.kind}: {node.drain.reason})  {drain_counts(node.drain)}"


def drain_counts(drain: Drain) -> str:
    """The counts of a drain."""
    counts = (
        f"{drain.state}, {drain.remaining} remaining, {drain.movable} movable, "
        f"{drain.not_movable} not movable, {drain.stalled} stalled"
    )
    return f"{counts}, {drain.held} held for its return" if drain.hold else counts


def node_page(node: Node, moments: Moments) -> str:
    """All of a node, a field per line."""
    return "\n".join(f"{title:<{_WIDTH}}{text}" for title, text in _rows(node, moments) if text)


def _rows(node: Node, moments: Moments) -> Iterator[tuple[str, str]]:
    yield "name", node.name
    yield "status", node_line(node)
    if node.drain is not None:
        by = f" by {node.drain.by}" if node.drain.by else ""
        yield "drained", f"since {moments.show(node.drain.since_at)}{by}"
    yield "incarnation", node.incarnation
    yield "capacity", f"{node.capacity} normal tasks, {used(node)} units in use"
    yield "overload", node.overload or ""
    yield "heartbeat", f"{heartbeat(node)} ago" if node.heartbeat_age_ms is not None else "unknown"
    yield "attributes", attributes(node)
    yield "session", f"with {node.member}" if node.connected and node.member else "none"
    yield "joined", moments.full(node.joined_at)
    yield "version", f"{node.version}, Python {node.python}" if node.version else ""
    for offer in node.executors:
        yield "executor", offer.name + (f": {offer.error}" if offer.error else f" v{offer.version}")
    yield "runs", "  ".join(node.running)
