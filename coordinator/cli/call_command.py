"""`taskctl call`: ask the run of a task something (PT-85)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Verb
from coordinator.cli.session import Session, session_of


@click.command("call", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.argument("method")
@click.argument("payload", default="null")
@click.pass_context
def call(ctx: click.Context, task_id: str, method: str, payload: str) -> int:
    """Ask the run of a task something; its executor answers. PAYLOAD: JSON, @FILE or - for stdin.

    Asked again while there is no run, or while it moves, until --timeout. Nothing of it is kept.
    """
    session = session_of(ctx)
    session.doing = f"call {task_id}"
    asked = read_payload(payload, session.doing)
    session.guard_change()
    return session.run(lambda: _call(session, task_id, method, asked))


def read_payload(text: str, doing: str) -> Any:
    """The JSON of the argument. Raises Failure for what is none, or cannot be read."""
    source = text
    try:
        if text == "-":
            source = sys.stdin.read()
        elif text.startswith("@"):
            source = Path(text[1:]).read_text(encoding="utf-8")
        return json.loads(source)
    except (OSError, ValueError) as error:
        hint = "give JSON, as in '{\"rows\": 3}' or '\"text\"'"
        raise usage(f"{doing}: payload: no JSON: {error}", hint=hint) from None


async def _call(session: Session, task_id: str, method: str, payload: Any) -> int:
    found = await session.client.call(task_id, method, payload, timeout_s=session.call_timeout_s)
    view = {
        "task": task_id,
        "allocation_id": found.allocation_id,
        "node": found.node,
        "payload": found.payload,
    }
    session.out.single("CallAnswer", found.answer, view, task_id, lambda: _text(found.payload))
    return exits.OK


def _text(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False)
