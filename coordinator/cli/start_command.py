"""`taskctl start`: one task from flags, or many from a file (EX-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Verb
from coordinator.cli.params import pairs_to_params, read_params, split_pair
from coordinator.cli.policy_flags import asked_policy, policy_flags
from coordinator.cli.schedule_flags import asked_schedule, schedule_flags, whole_schedule
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import dry_line
from coordinator.client.errors import InvalidRequest

if TYPE_CHECKING:
    from coordinator.client.replies import Created
    from coordinator.client.requests import ChangeOptions, NewTask


_BESIDE_A_FILE = {"path", "request_id", "reason", "dry_run", "wait"}
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _constraint(flag: str, text: str) -> Callable[[_Command], _Command]:
    return click.option(flag, multiple=True, metavar="X", help=text)


@click.command("start", cls=Verb)
@click.argument("executor", required=False, shell_complete=complete("executors"))
@click.option(
    "--id",
    "task_id",
    default="",
    metavar="ID",
    help="Its name.  [default: made from the executor's]",
)
@click.option(
    "-p",
    "--param",
    "pairs",
    multiple=True,
    metavar="K=V",
    help="A parameter, read by the executor's schema.",
)
@click.option("--params", default="", metavar="JSON|@FILE|-", help="All parameters.")
@click.option(
    "--due", default="", metavar="T", help="Not before: 2026-11-21T14:00:00Z, 14:00, +10m."
)
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label.")
@click.option(
    "--object",
    "about",
    default="",
    metavar="KIND/ID",
    help="What it is about, for lists and pages.",
)
@policy_flags
@schedule_flags
@click.option(
    "--after",
    multiple=True,
    metavar="ID",
    shell_complete=complete("tasks"),
    help="Only once this task has succeeded.",
)
@click.option(
    "--dedup",
    "dedup_key",
    default="",
    metavar="KEY",
    help="Answer with the active task of the executor that has this key, if there is one.",
)
@click.option(
    "--parent",
    default="",
    metavar="ID",
    shell_complete=complete("tasks"),
    help="Task that it belongs to, and whose cancel or failure takes it along.",
)
@_constraint("--require", "Only nodes with this attribute: zone=a, disk=ssd,nvme, gpu.")
@_constraint("--avoid", "Only nodes without it.")
@_constraint("--prefer", "Rather nodes with it; a weight may follow: zone=a:80.")
@_constraint("--spread", "Evenly over the values of this attribute.")
@_constraint("--apart", "Not where a task with this label runs: app, app=db.")
@click.option("--paused", is_flag=True, help="Create it paused.")
@click.option("--require-assignment", is_flag=True, help="Refuse it if no node would take it now.")
@click.option(
    "--replace-finished", is_flag=True, help="Drop a finished task of this id and create anew."
)
@click.option(
    "--ensure",
    is_flag=True,
    help="Bring a task that is there up to date; what an operator has set stays. Needs --id.",
)
@click.option("--overwrite", is_flag=True, help="With --ensure: what an operator has set, too.")
@click.option(
    "-f",
    "--file",
    "path",
    default="",
    metavar="FILE|-",
    help="Many at once: TOML, JSON, JSON lines; what each is to be like stands in it.",
)
@click.option("--wait", "wait", is_flag=True, help="Wait for its end; the exit code tells.")
@click.option("--follow", is_flag=True, help="Show its log until it ends.")
@change_flags
@click.pass_context
def start(ctx: click.Context, /, **flags: Any) -> int:
    """Start a task of EXECUTOR, or many from a file."""
    session = session_of(ctx)
    executor, path = flags.pop("executor"), flags.pop("path")
    if bool(executor) == bool(path):
        raise click.UsageError("name an executor, or a file with -f", ctx)
    if path:
        from coordinator.cli.start_file import start_many

        _refuse_beside_a_file(ctx)
        return start_many(session, path, change_of(flags), waits=flags["wait"])
    if flags["ensure"] and not flags["task_id"]:
        raise click.UsageError("--ensure needs --id: which task is meant", ctx)
    if flags["overwrite"] and not flags["ensure"]:
        raise click.UsageError("--overwrite goes with --ensure", ctx)
    session.doing = f"start {flags['task_id'] or executor}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)
    return session.run(lambda: _start(session, executor, flags, change))


def _refuse_beside_a_file(ctx: click.Context) -> None:
    """What a task is to be like stands in the file; a flag would be about all of them. Raises UsageError."""
    given = [
        max(param.opts, key=len)
        for param in ctx.command.get_params(ctx)
        if param.expose_value
        and param.name not in _BESIDE_A_FILE
        and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        words = ", ".join(given)
        raise click.UsageError(f"{words}: not with -f; say it in the file, task by task", ctx)


async def _start(
    session: Session, executor: str, flags: dict[str, Any], change: ChangeOptions
) -> int:
    from coordinator.cli.task_texts import created_line

    task = await _new_task(session, executor, flags)
    waits = (flags["wait"] or flags["follow"]) and not change.dry_run
    if flags["ensure"]:
        from coordinator.cli.ensuring import ensured_entry, show_ensured

        with naming(executor):
            ensured = await session.client.ensure(task, change, overwrite=flags["overwrite"])
        if not waits:
            return show_ensured(session, ensured, task.id, dry_run=change.dry_run)
        line = ensured_entry(ensured, task.id, dry_run=False).text
        return await _until_the_end(session, task.id, line, follow=flags["follow"])
    with naming(executor):
        created = await session.client.create(task, change)
    if not waits:
        return _show(session, created, dry_run=change.dry_run)
    made = created.task
    line = created_line(made, created=created.created, revision=made.modified_revision)
    return await _until_the_end(session, made.id, line, follow=flags["follow"])


@contextmanager
def naming(executor: str) -> Iterator[None]:
    """Refused content goes on with the executor's name, so that its error can say where to look."""
    try:
        yield
    except InvalidRequest as error:
        error.metadata.setdefault("executor", executor)
        raise


