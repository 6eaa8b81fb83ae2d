"""`taskctl new-executor`: a tested package to begin with. Talks to no cluster, overwrites nothing (EX-46)."""

from __future__ import annotations

from pathlib import Path

import click

from coordinator.cli import exits, scaffold
from coordinator.cli.failures import Failure, usage
from coordinator.cli.lazy import Verb
from coordinator.cli.session import session_of


@click.command("new-executor", cls=Verb)
@click.argument("name")
@click.option("--sync", is_flag=True, help="A plain def in a thread instead of a coroutine.")
@click.option("--process", is_flag=True, help="Each run in a process of its own.")
@click.option("--cron", metavar="E", default="", help="The schedule in the line that starts it.")
@click.option(
    "--dir",
    "directory",
    metavar="D",
    type=click.Path(path_type=Path),
    help="Where to (default: a directory of the package's name here).",
)
@click.pass_context
def new_executor(
    ctx: click.Context,
    name: str,
    sync: bool,
    process: bool,
    cron: str,
    directory: Path | None,
) -> int:
    """A package with an executor, its tests and what it takes to offer it."""
    if not scaffold.is_name(name):
        raise usage(
            f"new-executor {name}: no name for an executor",
            why="lower case letters, digits and _, in parts joined by dots, at most 100 characters",
            hint="taskctl new-executor shop.ingest",
        )
    wishes = scaffold.Wishes(name, sync, process, cron)
    place = directory or Path(scaffold.package_of(name))
    files = scaffold.files(wishes)
    _write(name, place, files)
    steps = (f"cd {place}", *scaffold.steps(wishes))
    out = session_of(ctx).out
    if out.is_json:
        view = {"name": name, "directory": str(place), "files": sorted(files), "next": list(steps)}
        out.single("Scaffold", None, view, name, str)
        return exits.OK
    out.write("\n".join(str(place / path) for path in files))
    if out.is_table:
        out.write("next:\n" + "\n".join(f"  {step}" for step in steps))
    return exits.OK


def _write(name: str, place: Path, files: dict[str, str]) -> None:
    """All of them or none. Raises Failure."""
    there = [str(place / path) for path in files if (place / path).exists()]
    if there:
        raise usage(
            f"new-executor {name}: not written, there is already {there[0]}",
            why="it overwrites nothing",
            hint="choose another place with --dir",
        )
    try:
        for path, text in files.items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(
            f"new-executor {name}: cannot write {error.filename}: {error.strerror}",
            exit_code=exits.USAGE,
        ) from None
