"""`taskctl call`: ask the run of a task something (PT-85)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Verb
from coordinator.cli.reading import NotFinite, parse_json, read_source
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of

if TYPE_CHECKING:
    from coordinator.client.replies import Called


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
    path = text.removeprefix("@")
    where = f"{doing}: payload"
    source = read_source(path, where) if text == "-" or path != text else text
    try:
        return parse_json(source, "payload")
    except NotFinite as error:
        raise usage(f"{doing}: {error}") from None
    except ValueError as error:
        hint = "give JSON, as in '{\"rows\": 3}' or '\"text\"'"
        raise usage(f"{where}: no JSON: {error}", hint=hint) from None


async def _call(session: Session, task_id: str, method: str, payload: Any) -> int:
    async def ask(full: str) -> tuple[str, Called]:
        client = session.client
        return full, await client.call(full, method, payload, timeout_s=session.call_timeout_s)

    full, found = await by_prefix(session, task_id, ask)
    view = {
        "task": full,
        "allocation_id": found.allocation_id,
        "node": found.node,
        "payload": found.payload,
    }
    session.out.single("CallAnswer", found.answer, view, full, lambda: _text(found.payload))
    return exits.OK


def _text(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False)
