"""`taskctl explain`: why a task is where it is, what each node says, what would help (PT-76)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Verb
from coordinator.cli.schedule_texts import next_text
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import spaced, where
from coordinator.cli.texts import Moments, age

if TYPE_CHECKING:
    from coordinator.client.replies import Explained
    from coordinator.client.views import Explanation, Hint, Task

_ORDINALS = {1: "First", 2: "Second", 3: "Third"}


@click.command("explain", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.pass_context
def explain(ctx: click.Context, task_id: str) -> int:
    """Why a task is where it is, what each node says, and what would help."""
    session = session_of(ctx)
    session.doing = f"explain {task_id}"
    return session.run(lambda: _explain(session, task_id))


async def _explain(session: Session, task_id: str) -> int:
    async def read(full: str) -> Explained:
        return await session.client.explain(full, read=session.read)

    found = await by_prefix(session, task_id, read)
    told, task = found.explanation, found.task
    session.out.single(
        "Explanation",
        found.answer,
        told,
        told.task,
        lambda: explanation_text(told, task, session.moments),
    )
    return exits.OK


def explanation_text(told: Explanation, task: Task | None, moments: Moments) -> str:
    """A sentence, a line per node, and what to try."""
    lines = [_sentence(told, task, moments)]
    width = max((len(verdict.node) for verdict in told.nodes), default=0)
    codes = [_verdict(verdict.code, eligible=verdict.eligible) for verdict in told.nodes]
    code_width = max((len(code) for code in codes), default=0)
    for verdict, code in zip(told.nodes, codes, strict=True):
        row = f"  {verdict.node:<{width}}  {code:<{code_width}}  {verdict.detail}"
        lines.append(row.rstrip())
    if told.would_choose:
        lines.append(f"  a decision now would choose {told.would_choose}")
    if told.hints:
        lines.append("  try: " + " · ".join(_hint(hint) for hint in told.hints))
    return "\n".join(lines)


def _verdict(code: str, *, eligible: bool) -> str:
    return code or ("eligible" if eligible else "no")


def _hint(hint: Hint) -> str:
    return hint.command or hint.text


def _sentence(told: Explanation, task: Task | None, moments: Moments) -> str:
    name = (
        f"{told.task} ({task.executor} v{task.executor_version})" if task is not None else told.task
    )
    status = where(task).partition(":")[0] if task is not None else told.status
    is_running = task is not None and task.status == "running" and task.started_at is not None
    since_at = task.started_at if task is not None and is_running else told.since_at
    since = "" if since_at is None else f" for {spaced(age(max(0, moments.now - since_at)))}"
    why = told.code if told.code and told.code != "assigned" else ""
    text = f"{name} is {status}{since}"
    text += f": {why}." if why else "."
    if told.text and (not told.nodes or any(verdict.eligible for verdict in told.nodes)):
        # else it names the nodes that came furthest, and they follow below
        text += f" {told.text}."
    if told.queue_position is not None:
        place = _ORDINALS.get(told.queue_position, f"Number {told.queue_position}")
        text += f" {place} in the queue"
        text += "; " + _next_look(told, task, moments) if told.next_check_at is not None else "."
    elif told.next_check_at is not None:
        look = _next_look(told, task, moments)
        text += f" {look[:1].upper()}{look[1:]}"
    return text


def _next_look(told: Explanation, task: Task | None, moments: Moments) -> str:
    away = max(0, (told.next_check_at or 0) - moments.now)
    coming = next_text(task, moments) if task is not None and told.code == "not_due" else ""
    if coming:
        return f"{coming}."
    if told.code in ("backoff", "not_due"):
        return f"again in {spaced(age(away))}."
    if told.code == "paused":
        return f"wanted again in {spaced(age(away))}."
    return f"looked at again within {spaced(age(away))} or at the next change."
