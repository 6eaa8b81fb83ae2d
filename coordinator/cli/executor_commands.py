"""`taskctl executor`: what can be run, where, and with which parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.output import Column
from coordinator.cli.session import Session, session_of

if TYPE_CHECKING:
    from coordinator.cli.texts import Moments
    from coordinator.client.cluster_views import Executor
    from coordinator.client.views import Answer

_HERE = "coordinator.cli.executor_commands"
_PAUSES = "coordinator.cli.executor_pauses"
executor = LazyGroup(
    name="executor",
    help="Executors: what can be run.",
    entries={
        "list": Entry(_HERE, "list_executors", "All executors ever offered."),
        "get": Entry(_HERE, "get_executor", "Everything known about an executor."),
        "schema": Entry(_HERE, "schema", "The JSON schema of its parameters, or of its state."),
        "pause": Entry(_PAUSES, "pause_executor", "Let nothing of it start, or nothing at all."),
        "resume": Entry(_PAUSES, "resume_executor", "Let it start again, or all that is paused."),
        "validate": Entry(_HERE, "validate", "Check parameters without starting anything."),
    },
)


@click.command("list", cls=Verb)
@click.pass_context
def list_executors(ctx: click.Context) -> int:
    """All executors ever offered, with the nodes that have them."""
    session = session_of(ctx)

    async def work() -> int:
        found = await session.client.cluster.executors(read=session.read)
        session.out.listing("ExecutorList", found.answer, found.executors, _COLUMNS)
        return exits.OK

    return session.run(work)


def _versions(one: Executor) -> str:
    return ", ".join(f"v{number}" for number in one.versions) or "-"


def _nodes(one: Executor) -> str:
    names = {name for nodes in one.versions.values() for name in nodes}
    return " ".join(sorted(names)) or "-"


def _tasks(one: Executor) -> str:
    return ", ".join(f"{number} {status}" for status, number in one.tasks.items())


def _note(one: Executor) -> str:
    errors = [f"{error.node}: {error.error}" for error in one.load_errors]
    return "; ".join([*([_paused(one)] if one.paused else []), *errors])


def _paused(one: Executor) -> str:
    if one.pause is None:
        return "paused with everything"
    return f'paused by {one.pause.by} ("{one.pause.reason}")'


def _doc(one: Executor) -> str:
    return one.doc.strip().split("\n")[0]


_COLUMNS: tuple[Column[Any], ...] = (
    Column("NAME", lambda one: one.name),
    Column("VERSIONS", _versions),
    Column("NODES", _nodes),
    Column("TASKS", _tasks),
    Column("CODE ON", lambda one: " ".join(one.code_on) or "-", wide=True),
    Column("ABOUT", _doc),
    Column("NOTE", _note),
)


async def find(session: Session, name: str) -> tuple[Answer, Executor]:
    """One executor. Raises NotFound."""
    from coordinator.client.errors import NotFound

    found = await session.client.cluster.executors(name, read=session.read)
    chosen = next((one for one in found.executors if one.name == name), None)
    if chosen is None:
        raise NotFound(f"no executor {name}", reason="executor_not_found")
    return found.answer, chosen


@click.command("get", cls=Verb)
@click.argument("name", shell_complete=complete("executors"))
@click.pass_context
def get_executor(ctx: click.Context, name: str) -> int:
    """Everything known about an executor."""
    session = session_of(ctx)
    session.doing = f"executor get {name}"

    async def work() -> int:
        answer, one = await find(session, name)
        session.out.single("Executor", answer, one, name, lambda: _page(one, session.moments))
        return exits.OK

    return session.run(work)


def _page(one: Executor, moments: Moments) -> str:
    from coordinator.cli.task_texts import compact

    rows = [
        ("name", one.name),
        ("about", one.doc.strip()),
        *(("version", f"v{number} on {' '.join(nodes)}") for number, nodes in one.versions.items()),
        ("parameters", ", ".join(_fields(one.params_schema))),
        ("state", ", ".join(_fields(one.state_schema))),
        ("policy", compact(one.policy) if one.policy else ""),
        ("own checks", _own(one)),
        ("code on", " ".join(one.code_on)),
        ("tasks", _tasks(one)),
        ("paused", _paused(one) if one.paused else ""),
        ("paused at", moments.show(one.pause.at) if one.pause is not None else ""),
        *(("load error", f"{error.node}: {error.error}") for error in one.load_errors),
    ]
    return "\n".join(f"{title:<14}{text}" for title, text in rows if text)


def _own(one: Executor) -> str:
    names = (("validate", one.own_validate), ("get_assignment", one.own_assignment))
    return ", ".join(name for name, has in names if has)


def _fields(schema: dict[str, Any] | None) -> list[str]:
    """`until: integer (needed)` for each field of a schema."""
    from coordinator.cli.params import field_kinds

    if not schema:
        return []
    needed = schema.get("required", [])
    return [
        f"{name}: {' or '.join(sorted(field_kinds(schema, name) or {'any'}))}"
        + (" (needed)" if name in needed else "")
        for name in schema.get("properties", {})
    ]


@click.command("schema", cls=Verb)
@click.argument("name", shell_complete=complete("executors"))
@click.option("--state", is_flag=True, help="Of its state.")
@click.pass_context
def schema(ctx: click.Context, name: str, state: bool) -> int:
    """The JSON schema of an executor's parameters."""
    session = session_of(ctx)
    session.doing = f"executor schema {name}"

    async def work() -> int:
        from coordinator.client.serializer import to_pretty_json

        answer, one = await find(session, name)
        found = one.state_schema if state else one.params_schema
        view = {"name": name, "schema": found}
        session.out.single("Executor", answer, view, name, lambda: to_pretty_json(found))
        return exits.OK

    return session.run(work)


@click.command("validate", cls=Verb)
@click.argument("name", shell_complete=complete("executors"))
@click.option("-p", "--param", "pairs", multiple=True, metavar="K=V", help="A parameter.")
@click.option("--params", default="", metavar="JSON|@FILE|-", help="All parameters.")
@click.pass_context
def validate(ctx: click.Context, /, name: str, **flags: Any) -> int:
    """Check parameters as `start` would, starting nothing; exit 8 when they are refused."""
    session = session_of(ctx)
    session.doing = f"executor validate {name}"
    return session.run(lambda: _validate(session, name, flags))


async def _validate(session: Session, name: str, flags: dict[str, Any]) -> int:
    from coordinator.cli.start_command import naming, params_of
    from coordinator.client.requests import ChangeOptions, NewTask

    params = await params_of(session, name, flags)
    with naming(name):
        tried = await session.client.create(
            NewTask(executor=name, params=params), ChangeOptions(dry_run=True)
        )
    how = "by schema and code" if tried.validated != "schema_only" else "by schema only"
    view = {"name": name, "ok": True, "validated": tried.validated, "params": params}
    session.out.single("Check", tried.answer, view, name, lambda: f"{name}  valid ({how})")
    return exits.OK
