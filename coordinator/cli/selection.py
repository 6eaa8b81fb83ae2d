"""Which tasks a verb is meant for: ids, unique prefixes of at least four characters, `-`, or a selection (EX-2, EX-3).

An exact id costs no extra call: the verb is tried with the text as it stands, and only `task_not_found` makes us ask
whether it is the beginning of exactly one id.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import Failure, describe, usage
from coordinator.cli.flags import DURATION
from coordinator.cli.output import tell
from coordinator.cli.session import Session
from coordinator.cli.texts import one_line
from coordinator.client.errors import ClientError, NotFound
from coordinator.client.requests import Filter
from coordinator.client.views import Task

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

PREFIX_MIN = 4
UNCONFIRMED_MAX = 20
AT_ONCE = 32


class Selection(NamedTuple):
    """What was typed."""

    ids: tuple[str, ...]
    labels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    executor: str = ""
    node: str = ""
    parent: str = ""
    object: str = ""
    name: str = ""
    longer_ms: int = 0
    recurring: bool = False
    standalone: bool = False

    @property
    def is_filter(self) -> bool:
        """Whether tasks are chosen by what they are, not by name."""
        return any(self[1:])

    @property
    def means_several(self) -> bool:
        """Whether more than one task may be meant."""
        return self.is_filter or len(self.ids) > 1 or "-" in self.ids


def selection_flags(command: Command) -> Command:
    """The flags of a selection, for a command of click."""
    options = (
        click.option("-l", "--selector", "labels", multiple=True, metavar="K=V,K!=V,K,!K",
                     help="Tasks with these labels."),
        click.option("--status", "statuses", multiple=True, metavar="S[,S]", help="Tasks in these statuses."),
        click.option("--executor", default="", metavar="GLOB", shell_complete=complete("executors"),
                     help="Tasks of this executor; * fits anything."),
        click.option("--node", default="", metavar="NAME", shell_complete=complete("nodes"),
                     help="Tasks assigned to this node."),
        click.option("--parent", default="", metavar="ID", help="Children of this task."),
        click.option("--object", default="", metavar="KIND/ID", help="Tasks of this object."),
        click.option("--name", default="", metavar="GLOB", help="Tasks with such an id; * fits anything."),
        click.option("--longer-than", "longer_ms", type=DURATION,
                     help="Tasks whose code has been running for longer."),
        click.option("--recurring", is_flag=True, help="Tasks with a schedule."),
        click.option("--standalone", is_flag=True, help="Tasks with neither object nor parent."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def selection_of(ids: Sequence[str], flags: dict[str, Any]) -> Selection:
    """From the parameters that `selection_flags` added; takes them out of `flags`."""
    return Selection(
        tuple(ids),
        labels=_split(flags.pop("labels")),
        statuses=_split(flags.pop("statuses")),
        executor=flags.pop("executor"),
        node=flags.pop("node"),
        parent=flags.pop("parent"),
        object=flags.pop("object"),
        name=flags.pop("name"),
        longer_ms=flags.pop("longer_ms") or 0,
        recurring=flags.pop("recurring"),
        standalone=flags.pop("standalone"),
    )


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def split_object(text: str) -> tuple[str, str]:
    """KIND/ID. Raises Failure."""
    kind, slash, ident = text.partition("/")
    if text and not (slash and kind and ident):
        raise usage(f"--object: {text} is not KIND/ID")
    return kind, ident


def filter_of(selection: Selection, *, finished: bool = False) -> Filter:
    """The filter that the server understands; asking for a finished status includes finished tasks."""
    kind, ident = split_object(selection.object)
    return Filter(
        labels=selection.labels,
        statuses=selection.statuses,
        executor=selection.executor,
        node=selection.node,
        parent=selection.parent,
        object_kind=kind,
        object_id=ident,
        include_finished=finished or bool({"succeeded", "cancelled"} & set(selection.statuses)),
        id_pattern=selection.name,
        running_longer_ms=selection.longer_ms,
        recurring=selection.recurring,
        standalone=selection.standalone,
    )


def refuse_both(session: Session, selection: Selection) -> None:
    """Ids beside a selection: one of them would not count. Raises Failure."""
    if selection.is_filter and selection.ids:
        raise usage(f"{session.verb}: either ids or a selection, not both")


async def ids_of(session: Session, selection: Selection, *, finished: bool = False) -> list[str]:
    """The ids meant, as typed or as selected. Raises Failure when nothing was named."""
    refuse_both(session, selection)
    if selection.is_filter:
        chosen = filter_of(selection, finished=finished)
        return [
            task.id
            async for page in session.client.pages(chosen, read=session.read)
            for task in page.tasks
        ]
    ids = [word for item in selection.ids for word in (_from_stdin() if item == "-" else [item])]
    if not ids:
        raise usage(
            f"{session.verb}: no task named", hint=f"taskctl {session.verb} ID, or -l key=value"
        )
    return list(dict.fromkeys(ids))


def _from_stdin() -> list[str]:
    return sys.stdin.read().split()


async def by_prefix(session: Session, task_id: str, action: Callable[[str], Awaitable[T]]) -> T:
    """`action` with the id, or with the one id that begins like it."""
    try:
        return await action(task_id)
    except NotFound as error:
        if error.reason != "task_not_found" or len(task_id) < PREFIX_MIN:
            raise
        full = await full_id(session, task_id)
        if full == task_id:
            raise
        return await action(full)


async def full_id(session: Session, prefix: str) -> str:
    """The one id that begins so. Raises NotFound, or Failure with the candidates when there are several."""
    found = await session.client.get(prefix, prefix=True, read=session.read)
    if found.task is not None:
        return found.task.id
    if not found.matches:
        raise NotFound(f"no task {prefix}", reason="task_not_found")
    shown = " ".join(found.matches[:10])
    more = "" if found.match_count <= 10 else f" and {found.match_count - 10} more"
    raise usage(
        f"{prefix}: matches {found.match_count} tasks: {shown}{more}",
        why="an ambiguous beginning of an id changes nothing",
        hint="type more of it",
    )


class Entry(NamedTuple):
    """What became of one id, in the words of TM-31."""

    id: str
    result: str  # updated unchanged not_found conflict refused skipped
    task: Task | None = None
    text: str = ""
    failure: Failure | None = None
    revision: int = 0
    dry_run: bool = False


async def over(
    session: Session, ids: Sequence[str], action: Callable[[str], Awaitable[Entry]]
) -> list[Entry]:
    """The action for every id, some at a time; one that fails does not disturb the others."""
    if len(ids) == 1:
        return [await by_prefix(session, ids[0], action)]
    names = await full_ids(session, ids)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(task_id: str) -> Entry:
        async with gate:
            try:
                return await action(task_id)
            except ClientError as error:
                return refused_entry(session, task_id, error)

    return list(await asyncio.gather(*(one(name) for name in names)))


async def full_ids(session: Session, ids: Sequence[str]) -> list[str]:
    """In their order, so that an ambiguous one is found out before anything is changed. Unknown ones as they stand."""
    return [await _known(session, one) for one in ids]


async def _known(session: Session, task_id: str) -> str:
    if len(task_id) < PREFIX_MIN:
        return task_id
    try:
        return await full_id(session, task_id)
    except NotFound:
        return task_id


def refused_entry(session: Session, task_id: str, error: ClientError) -> Entry:
    """Of an id that met an error of its own."""
    failure = describe(error, f"{session.verb} {task_id}")
    word = {exits.NOT_FOUND: "not_found", exits.CONFLICT: "conflict"}.get(
        failure.exit_code, "refused"
    )
    return Entry(task_id, word, failure=failure)


def confirm_many(session: Session, ids: Sequence[str], selection: Selection) -> None:
    """A selection of more than 20 is confirmed by typing the count (EX-7)."""
    if selection.is_filter and len(ids) > UNCONFIRMED_MAX:
        session.confirm(f"{session.verb}: this is about {len(ids)} tasks", str(len(ids)))


def exit_of(entries: Sequence[Entry]) -> int:
    """0, the code of the failure when all failed, 13 when some did. Of changes that are one command: of its reason."""
    failed = [entry.failure for entry in entries if entry.failure is not None]
    if not failed:
        return exits.OK
    first = next((one for one in failed if one.reason != "not_done"), failed[0])
    return first.exit_code if len(failed) == len(entries) else exits.SOME_FAILED


def report(session: Session, entries: Sequence[Entry]) -> int:
    """Tell what became of each; the exit code."""
    out = session.out
    if out.is_json:
        _report_json(session, entries)
        return exit_of(entries)
    for entry in entries:
        if entry.failure is not None:
            tell_refused(entry, entry.failure)
        else:
            out.write(entry.id if out.style.form == "name" else entry.text)
    return exit_of(entries)


def tell_refused(entry: Entry, failure: Failure) -> None:
    """A line on stderr for what was not done."""
    tell(one_line(f"{entry.id}  {entry.result}: {failure.what}"))


def _report_json(session: Session, entries: Sequence[Entry]) -> None:
    from coordinator.client.serializer import plain_dict
    from coordinator.client.views import Answer

    answer = Answer(revision=max((entry.revision for entry in entries), default=0))
    items = []
    for entry in entries:
        fields = plain_dict(entry.task) if entry.task is not None else {"id": entry.id}
        fields |= {"result": entry.result, "dry_run": entry.dry_run}
        failure = entry.failure
        told = (None, None) if failure is None else (failure.reason, failure.what)
        items.append(fields | {"reason": told[0], "message": told[1]})
    if len(items) == 1:
        session.out.single("Task", answer, items[0], entries[0].id, str)
    else:
        session.out.listing("TaskList", answer, items, ())
