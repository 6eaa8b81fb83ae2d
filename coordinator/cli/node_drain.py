"""What `node drain` shows until it is complete: the remaining runs, what each waits for, the counts (EX-14)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.node_texts import drain_counts, node_line
from coordinator.cli.output import tell
from coordinator.cli.task_texts import placement_note
from coordinator.client.errors import NotFound, TimedOut, Unavailable
from coordinator.client.requests import Filter

if TYPE_CHECKING:
    from coordinator.cli.session import Session
    from coordinator.client.cluster_views import Node, NodeChanged
    from coordinator.client.views import Task

LOOK_S = 0.5
NOT_STARTED = "not_started"  # there is no such node yet, so there is nothing to wait for
OVER = ("complete", NOT_STARTED)


async def follow_drain(session: Session, name: str, started: NodeChanged) -> int:
    """Until no movable task remains. Raises TimedOut when the time given is over; the drain stays in force."""
    try:
        async with asyncio.timeout(session.left_s):
            return await _follow(session, name, started)
    except TimeoutError:
        raise TimedOut(
            f"the drain stays in force; end it with: taskctl node undrain {name}",
            reason="timed_out",
        ) from None


async def _follow(session: Session, name: str, started: NodeChanged) -> int:
    node, answer, said = started.node, started.answer, ""
    while True:
        if node is None or node.drain is None or node.drain.state in OVER:
            if node is not None and node.drain is not None and node.drain.state == NOT_STARTED:
                tell(f"no node {name} is known; the drain waits until one of that name joins")
            break
        text = drain_counts(node.drain)
        if text != said and not session.out.is_json:
            tell(f"{name}  {text}")
            await _tell_runs(session, name)
        said = text
        await asyncio.sleep(LOOK_S)
        try:
            found = await session.client.cluster.nodes(name)
        except NotFound:
            node = None
            break
        except Unavailable:
            continue
        node, answer = next((one for one in found.nodes if one.name == name), None), found.answer
    view: Node | dict[str, str] = node if node is not None else {"name": name}
    line = f"{name}  gone" if node is None else f"{name}  {node_line(node)}"
    session.out.single("Node", answer, view, name, lambda: line)
    return exits.OK


async def _tell_runs(session: Session, name: str) -> None:
    page = await session.client.list(Filter(node=name), page_size=20)
    for task in page.tasks:
        tell(f"  {task.id}#{task.allocation_id}  {_waits_for(task)}")
    if page.next_page:
        tell("  and more")


def _waits_for(task: Task) -> str:
    note = placement_note(task)
    if task.status == "stopping":
        return f"stopping ({task.stop_reason})"
    return f"{task.status}: {note}" if note else task.status