async def _new_task(session: Session, executor: str, flags: dict[str, Any]) -> NewTask:
    from coordinator.cli.selection import split_object
    from coordinator.client.constraints import constraints_of_words
    from coordinator.client.requests import NewTask

    kind, ident = split_object(flags["about"])
    return NewTask(
        executor=executor,
        id=flags["task_id"],
        params=await params_of(session, executor, flags),
        due_at=due_of(session, flags["due"]),
        labels=dict(split_pair(pair, "--label") for pair in flags["labels"]),
        object_kind=kind,
        object_id=ident,
        parent=flags["parent"],
        constraints=constraints_of_words(flags),
        schedule=whole_schedule(asked_schedule(flags, partial(time_of, session))),
        after=flags["after"],
        dedup_key=flags["dedup_key"],
        paused=flags["paused"],
        require_assignment=flags["require_assignment"],
        replace_finished=flags["replace_finished"],
        **asked_policy(flags),
    )


def due_of(session: Session, text: str) -> int | None:
    """`--due`, in milliseconds since 1970. Raises Failure."""
    return time_of(session, "--due", text)


def time_of(session: Session, flag: str, text: str) -> int | None:
    """The value of a flag that names an instant, in milliseconds since 1970. Raises Failure."""
    from coordinator.cli.times import parse_time

    if not text:
        return None
    try:
        return parse_time(text, session.moments.now)
    except ValueError as error:
        raise usage(f"{flag}: {error}") from None


async def params_of(session: Session, executor: str, flags: dict[str, Any]) -> dict[str, Any]:
    """`--params` and then each -p; the schema is fetched only when a -p has to be read."""
    params = read_params(flags["params"]) if flags["params"] else {}
    if not flags["pairs"]:
        return params
    pairs = [split_pair(pair) for pair in flags["pairs"]]
    schema = await _schema_of(session, executor)
    return params | pairs_to_params(pairs, schema, session.doing, executor)


async def _schema_of(session: Session, executor: str) -> dict[str, Any] | None:
    from coordinator.client.errors import NotFound

    try:
        found = await session.client.cluster.executors(executor)
    except NotFound:
        return None
    return next((one.params_schema for one in found.executors if one.name == executor), None)


def _show(session: Session, created: Created, *, dry_run: bool) -> int:
    from coordinator.cli.schedule_texts import fire_line
    from coordinator.cli.task_texts import created_line
    from coordinator.client.serializer import plain_dict

    task = created.task
    extra: dict[str, Any] = {
        "created": created.created,
        "deduplicated": created.deduplicated,
        "validated": created.validated,
        "dry_run": dry_run,
    }
    if dry_run:
        extra["fire_times"] = [plain_dict(one) for one in created.fire_times]
    view = {**plain_dict(task), **extra} if session.out.is_json else task
    revision = task.modified_revision or created.answer.revision
    line = created_line(task, created=created.created or dry_run, revision=revision)
    text = dry_line(line, dry_run=dry_run)
    text = "\n".join((text, *(f"  {fire_line(one)}" for one in created.fire_times)))
    session.out.single("Task", created.answer, view, task.id, lambda: text)
    return exits.OK


async def _until_the_end(session: Session, task_id: str, line: str, *, follow: bool) -> int:
    """`line` tells what was made of it; the exit code is that of `wait`."""
    from coordinator.cli import waits
    from coordinator.cli.output import tell

    if not session.out.is_json:
        tell(line)
    if follow:
        from coordinator.cli.logs_command import follow_runs

        await follow_runs(session, task_id)
    reply = await waits.follow(session, task_id, ())
    waits.show_final(session, reply, (), task_id)
    return waits.exit_of_wait(reply)
